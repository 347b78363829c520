"""Claims 10 and 27 of the study of mixtures: a class that is one in a hundred, and two levels of noise.

A hump is looked for in the error itself, after none to five pairs: the largest rise from one number to a later one.
What is best under one level of noise is the mean of one Gaussian, by covariances.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from checks.compare import Line
from checks.gpt import Gpt
from checks.kept import kept
from checks.mixtures import LENGTH, D, curve, drawn, network, posterior_mean, says

SHARE = 0.01
LEVELS = {"little noise": 0.01, "much noise": 0.25}
NOISE_LENGTH = 1800


def rise(errors: Tensor) -> float:
    """The most by which a later value lies above an earlier one, up to five pairs; 0 if none does."""
    return max(float(errors[j] - errors[i]) for j in range(D + 1) for i in range(j + 1))


def _nets(experiment: str, step: int, seeds: int, wanted: Callable[[str], bool]) -> list[Gpt]:
    members = kept(experiment, step)
    return [network().holding(t) for v, t in members if v["seed"] in range(seeds) and wanted(str(v["mixture"]))]


@torch.no_grad()
def rare(seeds: int, count: int = 4000) -> list[Line]:
    """Claim 10 with the weights that our run has kept, and what the posterior mean of that mixture does."""
    x, y, clean = drawn(20 * count, D, torch.Generator().manual_seed(20))
    best = (posterior_mean(x[:, :3], y[:, :3], SHARE) - clean[:, :3]).square()
    climb = best[:, 2] - best[:, 1]
    told = f"{float(climb.mean()):.3f} ± {float(climb.std() / len(climb) ** 0.5):.3f}"
    print(f"  optimum: from one pair to two {told}, to {float(best[:, 2].mean()):.3f}", flush=True)
    x, y, clean = drawn(count, D, torch.Generator().manual_seed(21))
    nets = _nets("model_selection.weights", LENGTH, seeds, lambda text: text.startswith(f"{SHARE:g}*dense"))
    if not nets:
        return []
    found = [curve(says(net, x, y).double(), clean) for net in nets]
    left = [float(one[-1] / one[0]) for one in found]
    return [
        Line(
            "model_selection.10", "rise with the number of pairs", [rise(one) for one in found], 0.05, math.inf, "rise"
        ),
        Line("model_selection.10", "error after ten pairs over the first", left, 0, 0.5, "left after all"),
    ]


@torch.no_grad()
def noises(seeds: int, count: int = 4000) -> list[Line]:
    """Claim 27 with the weights that our run has kept: errors over labels with their noise, over the best's."""
    nets = _nets("model_selection.noise", NOISE_LENGTH, seeds, lambda text: text.count("dense") == len(LEVELS))
    lines = []
    for name, noise in LEVELS.items() if nets else ():
        x, y, clean = drawn(count, D, torch.Generator().manual_seed(22), noise=noise)
        best = curve(posterior_mean(x, y, 1.0, noise), clean).mean() + noise
        ratios = [float((curve(says(net, x, y).double(), clean).mean() + noise) / best) for net in nets]
        lines.append(Line("model_selection.27", f"error over the best's, {name}", ratios, 0, 1.1, name))
    return lines
