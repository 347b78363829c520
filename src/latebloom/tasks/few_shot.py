"""Regression in context: pairs x_1, y_1, x_2, y_2, ... of one linear task, or of two in a row, as one sequence.

It is never trained on here: a network trained to continue linear dynamics is asked whether it can do it. Source: von
Oswald et al. 2023 (arXiv 2309.05858 v2), section 5 and F.1.4.

Example: two pairs with a separator after each, behind one prefix slot.

>>> from latebloom.randomness import stream
>>> prompts = few_shot_prompts(stream(0, "example"), batch=1, pairs=2, d=1, separator=True, prefix=1)
>>> prompts.query.tolist(), prompts.separator.tolist(), prompts.prefix.tolist()
([1, 4], [3, 6], [0])
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from latebloom.errors import LatebloomError
from latebloom.tasks.dynamics_systems import haar_orthogonal, start_states


@dataclass(frozen=True)
class Prompts:
    """Sequences and where things stand in them; separator and prefix slots hold zeros until somebody fills them."""

    tokens: Float[np.ndarray, "batch pos d"]
    query: Int[np.ndarray, " pair"]  # places of x_i: the answer y_i is due there
    separator: Int[np.ndarray, " slot"]  # places of the learned separator; none without one
    prefix: Int[np.ndarray, " slot"]  # places of the learned prefix, in front
    inputs: Float[np.ndarray, "batch pair d"]  # x_i
    answers: Float[np.ndarray, "batch pair d"]  # y_i
    task: Int[np.ndarray, " pair"]  # 0 for pairs of the first task, 1 for pairs of the second


def few_shot_prompts(
    noise: np.random.Generator,
    batch: int,
    pairs: int,
    d: int,
    *,
    separator: bool = False,
    prefix: int = 0,
    switch_after: int | None = None,
    inputs: str = "uniform",
    size: float = 1.0,
    label_noise: float = 0.01,
) -> Prompts:
    """Prompts with y_i = W x_i + noise, W fresh and orthogonal; another W after `switch_after` pairs, if given.

    `inputs` uniform between -size and size with label noise 0.01 is the released code; the text says `normal` and
    mentions no noise. Raises `LatebloomError` for a switch outside the sequence.
    """
    if switch_after is not None and not 0 < switch_after < pairs:
        raise LatebloomError(
            f"switch_after = {switch_after} of {pairs} pairs leaves one task without pairs; use 1 to {pairs - 1}."
        )
    task = (np.arange(pairs) >= (pairs if switch_after is None else switch_after)).astype(np.int64)
    teachers = np.stack([haar_orthogonal(noise, batch, d) for _ in range(2)], axis=1)
    x = start_states(noise, batch * pairs, d, inputs, size).reshape(batch, pairs, d)
    y = np.einsum("bpij,bpj->bpi", teachers[:, task], x) + label_noise * noise.standard_normal(x.shape)
    group = 3 if separator else 2
    tokens = np.zeros((batch, prefix + group * pairs, d))
    query = prefix + group * np.arange(pairs)
    tokens[:, query], tokens[:, query + 1] = x, y
    return Prompts(tokens, query, query[:0] if not separator else query + 2, np.arange(prefix), x, y, task)
