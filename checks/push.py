"""Claim 31 of future tokens: does what the first block made ahead move the sum, by plain networks on kept weights.

Three ways to move the state at an earlier place: along the weights w of a probe that reads its sine (w / |w|^2, as the
claim asks), along the pattern of the sine in the states, cov(h, sine) / var(sine), and by putting the state of another
sequence in its place. Weights of a probe are a filter: where much varies together they also cancel what has nothing to
do with the sine, so that the shortest way to move the reading need not be a state the network is ever in (Haufe et al.
2014, doi 10.1016/j.neuroimage.2013.10.067).
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import relu

from checks.compare import Line
from checks.gpt import Gpt
from checks.kept import kept

PLACES, WINDOW, B, P = 32, 6, 5.0, 0.3
STEPS = 6000


def network(places: int = PLACES) -> Gpt:
    """What reads a number and a coin."""
    return Gpt(2, 1, places, symbols=False, act=relu, blocks=2, heads=2)


def drawn(count: int, seed: int, places: int = PLACES) -> Tensor:
    """Numbers and coins [sequence, place, 2]; the last coin asks for the sum."""
    source = torch.Generator().manual_seed(seed)
    x = torch.randn(count, places, generator=source)
    z = (torch.rand(count, places, generator=source) < P).float()
    z[:, -1] = 1
    return torch.stack([x, z], -1)


def after_first(net: Gpt, tokens: Tensor) -> Tensor:
    """States after the first block."""
    return net.streams(tokens)[1]


def last_output(net: Gpt, states: Tensor) -> Tensor:
    """What the rest of the network makes of them at the last place."""
    for block in net.blocks[1:]:
        states = block(states, "whole")
    return net.out(net.ln(states))[:, -1, 0]


def directions(states: Tensor, sine: Tensor) -> tuple[Tensor, Tensor, float]:
    """A probe's w / |w|^2 and the pattern of the sine [width], and the share of its variance that the probe reads."""
    h, s = states.flatten(0, -2).double(), sine.flatten().double()
    h, s = h - h.mean(0), s - s.mean()
    weight = torch.linalg.lstsq(h, s[:, None]).solution[:, 0]
    left = float((s - h @ weight).square().mean() / s.square().mean())
    pattern = (h * s[:, None]).mean(0) / s.square().mean()
    return (weight / weight.square().sum()).float(), pattern.float(), 1 - left


def slopes(net: Gpt, states: Tensor, direction: Tensor, lags: range) -> list[float]:
    """By how much the last output moves for a push of one at each distance back: central difference, half a step."""
    found = []
    for lag in lags:
        added = torch.zeros_like(states[0])
        added[-1 - lag] = direction / 2
        found.append(float((last_output(net, states + added) - last_output(net, states - added)).mean()))
    return found


def swapped(net: Gpt, states: Tensor, sine: Tensor, lags: range) -> list[float]:
    """By how much it moves for each unit of sine when a state at each distance back is another sequence's."""
    half = len(states) // 2
    own, other = states[:half], states[half : 2 * half]
    before, found = last_output(net, own), []
    for lag in lags:
        mixed = own.clone()
        mixed[:, -1 - lag] = other[:, -1 - lag]
        change = sine[half : 2 * half, -1 - lag] - sine[:half, -1 - lag]
        moved = last_output(net, mixed) - before
        found.append(float((moved * change).sum() / change.square().sum()))
    return found


def push(seeds: int, count: int = 1024) -> list[Line]:
    """Claim 31 with the weights that our run has kept, and two other ways to push."""
    tokens = drawn(count, 41)
    sine, lags = (B * tokens[..., 0]).sin(), range(1, WINDOW + 1)
    ways: dict[str, list[float]] = {"probe": [], "pattern": [], "swap": []}
    for varied, tables in kept("future_tokens.sine", STEPS):
        if varied["past"] != "whole" or varied["seed"] not in range(seeds):
            continue
        net = network().holding(tables)
        with torch.no_grad():
            states = after_first(net, tokens)
            filter_, pattern, read = directions(states[:, 2 * WINDOW :], sine[:, 2 * WINDOW :])
            found = {
                "probe": slopes(net, states, filter_, lags),
                "pattern": slopes(net, states, pattern, lags),
                "swap": swapped(net, states, sine, lags),
            }
        for name, own in found.items():
            ways[name].append(sum(own) / len(own))
        told = "; ".join(f"{name} {' '.join(f'{value:.3f}' for value in own)}" for name, own in found.items())
        print(f"  seed {varied['seed']}: R² {read:.2f}, 1 to {WINDOW} back: {told}", flush=True)
    if not ways["probe"]:
        return []
    return [
        Line("future_tokens.31", "slope along the probe", ways["probe"], 0.7, 1.3, "slope within the window"),
        Line("future_tokens.31", "slope along the pattern", ways["pattern"], -math.inf, math.inf),
        Line("future_tokens.31", "slope of swapped states", ways["swap"], -math.inf, math.inf),
    ]
