"""Is a softmax layer nearly linear? Fit a linear-attention layer to what it does, put it in its place, and pay.

Source: von Oswald et al. 2023 (arXiv 2309.05858 v2), figure 5A: one layer of a trained network is recorded on its own
inputs, a linear layer of the same size is fitted by squared error, and the ratio of the losses is reported. The release
trains the copy for 15,000 steps of Adam at 1e-3; here L-BFGS starts at the layer's own weights.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy  # scipy.optimize loads at its first use
import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.instruments.linear_attention import Products, attend, products

VERSION = 1  # bump when any number returned from this file changes

Tap = Callable[[str, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Linearised:
    """A fitted linear-attention layer and how well it imitates the recorded one."""

    layer: Products
    unexplained: float  # squared error as a share of the recorded outputs' squares


def linearise(
    inputs: Float[Tensor, "batch pos d_model"],
    outputs: Float[Tensor, "batch pos d_model"],
    W_Q: Float[Tensor, "head d_seen d_head"],
    W_K: Float[Tensor, "head d_seen d_head"],
    W_V: Float[Tensor, "head d_model d_head"],
    W_O: Float[Tensor, "head d_head d_model"],
    rounds: int = 300,
    seen: Float[Tensor, "batch pos d_seen"] | None = None,
) -> Linearised:
    """The linear-attention layer of this size nearest to `outputs`, what a layer adds to its `inputs`; float64.

    The weights are where the search begins: the layer's own, whose output is first scaled to fit best. The problem is
    not convex, so `unexplained` is what was reached, not what is possible. `seen` is what queries and keys read, if
    that is not `inputs`. One layer of one network at a time.
    """
    x, y = inputs.double(), outputs.double()
    read = x if seen is None else seen.double()
    starts = [weight.double() for weight in (W_Q, W_K, W_V, W_O)]
    said = attend(products(*starts), x, seen=read)
    starts[3] = starts[3] * ((said * y).sum() / said.square().sum().clamp(min=1e-300))
    sizes = np.cumsum([0, *(part.numel() for part in starts)])
    square = float(y.square().sum())

    def parts(flat: Tensor) -> list[Tensor]:
        return [flat[a:b].view_as(s) for a, b, s in zip(sizes[:-1], sizes[1:], starts, strict=True)]

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        flat = torch.from_numpy(values).to(x.device).requires_grad_(True)
        with torch.enable_grad():
            total = (attend(products(*parts(flat)), x, seen=read) - y).square().sum() / square
        (gradient,) = torch.autograd.grad(total, flat)
        return float(total.detach()), gradient.cpu().numpy()

    start = torch.cat([part.flatten() for part in starts]).cpu().numpy()
    found = scipy.optimize.minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": rounds, "maxfun": 2 * rounds}
    )
    return Linearised(products(*parts(torch.from_numpy(found.x).to(x.device))), float(found.fun))


def in_place_of(
    layer: int,
    linear: Products,
    source: str = "hook_resid_pre",
    target: str = "hook_attn_out",
    widen: Callable[[Tensor], Tensor] | None = None,
) -> Tap:
    """A tap that puts the linear layer's output in the place of block `layer`'s attention (TransformerLens's names).

    `source` is the activation the attention reads: choose `ln1.hook_normalized` where it is normalised before.
    `widen` turns it into what queries and keys read, where they read more (positions beside it, say).
    """
    seen: dict[str, Tensor] = {}

    def tap(name: str, value: Tensor) -> Tensor:
        if name == f"blocks.{layer}.{source}":
            seen["input"] = value
        if name == f"blocks.{layer}.{target}":
            own = Products(linear.qk.to(value), linear.ov.to(value))
            return attend(own, seen["input"], seen=None if widen is None else widen(seen["input"]))
        return value

    return tap


def cost_ratio(loss: Callable[[Tap], Tensor], replaced: Tap) -> Tensor:
    """Loss with a linear layer in place over the loss of the network as it is; `loss` runs it under a tap.

    `replaced` comes from `in_place_of`.

    1 says that the layer acts linearly as far as the network's loss can tell. Published, 60 numbers a state: 3.56 for
    the first layer, 1.03 to 1.15 for the others.
    """
    return loss(replaced) / loss(lambda name, value: value)
