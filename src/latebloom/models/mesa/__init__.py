"""The mesa layer: attention that solves a regularised least-squares problem over the past at every place.

`MesaAttention` is the module, `mesa_attention` and `mesa_step` the functions below it. Sources: von Oswald et al. 2023
(arXiv 2309.05858) and MesaNet (arXiv 2506.05233).
"""

from latebloom.models.mesa.attention import mesa_attention
from latebloom.models.mesa.cholesky import Unsolvable
from latebloom.models.mesa.conjugate import conjugate_gradients
from latebloom.models.mesa.layer import MesaAttention
from latebloom.models.mesa.recursive import MesaWarning, reconstruction_error
from latebloom.models.mesa.state import MesaState, mesa_step

__all__ = [
    "MesaAttention",
    "MesaState",
    "MesaWarning",
    "Unsolvable",
    "conjugate_gradients",
    "mesa_attention",
    "mesa_step",
    "reconstruction_error",
]
