"""Clock or pizza: how a network that adds residues treats its two inputs.

A clock multiplies the two inputs' circles; a pizza adds the circles and then needs the size of the sum, so its correct
logits depend on `a - b`. Three measures tell them apart.

Source: Zhong et al. 2023, "The Clock and the Pizza", arXiv:2306.17844, and its released code.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from latebloom.baselines.checks import check_finite
from latebloom.errors import LatebloomError, unknown_name
from latebloom.instruments.fourier import fourier_transform, share
from latebloom.instruments.trigonometric import modulus_of
from latebloom.randomness import stream

VERSION = 1  # Raise when a change here changes numbers.

Within = Literal["difference", "sum"]


def random_triples(p: int, seed: int, count: int = 100) -> Int[Tensor, "batch 3"]:
    """Different triples `(a, b, c)` of residues, 100 as in the released code; a function of the seed alone."""
    if count > p**3:
        raise LatebloomError(f"There are only {p**3} triples of residues modulo {p}; {count} were asked for.")
    flat = torch.from_numpy(stream(seed, "geometry", "triples", p).choice(p**3, size=count, replace=False))
    return torch.stack([flat // p**2, flat // p % p, flat % p], dim=-1)


def embedding_gradients(
    logits: Callable[[Tensor, Tensor], Tensor],
    embed_a: Float[Tensor, "*lead p d_model"],
    embed_b: Float[Tensor, "*lead p d_model"],
    triples: Int[Tensor, "batch 3"],
) -> tuple[Float[Tensor, "*lead batch d_model"], Float[Tensor, "*lead batch d_model"]]:
    """Gradients of logit `c` by the embedding of `a` and by that of `b`, for every triple, by autograd.

    `logits` maps two batches of embedded inputs `[..., batch, d_model]` to logits `[..., batch, p]`, each row from
    its own inputs. Pass the same table twice when the inputs share it; the two gradients are still kept apart.
    """
    a, b, c = triples.unbind(-1)
    left = embed_a[..., a, :].detach().requires_grad_(True)
    right = embed_b[..., b, :].detach().requires_grad_(True)
    with torch.enable_grad():
        rows = logits(left, right)
        chosen = rows[..., torch.arange(len(c), device=rows.device), c]
        by_left, by_right = torch.autograd.grad(chosen.sum(), (left, right))
    return by_left, by_right


def gradient_symmetricity(
    by_a: Float[Tensor, "*lead batch d_model"], by_b: Float[Tensor, "*lead batch d_model"]
) -> Float[Tensor, "*lead"]:
    """Mean over triples of the cosine between the gradients by the two inputs, in [-1, 1].

    Near 1 for a pizza, which adds its inputs first. The gradients may be analytic or come from `embedding_gradients`.
    A zero gradient has no direction and counts as cosine 0.
    """
    return torch.nn.functional.cosine_similarity(by_a, by_b, dim=-1, eps=torch.finfo(by_a.dtype).tiny).mean(-1)


def correct_logits(logits: Float[Tensor, "*lead p p p"]) -> Float[Tensor, "*lead p p"]:
    """The logit of the right class for every pair, axes `a` and `b`."""
    p = modulus_of(logits)
    a = torch.arange(p, device=logits.device)[:, None]
    b = torch.arange(p, device=logits.device)
    return logits[..., a, b, (a + b) % p]


def distance_irrelevance(logits: Float[Tensor, "*lead p p p"], within: Within = "difference") -> Float[Tensor, "*lead"]:
    """Spread of the correct logits that remains when one combination of the inputs is fixed, over their whole spread.

    `within="difference"`, the published measure: the mean over `d` of the standard deviation over all pairs with
    `a - b = d`, divided by that over all pairs. It is 0 when the distance of the inputs decides the correct logit
    (pizza) and near 1 when it says nothing (clock). `within="sum"` fixes `a + b` instead, which turns the meaning
    round. Correct logits that are all equal, up to rounding, have no spread and give NaN.
    """
    if within not in ("difference", "sum"):
        raise unknown_name("combination", within, ["difference", "sum"])
    table = correct_logits(logits)
    p = table.shape[-1]
    a = torch.arange(p, device=table.device)
    other = a[:, None] + a if within == "difference" else a[:, None] - a
    rows = table[..., a, other % p]  # Row i holds all pairs whose b - a (or b + a) is i, whatever the parity of p.
    spread = table.flatten(-2).std(-1, correction=0)
    rounding = 64 * torch.finfo(table.dtype).eps * table.abs().amax((-2, -1))
    return torch.where(spread > rounding, rows.std(-1, correction=0).mean(-1) / spread, math.nan)


def circularity(embedding: Float[Tensor, "*lead p d_model"], components: int = 4) -> Float[Tensor, "*lead"]:
    """Mean over the first principal components of the largest single-frequency share of energy, in [0, 1].

    Components are over residues after centring; 1 when each is a pure wave. Components whose variance vanishes have no
    shape of their own, so take `components` no larger than the rank (2 for one circle).
    Raises `LatebloomError` when the table has fewer than `components` of them, or holds numbers that are not finite.
    """
    most = min(embedding.shape[-2] - 1, embedding.shape[-1])
    if not 1 <= components <= most:
        raise LatebloomError(
            f"circularity: an embedding of shape {list(embedding.shape[-2:])} has 1 .. {most} principal components,"
            f" so {components} cannot be averaged."
        )
    check_finite("circularity: the entries of the embedding", embedding)
    centred = embedding - embedding.mean(-2, keepdim=True)
    scores = torch.linalg.svd(centred, full_matrices=False).U[..., :components]
    return share(fourier_transform(scores)).amax(-2).mean(-1)
