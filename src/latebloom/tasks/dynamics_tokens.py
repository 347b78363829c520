"""How a sequence of states is written for a network: plain, with its past beside it, or in the theory's channels.

Examples, states 1, 2, 3 of one dimension:

>>> states = np.array([[[1.0], [2.0], [3.0]]])
>>> for layout in LAYOUTS:
...     print(layout, written(states, layout, window=2)[0].astype(int).tolist())
plain [[1], [2], [3]]
constructed [[0, 1, 1, 0], [0, 2, 2, 1], [0, 3, 3, 2]]
masked [[0, 0, 1, 0], [0, 0, 2, 1], [0, 0, 3, 2]]
aggregated [[1, 0], [2, 1], [3, 2]]
"""

import numpy as np
from jaxtyping import Float

from latebloom.errors import unknown_name

LAYOUTS = ("plain", "constructed", "masked", "aggregated")
CHANNELS = 4  # of the constructed layouts; the prediction is read from the first


def width(layout: str, d: int, window: int) -> int:
    """Width of one token for states of width d."""
    if layout not in LAYOUTS:
        raise unknown_name("token layout", layout, LAYOUTS)
    return d * {"plain": 1, "aggregated": window}.get(layout, CHANNELS)


def written(
    states: Float[np.ndarray, "*lead pos d"], layout: str, window: int
) -> Float[np.ndarray, "*lead pos d_token"]:
    """Tokens of a sequence: `plain` s_t; `constructed` [0, s_t, s_t, s_{t-1}]; `masked` [0, 0, s_t, s_{t-1}], of the
    one-layer experiment; `aggregated` [s_t, s_{t-1}, ...], `window` states. States before the first are 0.

    Source: von Oswald et al. 2023 (arXiv 2309.05858 v2), section 4 and F.3, and the released code for the four
    channels. Raises `LatebloomError` for another layout.
    """
    if layout not in LAYOUTS:
        raise unknown_name("token layout", layout, LAYOUTS)
    if layout == "plain":
        return states
    if layout == "aggregated":
        return np.concatenate([delayed(states, by) for by in range(window)], axis=-1)
    empty = np.zeros_like(states)
    return np.concatenate([empty, states if layout == "constructed" else empty, states, delayed(states, 1)], axis=-1)


def delayed(states: Float[np.ndarray, "*lead pos d"], by: int) -> Float[np.ndarray, "*lead pos d"]:
    """The states `by` places earlier; 0 before the first."""
    out = np.zeros_like(states)
    if by < states.shape[-2]:
        out[..., by:, :] = states[..., : states.shape[-2] - by, :]
    return out
