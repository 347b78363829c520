"""Claims 51 and 52: short codes instead of one-hot vectors, and pairs whose mirror is known."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from checks.compare import Line, share
from checks.networks import explorable, one_hot, perceptron
from checks.plain import adamw, descend, pairs, right, settled, shuffled, since


def numbers_of(p: int, kind: str, seed: int) -> Callable[[Tensor], Tensor]:
    """How rows enter: one-hot, by seven random bits a residue (no two alike), or by its digits in base two."""
    if kind == "one-hot":
        return lambda rows: one_hot(rows, p)
    drawn = np.random.default_rng(500 + seed).permutation(128)[:p] if kind == "codes" else np.arange(p)
    bits = torch.tensor([[int(digit) for digit in f"{number:07b}"] for number in drawn]).float()
    return lambda rows: bits[rows].flatten(1)


def arm(p: int, width: int, kind: str, decay: float, steps: int, seed: int) -> tuple[float, float, float, float]:
    """Step of 99 % train, step of 95 % test, test accuracy at the first and at the end."""
    table = pairs(p, unordered=False)
    order = shuffled(len(table), seed)
    cut = int(0.4 * len(table))
    encode = numbers_of(p, kind, seed)
    train, test = (encode(table[part]) for part in (order[:cut], order[cut:]))
    answers = [table[part].sum(1) % p for part in (order[:cut], order[cut:])]
    weights, layers = perceptron((train.shape[1], width, width, p), seed, bias=False)
    logs = [*range(0, steps, max(steps // 100, 1)), steps]
    fits: list[float] = []
    tests: list[float] = []

    def look(step: int) -> None:
        fits.append(right(layers(train)[-1], answers[0]))
        tests.append(right(layers(test)[-1], answers[1]))

    descend(weights, lambda: cross_entropy(layers(train)[-1], answers[0]), adamw(weights, 1e-2, decay), logs, look)
    fitted = since(logs, fits, 0.99, 1)
    at = tests[logs.index(int(fitted))] if math.isfinite(fitted) else math.nan
    return fitted, since(logs, tests, 0.95), at, tests[-1]


def codes(seeds: int, steps: tuple[int, int, int] = (400, 1300, 300)) -> list[Line]:
    """Mod 67, two hidden layers of 100, f 0.4, lr 0.01; one seed at the source's size, mod 113 and 200 neurons."""
    prompt: dict[tuple[str, float], list[bool]] = {}
    for kind in ("one-hot", "codes"):
        for decay, count in ((0.0, steps[0]), (1.0, steps[1])):
            own = [arm(67, 100, kind, decay, count, seed) for seed in range(seeds)]
            prompt[kind, decay] = [math.isfinite(gen) and gen < 2 * fit for fit, gen, *_ in own]
            _tell(f"{kind}, decay {decay:g}", own)
    for kind in ("codes", "digits"):
        _tell(f"mod 113, 200 neurons, {kind}, decay 0", [arm(113, 200, kind, 0.0, steps[2], 0)])
    best = max((0.0, 1.0), key=lambda decay: sum(prompt["codes", decay]))
    late = [not flag for flag in prompt["one-hot", best]]
    return [
        share("grokking.51", "codes without delay", prompt["codes", best], 0.5, 1, "codes without delay"),
        share("grokking.51", "one-hot with delay", late, 0.5, 1, "one-hot with delay"),
    ]


def _tell(name: str, own: list[tuple[float, float, float, float]]) -> None:
    for fitted, done, at, last in own:
        print(
            f"  {name}: fits at {fitted}, generalises at {done}, test {at:.3f} when fitted, {last:.3f} at the end",
            flush=True,
        )


def at_fit(unordered: bool, shared: bool, seed: int, limit: int) -> tuple[float, float, float]:
    """At 99.9 % train accuracy: test accuracy, the share of test pairs with a trained mirror, accuracy on these."""
    p = 67
    table = pairs(p, unordered)
    order = shuffled(len(table), seed)
    cut = int(0.4 * len(table))
    train, test = table[order[:cut]], table[order[cut:]]
    known = {(int(a), int(b)) for a, b in train}
    mirrored = torch.tensor([(int(b), int(a)) in known for a, b in test])
    labels, answers = train.sum(1) % p, test.sum(1) % p
    weights, logits = explorable(p, 128, 64, seed, shared)
    fits: list[float] = []

    def look(step: int) -> bool:
        fits.append(right(logits(train), labels))
        return settled(fits, 0.999, 1)

    logs = list(range(0, limit + 1, 20))
    descend(weights, lambda: cross_entropy(logits(train), labels), adamw(weights, 1e-3, 1.0), logs, look)
    with torch.no_grad():
        good = (logits(test).argmax(1) == answers).double()
    return float(good.mean()), float(mirrored.double().mean()), float(good[mirrored].mean())


def mirror(seeds: int, limit: int = 2000) -> list[Line]:
    """Mod 67, inner size 128, 64 neurons, an in-projection for each input, f 0.4, lr 0.001, decay 1."""
    apart, halves, alike = (
        [at_fit(*arm, seed, limit) for seed in range(seeds)] for arm in ((False, False), (True, False), (False, True))
    )
    return [
        Line("grokking.52", "accuracy - mirrored share", [a - s for a, s, _ in apart], -0.03, 0.03, "ordered pairs"),
        Line("grokking.52", "accuracy, a <= b", [a for a, *_ in halves], 0, 0.05, "a <= b"),
        Line("grokking.52", "accuracy on mirrored pairs", [m for *_, m in apart]),
        Line("grokking.52", "the same, one in-projection for both", [m for *_, m in alike]),
    ]
