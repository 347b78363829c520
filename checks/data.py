"""Claims 34 and 35: what a point of data costs, and what weight decay does to both times."""

import math

from torch.nn.functional import cross_entropy

from checks.compare import Line
from checks.networks import explorable
from checks.plain import adamw, descend, gradient_of_line, log_spaced, pairs, right, settled, shuffled, since

SHARES = (0.40, 0.45, 0.50)
DECAYS = (0.1, 0.3, 1.0, 2.0, 4.0)  # the strengths over which the ledger's line is drawn
SOURCE_DECAYS = (0.03, 0.1, 0.3, 1.0)  # those of the source's figure
GENERALISE = (0.3, 1.0, 2.0, 4.0)  # the weakest takes 12,000 steps and is left out


def times(
    p: int, d: int, h: int, share: float, decay: float, level: float, logs: list[int], seed: int, fit_only: bool = False
) -> tuple[float, float]:
    """Steps to 95 % train accuracy, and to `level` test accuracy, for three logs each."""
    table = pairs(p, unordered=True)
    order = shuffled(len(table), seed)
    cut = int(share * len(table))
    train, test = table[order[:cut]], table[order[cut:]]
    answer = {name: rows.sum(1) % p for name, rows in (("train", train), ("test", test))}
    weights, logits = explorable(p, d, h, seed)
    steps: list[int] = []
    curve: dict[str, list[float]] = {"train": [], "test": []}

    def look(step: int) -> bool:
        steps.append(step)
        for name, rows in (("train", train), ("test", test)):
            curve[name].append(right(logits(rows), answer[name]))
        return settled(curve["train"], 0.95) if fit_only else settled(curve["test"], level)

    descend(weights, lambda: cross_entropy(logits(train), answer["train"]), adamw(weights, 1e-2, decay), logs, look)
    return since(steps, curve["train"], 0.95), since(steps, curve["test"], level)


def data(seeds: int, limit: int = 25_000) -> list[Line]:
    """Claim 34: the explorable's network mod 67 at lr 0.01; percent more steps for a point less data."""
    found, low = [], []
    for seed in range(seeds):
        reached = [times(67, 500, 24, share, 1.0, 0.99, log_spaced(limit, 40), seed)[1] for share in SHARES]
        print(f"  seed {seed}: steps to 99 % at {SHARES}: {reached}", flush=True)
        if all(map(math.isfinite, reached)):
            percent = [100 * share for share in SHARES]
            logs = [math.log(time) for time in reached]
            found.append(100 * math.expm1(-gradient_of_line(percent, logs)))
            low.append(gradient_of_line([math.log(share) for share in SHARES], logs))
    return [
        Line("grokking.34", "cost of a point, %", found, 30, 60, "all"),
        Line("grokking.34", "exponent of steps on share", low, estimate="exponent"),
    ]


def decay(seeds: int, limit: int = 15_000) -> list[Line]:
    """Claim 35: mod 43, inner size 128, 48 neurons, lr 0.01; exponents of both times on weight decay."""
    every = list(range(min(limit, 400)))
    exponents: dict[str, list[float]] = {"train": [], "source": [], "test": []}
    for seed in range(seeds):
        fit = {wd: times(43, 128, 48, 0.4, wd, 0.95, every, seed, True)[0] for wd in {*DECAYS, *SOURCE_DECAYS}}
        done = {wd: times(43, 128, 48, 0.4, wd, 0.95, log_spaced(limit, 40), seed)[1] for wd in GENERALISE}
        print(f"  seed {seed}: fit {dict(sorted(fit.items()))}, generalise {done}", flush=True)
        for name, chosen, when in (("train", DECAYS, fit), ("source", SOURCE_DECAYS, fit), ("test", GENERALISE, done)):
            if all(math.isfinite(when[wd]) for wd in chosen):
                x, y = ([math.log(value) for value in values] for values in (chosen, [when[wd] for wd in chosen]))
                exponents[name].append(gradient_of_line(x, y))
    return [
        Line("grokking.35", "test exponent", exponents["test"], -1.25, -0.75, "test exponent"),
        Line("grokking.35", "train exponent, decay 0.1 to 4", exponents["train"], -0.15, 0.15, "train exponent"),
        Line("grokking.35", "train exponent, decay 0.03 to 1 (the source's)", exponents["source"], -0.15, 0.15),
    ]
