"""Claims on the mesa layer itself: its forms agree, its gradients are right, where it fails (4 to 8, 32)."""

import warnings

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.claims import Evidence, Finding, all_of, at_most, claim, settle, settle_number, with_control
from latebloom.claims.statistics import exactly, largest
from latebloom.errors import LatebloomError
from latebloom.models.mesa import MesaWarning, mesa_attention, reconstruction_error
from latebloom.models.mesa.attention import Form
from latebloom.models.mesa.recursive import Backward, sweep
from latebloom.randomness import stream
from latebloom.studies.mesa_optimization.claims.networks import FIXED, PAPER

MESANET = "MesaNet, arXiv:2506.05233"
QUICK = {"quick": "seconds"}
Problem = tuple[Tensor, Tensor, Tensor]


def problem(pos: int, d: int, purpose: str, rows: int = 1, unit: bool = False) -> Problem:
    """Queries, keys and values [rows, pos, d], normal, float64; `unit` makes keys of length 1."""
    noise = stream(0, "mesa layer", purpose)
    q, k, v = (torch.from_numpy(noise.standard_normal((rows, pos, d))) for _ in range(3))
    return q, torch.nn.functional.normalize(k, dim=-1) if unit else k, v


def solved(q: Tensor, k: Tensor, v: Tensor, lam: float, gamma: float = 1.0) -> Float[Tensor, "row pos d"]:
    """The definition, place by place in NumPy: weighted ridge regression from keys to values, asked at the query."""
    out = np.zeros(v.shape)
    for row in range(q.shape[0]):
        for t in range(q.shape[1]):
            weight = gamma ** np.arange(t, -1, -1.0)
            keys, values = k[row, : t + 1].numpy(), v[row, : t + 1].numpy()
            matrix = (keys * weight[:, None]).T @ keys + gamma ** (t + 1) / lam * np.eye(keys.shape[1])
            out[row, t] = (values * weight[:, None]).T @ keys @ np.linalg.solve(matrix, q[row, t].numpy())
    return torch.from_numpy(out)


def apart(found: Tensor, right: Tensor) -> float:
    """Relative distance of two outputs."""
    return float((found.double() - right).norm() / right.norm())


@claim(
    id="mesa_optimization.04",
    title="The mesa recursion is the direct solve",
    statement="Recursive least squares gives the regularised least-squares fit at every place.",
    source=f"{PAPER}, section 3 and appendix B",
    published="an identity",
    measure="recursive form against NumPy solves of the definition at every place: 4 rows, 50 places, size 20, unit "
    "keys, lambda 0.1, 1 and 10, forget factor 1 and 0.95; relative",
    rule="at most 1e-10 in float64 and 1e-4 in float32",
    control="the same with lambda doubled must be off by more than 1e-4",
    fixed=FIXED,
    tag="P",
    deterministic=True,
    cost=QUICK,
)
def recursion_is_the_solve(evidence: Evidence) -> Finding:
    """Claim 4."""
    inputs = problem(50, 20, "forward", rows=4, unit=True)
    off: dict[torch.dtype, list[float]] = {torch.float64: [], torch.float32: []}
    for lam in (0.1, 1.0, 10.0):
        for gamma in (1.0, 0.95):
            right = solved(*inputs, lam, gamma)
            for dtype, own in off.items():
                own.append(apart(recursive(*inputs, lam, gamma, dtype), right))
    wrong = apart(recursive(*inputs, 2.0, 1.0, torch.float64), solved(*inputs, 1.0))
    double, single = largest(off[torch.float64]), largest(off[torch.float32])
    found_both = settle(
        double <= 1e-10 and single <= 1e-4,
        f"{double:.1e} in float64, {single:.1e} in float32",
        estimate=exactly(double),
    )
    return with_control(found_both, settle_number(wrong, at_most(1e-4), f"lambda doubled: {wrong:.2g}"))


def recursive(q: Tensor, k: Tensor, v: Tensor, lam: float, gamma: float, dtype: torch.dtype) -> Tensor:
    """The paper's recursion in a precision."""
    gammas = None if gamma == 1 else torch.full((q.shape[-2],), gamma, dtype=dtype)
    return mesa_attention(q.to(dtype), k.to(dtype), v.to(dtype), lam, gammas, form="recursive")[0]


@claim(
    id="mesa_optimization.05",
    title="The mesa backward pass is automatic differentiation's",
    statement="The backward pass that keeps no inverse gives the gradients by queries, keys, values, lambda and forget "
    "factors.",
    source=f"{PAPER}, appendix C.1; {MESANET}",
    published="an identity",
    measure="gradients of the recursive, chunked and conjugate forms against those of automatic differentiation "
    "through direct solves; 2 rows, 12 places, size 4, float64, lambda 0.7, forget factors of 0.8 to 1; relative to "
    "the largest",
    rule="at most 1e-8 for every form and input, reverse reconstruction of the recursive form included",
    control="gradients by keys without their part through the inverse (those of linear attention) must be off by more "
    "than 1e-2",
    fixed=FIXED,
    tag="P",
    deterministic=True,
    cost=QUICK,
)
def backward_is_right(evidence: Evidence) -> Finding:
    """Claim 5."""
    right = gradients("direct")
    forms: dict[str, tuple[Form, Backward]] = {
        "recursive": ("recursive", "sweep"),
        "recursive, reverse": ("recursive", "reverse_or_refuse"),
        "chunked": ("chunked", "sweep"),
        "conjugate": ("conjugate", "sweep"),
    }
    worst = {
        name: largest([float((a - b).abs().max() / b.abs().max()) for a, b in zip(gradients(*way), right, strict=True)])
        for name, way in forms.items()
    }
    told = ", ".join(f"{name} {value:.1e}" for name, value in worst.items())
    q, k, v = (x.requires_grad_(True) for x in problem(12, 4, "backward", rows=2))
    plain = torch.autograd.grad(((q @ k.mT).tril() @ v).sin().sum(), k)[0]
    wrong = float((plain - right[1]).abs().max() / right[1].abs().max())
    most = largest(list(worst.values()))
    found_all = settle(most <= 1e-8, told, estimate=exactly(most))
    return with_control(
        found_all, settle_number(wrong, at_most(1e-2), f"linear attention's gradient by keys: {wrong:.2g}")
    )


def gradients(form: Form, backward: Backward = "sweep") -> tuple[Tensor, ...]:
    """Gradients of the sum of sines of the outputs by queries, keys, values, lambda and forget factors."""
    q, k, v = (x.requires_grad_(True) for x in problem(12, 4, "backward", rows=2))
    lam = torch.tensor([0.7, 0.7], dtype=torch.float64, requires_grad=True)
    noise = stream(0, "mesa layer", "forget factors")
    gamma = torch.from_numpy(noise.uniform(0.8, 1.0, (2, 12))).requires_grad_(True)
    out, _ = mesa_attention(q, k, v, lam, gamma, form=form, chunk=5, backward=backward)
    return torch.autograd.grad(out.sin().sum(), [q, k, v, lam, gamma])


REVERSED = {  # places, forget factor, lambda, unit keys, float32 -> published error of the recovered R_0; inf: lost
    "T 50, float32": (50, 1.0, 1.0, True, True, 1.5e-6),
    "T 1,024, float32": (1024, 1.0, 1.0, True, True, 3.5e-5),
    "T 224, forget 0.99, float32": (224, 0.99, 1.0, True, True, 5e-5),
    "T 1,024, forget 0.99, float32": (1024, 0.99, 1.0, True, True, 0.17),
    "T 50, forget 0.9, float32": (50, 0.9, 1.0, True, True, 1.5e-4),
    "T 224, forget 0.9, float32": (224, 0.9, 1.0, True, True, np.inf),
    "T 1,024, forget 0.9, float64": (1024, 0.9, 1.0, True, False, np.inf),
    "T 50, lambda 100, normal keys, float32": (50, 1.0, 100.0, False, True, 4.5),
    "T 50, lambda 100, normal keys, float64": (50, 1.0, 100.0, False, False, 7e-10),
}


@claim(
    id="mesa_optimization.06",
    title="Undoing the recursion is safe only in part of its range",
    statement="Recovering R_0 from R_T backwards is safe without forgetting and for moderate lambda, and loses "
    "everything otherwise.",
    source="computed with NumPy for this project; the paper says nothing of it",
    published="; ".join(f"{name}: {'lost' if row[-1] == np.inf else f'{row[-1]:g}'}" for name, row in REVERSED.items()),
    measure="median over 9 draws of the relative error of the recovered R_0, size 20",
    rule="every error within a factor of 10 of the computed one; above 0.5 where it was lost",
    fixed=FIXED,
    tag="E",
    deterministic=True,
    cost=QUICK,
)
def undoing(evidence: Evidence) -> Finding:
    """Claim 6."""
    found, wrong = {}, []
    for name, (pos, gamma, lam, unit, single, published) in REVERSED.items():
        draws = []
        for draw in range(9):
            key = problem(pos, 20, f"undone {draw}", unit=unit)[1][0].to(torch.float32 if single else torch.float64)
            draws.append(float(reconstruction_error(key, lam, gamma)))
        found[name] = float(np.median(np.nan_to_num(draws, nan=np.inf)))
        near = found[name] > 0.5 if published == np.inf else 0.1 <= found[name] / published <= 10
        wrong += [] if near else [name]
    told = "; ".join(f"{name}: {value:.1e}" for name, value in found.items())
    return settle(not wrong, told + (f". Differ: {', '.join(wrong)}" if wrong else ""), extra={"error": found})


@claim(
    id="mesa_optimization.07",
    title="With a small lambda the mesa layer is linear attention",
    statement="Divided by lambda, the layer tends to linear attention as lambda goes to 0, with an error of order "
    "lambda.",
    source=f"{PAPER}, section 3",
    published="a limit",
    measure="relative distance of output / lambda from linear attention, lambda 1e-1 to 1e-5; slope of its logarithm",
    rule="slope from lambda 1e-3 to 1e-5 within 0.98 to 1.02",
    control="at lambda 1 the distance must be above 0.1",
    fixed=FIXED,
    tag="P",
    deterministic=True,
    cost=QUICK,
)
def small_lambda(evidence: Evidence) -> Finding:
    """Claim 7."""
    q, k, v = problem(50, 20, "small lambda", rows=4)
    plain = (q @ k.mT).tril() @ v
    distance = {lam: apart(mesa_attention(q, k, v, lam)[0] / lam, plain) for lam in (1.0, 0.1, 0.01, 1e-3, 1e-4, 1e-5)}
    slope = float(np.log10(distance[1e-3] / distance[1e-5]) / 2)
    told = f"slope {slope:.4f}; distances " + ", ".join(f"{value:.1e} at {lam:g}" for lam, value in distance.items())
    rows = {f"{lam:g}": {"distance": value} for lam, value in distance.items()}
    found = settle(0.98 <= slope <= 1.02, told, estimate=exactly(slope), extra={"distance by lambda": rows})
    return with_control(found, settle_number(distance[1.0], at_most(0.1), f"distance {distance[1.0]:.2g} at lambda 1"))


@claim(
    id="mesa_optimization.08",
    title="Conjugate gradients reach the recursion in n_a steps",
    statement="The chunked layer solved by conjugate gradients equals the recursive one at convergence, which exact "
    "arithmetic reaches in as many steps as keys have numbers.",
    source=f"{MESANET}, section 3",
    published="at most n_a steps; 30 in training",
    measure="conjugate form with a static regulariser and no forgetting against the recursive form: 4 rows, 50 "
    "places, size 20, chunks of 16, unit keys, lambda 1, float64; relative, by steps",
    rule="at 20 steps at most 1e-8, and at 30 at most 1e-10",
    control="2 steps must leave more than 1e-3",
    fixed=FIXED,
    tag="P",
    deterministic=True,
    cost=QUICK,
)
def conjugate_steps(evidence: Evidence) -> Finding:
    """Claim 8."""
    inputs = problem(50, 20, "conjugate", rows=4, unit=True)
    right = mesa_attention(*inputs, 1.0, form="recursive")[0]
    error = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MesaWarning)  # of too few steps: what they leave is the question
        for steps in (1, 2, 3, 5, 8, 12, 16, 20, 30):
            found = mesa_attention(*inputs, 1.0, form="conjugate", regulariser="static", iterations=steps, chunk=16)
            error[steps] = apart(found[0], right)
    told = ", ".join(f"{value:.1e} after {steps}" for steps, value in error.items())
    rows = {str(steps): {"distance": value} for steps, value in error.items()}
    passed = error[20] <= 1e-8 and error[30] <= 1e-10
    exact = settle(passed, told, estimate=exactly(error[20]), extra={"distance by steps": rows})
    return with_control(exact, settle_number(error[2], at_most(1e-3), f"{error[2]:.1e} after 2 steps"))


GATES = (0.5, 0.7, 0.9, 0.99)


@claim(
    id="mesa_optimization.32",
    title="A static regulariser stays finite where a decaying one dies",
    statement="Solved by conjugate gradients with a regulariser that does not decay, the layer stays accurate for "
    "strong forgetting, where the recursion with a decaying regulariser fails.",
    source=f"{MESANET}, section 3",
    published="no numbers for this comparison",
    measure="1,024 places, size 20, unit keys, lambda 1, float32, forget factors 0.5, 0.7, 0.9, 0.99: distance of the "
    "static layer from float64 direct solves; the textbook recursion with a decaying regulariser against the same in "
    "float64",
    rule="static: finite and within 1e-3 at all four; decaying: not finite or more than 0.1 off at 0.5 at least",
    fixed=FIXED,
    tag="E",
    deterministic=True,
    cost=QUICK,
)
def strong_forgetting(evidence: Evidence) -> Finding:
    """Claim 32; the note tells whether the layer of this project refuses what would fail."""
    q, k, v = problem(1024, 20, "strong forgetting", unit=True)
    static, decaying, refused = {}, {}, []
    for gate in GATES:
        gamma = torch.full((1024,), gate, dtype=torch.float64)
        right = mesa_attention(q, k, v, 1.0, gamma, form="direct", regulariser="static")[0]
        q32, k32, v32, gamma32 = (x.float() for x in (q, k, v, gamma))
        own = mesa_attention(q32, k32, v32, 1.0, gamma32, form="conjugate", regulariser="static")[0]
        static[gate] = apart(own, right)
        start = torch.eye(20)[None]
        single = sweep(start, k32, gamma32[None], q32)[0]
        double = sweep(start.double(), k, gamma[None], q)[0]
        off = float((single.double() - double).norm() / double.norm())
        decaying[gate] = off if np.isfinite(off) else np.inf
        try:
            mesa_attention(q32, k32, v32, 1.0, gamma32, form="recursive")
        except LatebloomError:
            refused.append(f"{gate:g}")
    told = ", ".join(f"{value:.1e} at {gate:g}" for gate, value in static.items())
    lost = ", ".join(f"{value:.1e} at {gate:g}" for gate, value in decaying.items())
    passed = all(value <= 1e-3 for value in static.values())
    return all_of(
        {
            "static, off by": settle(passed, told, estimate=exactly(max(static.values()))),
            "decaying, off by": settle(decaying[0.5] > 0.1, lost),
        },
        note=f"The layer of this project refuses the decaying form at {', '.join(refused) or 'none'} of these.",
    )
