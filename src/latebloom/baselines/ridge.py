"""Ridge regression, least squares and softmax-kernel regression on every prefix of a sequence."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.checks import check_finite, regularised_cholesky, shared_lead
from latebloom.baselines.pairs import loss_by_place, stack_past, visible
from latebloom.errors import LatebloomError

Predictor = Callable[[float], Tensor]


def ridge(
    inputs: Float[Tensor, "*lead pos d_in"],
    targets: Float[Tensor, "*lead pos d_out"],
    penalty: float = 1e-3,
    lagged: bool = False,
    queries: Float[Tensor, "*lead pos d_in"] | None = None,
) -> Float[Tensor, "*lead pos d_out"]:
    """argmin_Phi 1/2 sum_j ||y_j - Phi x_j||^2 + penalty / 2 ||Phi||^2 over the visible pairs, applied to x_t.

    `penalty` is 1/lambda of the source, 1e-3 in its controls. All prefixes at once: with the Cholesky factor
    L L' = X X' + penalty (of all pairs, in time order) the factor of a prefix is the upper left corner of L, so
    L^-1 Y and L^-1 X x_t hold every prefix's solution. Computed in float64, O(pos^3) a sequence whatever the width.
    `queries` other than the inputs may be given. Raises `LatebloomError` unless the penalty is positive,
    and for shapes that do not pair up or numbers that are not finite. Whole targets get predictions in float64.
    """
    if not 0 < penalty < float("inf"):
        raise LatebloomError(f"penalty = {penalty}: ridge needs a positive one; without penalty use least_squares.")
    _check_pairs("ridge", inputs, targets)
    queries = inputs if queries is None else queries
    if queries.shape[-2:] != inputs.shape[-2:]:
        raise LatebloomError(
            f"ridge: queries of shape {tuple(queries.shape)} for inputs of shape {tuple(inputs.shape)}: one query of "
            "d_in numbers a place."
        )
    check_finite("ridge: the inputs", inputs)
    check_finite("ridge: the targets", targets)
    check_finite("ridge: the queries", queries)
    lead = shared_lead("ridge", 2, inputs=inputs, targets=targets, queries=queries)
    x, y, q = (table.double().expand(*lead, *table.shape[-2:]) for table in (inputs, targets, queries))
    factor = regularised_cholesky("ridge", x @ x.mT, penalty)
    whitened = torch.linalg.solve_triangular(factor, torch.cat([y, x @ q.mT], -1), upper=False)
    answers, asked = whitened[..., : y.shape[-1]], whitened[..., y.shape[-1] :]
    return _like(targets, (asked.mT * visible(x.shape[-2], lagged, x.device)) @ answers)


def stacked_ridge(
    seen: Float[Tensor, "*lead pos d"],
    targets: Float[Tensor, "*lead pos d"],
    window: int,
    penalty: float = 1e-3,
    lagged: bool = False,
    padded: bool = True,
) -> Float[Tensor, "*lead pos d"]:
    """Ridge from the last `window` observations to the next one: the reference for partly seen systems.

    The first window - 1 stacks hold zeros before the first observation, so their pairs obey no rule of the system.
    The release uses them (`padded`); without them, the smallest window that determines the system is enough.
    """
    stacked = stack_past(seen, window)
    whole = torch.ones_like(seen[..., :1])
    if not padded:
        whole[..., : window - 1, :] = 0  # a pair of zeros says nothing
    return ridge(stacked * whole, targets * whole, penalty, lagged, queries=stacked)


def least_squares(
    inputs: Float[Tensor, "*lead pos d_in"],
    targets: Float[Tensor, "*lead pos d_out"],
    lagged: bool = False,
    rtol: float = 1e-10,
) -> Float[Tensor, "*lead pos d_out"]:
    """The least-squares solution of smallest norm on the visible pairs, applied to x_t; 0 where there is none.

    Singular values below `rtol` times the largest count as zero. Raises `LatebloomError` for shapes that do not pair
    up and for inputs that are not finite. Whole targets get predictions in float64.
    """
    _check_pairs("least_squares", inputs, targets)
    check_finite("least_squares: the inputs", inputs)
    lead = shared_lead("least_squares", 2, inputs=inputs, targets=targets)
    x, y = (table.double().expand(*lead, *table.shape[-2:]) for table in (inputs, targets))
    said = torch.zeros_like(y)
    for t in range(x.shape[-2]):
        if (count := t - int(lagged)) > 0:
            before = torch.linalg.pinv(x[..., :count, :], rtol=rtol)
            said[..., t, :] = ((x[..., t, None, :] @ before) @ y[..., :count, :])[..., 0, :]
    return _like(targets, said)


def softmax_kernel(
    inputs: Float[Tensor, "*lead pos d_in"],
    targets: Float[Tensor, "*lead pos d_out"],
    sharpness: float,
    lagged: bool = False,
) -> Float[Tensor, "*lead pos d_out"]:
    """Sum over visible pairs of y_j softmax_j(sharpness x_j . x_t): what an induction head does; 0 without pairs.

    Raises `LatebloomError` for shapes that do not pair up.
    """
    _check_pairs("softmax_kernel", inputs, targets)
    shared_lead("softmax_kernel", 2, inputs=inputs, targets=targets)
    mask = visible(inputs.shape[-2], lagged, inputs.device)
    scores = (sharpness * inputs @ inputs.mT).masked_fill(~mask, -torch.inf)
    # A place without pairs has scores of -inf alone, whose softmax is NaN.
    weights = torch.softmax(scores.masked_fill(~mask.any(-1, keepdim=True), 0.0), -1) * mask
    return weights @ targets


def _check_pairs(owner: str, inputs: Tensor, targets: Tensor) -> None:
    """Refuses inputs and targets that are no pairs of vectors."""
    if min(inputs.ndim, targets.ndim) < 2 or inputs.shape[-2] != targets.shape[-2]:
        raise LatebloomError(
            f"{owner}: inputs of shape {tuple(inputs.shape)} and targets of shape {tuple(targets.shape)} do not pair "
            "up; they must be [..., pos, d_in] and [..., pos, d_out]."
        )


def _like(targets: Tensor, said: Tensor) -> Tensor:
    """Predictions in the precision of the targets, which may be whole numbers where predictions are not."""
    return said.to(targets.dtype) if targets.is_floating_point() else said


def best_setting(
    predictor: Predictor, targets: Float[Tensor, "batch pos d"], grid: Sequence[float]
) -> tuple[float, Float[Tensor, " pos"]]:
    """The setting on the grid with the least loss averaged over places, and its loss at each place.

    The source's grids: 40 penalties in [1e-4, 10], 40 sharpnesses in [1e-4, 4] (its spacing is not stated).
    """
    losses = [loss_by_place(predictor(value), targets) for value in grid]
    best = min(range(len(grid)), key=lambda i: float(losses[i].mean()))
    return grid[best], losses[best]
