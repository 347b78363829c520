"""Measurements: loss by place, and the first layer's weights read as one gradient step."""

from latebloom.baselines.pairs import loss_by_place
from latebloom.errors import LatebloomError
from latebloom.instruments.linear_attention import Products, products
from latebloom.instruments.weight_blocks import blocks, gradient_step
from latebloom.models import Decoder, Parameters
from latebloom.training.measures import Columns, measure
from latebloom.training.view import View

CURRENT, PREVIOUS, OUT = 2, 3, 0  # channels of s_t, s_{t-1} and the prediction in both constructed layouts


@measure("mesa_optimization.places")
def places(view: View) -> Columns:
    """Test loss at each place, `loss_by_place` [pos]: half the squared error summed over outputs, mean over rows."""
    if not view.population.task.signature.real_targets:
        raise LatebloomError(
            f"mesa_optimization.places needs a task with real targets, such as linear_dynamics, not "
            f"{view.population.task.kind!r}."
        )
    return {"loss_by_place": loss_by_place(view.logits("test"), view.splits["test"].targets)}


@measure("mesa_optimization.text_places")
def text_places(view: View) -> Columns:
    """Test loss at each place of a text, `loss_by_place` [pos], in nats a token: mean over rows."""
    if view.population.task.signature.real_targets:
        raise LatebloomError(
            "mesa_optimization.text_places needs a task with labels, such as text or shakespeare, not "
            f"{view.population.task.kind!r}, whose targets are real numbers; mesa_optimization.places is for these."
        )
    return {"loss_by_place": view.losses("test").mean(1)}


@measure("mesa_optimization.first_layer")
def first_layer(view: View) -> Columns:
    """The first layer as one gradient step (Proposition 1).

    Numbers: `eta`, `phi_0` (of Phi_0 = phi_0 I), `other` (largest other coefficient that reaches the prediction, in
    magnitude). Lists: `qk_mean` and `ov_mean` [head, row, column] flattened, the means of the blocks' diagonals.
    """
    model, width = view.population.model, view.population.task.signature.n_outputs
    if not isinstance(model, Decoder) or model.read_out != "channels":
        raise LatebloomError(
            "mesa_optimization.first_layer reads networks that work on channels: a decoder with "
            f"model.read_out=channels; this one is {model.kind!r}."
        )
    layer = layer_products(view.params, 0)
    step = gradient_step(layer, width, CURRENT, PREVIOUS, OUT)
    return {
        "eta": step.rate,
        "phi_0": step.phi_0,
        "other": step.other,
        "qk_mean": blocks(layer.qk, width).mean.flatten(1),
        "ov_mean": blocks(layer.ov, width).mean.flatten(1),
    }


def layer_products(params: Parameters, layer: int) -> Products:
    """One layer's products from a decoder's parameters, with or without a member axis."""
    return products(*(params[f"blocks.{layer}.attn.{name}"] for name in ("W_Q", "W_K", "W_V", "W_O")))
