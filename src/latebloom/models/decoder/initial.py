"""Initial weights of a decoder, by the name of the rule."""

import math

import numpy as np


def draw(
    rule: str, name: str, shape: tuple[int, ...], noise: np.random.Generator, std: float, n_layers: int
) -> np.ndarray:
    """One member's initial value of one parameter; biases are zero, norms and lambdas are one.

    `gpt2`: normal with `std`, what is added to the residual stream divided by sqrt(2 n_layers) (Radford et al. 2019).
    `normal`: normal with `std` everywhere. `xavier`: uniform within sqrt(6 / (fan_in + fan_out)), the first matrix of
    an MLP with gain sqrt(2), heads side by side as one matrix (Glorot & Bengio 2010). `xavier_joint`: the same without
    gain, and queries, keys and values as one matrix, so that they are smaller by sqrt(2), as PyTorch's
    `nn.MultiheadAttention` draws them.
    """
    table, leaf = name.rsplit(".", 1)
    if leaf in ("w", "mesa_lambda"):
        return np.ones(shape)
    if leaf == "b" or leaf.startswith("b_"):
        return np.zeros(shape)
    if rule.startswith("xavier"):
        joint = rule == "xavier_joint"
        fan_in, fan_out = _fans(leaf, shape)
        outputs = 3 * fan_out if joint and leaf in ("W_Q", "W_K", "W_V") else fan_out
        gain = math.sqrt(2) if name.endswith("mlp.W_in") and not joint else 1.0
        bound = gain * math.sqrt(6 / (fan_in + outputs))
        return noise.uniform(-bound, bound, shape)
    residual = rule == "gpt2" and (leaf == "W_O" or (leaf == "W_out" and table.endswith("mlp")))
    return np.asarray(noise.standard_normal(shape) * std / (math.sqrt(2 * n_layers) if residual else 1.0))


def _fans(leaf: str, shape: tuple[int, ...]) -> tuple[int, int]:
    """Inputs and outputs of a matrix; the heads of an attention layer are one matrix."""
    if len(shape) == 2:
        return shape[0], shape[1]
    heads, first, second = shape
    return (heads * first, second) if leaf == "W_O" else (first, heads * second)
