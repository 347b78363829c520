"""Solutions written down instead of trained: models that can be loaded, measured, drawn, or trained further.

Sources: the explorable's appendix A (`circle`, one frequency), sums of several frequencies, Gromov 2023
(`all_frequencies`), and parity of three bits (Merrill et al. 2023 and the explorable's appendix).
"""

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from latebloom.data import Signature
from latebloom.errors import LatebloomError
from latebloom.models.base import MODELS, Shape
from latebloom.models.mlp import MLP
from latebloom.models.modular_mlp import ModularMLP
from latebloom.randomness import stream
from latebloom.spec import vary


@MODELS.register("circle_solution")
class CircleSolution(ModularMLP):
    """Neurons in `len(frequencies)` groups; each group reads one circle in equally spaced directions and doubles them.

    Logit_c(a, b) = sum_f sum_i act(cos(w_f a - t_i) + cos(w_f b - t_i)) cos(w_f c - 2 t_i), t_i = 2 pi i / n.
    """

    kind: str = "circle_solution"
    neurons: int = vary(5, ge=1, description="neurons for each frequency")
    frequencies: tuple[int, ...] = vary((1,), min_length=1, description="one group of neurons each; 1 to (p - 1) / 2")
    rotation: float = vary(0.0, description="angle in radians by which every direction is turned")
    in_product: Literal["collapsed"] = "collapsed"
    out_product: Literal["collapsed"] = "collapsed"
    d_mlp: int = Field(0, ge=0, description="at least neurons x frequencies; the neurons beyond have no weights")

    @model_validator(mode="after")
    def _width(self) -> "CircleSolution":
        # One width for solutions with fewer neurons lets them share a population.
        object.__setattr__(self, "d_mlp", max(self.d_mlp, self.neurons * len(self.frequencies)))
        return self

    def shapes(self, signature: Signature) -> dict[str, Shape]:
        """in_table [d_vocab, d_mlp] and out_table [d_mlp, out]."""
        half = signature.d_vocab / 2
        if wrong := [f for f in self.frequencies if not 1 <= f < half]:
            raise LatebloomError(
                f"model.frequencies = {wrong}: a frequency modulo {signature.d_vocab} is 1 to "
                f"{(signature.d_vocab - 1) // 2}."
            )
        return super().shapes(signature)

    def initial(self, name: str, shape: tuple[int, ...], noise: np.random.Generator) -> np.ndarray:
        """cos(w a - t) going in, cos(w c - 2 t) going out, zero for the neurons beyond."""
        p = shape[0] if name == "in_table" else shape[1]
        direction = np.tile(2 * np.pi * np.arange(self.neurons) / self.neurons, len(self.frequencies)) + self.rotation
        omega = 2 * np.pi * np.repeat(self.frequencies, self.neurons) / p
        phase = direction if name == "in_table" else 2 * direction
        table = np.zeros((p, self.d_mlp))
        table[:, : len(omega)] = np.cos(np.arange(p)[:, None] * omega - phase)
        return table if name == "in_table" else table.T


@MODELS.register("gromov_solution")
class GromovSolution(ModularMLP):
    """All frequencies with random phases, phi_a + phi_b = phi_out, and a square activation (Gromov 2023, eq. 8 ff.).

    `phases="free"` draws phi_out at random too: the same waves without the rule, which compute nothing.
    """

    kind: str = "gromov_solution"
    in_product: Literal["collapsed"] = "collapsed"
    out_product: Literal["collapsed"] = "collapsed"
    shared: Literal[False] = False
    activation: Literal["square"] = "square"
    phases: Literal["sum", "free"] = Field("sum", description="phi_out = phi_a + phi_b, or random as well")
    phase_seed: int = vary(0, ge=0, description="which random phases")

    def initial(self, name: str, shape: tuple[int, ...], noise: np.random.Generator) -> np.ndarray:
        """cos(2 pi k n / p + phi) for neuron k = 1 .. d_mlp."""
        first, second = stream(self.phase_seed, "phases").uniform(-np.pi, np.pi, (2, self.d_mlp))
        free = stream(self.phase_seed, "free phases").uniform(-np.pi, np.pi, self.d_mlp)
        third = first + second if self.phases == "sum" else free
        phase = {"in_table_a": first, "in_table_b": second, "out_table": third}[name]
        p = shape[1] if name == "out_table" else shape[0]
        table = np.cos(2 * np.pi * np.arange(p)[:, None] * np.arange(1, self.d_mlp + 1) / p + phase)
        return table.T if name == "out_table" else table


_AND = [[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)]
PARITY_NETS: dict[int, tuple[list[list[int]], list[int], list[int]]] = {
    # neurons: (input weights of each neuron, biases, output weights); on bits of -1 and +1 the output's sign is their
    # product
    4: ([[0, 0, 0], [1, 1, 1], [1, 1, 1], [-1, -1, -1]], [1, -1, 1, -1], [1, 2, -1, -1]),
    6: (
        [[-1, -1, 10], [-1, -1, 1], [1, 1, 1], [1, -1, -10], [-1, 1, -1], [1, -1, -1]],
        [-9, -2, -2, -9, -2, -2],
        [-1, 10, 10, -1, 10, 10],
    ),
    8: (_AND, [-2] * 8, [a * b * c for a, b, c in _AND]),
}


@MODELS.register("parity_solution")
class ParitySolution(MLP):
    """Parity of the first three of n bits (-1, +1) with 4, 6 or 8 ReLU neurons; the label is the sign of the output."""

    kind: str = "parity_solution"
    hidden: Literal[4, 6, 8] = Field(4, description="neurons of the written-down network")
    single_output: Literal[True] = True

    def shapes(self, signature: Signature) -> dict[str, Shape]:
        """As an MLP's; the rows need at least the three bits that count."""
        if signature.d_vocab or signature.n_inputs < 3:
            raise LatebloomError(
                f"model.kind = {self.kind!r} reads the first three of n numbers; this task gives {signature}. "
                "Use task.kind=parity with task.n of 3 or more, task.k=3 and task.bits=+-1."
            )
        return super().shapes(signature)

    def initial(self, name: str, shape: tuple[int, ...], noise: np.random.Generator) -> np.ndarray:
        """The written-down weights; every distracting bit has weight 0."""
        weights, biases, out = PARITY_NETS[self.hidden]
        if name == "b_0":
            return np.array(biases, dtype=float)
        if name == "W_out":
            return np.array(out, dtype=float)[:, None]
        table = np.zeros(shape)
        table[:3] = np.transpose(weights)
        return table
