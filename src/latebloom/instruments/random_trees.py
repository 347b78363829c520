"""How likely a span is a constituent of a random binary tree, in closed form: exact expectations, no samples.

Two laws go by the name of a random tree. **random_splits**: every node splits behind one of its words, each equally
likely; the released code of Murty et al. 2023 draws the split of one node so. **uniform_trees**: every binary tree is
equally likely; it favours lopsided ones. What a sum over a random tree's nodes is on average needs only these
probabilities.
"""

from collections.abc import Sequence

import numpy as np
import scipy  # scipy.special loads at its first use
import torch
from jaxtyping import Float, Int
from torch import Tensor

from latebloom.errors import unknown_name

VERSION = 1  # bump when any number returned from this file changes


def constituent_probability(
    lengths: Sequence[int] | Int[np.ndarray, "sentence"], law: str = "random_splits"
) -> Float[Tensor, "sentence start end"]:
    """Probability that the words start..end (from 0) are a constituent, single words and whole sentences included.

    A span of w words out of n. Random splits draw the gaps between words in a random order, and a span is a
    constituent if the gaps at its edges come before the w - 1 inside it: 2 / (w (w + 1)), or 1 / w if it touches one
    end of the sentence. Uniform trees: C(w - 1) C(n - w) / C(n - 1) with Catalan numbers C, since a tree with the
    constituent is a tree of the span and a tree in which the span is one word. 0 where there is no span. float64.
    """
    if law not in LAWS:
        raise unknown_name("law of random trees", law, LAWS)
    n = np.asarray(lengths, dtype=np.int64)[:, None, None]
    start, end = np.arange(n.max())[:, None], np.arange(n.max())
    span = (start <= end) & (end < n)
    words = np.where(span, end - start + 1, 1)
    touching = (start == 0).astype(np.int64) + (end == n - 1)
    return torch.from_numpy(np.where(span, LAWS[law](words, n, touching), 0.0))


def _random_splits(words: np.ndarray, n: np.ndarray, touching: np.ndarray) -> np.ndarray:
    return np.where(touching == 2, 1.0, np.where(touching == 1, 1 / words, 2 / (words * (words + 1))))


def _uniform_trees(words: np.ndarray, n: np.ndarray, touching: np.ndarray) -> np.ndarray:
    # By logarithms, so that long sentences do not overflow. Padding may have words > n: it is selected away.
    return np.exp(_log_catalan(words - 1) + _log_catalan(np.maximum(n - words, 0)) - _log_catalan(n - 1))


def _log_catalan(n: np.ndarray) -> np.ndarray:
    return np.asarray(scipy.special.gammaln(2 * n + 1) - scipy.special.gammaln(n + 1) - scipy.special.gammaln(n + 2))


LAWS = {"random_splits": _random_splits, "uniform_trees": _uniform_trees}
