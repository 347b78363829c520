"""MesaAttention: the mesa layer as a PyTorch module, for anybody's model."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latebloom.errors import LatebloomError
from latebloom.models.mesa import checks
from latebloom.models.mesa.attention import Form, Regulariser, mesa_attention
from latebloom.models.mesa.recursive import Backward
from latebloom.models.mesa.state import MesaState, mesa_step, start
from latebloom.randomness import stream

RIDGE_MIN = {"decaying": 0.01, "static": 0.25}  # 0.25: MesaNet's grid scan (arXiv 2506.05233); 0.01: lambda up to 100


class MesaAttention(nn.Module):
    """Causal attention whose answer at each place is the least-squares fit of all values so far, asked at the query.

    Drop-in for a causal self-attention layer: `[..., pos, d_model]` in, the same out; no mask, no positions, no biases
    except in the gate. Computes in float32 inside when its inputs are in half precision or under autocast.

    Args:
        d_model: width of inputs and outputs.
        n_heads: heads.
        d_head: size of keys and queries (n_a of the paper); d_model / n_heads, rounded down, if left out.
        d_value: size of values; `d_head` if left out.
        form: how the solve is done, see `mesa_attention`. All give the same numbers.
        regulariser: "decaying" (2309.05858) or "static" (MesaNet).
        parametrisation: "softplus": Lambda = ridge_min + softplus(parameter), one for each head, and with "static"
            for each key dimension; "free": the paper's one unconstrained scalar lambda a head.
        lam: initial lambda.
        ridge_min: lower bound of Lambda; 0.01 ("decaying") or 0.25 ("static") if left out. Not used by "free".
        forget: learn forget factors gamma = sigmoid(linear(x)), one for each head and place; near 0.99 at first.
        normalise: "l2" divides queries and keys by their length; "none" (the paper's synthetic tasks) does not.
        chunk: places a chunk.
        iterations: of conjugate gradients.
        tolerance: of conjugate gradients.
        backward: of the recursive form.
        n_ctx: the longest sequence it is meant for; longer ones are refused. None: any length.
        seed: initial weights as a function of this seed alone; None: from PyTorch's generator, as its own layers.
        device: of the parameters.
        dtype: of the parameters.

    Raises:
        LatebloomError: sizes below 1, unknown names, lambda <= 0.
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int = 1,
        d_head: int | None = None,
        d_value: int | None = None,
        *,
        form: Form = "chunked",
        regulariser: Regulariser = "decaying",
        parametrisation: Literal["softplus", "free"] = "softplus",
        lam: float = 1.0,
        ridge_min: float | None = None,
        forget: bool = False,
        normalise: Literal["none", "l2"] = "none",
        chunk: int = 32,
        iterations: int = 30,
        tolerance: float | None = None,
        backward: Backward = "sweep",
        n_ctx: int | None = None,
        seed: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        checks.names(form, regulariser)
        checks.named("parametrisation", parametrisation, ("softplus", "free"))
        checks.named("normalise", normalise, ("none", "l2"))
        if forget:
            checks.can_forget(form, regulariser)
        checks.at_least_one(d_model=d_model, n_heads=n_heads, chunk=chunk, iterations=iterations)
        if d_head is None and d_model < n_heads:
            raise LatebloomError(
                f"d_model = {d_model} shared by n_heads = {n_heads} leaves d_head = 0, but a mesa layer needs at "
                "least 1: use fewer heads, or say d_head."
            )
        d_head = d_model // n_heads if d_head is None else d_head
        d_value = d_head if d_value is None else d_value
        checks.at_least_one(d_head=d_head, d_value=d_value, **({} if n_ctx is None else {"n_ctx": n_ctx}))
        checks.backward_way(backward)
        checks.tolerance(tolerance)
        self.n_heads, self.d_head, self.d_value, self.n_ctx = n_heads, d_head, d_value, n_ctx
        self.form, self.regulariser, self.parametrisation, self.normalise = (
            form,
            regulariser,
            parametrisation,
            normalise,
        )
        self.chunk, self.iterations, self.tolerance, self.backward_way = chunk, iterations, tolerance, backward
        self.ridge_min = RIDGE_MIN[regulariser] if ridge_min is None else ridge_min
        checks.number("ridge_min", self.ridge_min)
        if not 0 <= self.ridge_min < math.inf:
            raise LatebloomError(f"ridge_min = {self.ridge_min:g}: a lower bound of Lambda must be finite, at least 0.")

        def linear(inputs: int, outputs: int, bias: bool = False) -> nn.Linear:
            return nn.Linear(inputs, outputs, bias, device=device, dtype=dtype)

        self.W_Q, self.W_K = linear(d_model, n_heads * d_head), linear(d_model, n_heads * d_head)
        self.W_V, self.W_O = linear(d_model, n_heads * d_value), linear(n_heads * d_value, d_model)
        self.W_gate = linear(d_model, n_heads, bias=True) if forget else None
        each = (n_heads, d_head) if regulariser == "static" and parametrisation == "softplus" else (n_heads,)
        self.regularisation = nn.Parameter(torch.full(each, self._raw(lam), device=device, dtype=dtype))
        self._reset(seed)

    def _raw(self, lam: float) -> float:
        """The parameter that stands for this lambda."""
        checks.number("lambda", lam)
        checks.positive("lambda", torch.tensor(lam))
        if self.parametrisation == "free":
            return lam
        above = 1 / lam - self.ridge_min
        if not above > 0:
            raise LatebloomError(
                f"lam = {lam:g}: with parametrisation='softplus' Lambda = 1 / lam stays above ridge_min = "
                f"{self.ridge_min:g}, so lam must be below {1 / self.ridge_min:g}. Take a smaller lam, or a smaller "
                "ridge_min."
            )
        return above + math.log(-math.expm1(-above))  # softplus undone

    def _reset(self, seed: int | None) -> None:
        """The gate starts near 0.99; with a seed all weights are drawn from it, uniformly as nn.Linear does."""
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if seed is not None and name.endswith("weight"):
                    bound = weight.shape[1] ** -0.5
                    draws = stream(seed, "mesa attention", name).uniform(-bound, bound, size=tuple(weight.shape))
                    weight.copy_(torch.from_numpy(draws))
            if self.W_gate is not None:
                self.W_gate.bias.fill_(math.log(0.99 / 0.01))

    @property
    def ridge(self) -> Float[Tensor, "head d_head"]:
        """The diagonal Lambda = I / lambda of every head; refuses a free lambda that has become negative."""
        if self.parametrisation == "free":
            checks.positive("lambda of head", self.regularisation)
            found = 1 / self.regularisation
        else:
            found = self.ridge_min + nn.functional.softplus(self.regularisation)
        return found if found.ndim == 2 else found[:, None].expand(-1, self.d_head)

    def forward(self, x: Float[Tensor, "*lead pos d_model"]) -> Float[Tensor, "*lead pos d_model"]:
        """Outputs for whole sequences."""
        return self.prefill(x)[0]

    def prefill(
        self, x: Float[Tensor, "*lead pos d_model"], state: MesaState | None = None
    ) -> tuple[Float[Tensor, "*lead pos d_model"], MesaState]:
        """Outputs for sequences, or for their next pieces when a state is given, and the state after them."""
        checks.layer_input(x, self.W_Q.in_features, self.W_Q.weight.dtype, sequence=True)
        q, k, v, gamma = self._project(x)
        self._goes_on(state, x.shape[-2], q, v)
        q, k, v = (tensor.transpose(-3, -2) for tensor in (q, k, v))
        z, state = mesa_attention(
            q,
            k,
            v,
            gamma=None if gamma is None else gamma.mT,
            ridge=self.ridge.to(q.dtype),
            form=self.form,
            regulariser=self.regulariser,
            chunk=self.chunk,
            iterations=self.iterations,
            tolerance=self.tolerance,
            backward=self.backward_way,
            state=state,
        )
        return self._out(z.transpose(-3, -2), x), state

    def step(
        self, x: Float[Tensor, "*lead d_model"], state: MesaState | None = None
    ) -> tuple[Float[Tensor, "*lead d_model"], MesaState]:
        """The output for one more place and the state after it: what `forward` would give there, in constant memory."""
        checks.layer_input(x, self.W_Q.in_features, self.W_Q.weight.dtype, sequence=False)
        q, k, v, gamma = self._project(x)
        self._goes_on(state, 1, q, v)
        ridge = self.ridge.to(q.dtype)
        if state is None:
            state = start(q.shape[:-1], self.d_value, ridge, self.regulariser)
        z, state = mesa_step(
            state,
            q,
            k,
            v,
            gamma=gamma,
            ridge=ridge,
            form=self.form,
            iterations=self.iterations,
            tolerance=self.tolerance,
        )
        return self._out(z, x), state

    def _goes_on(self, state: MesaState | None, places: int, q: Tensor, v: Tensor) -> None:
        """Raises `LatebloomError` where the layer cannot read so many more places behind a state."""
        if state is not None:
            if not isinstance(state, MesaState):
                raise LatebloomError(f"state = {state!r:.60} is none: give what `prefill` or `step` returned last.")
            state.fits(self.regulariser, q.shape[-1], v.shape[-1])
            if state.moment.dtype != q.dtype:
                raise LatebloomError(
                    f"The state is in {state.moment.dtype}, the layer computes in {q.dtype}: both must be alike. Make "
                    "the state with this layer as it is now."
                )
        checks.longer_than_made(places + (0 if state is None else state.position), self.n_ctx)

    def _project(self, x: Float[Tensor, "*place d_model"]) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Queries, keys and values [*place, head, size] and forget factors [*place, head], in float32 or float64."""
        q, k, v = (_single(linear(x).unflatten(-1, (self.n_heads, -1))) for linear in (self.W_Q, self.W_K, self.W_V))
        if self.normalise == "l2":
            q, k = nn.functional.normalize(q, dim=-1), nn.functional.normalize(k, dim=-1)
        if self.W_gate is None:
            return q, k, v, None
        gamma = torch.sigmoid(_single(self.W_gate(x)))
        return q, k, v, gamma.clamp(min=torch.finfo(gamma.dtype).tiny)  # a sigmoid far below 0 is 0: forget all

    def _out(self, z: Float[Tensor, "*place head d_value"], x: Tensor) -> Float[Tensor, "*place d_model"]:
        """Heads put together and projected, in the type of the weights."""
        return self.W_O(z.flatten(-2).to(self.W_O.weight.dtype))

    def extra_repr(self) -> str:
        """What the printed module says of its settings."""
        return f"n_heads={self.n_heads}, d_head={self.d_head}, form={self.form!r}, regulariser={self.regulariser!r}"


def _single(x: Tensor) -> Tensor:
    """Half precision as float32: the solve needs its digits."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
