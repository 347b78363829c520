"""A network of the package for the plain ones to be compared with."""

import torch
from torch import Tensor

from latebloom.models import Decoder
from latebloom.tasks.base import Task


def published(task: Task, n_layers: int) -> tuple[Decoder, dict[str, Tensor]]:
    """The released kind of block at width 16, and weights large enough to matter, without member axis."""
    settings = {"norm": "post", "positions": "sinusoidal", "embed_scale": True, "bias": "mlp", "act_fn": "relu"}
    model = Decoder.parse(settings | {"n_layers": n_layers, "d_model": 16, "n_heads": 4})
    draws = torch.Generator().manual_seed(3)
    shapes = model.shapes(task.signature)
    return model, {name: torch.randn(shape.dims, generator=draws) / 3 for name, shape in shapes.items()}
