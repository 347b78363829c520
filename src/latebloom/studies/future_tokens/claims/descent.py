"""Claims on descent along the present alone: when it converges (4, 5). Nothing is trained."""

import numpy as np
import torch
from torch import Tensor

from latebloom.claims import Evidence, Finding, all_of, at_most, claim, settle, settle_number, with_control
from latebloom.claims.statistics import exactly, largest
from latebloom.instruments.myopic_descent import contraction, tied_descent, untied_descent
from latebloom.randomness import stream
from latebloom.studies.future_tokens.claims.tables import FIXED, PAPER

FAMILIES, STEPS = 200, 60


def one_dimension(coupling: float) -> float:
    """Where f(a, b) = b^2 / 2 + g a b ends after 200 steps of rate 0.1 from 1."""
    start = torch.ones(1, dtype=torch.float64)
    return abs(float(tied_descent(lambda a, b: (b * b / 2 + coupling * a * b).sum(), start, 0.1, 200)[-1]))


def excess(seed: int) -> float | None:
    """How much slower than promised a random quadratic with forward bias converges; None for one without."""
    noise = stream(seed, "future_tokens", "quadratic")
    raw, mixed = (torch.tensor(noise.standard_normal((5, 5))) for _ in range(2))
    present, cross = raw @ raw.T / 5 + torch.eye(5, dtype=torch.float64), 0.3 * mixed
    mu, top = torch.linalg.eigvalsh(present)[[0, -1]].tolist()
    kappa = -float(torch.linalg.eigvalsh((cross + cross.T) / 2)[0])
    if kappa >= mu:
        return None
    size = float(torch.linalg.matrix_norm(cross, 2))
    rate, target = (mu - kappa) / (top + size) ** 2, torch.tensor(noise.standard_normal(5))

    def loss(a: Tensor, b: Tensor) -> Tensor:
        return b @ present @ b / 2 + b @ cross @ a - b @ target

    path = tied_descent(loss, torch.zeros(5, dtype=torch.float64), rate, STEPS)
    distance = (path - torch.linalg.solve(present + cross, target)).norm(dim=1)
    return float((distance[1:] / distance[:-1]).max()) / contraction(mu, kappa, top, size, rate)


@claim(
    id="future_tokens.04",
    title="Tied myopic descent needs a forward bias",
    statement="Where the present counts for more than the past, descent on the present converges to the one point that "
    "is its own best present; without that it may run away.",
    source=f"{PAPER}, section 3 (theorem); counter-example and constants worked out here",
    published="a theorem; in one dimension after 200 steps 8e-15 (g = 0.5), 3.5e-5 (-0.5), 0.82 (-0.99), 1.7e4 (-1.5)",
    measure="f(a, b) = b^2 / 2 + g a b for four couplings; 200 random quadratics in five dimensions, those with "
    "forward bias, 60 steps at the best rate of the bound, float64",
    rule="ends below 1e-4 for g = 0.5 and -0.5; no step of a random quadratic shrinks less than promised (by more than "
    "1e-9 of it)",
    control="g = -1.5, without forward bias, must end above 1e3",
    fixed=FIXED,
    tag="RD",
    deterministic=True,
    cost={"quick": "seconds"},
)
def tied_needs_bias(evidence: Evidence) -> Finding:
    """Claim 4."""
    ends = {coupling: one_dimension(coupling) for coupling in (0.5, -0.5, -0.99, -1.5)}
    shares = [share for seed in range(FAMILIES) if (share := excess(seed)) is not None]
    slowest = largest(shares)
    told = ", ".join(f"{end:.2g} (g = {coupling})" for coupling, end in ends.items())
    parts = {
        "random quadratics, shrinking over promise": settle(
            slowest <= 1 + 1e-9, f"at most {slowest:.3f} in {len(shares)}", estimate=exactly(slowest)
        ),
        "one dimension": settle(largest([ends[0.5], ends[-0.5]]) < 1e-4, told),
    }
    return with_control(all_of(parts), settle_number(ends[-1.5], at_most(1e3), f"g = -1.5 ends at {ends[-1.5]:.2g}"))


def strong(theta: Tensor) -> Tensor:
    """Losses of four places, each pulled by twice the sum of all before: (theta_j - 1)^2 / 2 - 2 theta_j sum."""
    before = torch.cumsum(theta[:, 0], 0) - theta[:, 0]
    return (theta[:, 0] - 1).square() / 2 - 2 * theta[:, 0] * before


@claim(
    id="future_tokens.05",
    title="Untied myopic descent needs no such condition",
    statement="With parameters of its own for every place, descent of each on its own loss converges, place after "
    "place, however strongly the past acts.",
    source=f"{PAPER}, section 3 (theorem)",
    published="a theorem",
    measure="four places, loss (theta_j - 1)^2 / 2 - 2 theta_j (theta_1 + ... + theta_{j-1}), rate 0.1, 400 steps, "
    "float64: distance from the solution 1, 3, 9, 27 over its length",
    rule="below 1e-9",
    control="the same losses with one parameter for all places must run beyond 1e4 in 20 steps",
    fixed=FIXED,
    tag="RD",
    deterministic=True,
    cost={"quick": "seconds"},
)
def untied_needs_none(evidence: Evidence) -> Finding:
    """Claim 5."""
    right = np.array([1.0, 3.0, 9.0, 27.0])
    path = untied_descent(strong, torch.zeros(4, 1, dtype=torch.float64), 0.1, 400)
    off = float(np.linalg.norm(path[-1, :, 0].numpy() - right) / np.linalg.norm(right))

    def tied(a: Tensor, b: Tensor) -> Tensor:
        return torch.stack([(b - 1).square() / 2 - 2 * b * place * a for place in range(4)]).sum()

    away = abs(float(tied_descent(tied, torch.zeros(1, dtype=torch.float64), 0.1, 20)[-1]))
    control = settle_number(away, at_most(1e4), f"one parameter for all ends at {away:.2g}")
    return with_control(settle(off < 1e-9, f"off by {off:.1e}", estimate=exactly(off)), control)
