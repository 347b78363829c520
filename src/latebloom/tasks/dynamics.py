"""Predict the next state of a system whose dynamics are new in every sequence.

A sequence is s_1 .. s_{T+1}: the network sees s_1 .. s_T, one state at each place, and says the next one at each. What
moves the system can only be learned from the sequence itself. Source and variants: see `dynamics_systems`; token
layouts: see `dynamics_tokens`. The published loss is half the squared error summed over the state's numbers
(`half_squared_error`).

Example: without noise each state is the fresh orthogonal matrix of its sequence times the one before.

>>> task = LinearDynamics(n_seen=2, length=3, noise=0.0)
>>> made = task.sequences(np.random.Generator(np.random.Philox(0)), batch=1)
>>> bool(np.allclose(made.seen[0, 3], made.dynamics[0] @ made.seen[0, 2]))
True
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from latebloom.data import Data, Place, Signature
from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from latebloom.spec import vary
from latebloom.tasks.base import TASKS, Task
from latebloom.tasks.dynamics_systems import (
    GeluFeatures,
    Sequences,
    contracting,
    haar_orthogonal,
    roll_out,
    start_states,
)
from latebloom.tasks.dynamics_tokens import width, written
from latebloom.tasks.rows import FreshBatches, to_batch


class Dynamics(Task):
    """What all systems share: lengths, start, noise, tokens, fresh training batches and a fixed test split."""

    n_seen: int = Field(10, ge=1, description="numbers in an observed state")
    length: int = Field(50, ge=2, description="places of a sequence; one more state is drawn, the last target")
    start: Literal["uniform", "normal"] = Field(
        "uniform", description="first states; uniform: released code, normal: text"
    )
    start_size: float = Field(1.0, gt=0, description="half the width of the uniform start, or the deviation")
    noise: float = vary(0.01, ge=0, description="standard deviation of the noise on each hidden state")
    tokens: Literal["plain", "constructed", "masked", "aggregated"] = Field(
        "plain",
        description="a state, the theory's four channels, those of the one-layer experiment, or `window` states",
    )
    window: int = Field(7, ge=1, description="states in an aggregated token")
    batch_size: int = Field(256, ge=1, description="sequences in a training step")
    n_test: int = Field(2048, ge=1, description="sequences of the test split")
    test_seed: int | None = vary(None, description="which test sequences; None: the member's own seed")

    @property
    def signature(self) -> Signature:
        """A token in, a state out, at each of `length` places."""
        d_token = width(self.tokens, self.n_seen, self.window)
        return Signature(d_token, self.n_seen, n_ctx=self.length, real_targets=True)

    @abstractmethod
    def sequences(self, noise: np.random.Generator, batch: int) -> Sequences:
        """`batch` sequences of `length` + 1 states, with everything that made them."""

    def test_sequences(self, seed: int) -> Sequences:
        """The sequences of a member's test split, with everything that made them."""
        return self.sequences(stream(seed if self.test_seed is None else self.test_seed, "test"), self.n_test)

    def rows(self, made: Sequences) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tokens [batch, pos, d_token], targets [batch, pos, n_seen], weight [batch, pos], all ones."""
        tokens = written(made.seen[:, :-1], self.tokens, self.window)
        return tokens, made.seen[:, 1:], np.ones(tokens.shape[:2])

    def data(self, members: Sequence[Task], seeds: Sequence[int], place: Place) -> Data:
        """Split `test` [member, n_test, pos, ...]; fresh training sequences at every step."""
        own = [member for member in members if isinstance(member, Dynamics)]
        tables = [task.rows(task.test_sequences(seed)) for task, seed in zip(own, seeds, strict=True)]
        inputs, targets, weight = (np.stack(part) for part in zip(*tables, strict=True))

        def draw(member: int, noise: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            return own[member].rows(own[member].sequences(noise, rows))

        splits = {"test": to_batch(inputs, targets, weight, place)}
        return FreshBatches(splits, draw, self.batch_size, seeds, place)

    def answer(self, inputs: Tensor) -> Tensor:
        """What the least-squares solution of smallest norm says, from the states seen so far: [..., pos, n_seen].

        No rule in closed form is exact: the matrix is not in the row. This is close to the best where all is seen, the
        noise is small and the dynamics are orthogonal. Zero where nothing has been seen. Not for partly seen or
        nonlinear systems, whose references are in `latebloom.baselines`.
        """
        current = {"constructed": self.n_seen, "masked": 2 * self.n_seen}.get(self.tokens, 0)
        states = inputs[..., current : current + self.n_seen].double()
        said = torch.zeros_like(states)
        for t in range(1, states.shape[-2]):
            before = torch.linalg.pinv(states[..., :t, :], rtol=1e-6)
            said[..., t, :] = ((states[..., None, t, :] @ before) @ states[..., 1 : t + 1, :])[..., 0, :]
        return said.to(inputs.dtype)


@TASKS.register("linear_dynamics")
class LinearDynamics(Dynamics):
    """h_{t+1} = W h_t + noise: all of h is seen, or `n_seen` numbers of it through a fresh matrix C."""

    kind: Literal["linear_dynamics"] = "linear_dynamics"
    n_hidden: int | None = Field(None, ge=1, description="numbers in a hidden state; None: the state itself is seen")
    dynamics: Literal["orthogonal", "contracting", "fixed"] = Field(
        "orthogonal",
        description="fresh and orthogonal, fresh with eigenvalues of 0.3 to 0.9, or one orthogonal for all",
    )
    teacher_seed: int = vary(0, ge=0, description="which matrix, where dynamics = fixed")
    clip: float | None = Field(None, gt=0, description="bound on each number; None: 2 if contracting, else 10")
    readout_std: float = Field(0.5, gt=0, description="deviation of the entries of C; the text says variance 0.5")
    seen_noise: float | None = vary(None, ge=0, description="on what is seen; None: 0.01 if partly seen, else 0")

    @model_validator(mode="after")
    def _check(self) -> "LinearDynamics":
        if self.n_hidden is not None and self.tokens in ("constructed", "masked"):
            raise ValueError(
                f"task.tokens = {self.tokens!r} pairs each state with the one before, which does not determine a "
                "partly seen system; with task.n_hidden use task.tokens=plain or aggregated."
            )
        return self

    @property
    def noise_of_seeing(self) -> float:
        """The deviation of `seen_noise`, also where that is left to the task."""
        return (0.0 if self.n_hidden is None else 0.01) if self.seen_noise is None else self.seen_noise

    def sequences(self, noise: np.random.Generator, batch: int) -> Sequences:
        """`batch` sequences of `length` + 1 states, with everything that made them."""
        d = self.n_seen if self.n_hidden is None else self.n_hidden
        match self.dynamics:
            case "orthogonal":
                matrix = haar_orthogonal(noise, batch, d)
            case "contracting":
                matrix = contracting(noise, batch, d)
            case "fixed":
                matrix = np.repeat(haar_orthogonal(stream(self.teacher_seed, "teacher"), 1, d), batch, axis=0)
        start = start_states(noise, batch, d, self.start, self.start_size)
        shocks = self.noise * noise.standard_normal((self.length, d, batch))
        bound = self.clip if self.clip is not None else 2.0 if self.dynamics == "contracting" else 10.0
        hidden = roll_out(matrix, start, shocks, bound)
        blur = self.noise_of_seeing
        if self.n_hidden is None:
            seen = hidden + blur * noise.standard_normal(hidden.shape) if blur else hidden
            return Sequences(seen, hidden, matrix)
        readout = self.readout_std * noise.standard_normal((batch, self.n_seen, d))
        seen = hidden @ readout.transpose(0, 2, 1)
        return Sequences(seen + blur * noise.standard_normal(seen.shape), hidden, matrix, readout)


@TASKS.register("nonlinear_dynamics")
class NonlinearDynamics(Dynamics):
    """s_{t+1} = W f(s_t) + noise with f(s) = B gelu(A s): A and B the same for all, W fresh and orthogonal (F.4)."""

    kind: Literal["nonlinear_dynamics"] = "nonlinear_dynamics"
    start_size: float = Field(0.25, gt=0, description="half the width of the uniform start, or the deviation")
    d_mlp: int = Field(40, ge=1, description="hidden units of f")
    feature_std: float = Field(1.1, gt=0, description="deviation of the entries of A and B")
    feature_seed: int = vary(0, ge=0, description="which A and B")
    normalise: bool = Field(
        True,
        description="f divided by its length, as in the released code; the text does not: states then run into `clip`",
    )
    clip: float = Field(10.0, gt=0, description="bound on each number")

    @property
    def features(self) -> GeluFeatures:
        """The fixed f, to be given states as columns."""
        noise = stream(self.feature_seed, "features")
        return GeluFeatures.drawn(noise, self.n_seen, self.d_mlp, self.feature_std, self.normalise)

    def feature_states(self, states: np.ndarray) -> np.ndarray:
        """F of states [..., n_seen]: what an ideal learner would regress on."""
        return self.features(states.reshape(-1, self.n_seen).T).T.reshape(states.shape)

    def sequences(self, noise: np.random.Generator, batch: int) -> Sequences:
        """`batch` sequences of `length` + 1 states, with the W of each."""
        matrix = haar_orthogonal(noise, batch, self.n_seen)
        start = start_states(noise, batch, self.n_seen, self.start, self.start_size)
        shocks = self.noise * noise.standard_normal((self.length, self.n_seen, batch))
        states = roll_out(matrix, start, shocks, self.clip, self.features)
        return Sequences(states, states, matrix)

    def answer(self, inputs: Tensor) -> Tensor:
        """None is known: raises `LatebloomError` with what to compare with instead."""
        raise LatebloomError(
            "nonlinear_dynamics has no answer in closed form; compare with latebloom.baselines.ridge on "
            "task.feature_states(states), which knows f and learns W from the sequence."
        )
