"""Small sequences of orthogonal dynamics and their tokens, drawn without a task."""

import numpy as np
import torch

from latebloom.randomness import stream


def states(count, length, d, seed=0):
    """States [count, length + 1, d] with a fresh orthogonal matrix each and a little noise."""
    draw = stream(seed, "in context", d, length)
    w, r = np.linalg.qr(draw.normal(size=(count, d, d)))
    w *= np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :]
    h = [draw.uniform(-1, 1, (count, d))]
    for _ in range(length):
        h.append(np.einsum("bij,bj->bi", w, h[-1]) + 0.01 * draw.normal(size=(count, d)))
    return torch.from_numpy(np.stack(h, 1))


def tokens(s, channels):
    """Channels by letter: 0 zeros, s the state, p the one before."""
    before = torch.cat([torch.zeros_like(s[:, :1]), s[:, :-1]], 1)
    return torch.cat([{"0": torch.zeros_like(s), "s": s, "p": before}[letter] for letter in channels], -1)
