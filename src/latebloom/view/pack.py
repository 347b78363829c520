"""What the server, the exported site and the notebook hand to a view: arrays and a document, in one safetensors file.

The document is JSON under the metadata key `document`. Arrays for display may be float16: a screen shows no more.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from latebloom.errors import LatebloomError

KINDS = ("float16", "float32", "float64", "int32", "uint8")  # what web/src/data/safetensors.ts reads


def pack(document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """One file of arrays (any shape, row-major) with a document beside them.

    Raises `LatebloomError` for a kind of number the front end does not read.

    >>> content = pack({"p": 3}, {"steps": np.arange(2, dtype=np.int32)})
    >>> unpack(content)
    ({'p': 3}, {'steps': array([0, 1], dtype=int32)})
    """
    for name, array in arrays.items():
        if array.dtype.name not in KINDS:
            raise LatebloomError(f"The array {name!r} is {array.dtype.name}; a view reads {', '.join(KINDS)}.")
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return bytes(save(whole, metadata={"document": json.dumps(document, allow_nan=False)}))


def unpack(content: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The document and the arrays of a pack."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    return json.loads(header["__metadata__"]["document"]), load(content)


def latest(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Columns [member, chosen] of a table [member, log] of which some logs are left out.

    Each is the member's newest value since the chosen log before, NaN where it has none, so that the last value of a
    member that ended between two is not lost.

    >>> latest(np.array([[1.0, 2.0, np.nan, np.nan, np.nan], [1.0, 2.0, 3.0, 4.0, 5.0]]), np.array([0, 2, 4])).tolist()
    [[1.0, 2.0, nan], [1.0, 3.0, 5.0]]
    """
    known = np.maximum.accumulate(np.where(np.isfinite(values), np.arange(values.shape[1]), -1), axis=1)[:, chosen]
    fresh = known > np.concatenate([[-1], chosen[:-1]])
    return np.asarray(np.where(fresh, np.take_along_axis(values, np.maximum(known, 0), 1), np.nan), dtype=values.dtype)


def thinned(count: int, most: int) -> np.ndarray:
    """Numbers of at most `most` of `count` things, evenly spaced, first and last among them.

    >>> thinned(10, 4).tolist(), thinned(3, 9).tolist()
    ([0, 3, 6, 9], [0, 1, 2])
    """
    if count <= most:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, most).round().astype(int))
