"""Linear probes in closed form, one for each place: what can be read from activations by a matrix.

Source: von Oswald et al. 2023 (arXiv 2309.05858 v2), section 4.2; there, probes are scored on the sequences they were
fitted on, here on others unless asked. Choose targets, layers and controls outside: an untrained network of the same
shape, the network's input, a network trained where there is nothing to learn in context.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from latebloom.baselines.checks import check_finite, shared_lead
from latebloom.errors import LatebloomError

VERSION = 1  # bump when any number returned from this file changes


@dataclass(frozen=True, eq=False)
class Probe:
    """Fitted probes and how well they read, place by place."""

    r2: Float[Tensor, "*lead pos"]  # 1 - squared error / variance of the target, both summed over outputs
    error: Float[Tensor, "*lead pos"]  # half the squared error summed over outputs: the source's unit
    weight: Float[Tensor, "*lead pos d_model out"]
    intercept: Float[Tensor, "*lead pos out"]

    def read(self, activations: Float[Tensor, "*lead batch pos d_model"]) -> Float[Tensor, "*lead batch pos out"]:
        """What the probes say of other activations."""
        return torch.einsum(
            "...bpd,...pdo->...bpo", activations.to(self.weight), self.weight
        ) + self.intercept.unsqueeze(-3)


def probe(
    activations: Float[Tensor, "*lead batch pos d_model"],
    targets: Float[Tensor, "*lead batch pos out"],
    *,
    held_out: float = 0.5,
    intercept: bool = False,
    ridge: float = 0.0,
    keep: Bool[Tensor, "*lead batch pos"] | None = None,
) -> Probe:
    """Least squares from activations to targets at each place, scored on the last `held_out` share of sequences.

    `held_out=0` scores on the fitted sequences, as published. Without `ridge` the solution of smallest norm is taken,
    so channels that hold zeros or copies do no harm; the ridge penalty is added to the sums of squares. Sequences where
    `keep` is false count neither in fit nor in score (see `without_outliers`). Leading axes, of members or layers, are
    measured alone. Float64. Raises `LatebloomError` if nothing is left to fit on or to score on, for shapes that do not
    pair up, and without `ridge` for numbers that are not finite; with it they make NaN of their place alone.
    """
    if min(activations.ndim, targets.ndim) < 3 or activations.shape[-3:-1] != targets.shape[-3:-1]:
        raise LatebloomError(
            f"Activations of shape {tuple(activations.shape)} and targets of shape {tuple(targets.shape)} do not pair "
            "up: they must be [..., batch, pos, d_model] and [..., batch, pos, out]."
        )
    if keep is not None and keep.shape[-2:] != targets.shape[-3:-1]:
        raise LatebloomError(
            f"keep of shape {tuple(keep.shape)} does not pair up with targets of shape {tuple(targets.shape)}: it must "
            "be [..., batch, pos]."
        )
    if not 0 <= held_out <= 1:
        raise LatebloomError(f"held_out = {held_out} is no share of the sequences: it must be 0 or more and below 1.")
    lead = {"activations": activations, "targets": targets} | ({} if keep is None else {"keep": keep[..., None]})
    shared_lead("probe", 3, **lead)
    if not ridge:
        check_finite("probe: the activations", activations)
        check_finite("probe: the targets", targets)
    x, y = activations.double().transpose(-3, -2), targets.double().transpose(-3, -2)  # [..., pos, batch, d]
    batch = x.shape[-2]
    split = batch - round(held_out * batch)
    if not split > 0 or (held_out and split == batch):
        raise LatebloomError(
            f"held_out = {held_out} of {batch} sequences leaves {split} to fit on and {batch - split} to score on."
        )
    kept = torch.ones_like(y[..., :1]) if keep is None else keep.transpose(-2, -1)[..., None].to(y)
    fitted, scored = slice(0, split), slice(split if held_out else 0, batch)
    if not all(bool(kept[..., part, 0].any(-1).all()) for part in (fitted, scored)):
        raise LatebloomError("At some place `keep` leaves no sequence to fit on or to score on: keep more of them.")
    centre_x, centre_y = (
        (v[..., fitted, :] * kept[..., fitted, :]).sum(-2, keepdim=True) / kept[..., fitted, :].sum(-2, keepdim=True)
        if intercept
        else torch.zeros_like(v[..., :1, :])
        for v in (x, y)
    )
    rows = (x[..., fitted, :] - centre_x) * kept[..., fitted, :]
    answers = (y[..., fitted, :] - centre_y) * kept[..., fitted, :]
    weight = _solve(rows, answers, ridge)
    offset = centre_y - centre_x @ weight
    wrong = (y[..., scored, :] - x[..., scored, :] @ weight - offset).square().sum(-1) * kept[..., scored, 0]
    count = kept[..., scored, 0].sum(-1)
    mean = (y[..., scored, :] * kept[..., scored, :]).sum(-2, keepdim=True) / count[..., None, None]
    total = (y[..., scored, :] - mean).square().sum(-1) * kept[..., scored, 0]
    return Probe(1 - wrong.sum(-1) / total.sum(-1), wrong.sum(-1) / count / 2, weight, offset[..., 0, :])


def without_outliers(
    targets: Float[Tensor, "*lead batch pos out"], deviations: float = 2.0
) -> Bool[Tensor, "*lead batch pos"]:
    """Which targets are no longer than the mean length plus `deviations` standard deviations: the release's filter."""
    length = targets.norm(dim=-1)
    return length <= length.mean(-2, keepdim=True) + deviations * length.std(-2, keepdim=True, correction=0)


def _solve(
    rows: Float[Tensor, "*lead batch d"], answers: Float[Tensor, "*lead batch out"], ridge: float
) -> Float[Tensor, "*lead d out"]:
    if ridge:
        eye = torch.eye(rows.shape[-1], dtype=rows.dtype, device=rows.device)
        return torch.linalg.solve(rows.mT @ rows + ridge * eye, rows.mT @ answers)
    # By an SVD of the rows, not of their Gram matrix, which would square the condition number.
    left, values, right = torch.linalg.svd(rows, full_matrices=False)
    large = values > 1e-10 * values[..., :1]
    inverse = torch.where(large, 1 / values.where(large, torch.ones_like(values)), torch.zeros_like(values))
    return right.mT @ (inverse[..., None] * (left.mT @ answers))
