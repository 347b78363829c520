"""Claim 26 of the study of mixtures: networks trained on few functions or on many, beside what is best for either.

Functions are those that the runs were trained on, drawn anew from the words that name them. Who knows the pool weighs
every function of it by a normal density of the labels seen; who knows that functions are dense goes by covariances.
"""

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import gelu

from checks.compare import Line
from checks.gpt import Gpt
from checks.kept import kept
from checks.mixtures import D, drawn, says
from checks.posterior import expected

CLAIM = "model_selection.26"
STEPS, PAIRS, NOISE, WIDTH = 2500, 10, 1 / 32, 32


def pool(count: int, d: int = D) -> Tensor:
    """So many functions [function, d] of variance 1: the first of the pool that the runs know as number 0."""
    words = repr((0, "pool of functions", d))
    key = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=16).digest(), "little")
    numbers = np.random.Generator(np.random.Philox(key=key)).standard_normal((count, d))
    return torch.from_numpy(numbers) / math.sqrt(d)


def one_of(functions: Tensor, x: Tensor, y: Tensor, noise: float = NOISE) -> Tensor:
    """What is expected of every label from those before it, where each of some functions [function, d] is as likely."""
    values = x @ functions.T  # [prompt, place, function]
    logs = torch.distributions.Normal(values, math.sqrt(noise)).log_prob(y[..., None])
    shares = [torch.softmax(logs[:, :k].sum(1), -1) for k in range(y.shape[1])]
    return (torch.stack(shares, 1) * values).sum(-1)


def regressed(x: Tensor, y: Tensor, noise: float = NOISE) -> Tensor:
    """The same where weights are normal, with covariance 1 / d."""
    cover = x @ x.mT / x.shape[-1]
    said = [expected([(1.0, cover[:, : k + 1, : k + 1])], y[:, :k], noise) for k in range(1, y.shape[1])]
    return torch.stack([torch.zeros_like(y[:, 0]), *said], 1)


def meeting(exponents: Sequence[float], to_pool: Sequence[float], to_ridge: Sequence[float]) -> float:
    """The last place where a network becomes nearer to ridge, on straight lines between logarithms of the ratio.

    One less than the first exponent where it is nearer to ridge there, one more than the last where it never is.
    """
    nearer = [math.log(ridge / own) for own, ridge in zip(to_pool, to_ridge, strict=True)]
    if nearer[0] <= 0:
        return exponents[0] - 1
    if nearer[-1] > 0:
        return exponents[-1] + 1
    i = max(i for i, value in enumerate(nearer) if value > 0)
    rise, width = nearer[i + 1] - nearer[i], exponents[i + 1] - exponents[i]
    return exponents[i] - nearer[i] * width / rise


def pools(seeds: int, count: int = 500) -> list[Line]:
    """Claim 26 with the weights that our run has kept, on functions and prompts of its own."""
    nets: dict[int, list[Gpt]] = {}
    for varied, tables in kept("model_selection.pool", STEPS):
        if varied["seed"] in range(seeds):
            size = int(str(varied["mixture"]).partition("functions=")[2])
            nets.setdefault(size, []).append(network().holding(tables))
    if not nets:
        return []
    sizes = sorted(nets)
    x, y = (part[:, :PAIRS] for part in drawn(count, D, torch.Generator().manual_seed(26), noise=NOISE)[:2])
    ridge, own = regressed(x, y), {size: one_of(pool(size), x, y) for size in sizes}
    with torch.no_grad():
        said = {size: [says(net, x, y).double() for net in nets[size]] for size in sizes}
    to_pool = {size: [_apart(one, own[size]) for one in said[size]] for size in sizes}
    to_ridge = {size: [_apart(one, ridge) for one in said[size]] for size in sizes}
    for size in sizes:
        both = f"{_middle(to_pool[size]):.3f} and {_middle(to_ridge[size]):.3f}"
        print(f"  {size} functions: {both} (posterior to ridge {_apart(own[size], ridge):.3f})", flush=True)
    exponents = [math.log2(size) for size in sizes]
    rows = [([to_pool[n][i] for n in sizes], [to_ridge[n][i] for n in sizes]) for i in range(len(nets[sizes[0]]))]
    few, many = sizes[0], sizes[-1]
    zero = 0 * ridge
    follows = [value / _apart(zero, own[few]) for value in to_pool[few]]
    regress = [value / _apart(zero, ridge) for value in to_ridge[many]]
    swapped = [_apart(one, own[few]) / _apart(zero, own[few]) for one in said[many]]
    return [
        Line(CLAIM, "crossing, binary logarithm", [meeting(exponents, *row) for row in rows], 2, 12, "crossing"),
        Line(CLAIM, f"{few} functions, to their posterior", follows, 0, 0.25, "smallest pool, to its posterior"),
        Line(CLAIM, f"{many} functions, to ridge", regress, 0, 0.25, "largest pool, to ridge"),
        Line(CLAIM, f"network of {many} asked for {few}", swapped, 0, 0.25),
    ]


def network() -> Gpt:
    """What reads the pairs."""
    return Gpt(D + 1, 1, 2 * PAIRS, symbols=False, act=gelu, width=WIDTH)


def _apart(said: Tensor, other: Tensor) -> float:
    """Mean squared difference, where labels have variance 1."""
    return float((said - other).square().mean())


def _middle(values: Sequence[float]) -> float:
    return float(np.median(values))
