"""Where the places of a row stand in their sequence: 0, 1, 2, ..., or wherever the caller says.

A row that is the end of a sentence keeps the positions it has there, which is what span vectors out of context need.
"""

from jaxtyping import Float, Int
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.models.decoder.layers import Stream, sinusoids

Places = Int[Tensor, "pos"] | Int[Tensor, "batch pos"]


def reach(inputs: Tensor, positions: Places, kind: str) -> int:
    """How many positions must be known. Raises `LatebloomError` where positions do not fit the inputs or the model."""
    if kind == "first_keys":
        raise LatebloomError(
            "model.positions = 'first_keys' counts places by itself: leave `positions` out, or train with learned or "
            "sinusoidal ones."
        )
    if tuple(positions.shape) not in ((inputs.shape[2],), tuple(inputs.shape[1:3])):
        raise LatebloomError(
            f"positions of shape {tuple(positions.shape)} do not fit sequences of shape {tuple(inputs.shape[:3])}: "
            f"they should be [pos] = [{inputs.shape[2]}], or [batch, pos] = {list(inputs.shape[1:3])}."
        )
    if int(positions.min()) < 0:
        raise LatebloomError(f"positions are counted from 0; the smallest here is {int(positions.min())}.")
    return int(positions.max()) + 1


def placed(
    learned: Float[Tensor, "member place d_model"] | None, x: Stream, positions: Places | None
) -> Float[Tensor, "*lead pos d_model"]:
    """What is added to each place of `x`: each member's own learned vector, or sinusoids where none are learned."""
    places = x.shape[2]
    if learned is None:
        if positions is None:
            return sinusoids(places, x.shape[-1], x)
        return sinusoids(int(positions.max()) + 1, x.shape[-1], x)[positions]
    if positions is None:
        return learned[:, None, :places]
    return learned[:, positions.expand(x.shape[1], -1)]
