"""Weights over training as the explorable draws them: the additive network's tables, a parity network's layers."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latebloom.studies.drawing.logged import Logged
from latebloom.studies.grokking.figures.tables import Tables, read_tables
from latebloom.view.pack import pack, thinned

MOST_BYTES = 4_000_000  # of one member's weights; longer films lose snapshots evenly
GROUPS = 33  # of the gallery: frequencies that are told for one member


def tables_pack(logged: Logged, member: int) -> bytes:
    """Input and output tables [snapshot, p, neuron], float16; `second` where the inputs have tables of their own.

    logits(a, b) = act(first[a] + second[b] + bias) @ out.T (see `figures.tables.Tables`).
    """
    every = logged.run.snapshot_steps(member)
    last = read_tables(logged.run, logged, member, every[-1])
    shared = last.first.equal(last.second)
    size = 2 * last.first.numel() * (2 if shared else 3)
    steps = [every[i] for i in thinned(len(every), max(2, MOST_BYTES // size))]
    films: dict[str, list[np.ndarray]] = {"first": [], "out": []}
    films |= {} if shared else {"second": []}
    films |= {} if last.bias is None else {"bias": []}
    for step in steps:
        tables = read_tables(logged.run, logged, member, step)
        for name, film in films.items():
            film.append(_half(getattr(tables, name)))
    task: Any = logged.specifications[member].task  # `has_tables` admits modular arithmetic only
    document = {
        "p": last.p,
        "neurons": last.first.shape[1],
        "activation": last.activation,
        "operation": task.operation,
        "circle": getattr(logged.specifications[member].model, "circle", None),
    }
    arrays = {name: np.stack(film) for name, film in films.items()}
    return pack(document, {"steps": np.array(steps, dtype=np.int32), **arrays})


def parity_pack(logged: Logged, member: int) -> bytes:
    """Input weights [snapshot, digit, neuron], bias [snapshot, neuron] if any, output column [snapshot, neuron]."""
    run, every = logged.run, logged.run.snapshot_steps(member)
    size = 2 * sum(value.numel() for value in run.parameters(member, every[-1]).values())
    steps = [every[i] for i in thinned(len(every), max(2, MOST_BYTES // size))]
    films: dict[str, list[np.ndarray]] = {}
    for step in steps:
        params = run.parameters(member, step)
        out = params["W_out"]
        # Of two output columns only the difference matters to the parity.
        found = {"input": params["W_0"], "out": out[:, 0] if out.shape[1] == 1 else out[:, 1] - out[:, 0]}
        if "b_0" in params:
            found["bias"] = params["b_0"]
        for name, value in found.items():
            films.setdefault(name, []).append(_half(value))
    task: Any = logged.specifications[member].task
    document = {"n": task.n, "k": task.k}
    arrays = {name: np.stack(film) for name, film in films.items()}
    return pack(document, {"steps": np.array(steps, dtype=np.int32), **arrays})


def gallery_pack(logged: Logged, members: Sequence[int]) -> bytes:
    """Of every member: its frequencies at the end, how many neurons each has, and how many are in no group."""
    rows = []
    for member, tables in _last_tables(logged, members):
        groups = tables.groups()
        counts = {int(k) + 1: int(groups.count[k]) for k in groups.count.nonzero()[:, 0]}
        rows.append(
            {
                "member": member,
                "step": tables.step,
                "frequencies": list(counts)[:GROUPS],
                "neurons": list(counts.values())[:GROUPS],
                "ungrouped": int((~groups.live).sum()),
            }
        )
    return pack({"networks": rows}, {"members": np.array(members, dtype=np.int32)})


def _last_tables(logged: Logged, members: Sequence[int]) -> Iterator[tuple[int, Tables]]:
    for member in members:
        yield member, read_tables(logged.run, logged, member)


def _half(value: Tensor) -> np.ndarray:
    """Weights as float16, those beyond its range at its ends."""
    top = torch.finfo(torch.float16).max
    return np.asarray(value.double().clamp(-top, top).numpy(), dtype=np.float16)
