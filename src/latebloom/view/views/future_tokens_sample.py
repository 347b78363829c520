"""Test sequences as two arms of one seed predict them: surprisal and likeliest symbols at every place and snapshot."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latebloom.data import Place
from latebloom.models import LOSSES, Decoder
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.future_tokens.figures.arms import NAMES, rest_of
from latebloom.studies.future_tokens.figures.sample import tokenizer_of
from latebloom.tasks import Majority, Multiplication
from latebloom.tasks.multiplication import SYMBOLS
from latebloom.tasks.text import Windows
from latebloom.training.experiment import Experiment
from latebloom.view.pack import pack, thinned

ROWS, CANDIDATES, SNAPSHOTS = 10, 4, 12  # of one pack
PLACED = 128  # sequences over which a loss by place is averaged where none was logged


@dataclass(frozen=True)
class Pairing:
    """Members that differ in their past alone: one a kind of past, vanilla first."""

    group: str
    label: str
    members: dict[str, int]  # past -> member


def pairings(logged: Logged) -> list[Pairing]:
    """Every set of members of one seed with a vanilla one among them, whose weights were kept; lowest seed first."""
    first = next(iter(logged.specifications.values()))
    if not isinstance(first.task, Windows | Multiplication | Majority):
        return []
    found: dict[tuple[int, str], dict[str, int]] = {}
    rows = logged.members.set_index("member")
    for number, own in logged.specifications.items():
        if not logged.run.snapshot_steps(number):
            continue
        rest = rest_of({name: rows.loc[number, name] for name in logged.axes})  # as the view's groups are called
        found.setdefault((own.seed, rest), {})[_past(own)] = number
    order = list(NAMES)
    return [
        Pairing(rest, f"seed {seed}", dict(sorted(members.items(), key=lambda item: order.index(item[0]))))
        for (seed, rest), members in sorted(found.items())
        if "whole" in members and len(members) > 1
    ]


def sample_pack(logged: Logged, pairing: Pairing) -> bytes:
    """`surprisal` [snapshot, arm, row, pos] in nats, float16; `top` and `chance` [..., candidate] of the likeliest.

    `inputs` and `targets` [row, pos] and `top` are numbers in the document's list of symbols; `weight` [row, pos] is 0
    where nothing is asked.
    """
    members = list(pairing.members.values())
    specification = logged.specifications[members[0]]
    inputs, targets, weight = (part[0] for part in test_rows(specification, ROWS))
    every = sorted(set.intersection(*(set(logged.run.snapshot_steps(member)) for member in members)))
    steps = [every[i] for i in thinned(len(every), SNAPSHOTS)]
    count = min(CANDIDATES, specification.task.signature.n_outputs)
    films: dict[str, list[np.ndarray]] = {"surprisal": [], "top": [], "chance": []}
    for step in steps:
        said = torch.stack([_said(logged, member, step, inputs) for member in members])
        best = said.topk(count, -1)
        own = -said.gather(-1, targets.long().expand(said.shape[:-1])[..., None])[..., 0]
        films["surprisal"].append(own.numpy().astype(np.float16))
        films["chance"].append(best.values.exp().numpy().astype(np.float16))
        films["top"].append(best.indices.numpy())
    top = np.stack(films["top"])
    used = np.unique(np.concatenate([inputs.numpy().ravel(), targets.numpy().ravel(), top.ravel()]))
    kind = np.uint8 if len(used) <= 256 else np.int32
    document = {
        "seed": specification.seed,
        "label": pairing.label,
        "arms": [{"member": member, "past": past, "name": NAMES[past]} for past, member in pairing.members.items()],
        "symbols": [_symbol(specification, int(token)) for token in used],
        "vocabulary": specification.task.signature.n_outputs,
        "film": ["steps", "surprisal", "top", "chance"],
    }
    return pack(
        document,
        {
            "steps": np.array(steps, dtype=np.int32),
            "inputs": np.searchsorted(used, inputs.numpy()).astype(kind),
            "targets": np.searchsorted(used, targets.numpy()).astype(kind),
            "weight": (weight.numpy() > 0).astype(np.uint8),
            "surprisal": np.stack(films["surprisal"]),
            "top": np.searchsorted(used, top).astype(kind),
            "chance": np.stack(films["chance"]),
        },
    )


def losses_by_place(logged: Logged) -> tuple[np.ndarray, np.ndarray] | None:
    """Steps and mean loss [step, member, pos] of every snapshot that all members have; NaN where no place counts."""
    members = [int(member) for member in logged.members["member"]]
    kept: list[set[int]] = [set(logged.run.snapshot_steps(member)) for member in members]
    first = logged.specifications[members[0]]
    shared = sorted(set.intersection(*kept))
    if not shared or first.task.signature.real_targets or not first.task.signature.n_ctx:
        return None
    steps = [shared[i] for i in thinned(len(shared), SNAPSHOTS)]
    tables = [_member_losses(logged, member, steps) for member in members]
    # Members whose sequences are of other lengths: the longest decides, the ends of the others stay empty.
    longest = max(table.shape[1] for table in tables)
    padded = [np.pad(t, ((0, 0), (0, longest - t.shape[1])), constant_values=np.nan) for t in tables]
    return np.array(steps, dtype=np.int32), np.stack(padded, 1).astype(np.float32)


def test_rows(specification: Experiment, rows: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, targets and weights [1, row, pos] of the first test sequences of a member."""
    batch = specification.task.data([specification.task], [specification.seed], Place()).splits["test"]
    return batch.inputs[:, :rows], batch.targets[:, :rows], batch.weight[:, :rows]


def _member_losses(logged: Logged, member: int, steps: Sequence[int]) -> np.ndarray:
    own = logged.specifications[member]
    inputs, targets, weight = (part[0] for part in test_rows(own, PLACED))
    rows = []
    for step in steps:
        params = {name: value[None] for name, value in logged.run.parameters(member, step).items()}
        with torch.no_grad():
            losses = LOSSES[own.training.loss].rows(own.model.forward(params, inputs[None]), targets[None])[0]
        mean = (losses * weight).sum(0) / weight.sum(0)
        rows.append(mean.numpy())
    return np.stack(rows)


def _said(logged: Logged, member: int, step: int, inputs: Tensor) -> Tensor:
    """Log-probabilities of the next symbol, [row, pos, symbol]."""
    model: Any = logged.specifications[member].model
    params = {name: value[None] for name, value in logged.run.parameters(member, step).items()}
    with torch.no_grad():
        return torch.log_softmax(model.forward(params, inputs[None])[0].double(), -1)


def _symbol(specification: Experiment, token: int) -> str:
    task = specification.task
    if (tokenizer := tokenizer_of(task)) is not None:
        return tokenizer.decode([token])
    return SYMBOLS[token] if isinstance(task, Multiplication) else str(token)


def _past(own: Experiment) -> str:
    return own.model.past if isinstance(own.model, Decoder) else "whole"
