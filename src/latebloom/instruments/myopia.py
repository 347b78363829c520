"""Myopia gap, local bonus and malus, in total and by place; and where two networks' predictions part.

Definitions: Wu, Morris and Levine 2024, arXiv 2404.00859, section 3. With l(past, present) the loss of parameters
`present` reading a past computed by `past`,

    gap   = l(myopic, myopic)   - l(vanilla, vanilla)    what preparing for later is worth
    bonus = l(vanilla, vanilla) - l(vanilla, local)      what vanilla gives up now for later
    malus = l(myopic, myopic)   - l(vanilla, local)      what a past without preparation costs = gap + bonus

where `local` is the best present for vanilla's past. "Malus" is our name for the third.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from latebloom.errors import LatebloomError

VERSION = 1  # bump when any number returned from this file changes


@dataclass(frozen=True, eq=False)
class Difference:
    """A difference of two arms, by seed (both arms of a seed see the same data in the same order) and by place."""

    by_place: Float[Tensor, "seed pos"]
    total: Float[Tensor, " seed"]  # mean over places, weighted as given


@dataclass(frozen=True, eq=False)
class Myopia:
    """The three differences; those that need the local arm are None without it."""

    gap: Difference
    bonus: Difference | None
    malus: Difference | None


def mean_by_place(
    losses: Float[Tensor, "*lead batch pos"], weight: Float[Tensor, "*lead batch pos"]
) -> Float[Tensor, "*lead pos"]:
    """Mean loss of each place over the rows in which it counts; NaN for one that never does."""
    return (losses * weight).sum(-2) / weight.sum(-2)


def whole_answers(
    said: Int[Tensor, "*lead batch pos"],
    targets: Int[Tensor, "*lead batch pos"],
    weight: Float[Tensor, "*lead batch pos"],
) -> Float[Tensor, "*lead"]:
    """Share of rows in which every place that counts is right: exact match of greedy output.

    `said` may come from rows that hold the right answer so far (teacher forcing): greedy output is right to the end
    exactly if each of its symbols is the likeliest after the right ones.
    """
    wrong = (said != targets) & (weight > 0)
    return 1 - wrong.any(-1).to(weight.dtype).mean(-1)


def myopia(
    vanilla: Float[Tensor, "seed pos"],
    myopic: Float[Tensor, "seed pos"],
    local: Float[Tensor, "seed pos"] | None = None,
    weight: Float[Tensor, " pos"] | None = None,
) -> Myopia:
    """From mean losses of each arm by seed and place, the seeds of all arms in one order: differences are paired.

    `weight` is how much each place counts in the total (default: all the same).
    """
    for name, arm in (("myopic", myopic), ("local", local)):
        if arm is not None and arm.shape != vanilla.shape:
            raise LatebloomError(
                f"The {name} arm has losses of shape {tuple(arm.shape)}, the vanilla arm {tuple(vanilla.shape)}: pairs "
                "need the same seeds, in one order, and the same places."
            )
    share = torch.ones_like(vanilla[0]) if weight is None else weight.to(vanilla)
    share = share / share.sum()

    def difference(first: Tensor, second: Tensor) -> Difference:
        return Difference(first - second, ((first - second) * share).sum(-1))

    gap = difference(myopic, vanilla)
    if local is None:
        return Myopia(gap, None, None)
    return Myopia(gap, difference(vanilla, local), difference(myopic, local))


def recovered_context(vanilla: Tensor, myopic: Tensor, bigram: Tensor) -> Tensor:
    """The share of what a past is worth that a myopic network has: (bigram - myopic) / (bigram - vanilla)."""
    return (bigram - myopic) / (bigram - vanilla)


def divergence(first: Float[Tensor, "*rows d_vocab"], second: Float[Tensor, "*rows d_vocab"]) -> Float[Tensor, "*rows"]:
    """KL(first || second) of the two predictions in nats, from logits."""
    p, q = torch.log_softmax(first, -1), torch.log_softmax(second, -1)
    return (p.exp() * (p - q)).sum(-1)


@dataclass(frozen=True, eq=False)
class Contexts:
    """Places where something is largest, first the largest; `tokens` ends with the token at the place itself."""

    value: Float[Tensor, " rank"]
    row: Int[Tensor, " rank"]
    place: Int[Tensor, " rank"]
    tokens: list[list[int]]


def largest_contexts(
    values: Float[Tensor, "batch pos"], inputs: Int[Tensor, "batch pos"], count: int = 10, before: int = 15
) -> Contexts:
    """The `count` places of largest value, each with its token and up to `before` tokens that precede it."""
    if values.shape != inputs.shape:
        raise LatebloomError(f"Values {tuple(values.shape)} and tokens {tuple(inputs.shape)} must have one shape.")
    best, index = values.flatten().topk(min(count, values.numel()))
    row, place = index // values.shape[1], index % values.shape[1]
    spots = zip(row.tolist(), place.tolist(), strict=True)
    return Contexts(best, row, place, [inputs[r, max(0, n - before) : n + 1].tolist() for r, n in spots])
