"""Weight norm for comparing networks of different depth.

Source: Murty et al. 2023, arXiv 2305.18741, after Merrill et al. 2021, arXiv 2010.09697. The paper divides the norm N
of all weights by the number of layers L. N of equal layers grows like sqrt(L), so N / L puts shallow networks on top
before training has begun; N / sqrt(L) and the root mean square do not. The released code counts every registered
parameter, among them an untrained stack that was never used.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.instruments.norms import flatten, l2_norms

VERSION = 1  # bump when any number returned from this file changes


@dataclass(frozen=True)
class DepthNorms:
    """One norm, four ways to write it."""

    norm: Float[Tensor, "*lead"]  # N: root of the summed squares
    per_layer: Float[Tensor, "*lead"]  # N / L, the published axis
    per_root_layer: Float[Tensor, "*lead"]  # N / sqrt(L)
    rms: Float[Tensor, "*lead"]  # N / sqrt(number of weights)


def depth_norms(
    tables: Mapping[str, Float[Tensor, "*lead_and_shape"]],
    n_layers: int,
    trained: Collection[str] | None = None,
    lead: int = 1,
) -> DepthNorms:
    """Norms of the trained tables of a network with `n_layers` layers.

    `trained` names the tables that training changes (`trained_tables` finds them); None counts all that are given,
    which for a network with unused parameters is the number as released. Raises `LatebloomError` for a name that is
    no table.
    """
    if n_layers < 1:
        raise LatebloomError(f"A norm per layer of {n_layers} layers is no number; n_layers must be at least 1.")
    names = list(tables) if trained is None else list(trained)
    for name in names:
        if name not in tables:
            raise LatebloomError(f"The trained table {name!r} is not among the tables: {', '.join(sorted(tables))}.")
    counted = {name: tables[name] for name in names}
    norm = l2_norms(counted, lead).total
    weights = sum(table.shape[-1] for table in flatten(counted, lead).values())
    return DepthNorms(norm, norm / n_layers, norm / n_layers**0.5, norm / weights**0.5)


def trained_tables(
    before: Mapping[str, Float[Tensor, "*lead_and_shape"]],
    after: Mapping[str, Float[Tensor, "*lead_and_shape"]],
) -> list[str]:
    """Names of the tables that differ between two snapshots of one training, in any member.

    The other tables are dead weight, unless no step was taken between the two.
    """
    if before.keys() != after.keys():
        alone = ", ".join(sorted(before.keys() ^ after.keys()))
        raise LatebloomError(f"Both snapshots must have the same tables; only one has: {alone}.")
    return [name for name in before if not torch.equal(before[name], after[name])]
