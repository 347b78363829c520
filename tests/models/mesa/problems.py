"""Queries, keys, values and forget factors to try a mesa layer on."""

import torch

from latebloom.randomness import stream


def problem(lead=(), pos=12, d_head=4, d_value=3, *, gates=None, unit=False, dtype=torch.float64, seed=0):
    """q, k, v and gamma (uniform between `gates`, or None where nothing is forgotten)."""
    numbers = stream(seed, "mesa problem")
    q, k, v = (
        torch.from_numpy(numbers.standard_normal((*lead, pos, size))).to(dtype) for size in (d_head, d_head, d_value)
    )
    if unit:
        k = torch.nn.functional.normalize(k, dim=-1)
    gamma = None if gates is None else torch.from_numpy(numbers.uniform(*gates, (*lead, pos))).to(dtype)
    return q, k, v, gamma


def relative(found, right):
    """How far off, as a share of what is right."""
    return float((found - right).norm() / right.norm())
