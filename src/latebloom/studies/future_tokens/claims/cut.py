"""Claims on the cut: same outputs, no gradient backwards, two parts that add up (1, 2, 3). Nothing is trained."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latebloom.claims import Evidence, Finding, all_of, at_most, claim, settle, settle_number, with_control
from latebloom.claims.statistics import exactly, largest, smallest
from latebloom.data import Batch, Place, Signature
from latebloom.models import LOSSES, Decoder, Parameters, initial_parameters
from latebloom.models.decoder.untied import untie, untied_forward
from latebloom.randomness import stream
from latebloom.studies.future_tokens.claims.tables import FIXED, PAPER

SIGNATURE = Signature(n_inputs=1, n_outputs=11, d_vocab=11, n_ctx=7)
SHAPES: tuple[dict[str, Any], ...] = (
    {},
    {"norm": "post", "positions": "sinusoidal", "act_fn": "gelu"},
    {"attention": ("linear",), "norm": "none"},
)
CUTS = (("hidden", 0.0), ("hidden", 0.5), ("keys", 0.0), ("keys", 0.5))


def nets(dtype: torch.dtype, layers: int = 3) -> Iterator[tuple[Decoder, Parameters, Batch]]:
    """Small random networks of three kinds, with random biases and norms, and a batch of sequences for each."""
    for number, shape in enumerate(SHAPES):
        model = Decoder.parse({"n_layers": layers, "d_model": 12, "n_heads": 3, **shape})
        noise = stream(number, "future_tokens", "networks")
        params = initial_parameters(model, [model], SIGNATURE, [number], Place(dtype=dtype))
        params = {k: v + torch.tensor(0.3 * noise.standard_normal(v.shape)).to(v) for k, v in params.items()}
        tokens = torch.tensor(noise.integers(0, 11, (1, 5, 7)))
        yield model, params, Batch(tokens, tokens.roll(-1, 2), torch.ones(1, 5, 7, dtype=dtype))


def cut(model: Decoder, past: str, share: float = 0.0) -> Decoder:
    """The same network with its past as named."""
    return model.replace({"past": past, "past_weight": share})


def apart(dtype: torch.dtype, past: str, share: float = 0.0) -> float:
    """The largest distance between outputs with and without the cut, where gradients are recorded."""
    found = []
    for model, params, rows in nets(dtype):
        leaves = {name: value.clone().requires_grad_(True) for name, value in params.items()}
        own, plain = (m.forward(leaves, rows.inputs) for m in (cut(model, past, share), model))
        found.append(float((own - plain).detach().abs().max()))
    return largest(found)


@claim(
    id="future_tokens.01",
    title="Cutting the past does not change what is said",
    statement="Myopic attention computes the outputs of ordinary attention; only gradients differ.",
    source=f"{PAPER}, section 3; released notebooks",
    published="logits of GPT-2 differ by a norm of 0.007 over nine tokens (float32)",
    measure="largest difference of outputs with and without the cut, recorded for gradients, on three kinds of small "
    "networks; cuts of states and of keys, whole and softened",
    rule="below 1e-5 in float32 and below 1e-12 in float64",
    control="a past of zeros must differ by more than 1e-3",
    fixed=FIXED,
    tag="PC",
    deterministic=True,
    cost={"quick": "seconds"},
)
def same_outputs(evidence: Evidence) -> Finding:
    """Claim 1."""
    single, double = (largest([apart(dtype, *kind) for kind in CUTS]) for dtype in (torch.float32, torch.float64))
    parts = {
        "float64": settle(double < 1e-12, f"{double:.1g}", estimate=exactly(double)),
        "float32": settle(single < 1e-5, f"{single:.1g}", estimate=exactly(single)),
    }
    zeroed = apart(torch.float64, "zeroed")
    return with_control(all_of(parts), settle_number(zeroed, at_most(1e-3), f"zeros differ by {zeroed:.2g}"))


def reach(model: Decoder, params: Parameters, rows: Batch) -> np.ndarray:
    """Largest |d loss_i / d embedding_j| for every loss i and place j, [i, j]."""
    kept: list[Tensor] = []

    def keep(name: str, value: Tensor) -> Tensor:
        if name != "hook_embed":
            return value
        kept.append(value.detach().requires_grad_(True))
        return kept[0]

    out = model.forward(params, rows.inputs, keep)
    losses = LOSSES["cross_entropy"].rows(out, rows.targets).sum((0, 1))
    slopes = [torch.autograd.grad(loss, kept[0], retain_graph=True)[0].abs().amax((0, 1, 3)) for loss in losses]
    return torch.stack(slopes).numpy()


@claim(
    id="future_tokens.02",
    title="No later loss reaches an earlier token",
    statement="In myopic training the loss at a place has no gradient by the embeddings of the places before it.",
    source=f"{PAPER}, section 3",
    published="by construction",
    measure="d loss_i / d embedding_j for all i and j, three-layer networks of three kinds, cuts of states and of "
    "keys, float64",
    rule="exactly zero for every j < i, and not zero for j = i",
    control="without the cut it must be above 1e-9 for every j < i",
    fixed=FIXED,
    tag="P",
    deterministic=True,
    cost={"quick": "seconds"},
)
def nothing_reaches_back(evidence: Evidence) -> Finding:
    """Claim 2."""
    earlier = np.tril(np.ones((7, 7), dtype=bool), -1)
    back, straight, uncut = [], [], []
    for model, params, rows in nets(torch.float64):
        for past in ("hidden", "keys"):
            found = reach(cut(model, past), params, rows)
            back.append(found[earlier].max())
            straight.append(found.diagonal().min())
        uncut.append(reach(model, params, rows)[earlier].min())
    worst, own, weakest = largest(back), smallest(straight), smallest(uncut)
    told = f"at most {worst:.1g} by earlier embeddings, at least {own:.2g} by the place's own"
    control = settle_number(weakest, at_most(1e-9), f"without the cut at least {weakest:.1e}")
    return with_control(settle(worst == 0 and own > 0, told, estimate=exactly(worst)), control)


def off_by(found: Parameters, right: Parameters) -> float:
    """Distance of two gradients over the length of the second."""
    wrong = sum(float((found[name] - value).square().sum()) for name, value in right.items())
    return float((wrong / sum(float(value.square().sum()) for value in right.values())) ** 0.5)


def triangle(model: Decoder, params: Parameters, rows: Batch, reader: str) -> tuple[Parameters, Parameters]:
    """With parameters of its own at every place: the sum of all d loss_i / d theta_j, and that of the diagonal."""
    copies = {name: value.requires_grad_(True) for name, value in untie(params, 7).items()}
    out = untied_forward(model, copies, rows.inputs, "hidden" if reader == "hidden" else "keys")
    losses = (LOSSES["cross_entropy"].rows(out[:, :, 0].transpose(0, 1)[None], rows.targets) * rows.share).sum((0, 1))
    slopes = [torch.autograd.grad(loss, list(copies.values()), retain_graph=True) for loss in losses]
    whole = {n: sum(row[k].sum(0, keepdim=True) for row in slopes) for k, n in enumerate(copies)}
    diagonal = {n: sum(row[k][i : i + 1] for i, row in enumerate(slopes)) for k, n in enumerate(copies)}
    return whole, diagonal  # type: ignore[return-value]


@claim(
    id="future_tokens.03",
    title="The gradient is its diagonal and its off-diagonal part",
    statement="With parameters of its own at every place, a network's gradient is a triangle; vanilla training follows "
    "the sum of it, myopic training its diagonal.",
    source=f"{PAPER}, section 3",
    published="a definition",
    measure="gradients of vanilla and of both cuts against the triangle of an untied network (two layers, seven "
    "places, float64): distance over length",
    rule="below 1e-10 for the sum and for both diagonals",
    control="the sum in place of the diagonal must be off by more than 1e-3",
    fixed=FIXED,
    tag="P",
    deterministic=True,
    cost={"quick": "seconds"},
)
def parts_add_up(evidence: Evidence) -> Finding:
    """Claim 3."""
    scale = torch.ones(1, dtype=torch.float64)
    found: dict[str, list[float]] = {"sum": [], "diagonal, states cut": [], "diagonal, keys cut": []}
    confused = []
    for model, params, rows in nets(torch.float64, layers=2):
        for past, name in (("hidden", "diagonal, states cut"), ("keys", "diagonal, keys cut")):
            whole, diagonal = triangle(model, params, rows, past)
            loss = LOSSES["cross_entropy"]
            with torch.no_grad():
                own, plain = (m.gradient(params, list(params), rows, loss, scale)[1] for m in (cut(model, past), model))
            found["sum"].append(off_by(plain, whole))
            found[name].append(off_by(own, diagonal))
            confused.append(off_by(own, whole))
    worst = {name: largest(own) for name, own in found.items()}
    parts = {name: settle(off < 1e-10, f"{off:.1e}", estimate=exactly(off)) for name, off in worst.items()}
    least = smallest(confused)
    return with_control(all_of(parts), settle_number(least, at_most(1e-3), f"sum for diagonal off by {least:.2g}"))
