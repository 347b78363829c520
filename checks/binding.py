"""Claim 18 of the mesa study: how many states the first layer binds where a third of the system is seen."""

import torch

from checks.compare import Line
from checks.dynamics import Stack, sequences, train

BACK = 6  # states looked for, from the current one back


def unread(net: Stack, hidden: int, places: int, count: int, source: torch.Generator) -> list[float]:
    """Share of the variance of the state 0, 1, ... places back that a linear map of the first layer's stream leaves.

    At the last place, by `torch.linalg.lstsq` on half of the sequences, asked about the others. In float64: ten of the
    stream's 24 directions hold something, and the rounding of the others must not be read.
    """
    s = sequences(count, hidden, places, source, None if hidden == 2 else 2)[:, :-1]
    with torch.no_grad():
        here = net.double().streams(s)[1][:, -1]
    here = torch.cat([here, torch.ones_like(here[:, :1])], 1)
    half, found = count // 2, []
    for back in range(BACK):
        goal = s[:, places - 1 - back]
        matrix = torch.linalg.lstsq(here[:half], goal[:half], rcond=1e-9, driver="gelsd").solution
        left = (goal[half:] - here[half:] @ matrix).square().sum()
        found.append(float(left / (goal[half:] - goal[half:].mean(0)).square().sum()))
    return found


def horizon(left: list[float]) -> int:
    """States in a row, from the current one back, of which at most a tenth is left."""
    count = 0
    while count < len(left) and left[count] <= 0.1:
        count += 1
    return count


def binding(seeds: int, steps: int = 2400, count: int = 2048) -> list[Line]:
    """Claim 18, two of six numbers seen beside two of two: a softmax and a mesa layer of width 24, 40 places."""
    found: dict[int, list[int]] = {6: [], 2: []}
    for seed in range(seeds):
        for hidden, horizons in found.items():
            net = Stack(2, 24, 12, ("softmax", "mesa"), seed, clip=1.0)
            train(net, 32, hidden, 40, steps, 4e-3, seed, None if hidden == 2 else 2)
            left = unread(net, hidden, 40, count, torch.Generator().manual_seed(7))
            horizons.append(horizon(left))
            print(f"  seed {seed}, 2 of {hidden} seen: unread {' '.join(f'{x:.4f}' for x in left)}", flush=True)
    further = [a - b for a, b in zip(found[6], found[2], strict=True)]
    return [
        Line("mesa_optimization.18", "horizon, partly seen", found[6], 3, BACK, "horizon"),
        Line("mesa_optimization.18", "further than fully seen", further, 1, BACK, "further than fully seen"),
    ]
