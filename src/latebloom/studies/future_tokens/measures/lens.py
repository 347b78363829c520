"""Measurement with linear Future Lens probes: how well one state foretells what the network will choose later."""

from collections.abc import Callable

import torch
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.instruments.future_lens import foretold, map_by_divergence, precision, shifted
from latebloom.models import Decoder, Parameters, run_with_cache
from latebloom.training.measures import Columns, measure
from latebloom.training.view import View

AHEAD = (0, 1, 2, 3)  # 0 is the next token
SEQUENCES = 384  # of each member, a quarter of them held out
STEPS = 150  # of AdamW from the least-squares map, at most; fewer where there are fewer than 64 rows for each
READ = ("whole", "hidden")  # the arms that are compared


@measure("future_tokens.lens")
def lens(view: View) -> Columns:
    """Precision@1 of linear maps from each layer's state to the last state N places on, on other sequences.

    `lens_<N>` [layer], N = 0 to 3, layer 0 the embedding. Accuracy is against the network's own choice at the later
    place. Tables of pairs, as baselines: `lens_bigram_<N>`, its most frequent choice N places after this token;
    `lens_chain_<N>`, after the choice it makes here. Arms other than vanilla and states cut get no columns; a member
    whose states are not finite, because it has diverged, gets NaN.
    """
    model = view.population.model
    if not isinstance(model, Decoder) or not view.population.task.signature.d_vocab or model.norm != "pre":
        raise LatebloomError("future_tokens.lens reads decoders with model.norm=pre on sequences of symbols.")
    if model.past not in READ:
        return {}
    found: dict[str, list[Tensor]] = {}
    for member in range(len(view.population.members)):
        own = {name: value[member : member + 1] for name, value in view.params.items()}
        for name, value in _of_member(model, own, view.splits["test"].inputs[member : member + 1, :SEQUENCES]).items():
            found.setdefault(name, []).append(value)
    return {name: torch.stack(values) for name, values in found.items()}


def _of_member(model: Decoder, params: Parameters, inputs: Tensor) -> dict[str, Tensor]:
    logits, cache = run_with_cache(model, params, inputs)
    last, tokens = cache["ln_final.hook_normalized"][0], inputs[0]
    states = [cache["blocks.0.hook_resid_pre"][0]]
    states += [cache[f"blocks.{layer}.hook_resid_post"][0] for layer in range(model.n_layers)]
    cut = 3 * len(tokens) // 4
    fitted, held = slice(0, cut), slice(cut, None)
    chosen = logits[0].argmax(-1)

    def decode(rows: Tensor) -> Tensor:
        return model.read(params, rows[None, None])[0, 0]

    columns: dict[str, Tensor] = {}
    if not all(bool(seen.isfinite().all()) for seen in (*states, last, logits)):
        for ahead in AHEAD:
            columns[f"lens_{ahead}"] = torch.full((len(states),), torch.nan)
            columns |= {f"lens_{name}_{ahead}": torch.tensor(torch.nan) for name in ("bigram", "chain")}
        return columns
    for ahead in AHEAD:
        _, truth = shifted(last[held], logits[0][held], ahead)
        columns[f"lens_{ahead}"] = torch.stack(
            [_precision(layer, last, fitted, held, ahead, truth, decode) for layer in states]
        )
        for name, sign in (("bigram", tokens), ("chain", chosen)):
            columns[f"lens_{name}_{ahead}"] = _table(sign, chosen, fitted, held, ahead, logits.shape[-1])
    return columns


def _precision(
    layer: Tensor,
    last: Tensor,
    fitted: slice,
    held: slice,
    ahead: int,
    truth: Tensor,
    decode: Callable[[Tensor], Tensor],
) -> Tensor:
    fit = map_by_divergence(
        *shifted(layer[fitted], last[fitted], ahead),
        decode,
        steps=min(STEPS, len(layer[fitted]) * layer.shape[1] // 64),
    )
    rows, _ = shifted(layer[held], last[held], ahead)
    with torch.no_grad():
        return torch.tensor(foretold(decode(fit(rows)), truth, (1,)).precision[1])


def _table(sign: Tensor, chosen: Tensor, fitted: slice, held: slice, ahead: int, d_vocab: int) -> Tensor:
    """Precision of the most frequent choice after each sign."""
    places = sign.shape[1] - ahead

    def pairs(part: slice) -> tuple[Tensor, Tensor]:
        return sign[part, :places].flatten(), chosen[part, ahead:].flatten()

    first, second = pairs(fitted)
    # Pairs that occur, and no table of all: of GPT-2's tokens that would be ten gigabytes.
    kinds, count = torch.unique(first * d_vocab + second, return_counts=True)
    kinds = kinds[count.argsort(stable=True, descending=True)].flip(0)  # the most frequent last, of equals the lowest
    best = torch.zeros(d_vocab, dtype=first.dtype)
    for pair in kinds.tolist():
        best[pair // d_vocab] = pair % d_vocab
    seen, right = pairs(held)
    return torch.tensor(precision(best.to(seen.device)[seen][:, None], right))
