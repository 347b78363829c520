"""Sequences of the size of the anchors, drawn here with plain numpy so that baselines are tested without a task."""

import numpy as np
import torch

from latebloom.randomness import stream


def sequences(d, length, count, seed=0, noise=0.01, start="uniform"):
    """Inputs and targets [count, length, d] of orthogonal dynamics: QR with the signs of R, and a loop over time."""
    draw = stream(seed, "test dynamics", d, length)
    q, r = np.linalg.qr(draw.standard_normal((count, d, d)))
    w = q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :]
    h = draw.uniform(-1, 1, (count, d)) if start == "uniform" else draw.standard_normal((count, d))
    states = [h]
    for _ in range(length):
        h = np.einsum("bij,bj->bi", w, h) + noise * draw.standard_normal((count, d))
        states.append(h)
    states = torch.from_numpy(np.stack(states, 1))
    return states[:, :-1], states[:, 1:]
