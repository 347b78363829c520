"""Numbers of our Python that the page's linear attention is held to: web/tests/mesa.json.

`python -m tests.view.mesa_numbers` writes them anew; a test notices when the file is stale.
"""

import json
from pathlib import Path
from typing import Any

import torch

from latebloom.baselines import descent
from latebloom.baselines.pairs import loss_by_place
from latebloom.instruments.compressed import compress
from latebloom.instruments.linear_attention import Products, interpolate, run
from latebloom.randomness import stream
from latebloom.studies.mesa_optimization.claims.networks import rows_of
from latebloom.tasks import LinearDynamics
from tests.view.numbers import plain

PLACE = Path(__file__).parents[2] / "web" / "tests" / "mesa.json"
SHARES = (0.0, 0.3, 1.0)
CLIP = 0.9  # small, so that it acts


def numbers() -> dict[str, Any]:
    """Two random layers of two heads on both layouts: outputs and losses from the network to its compressed form."""
    return {"stacks": [stack(tokens) for tokens in ("constructed", "masked")]}


def stack(tokens: str) -> dict[str, Any]:
    """One of them; products are [layer, head, size, size], states [row, pos + 1, width]."""
    task = LinearDynamics.parse({"n_seen": 3, "length": 6, "tokens": tokens})
    written, states, targets = rows_of(task, task.sequences(stream(3, "web mesa"), 2))
    noise = stream(5, "web mesa weights")
    layers = [Products(*(torch.from_numpy(noise.normal(size=(2, 12, 12)) / 8) for _ in range(2))) for _ in range(2)]
    small = [compress(layer, 3) for layer in layers]
    blends = []
    for share in SHARES:
        mixed = [interpolate(one, other, share) for one, other in zip(layers, small, strict=True)]
        said = run(mixed, written, CLIP)[-1][..., :3]
        blends.append({"share": share, "said": plain(said), "loss": plain(loss_by_place(said, targets))})
    return {
        "tokens": tokens,
        "width": 3,
        "clip": CLIP,
        "states": plain(torch.cat([states, targets[:, -1:]], 1)),
        "written": plain(written),
        "qk": plain(torch.stack([layer.qk for layer in layers])),
        "ov": plain(torch.stack([layer.ov for layer in layers])),
        "compressed": plain(small[0].qk[0]),
        "blends": blends,
        "rate": 0.21,
        "step": plain(descent.one_step(states, targets, 0.21)),
    }


def text() -> str:
    """The file's content."""
    return json.dumps(numbers(), indent=0, allow_nan=False) + "\n"


if __name__ == "__main__":
    PLACE.write_text(text())
