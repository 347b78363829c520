"""Networks as the page runs them: settings and weights of a decoder over training, for web/src/math/decoder.ts.

Weights are float16. Curves through points of a trained mixture of lines and sinusoids then move by 0.002 (median over
prompts of the largest change; labels have a spread of 0.8), a tenth of a pixel; similarities of spans move by 0.0004,
and none of 100 greedy trees changed, at any of three steps. Eight bits would move curves by 0.05, and change trees.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from latebloom.data import Signature
from latebloom.errors import LatebloomError
from latebloom.models import Decoder
from latebloom.models.base import Model
from latebloom.runs.run import Run


def runs_in_page(model: Model) -> bool:
    """Whether the page's forward pass covers a network: causal softmax attention over embeddings."""
    return isinstance(model, Decoder) and not (
        set(model.attention) != {"softmax"}
        or model.taught
        or model.past == "zeroed"
        or model.source_ends
        or model.qk_norm != "none"
        or model.read_out == "channels"
        or model.positions == "first_keys"
    )


def settings_of(model: Model, signature: Signature) -> dict[str, Any]:
    """What decoder.ts is told of a network. Raises `LatebloomError` for one that it does not cover."""
    if not isinstance(model, Decoder) or not runs_in_page(model):
        raise LatebloomError(
            f"The page runs decoders with causal softmax attention; model.kind = {model.kind!r} here has settings "
            "beyond that. Read it in Python: latebloom.network(run)."
        )
    return {
        "n_layers": model.n_layers,
        "d_model": model.d_model,
        "n_heads": model.n_heads,
        "d_head": model.head_width,
        "d_mlp": model.mlp_width,
        "act_fn": model.act_fn,
        "norm": model.norm,
        "positions": model.positions,
        "embed_scale": model.embed_scale,
        "read_out": model.read_out,
        "resid_clip": model.resid_clip,
        "n_ctx": signature.n_ctx,
        "d_vocab": signature.d_vocab or 0,
        "n_inputs": signature.n_inputs,
        "n_outputs": signature.n_outputs,
    }


def film(run: Run, member: int, steps: Sequence[int], prefix: str = "") -> dict[str, np.ndarray]:
    """A member's weights at kept steps, float16 [snapshot, ...] under `prefix` and the parameter's name."""
    tables = [run.parameters(member, step) for step in steps]
    return {f"{prefix}{name}": np.stack([halved(table[name].numpy()) for table in tables]) for name in tables[0]}


def halved(values: np.ndarray) -> np.ndarray:
    """As float16; what is beyond its range ends at its border."""
    largest = float(np.finfo(np.float16).max)
    return np.clip(values, -largest, largest).astype(np.float16)
