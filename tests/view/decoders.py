"""Small decoders with the settings of the studies, their inputs and outputs, for web/tests/decoder.test.ts.

Weights are multiples of 1/64, so float16 holds them exactly and the packs are the same on every machine.
"""

import base64
from typing import Any

import numpy as np
import torch

from latebloom.data import Signature
from latebloom.models import Decoder
from latebloom.models.base import Parameters
from latebloom.randomness import stream
from latebloom.view.pack import pack
from latebloom.view.weights import settings_of

SYMBOLS = Signature(n_inputs=1, n_outputs=9, d_vocab=9, n_ctx=12)
VECTORS = Signature(n_inputs=2, n_outputs=1, n_ctx=12, real_targets=True)
NETWORKS: dict[str, tuple[dict[str, Any], Signature]] = {
    # Question Formation: norms after the sums, sinusoids, scaled embeddings, few biases.
    "structural_grokking": (
        {"norm": "post", "positions": "sinusoidal", "embed_scale": True, "bias": "mlp", "act_fn": "relu"},
        SYMBOLS,
    ),
    "as_printed": (
        {"norm": "post", "positions": "sinusoidal", "embed_scale": True, "bias": "mlp", "read_out": "tied"},
        SYMBOLS,
    ),
    # Functions in context: norms before each part, learned positions, vectors.
    "model_selection": ({"norm": "pre", "positions": "learned", "act_fn": "gelu"}, VECTORS),
    # What no study needs yet, but the settings allow.
    "odd": (
        {"norm": "none", "positions": "none", "act_fn": "gelu_new", "d_head": 3, "d_mlp": 5, "resid_clip": 1.5},
        SYMBOLS,
    ),
}


def decoders() -> list[dict[str, Any]]:
    """Settings, weights, and what Python says of plain rows, and of rows behind a shared context."""
    return [one(name, *parts) for name, parts in NETWORKS.items()]


def one(name: str, changes: dict[str, Any], signature: Signature) -> dict[str, Any]:
    """A network's pack and its numbers."""
    model = Decoder.parse({"n_layers": 2, "d_model": 8, "n_heads": 2} | changes)
    noise = stream(5, "web decoders", name)
    shapes = model.shapes(signature)
    table = {key: np.round(64 * 0.5 * noise.normal(size=shape.dims)) / 64 for key, shape in shapes.items()}
    params = {key: torch.from_numpy(value)[None] for key, value in table.items()}
    inputs = _inputs(signature, noise, 10)
    places, own = [0, 1, 2, 3, 3, 4, 5, 2, 3, 3], [0, 0, 0, 3, 4, 4, 4, 7, 7, 9]
    with torch.no_grad():
        plain = model.forward(params, inputs[None, None])
        grouped = _grouped(model, params, inputs, places, own)
    return {
        "name": name,
        "pack": base64.b64encode(_packed(model, signature, table)).decode(),
        "inputs": inputs.flatten().tolist(),
        "outputs": _digits(plain),
        "positions": places,
        "from": own,
        "shared": 3,
        "grouped": _digits(grouped),
        "states": _digits(model.states(params, inputs[None, None])),
    }


def _inputs(signature: Signature, noise: np.random.Generator, places: int) -> torch.Tensor:
    if signature.d_vocab:
        return torch.from_numpy(noise.integers(0, signature.d_vocab, places))
    return torch.from_numpy(np.round(64 * noise.normal(size=(places, signature.n_inputs))) / 64)


def _grouped(
    model: Decoder, params: Parameters, inputs: torch.Tensor, places: list[int], own: list[int]
) -> torch.Tensor:
    """Rows behind three shared places: a place sees those, and its own row."""
    count = len(places)
    seen = torch.zeros(count, count, dtype=torch.bool)
    for place in range(count):
        seen[place, : min(3, place + 1)] = True
        seen[place, own[place] : place + 1] = True
    told = None if model.positions == "none" else torch.tensor(places)
    return model.forward(params, inputs[None, None], positions=told, seen=seen[None, None])


def _packed(model: Decoder, signature: Signature, table: dict[str, np.ndarray]) -> bytes:
    """Two snapshots, the first of zeros, so that the second must be found; float16 and float32 in turn."""
    arrays = {
        key: np.stack([np.zeros_like(value), value]).astype(np.float16 if i % 2 else np.float32)
        for i, (key, value) in enumerate(table.items())
    }
    return pack({"settings": settings_of(model, signature)}, arrays)


def _digits(value: torch.Tensor) -> list[float]:
    return [float(f"{v:.10g}") for v in value.flatten().tolist()]
