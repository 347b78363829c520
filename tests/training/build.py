"""Small experiments, watchers that stop on command, and comparisons, for the tests of training, runs and fleet."""

import io
import warnings
from pathlib import Path

import pyarrow.parquet as pq
import torch

from latebloom.models import MLP, Decoder, ModularMLP
from latebloom.runs.population import PopulationFolder
from latebloom.tasks import Majority, ModularArithmetic, SparseParity
from latebloom.training.experiment import Experiment, Measure, Training
from latebloom.training.loop import train
from latebloom.training.population import Population
from latebloom.training.schedule import Schedule


def tiny(**changes):
    """Addition modulo 7 with four neurons, 24 steps; dotted fields are written with two underscores."""
    base = Experiment(
        name="tiny",
        task=ModularArithmetic(p=7, train_fraction=0.5),
        model=ModularMLP(d_mlp=4, d_embed=5),
        training=Training(steps=24, lr=0.02, weight_decay=0.3),
        log=Schedule(every=5),
        snapshots=Schedule(every=12),
        measure=(Measure(name="norms"),),
    )
    return base.replace({name.replace("__", "."): value for name, value in changes.items()})


def parity(**changes):
    """Parity of 3 of 8 bits, one-hidden-layer network, mini-batches."""
    base = Experiment(
        name="parity",
        task=SparseParity(n=8, n_train=40, n_test=30, batch_size=16),
        model=MLP(hidden=6),
        training=Training(steps=24, lr=0.02, optimiser="adam_l1", weight_decay=0.01),
        log=Schedule(every=5),
        snapshots=Schedule(every=12),
        measure=(Measure(name="norms"), Measure(name="stability", when=Schedule(every=10))),
    )
    return base.replace({name.replace("__", "."): value for name, value in changes.items()})


def sequences(**changes):
    """Majorities of short sequences drawn anew at every step; dropout, clipping, a rate that rises and falls."""
    base = Experiment(
        name="sequences",
        task=Majority(n_seen=4, n_said=3, batch_size=4, n_test=6),
        model=Decoder(n_layers=1, d_model=8, n_heads=2, d_mlp=8, dropout=0.2),
        training=Training(steps=24, lr=0.01, warmup=3, decay="cosine", clip=0.5),
        log=Schedule(every=5),
        snapshots=Schedule(every=12),
    )
    return base.replace({name.replace("__", "."): value for name, value in changes.items()})


def seeds(experiment, count, **ranges):
    """Members of seeds 0 ..; `ranges` gives a field's value for each of them."""
    return [
        experiment.replace({"seed": seed} | {n.replace("__", "."): v[seed] for n, v in ranges.items()})
        for seed in range(count)
    ]


class Watcher:
    """Notes what is reported; asks to stop after so many steps of this session."""

    def __init__(self, steps=None):
        self.left, self.reports = steps, []

    def report(self, report):
        self.reports.append(report)

    def stopping(self):
        if self.left is None:
            return False
        self.left -= 1
        return self.left < 0


def run(members, path, stops=(), **options):
    """Trains to the end, interrupted after each number of steps in `stops`, with everything opened anew each time."""
    for steps in (*stops, None):
        folder = PopulationFolder(Path(path))
        finished = train(Population.start(members), folder, Watcher(steps), **options)
    assert finished
    return PopulationFolder(Path(path))


def kept(folder):
    """Everything a folder holds, as plain values: rows, snapshots by step, and how members ended."""
    return (
        folder.measurements().to_pylist(),
        {step: folder.snapshot(step) for step in folder.snapshot_steps},
        folder.progress,
    )


def assert_same_run(first, second):
    """Two folders hold the same numbers bit for bit, whatever their files are cut into."""
    (rows, snapshots, progress), (other_rows, other_snapshots, other_progress) = kept(first), kept(second)
    assert_same_rows(rows, other_rows)
    assert list(snapshots) == list(other_snapshots), "snapshots at other steps"
    for step in snapshots:
        assert_same_tensors(snapshots[step], other_snapshots[step])
    assert progress == other_progress, "members ended otherwise"


def assert_same_rows(rows, others):
    """Equal rows, NaN equal to NaN, nothing missing at either end."""
    assert len(rows) == len(others), f"{len(rows)} rows, expected {len(others)}"
    for row, other in zip(rows, others, strict=True):
        assert repr(row) == repr(other), f"{row} is not {other}"  # repr of a float is exact, and NaN's is equal


def assert_same_tensors(tensors, others):
    """Equal names and equal bits; NaN equals NaN."""
    assert tensors.keys() == others.keys()
    for name in tensors:
        torch.testing.assert_close(tensors[name], others[name], rtol=0, atol=0, equal_nan=True, msg=name)


def rows_of(folder, member):
    """One member's rows without its number."""
    return [
        {k: v for k, v in r.items() if k != "member"}
        for r in folder.measurements().to_pylist()
        if r["member"] == member
    ]


def read_parquet(content):
    """Rows of a Parquet file in memory."""
    return pq.read_table(io.BytesIO(content)).to_pylist()


def quietly(function, *arguments):
    """Calls a function without its warnings; returns the result and the warnings' texts."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function(*arguments)
    return result, [str(warning.message) for warning in caught]
