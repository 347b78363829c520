"""What learns: model families whose parameters carry a leading member axis."""

from latebloom.models.base import MODELS, Model, Parameters, Shape, initial_parameters, run_with_cache
from latebloom.models.constructed import CircleSolution, GromovSolution, ParitySolution
from latebloom.models.decoder import Decoder
from latebloom.models.gru import GRU
from latebloom.models.losses import LOSSES, Loss
from latebloom.models.mesa import MesaAttention
from latebloom.models.mlp import MLP
from latebloom.models.modular_mlp import ModularMLP
from latebloom.models.transformer import Transformer

__all__ = [
    "GRU",
    "LOSSES",
    "MLP",
    "MODELS",
    "CircleSolution",
    "Decoder",
    "GromovSolution",
    "Loss",
    "MesaAttention",
    "Model",
    "ModularMLP",
    "Parameters",
    "ParitySolution",
    "Shape",
    "Transformer",
    "initial_parameters",
    "run_with_cache",
]
