"""Refusals that baselines and instruments share: numbers that are not finite, leading axes that do not fit."""

import torch
from torch import Tensor

from latebloom.errors import LatebloomError


def check_finite(what: str, numbers: Tensor) -> None:
    """Refuses numbers on which a factorisation would fail, and tells where the first of them stands."""
    finite = numbers.isfinite()
    if not bool(finite.all()):
        place = tuple(finite.logical_not().nonzero()[0].tolist())
        raise LatebloomError(f"{what} hold {numbers[place].item()} at {list(place)}: they must be finite numbers.")


def shared_lead(owner: str, own: int, **tables: Tensor) -> torch.Size:
    """The axes before the last `own` ones, of all tables together; those that do not broadcast are refused."""
    try:
        return torch.broadcast_shapes(*(table.shape[:-own] for table in tables.values()))
    except RuntimeError:
        told = " and ".join(f"{name} of shape {tuple(table.shape)}" for name, table in tables.items())
        raise LatebloomError(
            f"{owner}: the leading axes of {told} do not fit: before the last {own} they must be equal, 1 or left out."
        ) from None
