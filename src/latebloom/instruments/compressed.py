"""CompressedAlg: a linear-attention stack with every block of its products replaced by a number times the identity.

For four channels 16 + 16 numbers a head, every block of both products, as the release keeps (`compress`), or 16, as the
text counts: four vectors of four (`compress_16`). 12 in all for one layer of two heads on tokens [0, 0, s_t, s_{t-1}].
Source: von Oswald et al. 2023 (arXiv 2309.05858 v2), figures 4A to 4C (RevAlg in version 1). Run the result with
`linear_attention.run`, mix it with the network by `interpolate`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # scipy.optimize loads at its first use
import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.instruments.linear_attention import Products, run
from latebloom.instruments.weight_blocks import blocks

VERSION = 1  # bump when any number returned from this file changes


def expand(means: Float[Tensor, "*lead row column"], width: int) -> Float[Tensor, "*lead d_in d_out"]:
    """The product whose blocks are these numbers times the identity of `width`."""
    return torch.kron(means.contiguous(), torch.eye(width, dtype=means.dtype, device=means.device))


def compress(layer: Products, width: int) -> Products:
    """Every block of both products replaced by the mean of its diagonal times the identity."""
    return Products(expand(blocks(layer.qk, width).mean, width), expand(blocks(layer.ov, width).mean, width))


@dataclass(frozen=True, eq=False)
class Mixes:
    """A head as four weighted sums of channels: what it asks with, is found by, passes on, and where it writes that.

    The head adds to channel o of a token: sum over places of out_o (query . key) value, where query, key and value are
    mixes of channels. Sixteen numbers for four channels. Of query and key, and of value and out, only the product acts.
    """

    query: Float[Tensor, "*lead head channel"]
    key: Float[Tensor, "*lead head channel"]
    value: Float[Tensor, "*lead head channel"]
    out: Float[Tensor, "*lead head channel"]

    def products(self, width: int) -> Products:
        """The layer they make, on channels of `width`."""
        pairs = (self.query, self.key), (self.value, self.out)
        return Products(*(expand(a[..., :, None] * b[..., None, :], width) for a, b in pairs))


def mixes(layer: Products, width: int) -> Mixes:
    """The mixes whose products are nearest to a layer's, in the sum of squares over all entries.

    The source's text counts 16 numbers a head and does not say which. These are what a head has whose four weights are
    numbers times the identity, one a channel; every head of Propositions 1 and 2 is of this form. Nearest first to the
    blocks' means (a projection), then to these by one singular vector on either side (Eckart and Young 1936); the
    singular value is shared evenly.
    """
    found = []
    for product in (layer.qk, layer.ov):
        left, values, right = torch.linalg.svd(blocks(product, width).mean, full_matrices=False)
        root = values[..., :1].sqrt()
        found += [left[..., :, 0] * root, right[..., 0, :] * root]
    return Mixes(*found)


def compress_16(layer: Products, width: int) -> Products:
    """Every head replaced by the nearest one of 16 numbers (for four channels); see `mixes`."""
    return mixes(layer, width).products(width)


def one_layer_features(
    states: Float[Tensor, "*lead pos d"],
) -> Float[Tensor, "*lead query key value pos d"]:
    """Sum over t' <= t of value_t' (query_t . key_t'); query, key and value are s (index 0) or the state before (1).

    One layer on tokens [0, 0, s_t, s_{t-1}] whose blocks are multiples of the identity predicts a sum of these eight.
    """
    both = torch.stack([states, torch.nn.functional.pad(states, (0, 0, 1, 0))[..., :-1, :]], -3)
    scores = torch.einsum("...qtd,...ksd->...qkts", both, both).tril()
    return torch.einsum("...qkts,...vsd->...qkvtd", scores, both)


def fit_one_layer(
    states: Float[Tensor, "*lead batch pos d"], targets: Float[Tensor, "*lead batch pos d"]
) -> Float[Tensor, "*lead query key value"]:
    """The eight coefficients with the least squared error over all places: a regression in closed form.

    They equal the sums over heads read by `weight_blocks.coefficients`; (0, 1, 0) is eta and (0, 1, 1) is -eta phi_0.
    Two heads with 4 + 2 numbers each can hold every table of eight (`as_heads`), so this is the best 12-number formula.
    Where the dynamics are orthogonal, (0, 0, 1) and (1, 1, 1) are one feature but for the noise, and (1, 0, 0) differs
    from it by s_t (s_t . s_{t-1}) alone: these three single numbers are badly determined, what they do together is not.
    """
    x = one_layer_features(states.double())
    lead = x.shape[:-6]
    flat = x.movedim(-6, -3).flatten(-3).flatten(-4, -2)  # [..., feature, batch * pos * d]
    y = targets.double().flatten(-3)
    gram, cross = flat @ flat.mT, flat @ y[..., None]
    return torch.linalg.solve(gram, cross)[..., 0].reshape(*lead, 2, 2, 2).to(states.dtype)


def one_layer(
    states: Float[Tensor, "*lead pos d"], table: Float[Tensor, "query key value"]
) -> Float[Tensor, "*lead pos d"]:
    """The predictions of the compressed one-layer algorithm with these eight coefficients."""
    return torch.einsum("...qkvtd,qkv->...td", one_layer_features(states), table.to(states))


def as_heads(
    table: Float[Tensor, "query key value"],
) -> tuple[Float[Tensor, "head query key"], Float[Tensor, "head value"]]:
    """Two heads with 4 logit and 2 value numbers whose products sum to the table: 12 numbers in all, balanced."""
    left, values, right = torch.linalg.svd(table.flatten(0, 1), full_matrices=False)
    root = values.sqrt()
    return (left * root).T.reshape(2, 2, 2), root[:, None] * right


def fit(
    layers: Sequence[Products],
    tokens: Float[Tensor, "batch pos d_model"],
    targets: Float[Tensor, "batch pos width"],
    width: int,
    rounds: int = 200,
    out: int = 0,
    mixed: bool = False,
) -> tuple[list[Products], float]:
    """The compressed algorithm with its numbers fitted to the targets by L-BFGS, from the compressed layers on.

    One network at a time ([head, d_model, d_model] products). The prediction is channel `out` of the last stream;
    `mixed` fits 16 numbers a head (`mixes`) instead of 32. Returns the layers and their loss: half the squared error
    summed over outputs, averaged. Shows whether a network that compresses badly is another algorithm, or the same one
    with unread numbers.
    """
    starts = [part.double() for layer in layers for part in _numbers(layer, width, mixed)]
    sizes = np.cumsum([0, *(part.numel() for part in starts)])
    each = 4 if mixed else 2
    x, y = tokens.double(), targets.double()

    def built(flat: Tensor) -> list[Products]:
        parts = [flat[a:b].view_as(s) for a, b, s in zip(sizes[:-1], sizes[1:], starts, strict=True)]
        return [_layer(parts[i : i + each], width) for i in range(0, len(parts), each)]

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        flat = torch.from_numpy(values).to(x.device).requires_grad_(True)
        with torch.enable_grad():
            said = run(built(flat), x)[-1][..., out * width : (out + 1) * width]
            total = (said - y).square().sum(-1).mean() / 2
        (gradient,) = torch.autograd.grad(total, flat)
        return float(total.detach()), gradient.cpu().numpy()

    start = torch.cat([part.flatten() for part in starts]).cpu().numpy()
    found = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": rounds})
    return built(torch.from_numpy(found.x).to(x.device)), float(found.fun)


def _numbers(layer: Products, width: int, mixed: bool) -> list[Tensor]:
    """What a compressed layer is made of: two tables of blocks, or four vectors."""
    if mixed:
        own = mixes(layer, width)
        return [own.query, own.key, own.value, own.out]
    return [blocks(product, width).mean for product in (layer.qk, layer.ov)]


def _layer(numbers: Sequence[Tensor], width: int) -> Products:
    """The layer that is made of these."""
    if len(numbers) == 4:
        return Mixes(*numbers).products(width)
    return Products(*(expand(table, width) for table in numbers))
