"""Experiments: square-activation networks, data, decay and norms, efficiency.

Two networks carry them. `square_network` is that of Gromov 2023 and Doshi et al. 2023: no embeddings, one table an
input, squared sums, mean squared error. `page_network` is the explorable's (factored, tied, ReLU), made a little wider
so that it can also hold random labels, on a smaller modulus.
"""

from collections.abc import Mapping
from typing import Any

from latebloom.models import ModularMLP
from latebloom.tasks import ModularArithmetic
from latebloom.training.experiment import Experiment, Measure, Start, Stop, Training
from latebloom.training.presets import Preset, preset
from latebloom.training.schedule import Schedule

SEEDS = {"smoke": 2, "quick": 5, "laptop": 9, "paper": 20}
GENERALISED = Stop(metric="test_accuracy", at_least=0.99, logs=3)
# A square network is homogeneous of degree 3: a norm larger by 2^(1/3) doubles its logits, half the scale undoes it.
NORMS = (37.8, 47.62, 60.0)
# Training pairs, of 946.
FROM_SCRATCH = (160, 200, 240, 280, 330, 400, 560, 800)
RANDOM_LABELS = (60, 100, 160, 240, 330)
COMING_DOWN = (80, 120, 160, 200, 240, 280, 340, 420)
SEMI_SIZES = (215, 230, 250)
CIRCUIT_STEPS = {"smoke": 20, "quick": 2000, "laptop": 4000, "paper": 40_000}


def square_network(width: int) -> ModularMLP:
    """Logits = (W_a[a] + W_b[b])^2 @ W_out, initial weights normal with std 0.5 / (2 width)^(1/3)."""
    return ModularMLP(
        in_product="collapsed",
        out_product="collapsed",
        shared=False,
        activation="square",
        init="cube_root",
        d_mlp=width,
    )


def page_network() -> ModularMLP:
    """The explorable's network with 48 neurons and inner size 128."""
    return ModularMLP(d_mlp=48, d_embed=128)


def _page_experiment(name: str, steps: int, seeds: int, **changes: Any) -> Experiment:
    """The explorable's network and decay on pairs a <= b modulo 43, ten times faster than the page: lr 1e-2.

    With the page's beta2 = 0.98 this learning rate never comes to rest at the end (norm and loss swing by tens of
    percent), so what is measured at the end uses 0.999.
    """
    settings: dict[str, Any] = {
        "task": ModularArithmetic(p=43, pairs="unordered", train_fraction=0.4),
        "model": page_network(),
        "training": Training(steps=steps, lr=1e-2, weight_decay=1.0, beta2=0.999),
        "log": Schedule(every=max(steps // 60, 1), per_decade=12),
        "population": seeds,
    }
    return Experiment(name=name, **(settings | changes))


def _seeds(scale: str, counts: Mapping[str, int] = SEEDS) -> range:
    return range(counts[scale])


def _sizes(scale: str, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Sizes of the training set; at smoke the smallest and the largest only."""
    return (sizes[0], sizes[-1]) if scale == "smoke" else sizes


@preset("grokking.square_mlp")
def square_mlp(scale: str) -> Preset:
    """Square activation, squared error, AdamW: generalises within 50 steps."""
    p, width = (23, 32) if scale == "smoke" else (97, 500)
    experiment = Experiment(
        name="grokking.square_mlp",
        task=ModularArithmetic(p=p, train_fraction=0.5),
        model=square_network(width),
        training=Training(
            steps=8 if scale == "smoke" else 120,
            loss="mse",
            lr=0.01,
            weight_decay=5.0,
            beta2=0.98,
            stop=Stop(metric="test_accuracy", at_least=1.0, logs=3),
        ),
        log=Schedule(every=2),
        population=3,
    )
    return Preset(experiment, {"seed": _seeds(scale, {"smoke": 2, "quick": 5, "laptop": 9, "paper": 50})})


@preset("grokking.label_noise")
def label_noise(scale: str) -> Preset:
    """A third of the training labels wrong, with and without weight decay."""
    # At p = 67 or 53 and the same share of wrong labels the effect is not there: too few rows for the noise.
    p, width = (23, 32) if scale == "smoke" else (97, 500)
    steps = {"smoke": 8, "quick": 300}.get(scale, 1000)
    experiment = Experiment(
        name="grokking.label_noise",
        task=ModularArithmetic(p=p, train_fraction=0.5, label_noise=0.35),
        model=square_network(width),
        training=Training(steps=steps, loss="mse", lr=0.01, weight_decay=5.0, beta2=0.98),
        log=Schedule(per_decade=16),
        population=3,
    )
    axes = {"training.weight_decay": (0.0, 5.0), "seed": _seeds(scale, {**SEEDS, "quick": 3, "laptop": 5})}
    return Preset(experiment, axes)


@preset("grokking.square_gd")
def square_gd(scale: str) -> Preset:
    """Square activation with plain full-batch gradient descent and no regularisation."""
    p, width, share = {
        "smoke": (11, 16, 0.7),
        "quick": (23, 128, 0.7),
        "laptop": (31, 128, 0.6),
        "paper": (97, 500, 0.5),
    }[scale]
    experiment = Experiment(
        name="grokking.square_gd",
        task=ModularArithmetic(p=p, train_fraction=share),
        model=square_network(width),
        training=Training(
            steps={"smoke": 20, "quick": 2000, "laptop": 3000, "paper": 100_000}[scale],
            optimiser="sgd",
            loss="mse",
            lr=20.0,
            stop=GENERALISED,
        ),
        log=Schedule(per_decade=24),
        measure=(Measure(name="grokking.square_phases"),),
    )
    return Preset(experiment, {"seed": _seeds(scale)})


@preset("grokking.critical_fraction")
def critical_fraction(scale: str) -> Preset:
    """How small a share of the table still suffices, for several moduli."""
    moduli = {"smoke": (11, 13), "quick": (23, 47), "laptop": (23, 47, 97), "paper": (23, 47, 97, 149)}[scale]
    first, count = {"smoke": (0.3, 2), "quick": (0.3, 7)}.get(scale, (0.15, 12))
    fractions = tuple(round(first + 0.05 * i, 2) for i in range(count))
    seeds = _seeds(scale, {**SEEDS, "laptop": 5})
    experiment = Experiment(
        name="grokking.critical_fraction",
        task=ModularArithmetic(p=moduli[0]),
        model=square_network(16 if scale == "smoke" else 128),
        training=Training(
            steps=20 if scale == "smoke" else 500,
            loss="mse",
            lr=0.01,
            weight_decay=1.0,
            beta2=0.98,
            stop=GENERALISED,
        ),
        log=Schedule(every=10),
        population=len(seeds),
    )
    return Preset(experiment, {"task.p": moduli, "task.train_fraction": fractions, "seed": seeds})


@preset("grokking.data_size")
def data_size(scale: str) -> Preset:
    """The explorable's network mod 67 with more and less data."""
    seeds = _seeds(scale, {**SEEDS, "laptop": 7})
    steps = {"smoke": 20, "quick": 4000, "laptop": 25_000, "paper": 200_000}[scale]
    experiment = _page_experiment(
        "grokking.data_size",
        steps,
        len(seeds),
        task=ModularArithmetic(p=67, pairs="unordered"),
        model=ModularMLP(),
        training=Training(
            steps=steps, lr=1e-3 if scale == "paper" else 1e-2, weight_decay=1.0, beta2=0.98, stop=GENERALISED
        ),
        log=Schedule(per_decade=40),
    )
    shares = {"smoke": (0.4, 0.5), "quick": (0.4, 0.45, 0.5)}.get(scale, (0.3, 0.35, 0.4, 0.45, 0.5))
    return Preset(experiment, {"task.train_fraction": shares, "seed": seeds})


@preset("grokking.weight_decay")
def weight_decay(scale: str) -> Preset:
    """Time to fit and time to generalise against the strength of weight decay."""
    seeds = _seeds(scale, {**SEEDS, "laptop": 7})
    steps = {"smoke": 20, "quick": 6000, "laptop": 60_000, "paper": 60_000}[scale]
    experiment = _page_experiment(
        "grokking.weight_decay",
        steps,
        len(seeds),
        training=Training(steps=steps, lr=1e-2, beta2=0.98, stop=Stop(metric="test_accuracy", at_least=0.95, logs=3)),
        log=Schedule(per_decade=40),
    )
    strengths = {"smoke": (0.3, 3.0), "quick": (0.3, 1.0, 2.0, 4.0)}.get(scale, (0.03, 0.1, 0.3, 1.0, 2.0, 4.0))
    return Preset(experiment, {"training.weight_decay": strengths, "seed": seeds})


@preset("grokking.norm_clamp")
def norm_clamp(scale: str) -> Preset:
    """Weights held at a fixed norm, logits at several temperatures."""
    seeds = _seeds(scale, {**SEEDS, "laptop": 5})
    steps = {"smoke": 20, "quick": 2000, "laptop": 10_000, "paper": 100_000}[scale]
    experiment = Experiment(
        name="grokking.norm_clamp",
        task=ModularArithmetic(p=31, train_fraction=0.5),
        model=square_network(96),
        training=Training(
            steps=steps,
            lr=4e-3,
            beta2=0.98,
            clamp_norm=NORMS[0],
            stop=Stop(metric="test_accuracy", at_least=0.95, logs=3),
        ),
        log=Schedule(per_decade=40),
        measure=(Measure(name="grokking.logit_scale"),),
        population=len(seeds),
    )
    return Preset(experiment, {"training.clamp_norm": NORMS, "training.logit_scale": (0.25, 1.0), "seed": seeds})


@preset("grokking.hysteresis")
def hysteresis(scale: str) -> Preset:
    """From scratch with more and more training pairs: when does it generalise?"""
    seeds = _seeds(scale, {**SEEDS, "laptop": 5})
    steps = CIRCUIT_STEPS[scale]
    experiment = _page_experiment(
        "grokking.hysteresis", steps, len(seeds), measure=(Measure(name="grokking.efficiency", when=Schedule()),)
    )
    return Preset(experiment, {"task.n_train": _sizes(scale, FROM_SCRATCH), "seed": seeds})


@preset("grokking.efficiency")
def efficiency(scale: str) -> Preset:
    """Pure memorisers: random labels on more and more training pairs."""
    seeds = _seeds(scale, {**SEEDS, "laptop": 5})
    steps = CIRCUIT_STEPS[scale]
    experiment = _page_experiment(
        "grokking.efficiency",
        steps,
        len(seeds),
        task=ModularArithmetic(p=43, pairs="unordered", random_labels=True),
        measure=(Measure(name="grokking.efficiency", when=Schedule()),),
    )
    return Preset(experiment, {"task.n_train": _sizes(scale, RANDOM_LABELS), "seed": seeds})


@preset("grokking.ungrokking")
def ungrokking(scale: str) -> Preset:
    """A network that has generalised goes on with a part of its training pairs."""
    seeds = _seeds(scale, {**SEEDS, "laptop": 5})
    steps = CIRCUIT_STEPS[scale]
    start = Start(experiment="grokking.hysteresis", overrides=(f"task.n_train={FROM_SCRATCH[-1]}",))
    experiment = _page_experiment("grokking.ungrokking", steps, len(seeds), start=start)
    axes = {"training.weight_decay": (0.3, 1.0, 3.0), "task.n_train": _sizes(scale, COMING_DOWN), "seed": seeds}
    return Preset(experiment, axes)


@preset("grokking.semi")
def semi(scale: str) -> Preset:
    """Near the critical number of pairs, ten times as long as it takes to settle."""
    seeds = _seeds(scale, {**SEEDS, "laptop": 7})
    steps = {"smoke": 40, "quick": 8000, "laptop": 80_000, "paper": 800_000}[scale]
    experiment = _page_experiment(
        "grokking.semi",
        steps,
        len(seeds),
        training=Training(
            steps=steps,
            lr=2e-2,
            weight_decay=3.0,
            beta2=0.999,
            stop=Stop(metric="test_accuracy", at_least=0.995, logs=10),
        ),
        log=Schedule(every=max(steps // 200, 1)),
    )
    return Preset(experiment, {"task.n_train": _sizes(scale, SEMI_SIZES), "seed": seeds})
