"""Solutions written down, and networks so small or so encoded that grokking takes another course."""

from collections.abc import Sequence
from typing import Any

from latebloom.models import MLP, CircleSolution, GromovSolution, ModularMLP, Transformer
from latebloom.randomness import stream
from latebloom.tasks import ModularArithmetic
from latebloom.training.experiment import Experiment, Measure, Stop, Training
from latebloom.training.presets import Preset, preset
from latebloom.training.schedule import Schedule

WRITTEN = Training(steps=0, precision="float64")  # nothing is trained; float64 tells a tie from a tiny margin
SEEDS = {"smoke": 2, "quick": 9, "laptop": 9, "paper": 50}


@preset("grokking.constructed")
def constructed(scale: str) -> Preset:
    """One circle read in N directions: written-down solutions over p, N and activation."""
    experiment = Experiment(
        name="grokking.constructed",
        task=ModularArithmetic(p=67),
        model=CircleSolution(d_mlp=24),
        training=WRITTEN,
        measure=(Measure(name="grokking.whole_table"), Measure(name="grokking.answer_angle")),
        population=12,
    )
    axes: dict[str, Sequence[Any]] = {
        "task.p": (67, 113),
        "model.activation": ("relu", "square"),
        "model.neurons": range(3, 13),
    }
    if scale == "smoke":
        axes |= {"task.p": (11,), "model.neurons": range(3, 6)}
    return Preset(experiment, axes)


def frequency_sets(p: int, largest: int, draws: int) -> list[tuple[int, ...]]:
    """Sets of 1 to `largest` frequencies modulo a prime p, each with frequency 1: all pairs, `draws` of larger sizes.

    Multiplying all frequencies by one number only renames residues, so 1 can always be among them.
    """
    others = range(2, (p - 1) // 2 + 1)
    sets: list[tuple[int, ...]] = [(1,), *((1, k) for k in others)]
    for size in range(3, largest + 1):
        for draw in range(draws):
            chosen = stream(0, "frequency sets", p, size, draw).choice(others, size - 1, replace=False)
            sets.append((1, *sorted(chosen.tolist())))
    return list(dict.fromkeys(sets))


@preset("grokking.constructed_frequencies")
def constructed_frequencies(scale: str) -> Preset:
    """Several circles added up: written-down solutions over sets of frequencies."""
    p, largest, draws = (11, 4, 2) if scale == "smoke" else (67, 8, 32)
    experiment = Experiment(
        name="grokking.constructed_frequencies",
        task=ModularArithmetic(p=p),
        model=CircleSolution(d_mlp=56),
        training=WRITTEN,
        measure=(Measure(name="grokking.whole_table"),),
        population=64,
    )
    return Preset(experiment, {"model.neurons": (5, 7), "model.frequencies": frequency_sets(p, largest, draws)})


@preset("grokking.gromov_constructed")
def gromov_constructed(scale: str) -> Preset:
    """Gromov's written-down weights: all frequencies with random phases, over width."""
    p = 13 if scale == "smoke" else 97
    experiment = Experiment(
        name="grokking.gromov_constructed",
        task=ModularArithmetic(p=p),
        model=GromovSolution(d_mlp=p - 1),
        training=Training(steps=0),
        measure=(Measure(name="grokking.whole_table"),),
    )
    widths = ((p - 1) // 2, p - 1, 2 * (p - 1), 4 * (p - 1))
    return Preset(experiment, {"model.d_mlp": widths, "model.phase_seed": range(SEEDS[scale])})


@preset("grokking.five_neurons")
def five_neurons(scale: str) -> Preset:
    """Five neurons on a frozen circle: too small to memorise."""
    steps = {"smoke": 100, "quick": 15_000, "laptop": 20_000, "paper": 15_000}[scale]
    experiment = Experiment(
        name="grokking.five_neurons",
        task=ModularArithmetic(p=67, pairs="unordered", train_fraction=0.3),
        model=ModularMLP(circle=1, d_embed=2, d_mlp=5),
        training=Training(steps=steps, lr=1e-2, weight_decay=1e-3, loss="cross_entropy_per_class"),
        log=Schedule(every=100),
        snapshots=Schedule(every=max(steps // 100, 1)),
        measure=(Measure(name="norms"),),
    )
    return Preset(experiment, {"seed": range({"smoke": 2, "quick": 9, "laptop": 24, "paper": 100}[scale])})


@preset("grokking.architectures")
def architectures(scale: str) -> Preset:
    """Products collapsed or factored, tied or not, inputs shared or not: the explorable's sixteen architectures."""
    steps = {"smoke": 20, "quick": 3000, "laptop": 10_000, "paper": 50_000}[scale]
    experiment = Experiment(
        name="grokking.architectures",
        task=ModularArithmetic(p=67, pairs="ordered", train_fraction=0.4),
        model=ModularMLP(d_embed=128),
        training=Training(
            steps=steps, lr=1e-2, weight_decay=0.3, loss="cross_entropy_per_class", stop=Stop(at_least=0.99, logs=3)
        ),
        log=Schedule(every=max(steps // 100, 1)),
    )
    axes: dict[str, Sequence[Any]] = {
        "model.in_product": ("factored", "collapsed"),
        "model.out_product": ("factored", "collapsed"),
    }
    if scale == "paper":
        axes |= {"model.tied": (True, False), "model.shared": (True, False)}
    decays = (0.1, 1.0) if scale == "smoke" else (0.1, 0.3, 1.0)
    return Preset(experiment, {**axes, "training.weight_decay": decays, "seed": range(SEEDS[scale])})


@preset("grokking.reverse")
def reverse(scale: str) -> Preset:
    """A very small network without decay: it generalises first and memorises later."""
    steps = {"smoke": 100, "quick": 5000, "laptop": 20_000, "paper": 20_000}[scale]
    experiment = Experiment(
        name="grokking.reverse",
        task=ModularArithmetic(p=67, pairs="unordered", train_fraction=0.4),
        model=ModularMLP(d_embed=5, d_mlp=10),
        training=Training(steps=steps, loss="cross_entropy_per_class"),
        log=Schedule(every=max(steps // 100, 1)),
        snapshots=Schedule(every=max(steps // 10, 1)),
        measure=(Measure(name="grokking.periodicity"),),
        population=25,
    )
    return Preset(experiment, {"seed": range({"smoke": 2, "quick": 9, "laptop": 50, "paper": 200}[scale])})


@preset("grokking.regained")
def regained(scale: str) -> Preset:
    """A small network with little decay: it generalises, memorises, and generalises again."""
    steps = {"smoke": 100, "quick": 10_000, "laptop": 80_000, "paper": 80_000}[scale]
    experiment = Experiment(
        name="grokking.regained",
        task=ModularArithmetic(p=67, pairs="unordered", train_fraction=0.7),
        model=ModularMLP(d_embed=8, d_mlp=16),
        training=Training(steps=steps, weight_decay=0.05, loss="cross_entropy_per_class"),
        log=Schedule(every=max(steps // 200, 1)),
        snapshots=Schedule(every=max(steps // 20, 1)),
        measure=(Measure(name="grokking.periodicity"),),
    )
    return Preset(experiment, {"seed": range(SEEDS[scale])})


@preset("grokking.codes")
def codes(scale: str) -> Preset:
    """Residues as short binary codes instead of one-hot vectors: is a delay left?"""
    steps = {"smoke": 20, "quick": 600, "laptop": 600, "paper": 20_000}[scale]
    p, width = (113, 200) if scale == "paper" else (67, 100)
    experiment = Experiment(
        name="grokking.codes",
        task=ModularArithmetic(p=p, train_fraction=0.4),
        model=MLP(hidden=width, layers=2, bias="none", code_bits=7),
        training=Training(steps=steps, lr=1e-2),
        log=Schedule(every=max(steps // 100, 1)),
    )
    return Preset(experiment, {"model.encoding": ("onehot", "codes"), "seed": range(SEEDS[scale])})


@preset("grokking.mirror")
def mirror(scale: str) -> Preset:
    """All ordered pairs and one in-projection for each input: does (b, a) in training give (a, b) away?"""
    steps = {"smoke": 50, "quick": 2000, "laptop": 2000, "paper": 50_000}[scale]
    experiment = Experiment(
        name="grokking.mirror",
        task=ModularArithmetic(p=67, pairs="ordered", train_fraction=0.4),
        model=ModularMLP(shared=False, d_embed=128, d_mlp=64),
        training=Training(steps=steps, weight_decay=1.0, stop=Stop(metric="train_accuracy", at_least=0.9995, logs=2)),
        log=Schedule(every=max(steps // 100, 1)),
        measure=(Measure(name="grokking.mirror"),),
    )
    return Preset(experiment, {"seed": range(SEEDS[scale])})


@preset("grokking.mirror_transformer")
def mirror_transformer(scale: str) -> Preset:
    """The mirror leak in a small transformer, which tells its inputs apart by position only."""
    steps = {"smoke": 20, "quick": 260, "laptop": 260, "paper": 50_000}[scale]
    experiment = Experiment(
        name="grokking.mirror_transformer",
        task=ModularArithmetic(p=31, pairs="ordered", train_fraction=0.4),
        model=Transformer(d_model=64, n_heads=4, d_head=16, d_mlp=128),
        training=Training(steps=steps, weight_decay=1.0, stop=Stop(metric="train_accuracy", at_least=0.9995, logs=2)),
        log=Schedule(every=10),
        measure=(Measure(name="grokking.mirror"),),
    )
    return Preset(experiment, {"seed": range(SEEDS[scale])})


@preset("grokking.complexity")
def complexity(scale: str) -> Preset:
    """Local complexity around train, test and random points while two hidden layers memorise and generalise."""
    steps = {"smoke": 20, "quick": 1000, "laptop": 5000, "paper": 50_000}[scale]
    experiment = Experiment(
        name="grokking.complexity",
        task=ModularArithmetic(p=47, train_fraction=0.6),
        model=MLP(hidden=64, layers=2, bias="all"),
        training=Training(steps=steps, lr=3e-3, weight_decay=1.0),
        log=Schedule(per_decade=10),
        measure=(Measure(name="grokking.local_complexity"),),
    )
    return Preset(experiment, {"seed": range(SEEDS[scale])})


@preset("grokking.complexity_one_layer")
def complexity_one_layer(scale: str) -> Preset:
    """Local complexity of one hidden layer with factored tables: the explorable's kind of network."""
    steps = {"smoke": 20, "quick": 1000, "laptop": 3000, "paper": 50_000}[scale]
    experiment = Experiment(
        name="grokking.complexity_one_layer",
        task=ModularArithmetic(p=67, train_fraction=0.4),
        model=ModularMLP(shared=False, d_embed=64, d_mlp=64),
        training=Training(steps=steps, lr=3e-3, weight_decay=1.0),
        log=Schedule(per_decade=10),
        measure=(Measure(name="grokking.local_complexity"),),
    )
    return Preset(experiment, {"seed": range(SEEDS[scale])})
