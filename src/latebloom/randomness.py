"""Randomness as a function of (seed, purpose, counter): hashed, stateless, never global.

A member's data and initialisation depend on its own seed and on what the numbers are for, so they are the same
whoever else is in the population, and an interrupted run needs no generator state to go on.
"""

import hashlib
import operator

import numpy as np


def stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """A generator for one purpose; other seeds and purposes give unrelated streams.

    >>> bool(stream(0, "split").integers(1 << 30) == stream(0, "split").integers(1 << 30))
    True
    >>> bool(stream(0, "split").integers(1 << 30) == stream(1, "split").integers(1 << 30))
    False
    """
    # A seed or a name read from an array or a table is numpy's, whose repr is another: it must give the same stream.
    key = tuple(str(part) if isinstance(part, str) else operator.index(part) for part in (seed, *purpose))
    digest = hashlib.blake2b(repr(key).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))
