"""What a mesa layer refuses, in sentences that say what would be right."""

from numbers import Real

import torch
from torch import Tensor

from latebloom.errors import LatebloomError, unknown_name

FORMS = ("chunked", "conjugate", "recursive", "direct")
BACKWARDS = ("sweep", "reverse", "reverse_or_refuse")
REGULARISERS = ("decaying", "static")


def named(kind: str, name: str, known: tuple[str, ...]) -> None:
    """A name is one of those that are known."""
    if name not in known:
        raise unknown_name(kind, str(name), known)


def names(form: str, regulariser: str) -> None:
    """The form and the regulariser are known."""
    named("form of the mesa layer", form, FORMS)
    named("regulariser", regulariser, REGULARISERS)


def backward_way(backward: str) -> None:
    """The backward pass of the recursive form is known."""
    named("backward pass of the recursive form", backward, BACKWARDS)


def can_forget(form: str, regulariser: str) -> None:
    """The form has an answer for forget factors."""
    if form == "recursive" and regulariser == "static":
        raise LatebloomError(
            "The recursive form cannot forget with regulariser='static': only a regulariser that decays with the "
            "Gram matrix keeps the update of rank one. Use form='chunked' or 'conjugate', or regulariser='decaying'."
        )


def at_least_one(**counts: int) -> None:
    """Sizes and numbers of things are whole and positive."""
    for name, count in counts.items():
        if isinstance(count, bool) or not hasattr(count, "__index__"):
            raise LatebloomError(f"{name} = {count!r}, but a mesa layer needs a whole number.")
        if count < 1:
            raise LatebloomError(f"{name} = {count}, but a mesa layer needs at least 1.")


def precision(**tensors: Tensor) -> None:
    """All tensors are float32, or all float64."""
    for name, tensor in tensors.items():
        kind = str(tensor.dtype).removeprefix("torch.")
        if tensor.dtype in (torch.float16, torch.bfloat16):
            raise LatebloomError(
                f"{name} is {kind}. Solving for the query loses all digits in half precision, because errors are "
                f"multiplied by the condition number of the Gram matrix. Pass {name}.float(), and turn the output "
                "back if you need to; the module MesaAttention does both by itself."
            )
        if tensor.dtype not in (torch.float32, torch.float64):
            raise LatebloomError(f"{name} is {kind}; a mesa layer computes in float32 or float64.")
    kinds = {name: str(tensor.dtype).removeprefix("torch.") for name, tensor in tensors.items()}
    if len(set(kinds.values())) > 1:
        listed = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
        raise LatebloomError(f"The inputs of a mesa layer differ in type: {listed}. Give all of them one type.")


def layer_input(x: Tensor, width: int, weights: torch.dtype, sequence: bool) -> None:
    """The input, a place or a sequence, is as wide as the layer and of its weights' type, or autocast takes care."""
    if not isinstance(x, Tensor):
        raise LatebloomError(f"The input is a {type(x).__name__}; a mesa layer takes a tensor: torch.as_tensor(x).")
    if x.ndim < 1 + sequence or x.shape[-1] != width:
        wanted = f"[..., {'pos, ' if sequence else ''}d_model = {width}]"
        raise LatebloomError(f"The input has shape {tuple(x.shape)}; this mesa layer takes {wanted}.")
    if x.dtype != weights and not torch.is_autocast_enabled(x.device.type):
        given, own = (str(kind).removeprefix("torch.") for kind in (x.dtype, weights))
        raise LatebloomError(
            f"The input is {given} and the weights of this mesa layer are {own}. Turn one into the other, with "
            f"x.to(torch.{own}) or layer.to(x.dtype), or use torch.autocast; in half precision the layer solves in "
            "float32 by itself."
        )


def sizes(query: Tensor, key: Tensor, value: Tensor) -> None:
    """Queries and keys [..., pos, d_head], values [..., pos, d_value]: positions and widths fit and none is 0."""
    for name, tensor in (("query", query), ("key", key), ("value", value)):
        if tensor.ndim < 2:
            raise LatebloomError(f"{name} has shape {tuple(tensor.shape)}; expected [..., pos, d_head].")
        if tensor.shape[-1] == 0:
            raise LatebloomError(
                f"{name} has shape {tuple(tensor.shape)}: its last axis, the size of a head (n_a, d_head), is 0, so "
                "there is nothing to compare or to store. Use at least 1."
            )
        if tensor.shape[-2] == 0:
            raise LatebloomError(f"{name} has shape {tuple(tensor.shape)}: no places. A sequence needs at least one.")
    if query.shape[-2:] != key.shape[-2:] or key.shape[-2] != value.shape[-2]:
        raise LatebloomError(
            f"query {tuple(query.shape)}, key {tuple(key.shape)} and value {tuple(value.shape)} do not fit: the last "
            "two axes of query and key must be equal, and value must have as many places."
        )


def leading(**shapes: tuple[int, ...]) -> torch.Size:
    """The common leading axes (member, batch, head, ...)."""
    try:
        return torch.broadcast_shapes(*shapes.values())
    except RuntimeError:
        listed = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
        raise LatebloomError(f"The leading axes of the inputs do not broadcast: {listed}.") from None


def number(name: str, value: object) -> None:
    """A number, and no text or list."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise LatebloomError(f"{name} = {value!r}, but a mesa layer needs a number, or a tensor where one may differ.")


def positive(name: str, value: Tensor) -> None:
    """lambda, or the diagonal Lambda, is positive and finite everywhere."""
    bad = ~((value > 0) & value.isfinite())
    if bool(bad.any()):
        where = tuple(bad.nonzero()[0].tolist())
        place = f" at {where}" if where else ""
        raise LatebloomError(
            f"{name} = {float(value.detach()[where]):.4g}{place}, but it must be positive and finite: the regulariser "
            "||Phi||^2 / (2 lambda) is what makes the solve possible before the keys span their space. Learn it "
            "through a softplus (MesaAttention does unless parametrisation='free') or lower the learning rate."
        )


def forget_factors(gamma: Tensor, pos: int) -> None:
    """Forget factors lie in (0, 1], one for each place."""
    if not isinstance(gamma, Tensor):
        raise LatebloomError(
            f"gamma = {gamma!r} is no tensor; give one factor a place, e.g. torch.full(({pos},), {gamma!r})."
        )
    if gamma.ndim == 0 or gamma.shape[-1] not in (1, pos):
        raise LatebloomError(f"gamma has shape {tuple(gamma.shape)}; expected [..., pos] with pos = {pos}.")
    bad = ~((gamma > 0) & (gamma <= 1))
    if bool(bad.any()):
        where = tuple(bad.nonzero()[0].tolist())
        raise LatebloomError(
            f"gamma = {float(gamma.detach()[where]):.9g} at {where}, but a forget factor lies in (0, 1]: 1 keeps "
            "everything. A sigmoid gives such numbers, but for inputs below about -100, where it is 0 in float32: "
            "clamp it there to torch.finfo(gamma.dtype).tiny, as MesaAttention does. No forgetting at all is "
            "gamma=None."
        )


def tolerance(value: float | None) -> None:
    """Where conjugate gradients stop is a share of the first residual, or nowhere."""
    if value is not None:
        number("tolerance", value)
    if value is not None and not 0 <= value < 1:
        raise LatebloomError(
            f"tolerance = {value}, but it is the share of the first residual at which conjugate gradients stop: from 0 "
            "up to 1, 1e-4 for example; None runs all iterations."
        )


def longer_than_made(pos: int, n_ctx: int | None) -> None:
    """The sequence is not longer than the layer was made for."""
    if n_ctx is not None and pos > n_ctx:
        raise LatebloomError(
            f"The sequence has {pos} places, but this mesa layer was made for n_ctx = {n_ctx}. Nothing in it depends "
            f"on the position, so it can run longer: set n_ctx = {pos} (or None) on the layer. Without forget "
            "factors the Gram matrix keeps growing with the sequence, so outputs beyond the trained length were "
            "never trained."
        )
