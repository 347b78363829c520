"""What hidden states hold of the numbers that came i places before: probes and neuron correlations by lag.

Source: Wu, Morris and Levine 2024, arXiv 2404.00859, section 4. Layer 0 is the embedding, layer l what block l leaves.
Work done ahead shows as a layer that reads lag 0 (sin(b x_n), of no use at n itself) well.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.instruments.probes import probe

VERSION = 1  # bump when any number returned from this file changes


def lagged(values: Float[Tensor, "*lead batch pos"], lags: int) -> Float[Tensor, "*lead batch pos lag"]:
    """Values i places before, i from 0 to `lags`; 0 where that is before the start."""
    places = values.shape[-1]
    if not 0 <= lags < places:
        raise LatebloomError(f"lags = {lags}: a sequence of {places} places has lags 0 to {places - 1}.")
    out = values.new_zeros(*values.shape, lags + 1)
    for lag in range(lags + 1):
        out[..., lag:, lag] = values[..., : places - lag]
    return out


@dataclass(frozen=True, eq=False)
class LagProbe:
    """How well each lag can be read, and the directions along which."""

    r2: Float[Tensor, "*lead lag"]  # of sequences that were not fitted, from place `first` on
    weight: Float[Tensor, "*lead d_model lag"]


def lag_probe(
    states: Float[Tensor, "*lead batch pos d_model"],
    features: Float[Tensor, "*lead batch pos lag"],
    *,
    first: int = 20,
    held_out: float = 0.5,
    ridge: float = 1e-4,
) -> LagProbe:
    """One linear probe, with intercept, for all places from `first` on; columns of `features` may be anything.

    R^2 is on the last `held_out` share of the sequences. Earlier places are left out because their lags reach before
    the start, where features are 0 and can be read from the position. Negative where a probe misleads.
    """
    places = states.shape[-2]
    if not 0 <= first < places:
        raise LatebloomError(f"first = {first}: a sequence of {places} places has no place from there on.")
    x, z = (_rows(values[..., first:, :].double()) for values in (states, features))
    # Whole sequences are held out: rows of one sequence know of each other.
    sequences = states.shape[-3]
    fitted = (sequences - round(held_out * sequences)) * (places - first)
    fit = probe(x, z, held_out=1 - fitted / x.shape[-3], intercept=True, ridge=ridge)
    scored = slice(fitted if held_out else 0, None)
    truth = z[..., scored, :, :]
    wrong = (truth - fit.read(x[..., scored, :, :])).square().sum((-3, -2))
    spread = (truth - truth.mean(-3, keepdim=True)).square().sum((-3, -2))
    return LagProbe(1 - wrong / spread, fit.weight[..., 0, :, :])


def published_lag_r2(
    states: Float[Tensor, "*lead batch pos d_model"],
    features: Float[Tensor, "*lead batch pos lag"],
    ridge: float = 1e-4,
) -> Float[Tensor, "*lead lag"]:
    """R^2 as the released code has it: all places, on the fitted rows, not centred, Z'HWZ over Z'Z.

    States that know nothing score about (d_model + 1) / rows, not 0.
    """
    h, z = (_rows(values.double())[..., 0, :] for values in (states, features))
    h = torch.cat([h, torch.ones_like(h[..., :1])], -1)
    gram = h.mT @ h + ridge * torch.eye(h.shape[-1], dtype=h.dtype, device=h.device)
    cross = h.mT @ z
    explained = (cross * torch.linalg.solve(gram, cross)).sum(-2)
    return explained / z.square().sum(-2)


class NeuronLags:
    """Correlations of neurons with lagged values, gathered batch by batch in float64.

    The published figure shows sqrt(|rho|) up to 0.5.
    """

    def __init__(self) -> None:
        self.count = 0
        self.sums: dict[str, Tensor] = {}

    def add(
        self, neurons: Float[Tensor, "*lead batch pos neuron"], features: Float[Tensor, "*lead batch pos lag"]
    ) -> None:
        """Takes one batch in; every place counts, so leave out what should not."""
        h, z = (_rows(values.double())[..., 0, :] for values in (neurons, features))
        if h.shape[-2] != z.shape[-2]:
            raise LatebloomError(f"Neurons have {h.shape[-2]} rows (batch times places), features {z.shape[-2]}.")
        new = {"h": h.sum(-2), "z": z.sum(-2), "hh": (h * h).sum(-2), "zz": (z * z).sum(-2), "hz": h.mT @ z}
        self.sums = {name: value + self.sums.get(name, 0) for name, value in new.items()}
        self.count += h.shape[-2]

    @property
    def correlation(self) -> Float[Tensor, "*lead neuron lag"]:
        """Pearson's; 0 for a neuron (or a feature) that never moves."""
        if not self.count:
            raise LatebloomError("No batch was added, so there is nothing to correlate.")
        s, n = self.sums, self.count
        cov = s["hz"] / n - (s["h"] / n)[..., :, None] * (s["z"] / n)[..., None, :]
        size = [(s[f"{name}{name}"] / n - (s[name] / n).square()).clamp(min=0) for name in "hz"]
        scale = (size[0][..., :, None] * size[1][..., None, :]).sqrt()
        return torch.where(scale > 1e-12, cov / scale.clamp(min=1e-12), torch.zeros_like(cov))


def _rows(values: Float[Tensor, "*lead batch pos d"]) -> Float[Tensor, "*lead row 1 d"]:
    """Places of all sequences below each other, as the rows of one place, sequence by sequence."""
    return values.flatten(-3, -2)[..., None, :]
