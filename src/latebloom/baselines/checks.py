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


def regularised_cholesky(owner: str, gram: Tensor, penalty: float) -> Tensor:
    """The lower factor of gram + penalty I; a penalty that is lost in rounding beside the gram matrix is refused."""
    eye = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    factor, failed = torch.linalg.cholesky_ex(gram + penalty * eye)
    if bool(failed.any()):
        largest = torch.diagonal(gram, dim1=-2, dim2=-1).amax().item()
        raise LatebloomError(
            f"{owner}: penalty = {penalty:g} is lost in rounding beside squared inputs of up to {largest:.3g}; "
            f"take one above {1e-13 * largest:.0e}."
        )
    return factor


def shared_lead(owner: str, own: int, **tables: Tensor) -> torch.Size:
    """The axes before the last `own` ones, of all tables together; those that do not broadcast are refused."""
    try:
        return torch.broadcast_shapes(*(table.shape[:-own] for table in tables.values()))
    except RuntimeError:
        told = " and ".join(f"{name} of shape {tuple(table.shape)}" for name, table in tables.items())
        raise LatebloomError(
            f"{owner}: the leading axes of {told} do not fit: before the last {own} they must be equal, 1 or left out."
        ) from None
