"""What `studies.model_selection.live` says of some points, for web/tests/posterior.test.ts."""

import base64
from typing import Any

import numpy as np
import torch

from latebloom.models import Decoder
from latebloom.randomness import stream
from latebloom.studies.model_selection.live import Snapshot, predict
from latebloom.tasks import InContextFunctions
from latebloom.view.pack import pack
from latebloom.view.views.model_selection import classes_of
from latebloom.view.weights import settings_of

MIXTURES = (
    ("line+sinusoid", "raventos"),
    ("0.3*line+0.3*sinusoid+0.4*line~sinusoid:share=None", "garg"),
    ("sinusoid+line", "paired"),
)
CONTEXTS = {
    "none": ([], []),
    "one": ([0.5], [1.25]),
    "twice the same x": ([1.0, 1.0, -0.5], [0.5, 0.75, 2.0]),
    "a sinusoid": ([-1.5, -0.75, 0.25, 0.5, 1.75], [0.5, -1.0, 0.25, 1.0, -0.25]),
}
QUERY = [-2.5, -1.0, 0.0, 0.3125, 1.0, 3.0]


def points() -> list[dict[str, Any]]:
    """For each mixture: a small network, and every curve and class probability for each set of points."""
    return [one(mixture, layout) for mixture, layout in MIXTURES]


def one(mixture: str, layout: str) -> dict[str, Any]:
    """A mixture's numbers."""
    settings = {"mixture": mixture, "tests": "line+sinusoid", "d": 1, "points": 7, "layout": layout}
    task = InContextFunctions.parse(settings | {"noise_variance": 0.01})
    model = Decoder(n_layers=2, d_model=8, n_heads=2, act_fn="gelu")
    noise = stream(1, "web points", mixture)
    table = {
        name: np.round(32 * noise.normal(size=shape.dims)) / 64 for name, shape in model.shapes(task.signature).items()
    }
    parameters = {name: torch.from_numpy(value)[None] for name, value in table.items()}
    snapshot = Snapshot(task, model, (mixture,), parameters, seed=0)
    rows = []
    for name, (x, y) in CONTEXTS.items():
        found = predict(snapshot, x, y, QUERY)
        curves = {key.split(" ")[0]: [float(f"{v:.8g}") for v in curve] for key, curve in found.curves.items()}
        rows.append({"name": name, "x": x, "y": y, "curves": curves, "classes": found.classes})
    arrays = {name: value.astype(np.float16)[None] for name, value in table.items()}
    return {
        "mixture": mixture,
        "layout": layout,
        "families": classes_of(task),
        "pack": base64.b64encode(pack({"settings": settings_of(model, task.signature)}, arrays)).decode(),
        "query": QUERY,
        "rows": rows,
    }
