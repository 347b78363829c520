"""How pairs become a sequence: x_1, y_1, x_2, y_2, ... and what is read at which place.

`garg`: every token has the width of x; a label stands in its first coordinate (Garg et al. 2022). `raventos`: tokens
are one wider; coordinate 0 is the label's, the others are those of x (Raventos et al. 2023). `paired`: the same, and a
label stands beside its x once more, so that no layer has to bring the two together (as the columns [x; y] of Bai et
al. 2023, arXiv 2306.04637). The prediction of y_i is read at the place of x_i, which has seen i - 1 whole pairs. An
optional first token names the class (one-hot).

>>> sequence(np.array([[[1.0, 2.0], [3.0, 4.0]]]), np.array([[9.0, 8.0]]), "garg")
array([[[1., 2.],
        [9., 0.],
        [3., 4.],
        [8., 0.]]])
>>> sequence(np.array([[[1.0, 2.0]]]), np.array([[9.0]]), "raventos")
array([[[0., 1., 2.],
        [9., 0., 0.]]])
>>> sequence(np.array([[[1.0, 2.0]]]), np.array([[9.0]]), "paired")
array([[[0., 1., 2.],
        [9., 1., 2.]]])
"""

from typing import Literal

import numpy as np
from jaxtyping import Float, Int

Layout = Literal["garg", "raventos", "paired"]


def width(layout: Layout, d: int) -> int:
    """Numbers at each place."""
    return d if layout == "garg" else d + 1


def sequence(
    x: Float[np.ndarray, "n points d"],
    y: Float[np.ndarray, "n points"],
    layout: Layout,
    label: Int[np.ndarray, " n"] | None = None,
) -> Float[np.ndarray, "n pos width"]:
    """Tokens of n prompts: two places a pair, and one more at the front where the class is named."""
    n, points, d = x.shape
    tokens = np.zeros((n, 2 * points + (label is not None), width(layout, d)))
    start = int(label is not None)
    tokens[:, start::2, tokens.shape[-1] - d :] = x
    if layout == "paired":
        tokens[:, start + 1 :: 2, 1:] = x
    tokens[:, start + 1 :: 2, 0] = y
    if label is not None:
        tokens[np.arange(n), 0, label] = 1.0
    return tokens


def at_x_places(values: Float[np.ndarray, "n points"], labelled: bool = False) -> Float[np.ndarray, "n pos"]:
    """One value a pair, put at the places of x; 0 elsewhere."""
    n, points = values.shape
    placed = np.zeros((n, 2 * points + labelled))
    placed[:, int(labelled) :: 2] = values
    return placed
