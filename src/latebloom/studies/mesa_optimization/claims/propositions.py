"""Claims on weights that are written down: one step, preconditioning, stacked steps (1, 2, 3). Nothing is trained."""

from collections.abc import Sequence

import numpy as np
import scipy  # scipy.optimize loads at its first use
import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines import descent, solvers
from latebloom.baselines.solvers import Coefficient
from latebloom.claims import (
    Change,
    Evidence,
    Finding,
    all_of,
    at_least,
    at_most,
    claim,
    settle,
    settle_number,
    with_control,
)
from latebloom.claims.statistics import exactly, largest, smallest
from latebloom.instruments import constructions
from latebloom.instruments.linear_attention import Products, attend, run
from latebloom.randomness import stream
from latebloom.studies.mesa_optimization.claims.networks import FIXED, PAPER, PENALTY
from latebloom.tasks import LinearDynamics

Sequences = tuple[Tensor, Tensor]  # states and next states [batch, pos, d], float64


def sequences(d: int, length: int, batch: int, purpose: str) -> Sequences:
    """States and next states of orthogonal systems."""
    task = LinearDynamics(n_seen=d, length=length)
    seen = torch.from_numpy(task.sequences(stream(0, "written down", purpose), batch).seen.copy())
    return seen[:, :-1], seen[:, 1:]


def tokens(states: Tensor, first: Tensor | None = None) -> Float[Tensor, "batch pos d_token"]:
    """[0, s_t, s_t, s_{t-1}], or [first, s_t, s_{t-1}] with a prediction to begin from."""
    before = torch.nn.functional.pad(states, (0, 0, 1, 0))[..., :-1, :]
    if first is None:
        return torch.cat([torch.zeros_like(states), states, states, before], -1)
    return torch.cat([first, states, before], -1)


def said(layers: list[Products], entered: Tensor, d: int) -> Float[Tensor, "batch pos d"]:
    """The first channel after all layers."""
    return run(layers, entered)[-1][..., :d]


def by_autograd(states: Tensor, targets: Tensor, start: Tensor, rate: float) -> Tensor:
    """One gradient step on the in-context objective for every place of one sequence, by automatic differentiation."""
    rows = []
    for t in range(len(states)):
        phi = start.clone().requires_grad_(True)
        loss = 0.5 * (targets[:t] - states[:t] @ phi.T).square().sum() + 0 * phi.sum()
        rows.append((phi - rate * torch.autograd.grad(loss, phi)[0]).detach() @ states[t])
    return torch.stack(rows)


@claim(
    id="mesa_optimization.01",
    title="Proposition 1: written-down weights take one step exactly",
    statement="A layer of linear attention with the weights of Proposition 1 computes one gradient step on the "
    "sequence so far, from any start Phi_0.",
    source=f"{PAPER}, Proposition 1",
    published="an identity",
    measure="largest difference between the layer and the step taken by automatic differentiation, over 32 sequences "
    "(d = 4, 20 places), for Phi_0 = 0 and for 8 random ones, float64",
    rule="below 1e-12",
    control="the layer without its causal mask must differ by more than 1e-3",
    fixed=FIXED,
    tag="P",
    deterministic=True,
    cost={"quick": "seconds"},
)
def one_step_exactly(evidence: Evidence) -> Finding:
    """Claim 1."""
    d, rate = 4, 0.09
    states, targets = sequences(d, 20, 32, "one step")
    noise = stream(0, "written down", "starts")
    starts = [torch.zeros(d, d, dtype=torch.float64)]
    starts += [torch.from_numpy(noise.standard_normal((d, d))) for _ in range(8)]
    off, unmasked = [], []
    for start in starts:
        layer = constructions.one_step(d, rate, start).layers()[0]
        entered = tokens(states, states @ start.mT)
        right = torch.stack([by_autograd(x, y, start, rate) for x, y in zip(states, targets, strict=True)])
        off.append(float((said([layer], entered, d) - right).abs().max()))
        free = (entered + attend(layer, entered, masked=False))[..., :d]
        unmasked.append(float((free - right).abs().max()))
    worst, free_worst = largest(off), largest(unmasked)
    control = settle_number(free_worst, at_most(1e-3), f"without mask off by {free_worst:.2g}")
    return with_control(settle(worst < 1e-12, f"off by at most {worst:.1e}", estimate=exactly(worst)), control)


def by_eigenvalues(states: Tensor, targets: Tensor, rates: list[float], momenta: list[float]) -> Tensor:
    """The solver's polynomial of each Gram matrix applied to each state, then one step: the slow reference."""
    polynomial = constructions.solver_polynomial(rates, momenta, PENALTY)
    rows = []
    for t in range(len(states)):
        values, vectors = np.linalg.eigh((states[:t].T @ states[:t]).numpy())
        u = vectors @ (polynomial(values) * (vectors.T @ states[t].numpy()))
        rows.append(targets[:t].T @ (states[:t] @ torch.from_numpy(u)))
    return torch.stack(rows)


def solver_errors(states: Tensor, steps: int) -> dict[str, tuple[float, float]]:
    """By solver: largest error as a share of its bound over sequences and late places, and median error.

    Errors of u against A_t^-1 s_t, as shares of the first one; late places have seen at least 2 d pairs.
    """
    gram = solvers.Gram(states, PENALTY, normalised=False)
    late = slice(2 * states.shape[-1], None)
    bounds = solvers.eigenvalue_bounds(gram)
    low, high = (edge[:, late] for edge in bounds)
    right = solvers.exact(gram, states)[:, late]
    begun = (states[:, late] - right).norm(dim=-1)
    condition = high / low
    rate = solvers.optimal_rate(*bounds)
    kinds: dict[str, tuple[Sequence[Coefficient], Sequence[Coefficient], Tensor]] = {
        "Richardson": ([rate] * steps, [0.0] * steps, ((condition - 1) / (condition + 1)) ** steps),
        "Chebyshev": (
            *solvers.chebyshev_schedule(*bounds, steps),
            1 / torch.cosh(steps * torch.acosh((high + low) / (high - low))),
        ),
    }
    found = {}
    for name, (rates, momenta, bound) in kinds.items():
        u = solvers.richardson(gram, states, rates, momenta)[:, late]
        error = (u - right).norm(dim=-1) / begun
        found[name] = float((error / bound[..., 0]).max()), float(error.median())
    return found


@claim(
    id="mesa_optimization.02",
    title="Proposition 2: a stack solves, then steps; errors fall so",
    statement="A stack with k solver layers computes the k-step polynomial of the Gram matrix on the input, then one "
    "gradient step; the error falls at the rate that the condition number sets.",
    source=f"{PAPER}, Proposition 2 and section 4.2; Golub and Varga 1961",
    published="an identity; Chebyshev's bound 1 / T_k((high + low) / (high - low)), Richardson's ((c - 1) / (c + 1))^k",
    measure="d = 10, 50 places, float64. Stacks of 1 to 6 solver steps on one interval against eigenvalues place by "
    "place (8 sequences); errors of both solvers at 1 to 10 steps on 256 sequences after 20 pairs, as a share of the "
    "bound",
    rule="stacks within 1e-8 of the reference, relative; no error above its bound by more than 1e-6 of it; after 10 "
    "steps Chebyshev's median error below Richardson's",
    control="the last layer left out: the stack must be off by more than 1e-3",
    fixed=FIXED,
    changes=(
        Change(
            "2026-11-25",
            "The order of medians is asked at 10 steps, not from 2 on: Chebyshev's steps are the best for the worst "
            "eigenvalue, so that at 2 steps the median need not be smaller (it was 0.59 against 0.54), and no source "
            "says so.",
        ),
    ),
    tag="P",
    deterministic=True,
    cost={"quick": "seconds"},
)
def preconditioned_exactly(evidence: Evidence) -> Finding:
    """Claim 2."""
    d = 10
    states, targets = sequences(d, 50, 256, "solver")
    few = states[:8]
    off, last_missing = [], []
    for steps in range(1, 7):
        rates, momenta = solvers.chebyshev_schedule(0.2, 20.0, steps)
        own = [float(r) for r in rates], [float(m) for m in momenta]
        layers = constructions.preconditioned_step(d, *own, PENALTY).layers()
        right = torch.stack([by_eigenvalues(x, y, *own) for x, y in zip(few, targets[:8], strict=True)])
        scale = right.abs().max()
        off.append(float((said(layers, tokens(few), d) - right).abs().max() / scale))
        last_missing.append(float((said(layers[:-1], tokens(few), d) - right).abs().max() / scale))
    worst, without = largest(off), smallest(last_missing)
    errors = {steps: solver_errors(states, steps) for steps in range(1, 11)}
    excess = largest([share for row in errors.values() for share, _ in row.values()])
    lines = {str(steps): {name: middle for name, (_, middle) in row.items()} for steps, row in errors.items()}
    last = lines["10"]
    found = all_of(
        {
            "stack": settle(worst < 1e-8, f"off by {worst:.1e} of the largest prediction", estimate=exactly(worst)),
            "error / bound": settle(
                excess <= 1 + 1e-6, f"at most {excess:.3f}", extra={"error by solver steps": lines}
            ),
            "median error after 10 steps": settle(
                last["Chebyshev"] < last["Richardson"],
                f"Chebyshev {last['Chebyshev']:.2e}, Richardson {last['Richardson']:.2e} of the first",
            ),
        }
    )
    return with_control(
        found, settle_number(without, at_most(1e-3), f"without the last layer off by at least {without:.2g}")
    )


def stacked_loss(rate: float, steps: int, data: Sequences) -> float:
    """Loss of stacked Proposition-1 layers with one rate."""
    states, targets = data
    out = said(constructions.stacked_steps(states.shape[-1], [rate] * steps).layers(), tokens(states), states.shape[-1])
    return float((out - targets).square().sum(-1).mean() / 2)


def descent_loss(rate: float, steps: int, data: Sequences) -> float:
    """Loss of as many gradient steps with one rate."""
    return float((descent.steps(*data, [rate] * steps) - data[1]).square().sum(-1).mean() / 2)


@claim(
    id="mesa_optimization.03",
    title="Stacked one-step layers are not gradient descent",
    statement="k layers of Proposition 1 under a causal mask differ from k gradient steps and get less far.",
    source=f"{PAPER}, section 3, after Ding et al. 2023",
    published="biased and slower; no numbers",
    measure="d = 10, 50 places, 256 sequences, k = 2 to 6: losses of both, each at its own best common rate and both "
    "at a third of the best rate of one step; distance of predictions at that rate",
    rule="for every k the stack's loss at its own best rate is above that of k steps at theirs, and predictions "
    "differ by more than 1 % of their size. (At one rate for both, which is lower depends on the rate: not part of "
    "the rule)",
    control="without the mask the last place must be equal to k steps within 1e-10",
    fixed=FIXED,
    tag="P",
    deterministic=True,
    cost={"quick": "half a minute"},
)
def stacking_is_not_descent(evidence: Evidence) -> Finding:
    """Claim 3; the note compares both at one rate."""
    data = sequences(10, 50, 256, "stacked")
    states, targets = data
    one = float(descent.best_rate(*data))
    rows, same, apart, unmasked = {}, {}, [], []
    for steps in range(2, 7):
        rates = [
            scipy.optimize.minimize_scalar(
                loss, bounds=(0.0, 2 * one), args=(steps, data), method="bounded", options={"xatol": 1e-5}
            ).x
            for loss in (stacked_loss, descent_loss)
        ]
        rows[str(steps)] = {
            "stacked layers": stacked_loss(rates[0], steps, data),
            "gradient steps": descent_loss(rates[1], steps, data),
        }
        small = one / 3
        same[steps] = stacked_loss(small, steps, data) / descent_loss(small, steps, data)
        layers = constructions.stacked_steps(10, [small] * steps).layers()
        right = descent.steps(states, targets, [small] * steps)
        apart.append(float((said(layers, tokens(states), 10) - right).norm() / right.norm()))
        unmasked.append(float((_unmasked(layers, tokens(states))[:, -1, :10] - right[:, -1]).abs().max()))
    equal, least = largest(unmasked), smallest(apart)
    slower = all(row["stacked layers"] > row["gradient steps"] for row in rows.values())
    told = "; ".join(f"k = {k}: {r['stacked layers']:.4f} against {r['gradient steps']:.4f}" for k, r in rows.items())
    for steps in (12, 24):
        same[steps] = stacked_loss(one / 3, steps, data) / descent_loss(one / 3, steps, data)
    lead = ", ".join(f"{value:.3f} (k = {steps})" for steps, value in same.items())
    note = f"Loss of the stack over that of descent, both at a third of the best one-step rate: {lead}."
    found = all_of(
        {
            "loss at best rates": settle(slower, told, extra={"loss by k": rows}),
            "distance of predictions": settle(least > 0.01, f"{least:.3f} to {largest(apart):.3f} of their size"),
        },
        note=note,
    )
    # The control turned round: where the mask is gone the difference must be gone too.
    control = settle_number(equal, at_least(1e-10), f"without mask, last place {equal:.1e} apart")
    return with_control(found, control)


def _unmasked(layers: list[Products], entered: Tensor) -> Tensor:
    for layer in layers:
        entered = entered + attend(layer, entered, masked=False)
    return entered
