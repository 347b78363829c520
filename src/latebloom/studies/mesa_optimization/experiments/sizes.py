"""What the experiments share: sizes of systems by scale, and the linear-attention networks of the source."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from latebloom.models import Decoder
from latebloom.tasks import LinearDynamics
from latebloom.training.experiment import Training

Attention = Literal["softmax", "linear", "mesa"]
SOFTMAX: Attention = "softmax"


@dataclass(frozen=True)
class Size:
    """A system of `d` numbers watched for `length` places, and how many sequences a batch and the test split hold."""

    d: int
    length: int
    batch: int = 256
    n_test: int = 2048

    def task(self, tokens: str, **changes: Any) -> LinearDynamics:
        """Linear dynamics of this size."""
        own = {"n_seen": self.d, "length": self.length, "batch_size": self.batch, "n_test": self.n_test}
        return LinearDynamics.parse({**own, "tokens": tokens, **changes})


TINY = Size(d=2, length=8, batch=16, n_test=64)  # smoke
SMALL = Size(d=4, length=20, n_test=1024)
LARGE = Size(d=10, length=50)  # the published size
FEWER = replace(LARGE, batch=64)  # the same in batches of a quarter: what two cores can train


def stack(
    size: Size, layers: int, heads: int, d_head: int, attention: tuple[Attention, ...] = ("linear",), **changes: Any
) -> Decoder:
    """Attention and nothing else on four channels: no embedding, norm, MLP or bias; prediction from channel 0.

    The residual stream is clipped at 4 and weights begin with a standard deviation of 2e-4 (released code; the text
    says variance).
    """
    settings: dict[str, Any] = {
        "n_layers": layers,
        "d_model": 4 * size.d,
        "n_heads": heads,
        "d_head": d_head,
        "d_mlp": 0,
        "attention": attention,
        "norm": "none",
        "positions": "none",
        "read_out": "channels",
        "channels": size.d,
        "bias": "none",
        "resid_clip": 4.0,
        "init": "normal",
        "init_std": 2e-4,
    }
    return Decoder.parse(settings | changes)


def recipe(steps: int, lr: float, weight_decay: float, **changes: Any) -> Training:
    """AdamW with a constant rate and gradients clipped at 1 element by element, as in the released code."""
    settings: dict[str, Any] = {
        "steps": steps,
        "loss": "half_squared_error",
        "lr": lr,
        "weight_decay": weight_decay,
        "beta2": 0.999,
        "clip": 1.0,
        "clip_by": "value",
    }
    return Training.parse(settings | changes)
