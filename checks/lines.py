"""Claims 13, 15, 16 and 25 of the study of mixtures: lines, sinusoids and what lies between, by three blocks.

The networks are those our run has kept, held by a plain network. What the exact posterior mean makes of a prompt is
computed here from covariances: that of labels on a line is x x', that on a sinusoid of frequency omega, whose sine and
cosine have weights of variance 1, is cos(omega (x - x')); ours goes by features and updates of their weights.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import gelu

from checks.compare import Line
from checks.gpt import Gpt
from checks.kept import kept
from checks.mixtures import says
from checks.posterior import expected

PAIRS, NOISE = 17, 0.01  # the last label is asked for
LOW, HIGH, FREQUENCIES = 1.0, 5.0, 161  # radians per unit of x; how many stand for all of them
STEPS = 5500
AT_ONCE = 500  # prompts
MIXTURE, COMBINED = "line+sinusoid", "line+sinusoid+line~sinusoid:share=None"

Functions = Callable[[Tensor, torch.Generator], Tensor]


def line(x: Tensor, source: torch.Generator) -> Tensor:
    """A x with a normal slope."""
    return torch.randn(len(x), 1, generator=source, dtype=x.dtype) * x


def wave(x: Tensor, source: torch.Generator, factor: float = 1.0) -> Tensor:
    """A sinusoid of random phase and size, its frequency `factor` times one of those trained on."""
    sine, cosine = torch.randn(2, len(x), 1, generator=source, dtype=x.dtype)
    omega = factor * (LOW + (HIGH - LOW) * torch.rand(len(x), 1, generator=source, dtype=x.dtype))
    return sine * (omega * x).sin() + cosine * (omega * x).cos()


def between(x: Tensor, source: torch.Generator) -> Tensor:
    """Half a line and half a sinusoid: variance 1/2."""
    return (line(x, source) + wave(x, source)) / 2


def drawn(functions: Functions, count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """x, noisy y and clean y of so many prompts."""
    source = torch.Generator().manual_seed(seed)
    x = torch.randn(count, PAIRS, generator=source, dtype=torch.float64)
    clean = functions(x, source)
    return x, clean + math.sqrt(NOISE) * torch.randn(clean.shape, generator=source, dtype=x.dtype), clean


def optimum(x: Tensor, y: Tensor) -> Tensor:
    """The posterior mean of the last label: half of functions lines, half sinusoids."""
    apart = x[:, :, None] - x[:, None, :]
    each = torch.linspace(LOW, HIGH, FREQUENCIES).tolist()
    waves = ((0.5 / FREQUENCIES, (omega * apart).cos()) for omega in each)
    return expected([(0.5, x[:, :, None] * x[:, None, :]), *waves], y[:, :-1], NOISE)


def network() -> Gpt:
    """What reads the pairs."""
    return Gpt(2, 1, 2 * PAIRS, symbols=False, act=gelu)


def lines(seeds: int, count: int = 8000) -> list[Line]:
    """Claims 13, 15, 16 and 25 with the weights that our run has kept; the optimum by its covariances."""
    nets: dict[str, list[Gpt]] = {MIXTURE: [], COMBINED: []}
    for varied, tables in kept("model_selection.testbed", STEPS):
        if varied["seed"] in range(seeds):
            nets[str(varied["mixture"])].append(network().holding(tables))
    if not any(nets.values()):
        return []

    def errors(functions: Functions, variance: float) -> tuple[list[float], list[float], float]:
        x, y, clean = drawn(functions, count, 21)

        def error(answers: Callable[[Tensor, Tensor], Tensor]) -> float:
            said = torch.cat([answers(*some) for some in zip(x.split(AT_ONCE), y.split(AT_ONCE), strict=True)])
            return float((said - clean[:, -1]).square().mean()) / variance

        def last(net: Gpt) -> Callable[[Tensor, Tensor], Tensor]:
            return lambda x, y: says(net, x[..., None], y)[:, -1].double()

        with torch.no_grad():
            own, other = ([error(last(net)) for net in group] for group in nets.values())
            return own, other, error(optimum)

    own, seen, best = errors(between, 0.5)
    fast, _, best_fast = errors(lambda x, source: wave(x, source, 2.0), 1.0)
    slow, _, best_slow = errors(lambda x, source: wave(x, source, 0.1), 1.0)
    inside = [max(pair) for pair in zip(errors(line, 1.0)[0], errors(wave, 1.0)[0], strict=True)]
    print(f"  optimum: {best:.3f} half-way, {best_fast:.3f} at 2 times, {best_slow:.3f} at 0.1 times", flush=True)
    return [
        Line("model_selection.13", "error half-way between the classes", own, 0.15, estimate="error"),
        Line(
            "model_selection.13",
            "the same over the larger error on the classes",
            [one / other for one, other in zip(own, inside, strict=True)],
            3.0,
            estimate="over the classes",
        ),
        Line("model_selection.15", "error half-way over the optimum's", [one / best for one in own], 1.0, estimate=""),
        Line("model_selection.16", "error at 2 times the frequencies", fast, 0.5, estimate="2 times"),
        Line("model_selection.16", "error at 0.1 times", slow, 0.2, estimate="0.1 times"),
        Line("model_selection.25", "error half-way, combinations seen", seen, -math.inf, 0.05, estimate=""),
    ]
