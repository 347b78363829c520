"""Claim 19 of the study of future tokens: whether room for zeros helps a network multiply."""

import math
from statistics import median

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from checks.compare import Line
from checks.gpt import Gpt
from checks.kept import kept
from checks.plain import adamw, descend, falling

DIGITS, STEPS, BATCH = 2, 2500, 128
WIDTHS = (DIGITS, 2 * DIGITS)  # places of a factor: no room, and as much again
QUANTITY = "exact match with room minus without"


def written(a: Tensor, b: Tensor, width: int) -> Tensor:
    """Rows `a*b=ab` with the digits of one first; factors fill `width` places, the product 2 * DIGITS."""

    def digits(numbers: Tensor, places: int) -> Tensor:
        text = [f"{number:0{places}d}"[::-1] for number in numbers.tolist()]
        return torch.tensor([[int(digit) for digit in number] for number in text])

    times, equals = (torch.full((len(a), 1), sign) for sign in (10, 11))
    return torch.cat([digits(a, width), times, digits(b, width), equals, digits(a * b, 2 * DIGITS)], 1)


def network(width: int) -> Gpt:
    """What multiplies: two blocks."""
    return Gpt(12, 12, 2 * width + 2 + 2 * DIGITS - 1, symbols=True, blocks=2)


def answers(net: Gpt, rows: Tensor, past: str) -> Tensor:
    """Logits of the product's digits, the earlier ones being given."""
    return net(rows[:, :-1], past)[:, -2 * DIGITS :]


def exact(net: Gpt, width: int, past: str = "whole") -> float:
    """The share of all products of two factors of up to DIGITS digits whose digits are all the likeliest ones."""
    a, b = torch.cartesian_prod(torch.arange(10**DIGITS), torch.arange(10**DIGITS)).T
    rows = written(a, b, width)
    with torch.no_grad():
        right = torch.cat([answers(net, part, past).argmax(-1) == part[:, -2 * DIGITS :] for part in rows.split(2000)])
    return float(right.all(1).double().mean())


def drawn(count: int, source: torch.Generator) -> Tensor:
    """Factors of one digit or of up to DIGITS, equally often."""
    most = 10 ** torch.randint(1, DIGITS + 1, (count,), generator=source)
    return (torch.rand(count, generator=source, dtype=torch.float64) * most).long()


def products(seeds: int) -> list[Line]:
    """Claim 19 with the weights that our run has kept, on all ten thousand products, by plain networks."""
    found: dict[tuple[str, int], list[float]] = {}
    for varied, tables in kept("future_tokens.multiplication", STEPS):
        past, width, seed = str(varied["past"]), int(str(varied["width"])), int(str(varied["seed"]))
        if seed < seeds and width in WIDTHS:
            found.setdefault((past, width), []).append(exact(network(width).holding(tables), width, past))
    for (past, width), shares in found.items():
        print(f"  {past}, {width} places a factor: {median(shares):.3f} ({' '.join(f'{s:.3f}' for s in shares)})")
    without, with_room = (found.get(("whole", width), []) for width in WIDTHS)
    gained = [wide - narrow for narrow, wide in zip(without, with_room, strict=True)]
    return [Line("future_tokens.19", f"{QUANTITY}, kept weights", gained, 0.05, math.inf, "")]


def products_trained(seeds: int, steps: int = STEPS) -> list[Line]:
    """Claim 19 trained from random weights by plain code: two digits, 2 blocks of width 64."""
    gained = []
    for seed in range(seeds):
        shares = [exact(_trained(width, seed, steps), width) for width in WIDTHS]
        print(f"  seed {seed}: {shares[0]:.3f} without room, {shares[1]:.3f} with", flush=True)
        gained.append(shares[1] - shares[0])
    return [Line("future_tokens.19", f"{QUANTITY}, trained", gained, 0.05, math.inf, "")]


def _trained(width: int, seed: int, steps: int) -> Gpt:
    net, source = network(width).drawn("gpt2", seed), torch.Generator().manual_seed(700 + seed)
    weights = list(net.parameters())
    optimiser = adamw(weights, 4e-3, 0.01, beta2=0.999)
    rate = falling(optimiser, STEPS, STEPS // 50)

    def loss() -> Tensor:
        rows = written(drawn(BATCH, source), drawn(BATCH, source), width)
        return cross_entropy(answers(net, rows, "whole").flatten(0, 1), rows[:, -2 * DIGITS :].flatten())

    descend(weights, loss, optimiser, [steps], lambda _: None, rate.step)
    return net
