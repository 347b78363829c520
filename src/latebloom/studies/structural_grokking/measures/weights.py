"""Norms of what is trained, written four ways."""

from latebloom.errors import LatebloomError
from latebloom.instruments.depth_norms import depth_norms
from latebloom.training.measures import Columns, measure
from latebloom.training.view import View


@measure("structural_grokking.weights", of_weights=True)
def weights(view: View) -> Columns:
    """Norm N of all trained weights of a network with L layers.

    `weight_norm` N, `weight_norm_per_layer` N / L (the published axis, on which shallow networks lie above before
    training begins), `weight_norm_per_root_layer` N / sqrt(L), `weight_rms` root mean square.
    """
    layers = getattr(view.population.model, "n_layers", None)
    if layers is None:
        raise LatebloomError(
            f"structural_grokking.weights divides by n_layers, which {view.population.model.kind!r} does not have."
        )
    norms = depth_norms(view.trained, layers)
    return {
        "weight_norm": norms.norm,
        "weight_norm_per_layer": norms.per_layer,
        "weight_norm_per_root_layer": norms.per_root_layer,
        "weight_rms": norms.rms,
    }
