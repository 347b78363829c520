"""Attention sparsity, clean and as released, and how near the network is to its saturated limit."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.instruments.attention_sparsity import (
    attention_sparsity,
    attention_sparsity_as_released,
    patterns_on_embeddings,
)
from latebloom.instruments.saturation import saturation
from latebloom.models import Decoder, Parameters
from latebloom.models.decoder.attention import future, project, scores_of
from latebloom.models.decoder.decoder import part
from latebloom.models.decoder.layers import layer_norm
from latebloom.studies.structural_grokking.measures.items import by_corpus, pair_task, sources
from latebloom.tasks.language.pair_task import PairTask
from latebloom.training.measures import Columns, measure
from latebloom.training.view import View

SENTENCES = 100


@measure("structural_grokking.attention")
def attention(view: View) -> Columns:
    """Over a hundred of a member's training sentences without their period, behind the start symbol; nats.

    `sparsity`: minus the mean entropy of all attention distributions. `sparsity_released`: as the released code has
    it, heads averaged first, summed over places, every layer fed with the embeddings. `sparsity_summed`: the same on
    what the layers really read. `saturation`: mean cosine between last states and those of a network whose weights
    are a thousand times larger (Merrill et al. 2021).
    """
    model = decoder(view, "structural_grokking.attention")
    pair_task(view, "structural_grokking.attention")

    def measured(params: Parameters, task: PairTask) -> Columns:
        return _measured(model, params, view.population.trained, *inputs(task))

    return by_corpus(view, measured)


def _measured(model: Decoder, params: Parameters, trained: Sequence[str], rows: Tensor, counted: Tensor) -> Columns:
    patterns: list[Tensor] = []
    embedded: list[Tensor] = []

    def keep(name: str, value: Tensor) -> Tensor:
        if name.endswith("attn.hook_pattern"):
            patterns.append(value)
        if name == "blocks.0.hook_resid_pre":
            embedded.append(value)
        return value

    finite = model.states(params, rows, keep).isfinite().flatten(1).all(1)
    on_embeddings = patterns_on_embeddings(
        [_PatternOf(model, params, layer) for layer in range(model.n_layers)], embedded[0]
    )

    return {
        "sparsity": attention_sparsity(patterns, counted),
        "sparsity_released": attention_sparsity_as_released(on_embeddings, counted),
        "sparsity_summed": attention_sparsity_as_released(patterns, counted),
        "saturation": _saturation(model, params, trained, rows, counted, finite),
    }


def _saturation(
    model: Decoder,
    params: Parameters,
    trained: Sequence[str],
    rows: Tensor,
    counted: Tensor,
    finite: Bool[Tensor, " member"],
) -> Float[Tensor, " member"]:
    """NaN for members whose states are not finite: the instrument would refuse them, and with them the others."""
    found = torch.full(finite.shape, torch.nan, dtype=torch.float64)
    if not bool(finite.any()):
        return found
    own = params if bool(finite.all()) else {name: value[finite] for name, value in params.items()}

    def states(tables: Mapping[str, Tensor]) -> Tensor:
        return model.states(own | dict(tables), rows)

    found[finite] = saturation(states, {name: own[name] for name in trained}, counted=counted)
    return found


def decoder(view: View, name: str) -> Decoder:
    """The model itself; a measure of attention refuses any other family."""
    model = view.population.model
    if not isinstance(model, Decoder):
        raise LatebloomError(f"{name} reads the attention of a decoder; model.kind is {model.kind!r}.")
    return model


def inputs(task: PairTask) -> tuple[Tensor, Tensor]:
    """Sentences [1, row, pos] behind the start symbol, and which places count [row, pos]."""
    found = sources(task, "train", SENTENCES, transformed=task.auxiliaries)
    rows = torch.nn.functional.pad(found.padded, (1, 0), value=task.vocabulary.start)
    return rows[None], torch.arange(rows.shape[1]) <= torch.from_numpy(found.lengths)[:, None]


class _PatternOf:
    """The attention pattern of one layer on any states."""

    def __init__(self, model: Decoder, params: Parameters, layer: int) -> None:
        self.pre, self.block = model.norm == "pre", part(params, f"blocks.{layer}.")

    def __call__(self, x: Float[Tensor, "member row pos d_model"]) -> Float[Tensor, "member row head query key"]:
        block = self.block
        if self.pre:
            x = layer_norm(x, block["ln1.w"], block["ln1.b"])
        q, k = (project(x, block[f"attn.W_{c}"], block.get(f"attn.b_{c}")) for c in "QK")
        scores = scores_of(q, k) / q.shape[-1] ** 0.5
        return torch.softmax(scores.masked_fill(future(scores), -torch.inf), -1)
