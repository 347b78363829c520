"""Measures: written-down solutions on their whole table, periodic weights, mirrored pairs, local complexity."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.instruments import complexity, logits, stability
from latebloom.instruments.fourier import fourier_transform, share
from latebloom.instruments.norms import l2_norms
from latebloom.models import MLP, CircleSolution, ModularMLP, Parameters
from latebloom.studies.grokking.measures.dynamics import homogeneity, modular_mlp
from latebloom.tasks import ModularArithmetic
from latebloom.training.measures import Columns, measure
from latebloom.training.view import View

ROWS_AT_ONCE = 2048  # rows of a whole table sent through the network at a time (memory only)
PROBES = 192  # points at which local complexity is measured, for each of train, test and random
DIRECTIONS = 25
RADIUS = 0.005


@measure("grokking.whole_table")
def whole_table(view: View) -> Columns:
    """Accuracy and margins over every pair of the task, trained on or not.

    `table_accuracy`: share of pairs whose answer beats every other class by more than rounding. `undecided`: pairs on
    which the answer and another class tie up to rounding; `undecided_half`: those of them with a - b = p/2 (mod p).
    `table_margin`: smallest margin, in logits. `unit_margin`: that divided by (L2 norm of the weights) ** degree, which
    no scaling of the weights can change. Source: Pearce et al. 2023, appendix A; Morwani et al. 2023 (unit margin).
    """
    p = _modular(view).p
    margins, halves, sizes = [], [], []
    for rows, answer, out in _table(view):
        margins.append(stability.margins(out, answer))
        halves.append((2 * (rows[:, 0] - rows[:, 1])) % (2 * p) == p)
        sizes.append(out.abs().amax((1, 2)))
    margin, half = torch.cat(margins, 1), torch.cat(halves)
    rounding = 256 * torch.finfo(margin.dtype).eps * torch.stack(sizes).amax(0)[:, None]
    tied = margin.abs() <= rounding
    smallest = margin.amin(1)
    degree = homogeneity(modular_mlp(view.population.model))
    norm = l2_norms(view.params).total
    return {
        "table_accuracy": (margin > rounding).double().mean(1),
        "undecided": tied.sum(1),
        "undecided_half": (tied & half).sum(1),
        "table_margin": smallest,
        "unit_margin": smallest / norm**degree,
    }


@measure("grokking.answer_angle")
def answer_angle(view: View) -> Columns:
    """Largest angle, in degrees, between the wave that a written-down solution puts on its logits and the right answer.

    `answer_angle` is over all pairs and all of the member's frequencies; pairs without a wave are left out.
    Source: Pearce et al. 2023, appendix A (last figure).
    """
    members = [member.model for member in view.population.members]
    solutions = [model for model in members if isinstance(model, CircleSolution)]
    if len(solutions) != len(members):
        raise LatebloomError(
            f"grokking.answer_angle measures model.kind=circle_solution; here it is {members[0].kind!r}."
        )
    worst = torch.zeros(len(members), dtype=torch.float64)
    for _, answer, out in _table(view):
        for member, model in enumerate(solutions):
            for frequency in model.frequencies:
                error = logits.logit_angle_error(out[member], answer, frequency).abs().nan_to_num(0.0).max()
                worst[member] = torch.maximum(worst[member], error)
    return {"answer_angle": worst}


@measure("grokking.periodicity")
def periodicity(view: View) -> Columns:
    """How periodic the input tables are: `in_share`, median over neurons of the energy share of the best frequency.

    1 for pure waves; about 0.1 for random weights at p = 67. Source: Pearce et al. 2023.
    """
    tables = torch.cat(modular_mlp(view.population.model).in_tables(view.params), 2).double()
    return {"in_share": share(fourier_transform(tables)).amax(1).median(1).values}


@measure("grokking.mirror")
def mirror(view: View) -> Columns:
    """Test pairs (a, b) whose mirror (b, a) is a training pair, and how well each kind is answered.

    `mirror_share`: their share of the test pairs. `mirrored_accuracy` and `unmirrored_accuracy`: test accuracy on them
    and on the others; NaN where there are none. Source: Merrill et al. 2023.
    """
    p = _modular(view).p
    train, test = view.splits["train"], view.splits["test"]
    known = torch.zeros(train.inputs.shape[0], p * p, dtype=train.weight.dtype, device=train.weight.device)
    known.scatter_reduce_(1, train.inputs[..., 0] * p + train.inputs[..., 1], train.weight, "amax")
    mirrored = known.gather(1, test.inputs[..., 1] * p + test.inputs[..., 0]) * test.weight
    alone = test.weight - mirrored
    right = (view.logits("test").argmax(-1) == test.targets).to(mirrored.dtype)
    return {
        "mirror_share": mirrored.sum(1) / test.weight.sum(1),
        "mirrored_accuracy": (right * mirrored).sum(1) / mirrored.sum(1),
        "unmirrored_accuracy": (right * alone).sum(1) / alone.sum(1),
    }


@measure("grokking.local_complexity")
def local_complexity(view: View) -> Columns:
    """Neurons of all hidden layers that fold within radius 0.005 of a point: `complexity_train`, `_test`, `_random`.

    Mean over 192 points (25 directions each; of train and test as many as a member has): one-hot rows of the train and
    the test pairs, and random points of the same length. Every member is probed at the same frames. Source: Humayun et
    al. 2024, by `instruments.complexity`.
    """
    p = _modular(view).p
    model = view.population.model
    points = {name: _one_hot(view.splits[name].inputs[:, :PROBES], p, view) for name in ("train", "test")}
    counted = {name: view.splits[name].weight[:, :PROBES].double() for name in points}
    members, _, width = points["test"].shape
    noise = _frames(1, PROBES, width, 1)[:, 0].to(points["test"])
    points["random"] = (noise * 2**0.5).expand(members, PROBES, width)
    counted["random"] = counted["test"].new_ones(members, PROBES)
    frames = _frames(0, PROBES, width, min(DIRECTIONS, width)).to(points["test"])

    def pre_activations(rows: Tensor) -> Sequence[Tensor]:
        return _pre_activations(model, view.params, rows)

    columns = {}
    for name, own in points.items():
        found = complexity.local_complexity(pre_activations, own, frames[: own.shape[1]], RADIUS).sum(-1).double()
        columns[f"complexity_{name}"] = (found * counted[name]).sum(1) / counted[name].sum(1)
    return columns


@lru_cache(maxsize=4)
def _frames(seed: int, count: int, width: int, directions: int) -> Float[Tensor, "point direction n_in"]:
    """The same at every step, and slow to draw."""
    return complexity.orthonormal_frames(seed, count, width, directions)


def _pre_activations(
    model: object, params: Parameters, rows: Float[Tensor, "member batch n_in"]
) -> list[Float[Tensor, "member batch _"]]:
    """Hidden pre-activations of each layer for rows of numbers: points between the one-hot ones can be asked."""
    if isinstance(model, ModularMLP):
        tables = model.in_tables(params)
        pre = rows @ torch.cat([tables[0], tables[-1]], 1)
        return [pre + params["b_in"][:, None] if model.bias else pre]
    if isinstance(model, MLP):
        layers: list[Tensor] = []

        def keep(name: str, value: Tensor) -> Tensor:
            if name.endswith("hook_pre"):
                layers.append(value)
            return value

        model.forward(params, rows, keep)
        return layers
    raise LatebloomError(
        f"grokking.local_complexity measures model.kind=modular_mlp or mlp, not {getattr(model, 'kind', model)!r}."
    )


def _one_hot(pairs: Int[Tensor, "member batch 2"], p: int, view: View) -> Float[Tensor, "member batch n_in"]:
    return torch.nn.functional.one_hot(pairs, p).flatten(2).to(view.population.place.dtype)


def _table(view: View) -> Iterator[tuple[Int[Tensor, "batch 2"], Int[Tensor, " batch"], Tensor]]:
    """The whole table in pieces: rows, exact answers, logits [member, batch, p]."""
    task, population = _modular(view), view.population
    table = torch.from_numpy(task.table()).to(population.place.device)
    for rows in table.split(ROWS_AT_ONCE):
        every = rows.expand(len(population.members), *rows.shape)
        yield rows, task.answer(rows), population.model.forward(view.params, every)


def _modular(view: View) -> ModularArithmetic:
    task = view.population.task
    if not isinstance(task, ModularArithmetic):
        raise LatebloomError(f"This measure reads pairs of residues: task.kind should be 'modular', not {task.kind!r}.")
    return task
