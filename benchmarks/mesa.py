"""The mesa layer, forward and backward, beside a plain loop over positions with `torch.linalg.solve` and autograd."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import psutil
import torch
from torch import Tensor

from benchmarks.measuring import Effort, Row, in_turn, matrix_product
from latebloom.models.mesa import mesa_attention
from latebloom.randomness import stream
from latebloom.training.device import training_arithmetic

D_HEAD = 32
SEQUENCES = 4  # where memory is measured: one sequence at T = 64 would be lost in the noise
FORMS = {
    "chunked, forgetting": {"form": "chunked", "regulariser": "decaying"},
    "chunked, forgetting, static": {"form": "chunked", "regulariser": "static"},
    "conjugate, forgetting, static": {"form": "conjugate", "regulariser": "static"},
    "recursive, forgetting": {"form": "recursive", "regulariser": "decaying"},
}


def inputs(places: int, sequences: int = 1) -> list[Tensor]:
    """Queries, keys and values, [sequence, pos, d_head] in float32, that want gradients."""
    numbers = stream(0, "mesa benchmark").standard_normal((3, sequences, places, D_HEAD))
    return [torch.from_numpy(x).float().requires_grad_() for x in numbers]


def plain(q: Tensor, k: Tensor, v: Tensor, gamma: Tensor | None = None, static: bool = False) -> Tensor:
    """The layer as its definition reads: sums kept up to date and one solve a position; lambda = 1."""
    eye = torch.eye(q.shape[-1])
    gram, moment = torch.zeros_like(eye) if static else eye, torch.zeros_like(eye)
    outputs = []
    for t in range(q.shape[1]):
        left = 1 if gamma is None else gamma[:, t, None, None]
        gram = left * gram + k[:, t, :, None] * k[:, t, None, :]
        moment = left * moment + k[:, t, :, None] * v[:, t, None, :]
        solved = torch.linalg.solve(gram + eye if static else gram, q[:, t, :, None])
        outputs.append((moment.mT @ solved)[..., 0])
    return torch.stack(outputs, 1)


def ours(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The layer in its chunked form."""
    return mesa_attention(q, k, v)[0]


def passing(layer: Callable[..., Tensor], places: int, sequences: int = 1) -> Callable[[], object]:
    """One forward and backward pass a call."""
    tensors = inputs(places, sequences)
    return lambda: torch.autograd.grad(layer(*tensors).sum(), tensors)


def flops(places: int, sequences: int = 1) -> float:
    """Arithmetic of one pass by the recursion: R k, the update of R, R q, the update of G and G q~, and twice that for
    the gradients.
    """
    return 3.0 * 12 * D_HEAD**2 * places * sequences


def mesa(effort: Effort) -> list[Row]:
    """Speed against the loop, then what a further place adds in time and in memory: a column that stays the same."""
    # A pass of the loop is long beside a turn, so fewer rounds say as much.
    effort = Effort(min(effort.rounds, 3), effort.seconds, effort.members, effort.places)
    return [*_speed(effort), *_time_growth(effort), *_kept_growth(effort), *_peak_growth(effort)]


def _speed(effort: Effort) -> list[Row]:
    """Passes a second for each length, for several sequences at once, and for the other forms."""
    product, arithmetic = matrix_product()
    middle = effort.places[-2]
    cases = [(f"mesa, T = {places}", places, 1, ours, plain) for places in effort.places]
    cases.append((f"mesa, T = {middle}, 8 sequences", middle, 8, ours, plain))
    gamma = torch.full((1, middle), 0.99)
    for name, settings in FORMS.items():
        cases.append(
            (
                f"mesa, T = {middle}, {name}",
                middle,
                1,
                lambda q, k, v, settings=settings: mesa_attention(q, k, v, 1.0, gamma, **settings)[0],
                lambda q, k, v, settings=settings: plain(q, k, v, gamma, settings["regulariser"] == "static"),
            )
        )
    rows = []
    for name, places, sequences, own, peer in cases:
        contestants = {"ours": passing(own, places, sequences), "plain": passing(peer, places, sequences)}
        found = in_turn({"product": product, **contestants}, effort)
        floor = found["product"] * arithmetic / flops(places, sequences)
        rows.append(Row.rate(name, "passes/s", found["ours"], found["plain"], floor))
    return rows


def _time_growth(effort: Effort) -> list[Row]:
    """Microseconds a further place takes, ours and the loop's."""
    spent: dict[str, list[float]] = {}
    for name, layer in (("ours", ours), ("plain", plain)):
        found = in_turn({str(places): passing(layer, places) for places in effort.places}, effort)
        spent[name] = [1e6 / found[str(places)] for places in effort.places]
    return _growth("time", "us/place", effort, spent)


def _kept_growth(effort: Effort) -> list[Row]:
    """Kilobytes a further place keeps for the backward pass."""
    kept = {
        name: [kept_bytes(layer, places) / 1e3 for places in effort.places]
        for name, layer in (("ours", ours), ("plain", plain))
    }
    return _growth("kept for backward", "KB/place", effort, kept)


def _peak_growth(effort: Effort) -> list[Row]:
    """Kilobytes a further place adds to the memory of the process, of one sequence."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as workers:
        jobs = {name: workers.submit(resident, name, effort.places) for name in ("ours", "plain")}
        peaks = {name: [x / 1e3 / SEQUENCES for x in job.result()] for name, job in jobs.items()}
    return _growth("peak memory", "KB/place", effort, peaks)


def _growth(what: str, unit: str, effort: Effort, found: dict[str, list[float]]) -> list[Row]:
    """What a further place costs between each length and the next."""
    rows = []
    for i, (low, high) in enumerate(zip(effort.places, effort.places[1:], strict=False)):
        each = [max((found[name][i + 1] - found[name][i]) / (high - low), 1e-9) for name in ("ours", "plain")]
        rows.append(Row.cost(f"mesa, {what}, from T = {low} to {high}", unit, *each))
    return rows


def kept_bytes(layer: Callable[..., Tensor], places: int) -> int:
    """Bytes that autograd holds between the forward and the backward pass, each piece of memory once."""
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    tensors = inputs(places)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = layer(*tensors)
    assert out.requires_grad
    return sum(kept.values())


def resident(name: str, lengths: tuple[int, ...]) -> list[int]:
    """Resident memory of a process after a pass of each length, shortest first, in bytes; freed memory is kept, so it
    is the peak of the longest so far.
    """
    layer = {"ours": ours, "plain": plain}[name]
    found = []
    with training_arithmetic():
        passing(layer, lengths[0], SEQUENCES)()
        for places in lengths:
            passing(layer, places, SEQUENCES)()
            found.append(psutil.Process().memory_info().rss)
    return found
