"""Lasso for many prompts at once: the exact solution path in the penalty, followed down to the value asked for.

The minimiser of |y - X w|^2 / 2k + alpha |w|_1 is piecewise linear in the penalty lambda = k alpha (Osborne, Presnell
& Turlach 2000; Efron et al. 2004). On the active set A with signs s it is w_A = G_AA^-1 (b_A - lambda s) with
G = X'X, b = X'y. From the largest |b_i| downwards, one coordinate enters (its correlation with the residual reaches
lambda) or leaves (its weight reaches 0) at each corner of the path; a corner is one sweep of a tableau [G | b | s],
d (d + 2) multiplications a prompt, the same for all prompts. Where a path meets a tie or rounding spoils it, the
optimality conditions say so, and that prompt is solved by coordinate descent instead.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from latebloom.baselines.predictor import LinearPredictor, positive, prompts
from latebloom.errors import LatebloomError

PROMPTS_AT_ONCE = 1024  # measured: fewer are slowed by calls, more by memory
TOLERANCE = 1e-12  # of the optimality conditions, relative to the largest correlation
MAX_SWEEPS = 100_000  # of coordinate descent

# Inside, prompts are the last axis, so that every operation runs along memory.
Grams = Float[Tensor, "d d prompt"]
Vectors = Float[Tensor, "d prompt"]


@dataclass(frozen=True)
class Lasso(LinearPredictor):
    """Minimiser of |y - X w|^2 / 2k + alpha |w|_1 without intercept; scikit-learn's definition.

    Garg et al. 2022 choose alpha = 0.01 on labels of standard deviation sqrt(3); divide by the standard deviation for
    labels of variance 1. The result is not differentiable by the prompt here.
    """

    alpha: float

    def __post_init__(self) -> None:
        positive("Lasso", alpha=self.alpha)

    @torch.no_grad()
    def weights(
        self, context_x: Float[Tensor, "*prompt n d"], context_y: Float[Tensor, "*prompt n"]
    ) -> Float[Tensor, "*prompt d"]:
        """The weight vector; zero without pairs."""
        x, y = prompts(context_x, context_y)
        n, d = x.shape[-2:]
        if not n:
            return x.new_zeros(*x.shape[:-2], d)
        rows, labels = x.reshape(-1, n, d), y.reshape(-1, n, 1)
        found = []
        for some, known in zip(rows.split(PROMPTS_AT_ONCE), labels.split(PROMPTS_AT_ONCE), strict=True):
            gram, moment = (some.mT @ some).permute(1, 2, 0), (some.mT @ known)[..., 0].T
            found.append(solve(gram.contiguous(), moment.contiguous(), self.alpha * n).T)
        return torch.cat(found).reshape(*x.shape[:-2], d)

    @torch.no_grad()
    def prefix_weights(
        self, x: Float[Tensor, "*prompt place d"], y: Float[Tensor, "*prompt place"]
    ) -> Float[Tensor, "*prompt place d"]:
        """The weight vector made of the pairs before each place, from running sums of x x' and x y."""
        x, y = prompts(x, y)
        n, d = x.shape[-2:]
        rows, labels = x.reshape(-1, n, d), y.reshape(-1, n)
        found = []
        for some, known in zip(rows.split(PROMPTS_AT_ONCE), labels.split(PROMPTS_AT_ONCE), strict=True):
            gram, moment = x.new_zeros(d, d, len(some)), x.new_zeros(d, len(some))
            own = []
            for k in range(n):
                own.append(solve(gram, moment, self.alpha * k).T)
                last = some[:, k].T.contiguous()
                gram += last[:, None] * last
                moment += last * known[:, k]
            found.append(torch.stack(own, 1))
        return torch.cat(found).reshape(*x.shape[:-2], n, d)


def solve(gram: Grams, moment: Vectors, penalty: float) -> Vectors:
    """Minimiser of w'Gw / 2 - b'w + penalty |w|_1 for every prompt."""
    if penalty == 0 or moment.numel() == 0:  # no pairs yet
        return torch.zeros_like(moment)
    weights = follow_path(gram, moment, penalty)
    for better in (solve_on_support, coordinate_descent):
        rough = (~(violation(gram, moment, weights, penalty) <= TOLERANCE)).nonzero()[:, 0]  # NaN is no solution
        if not len(rough):
            break
        weights[:, rough] = better(gram[..., rough], moment[:, rough], penalty, weights[:, rough])
    return weights


def follow_path(gram: Grams, moment: Vectors, penalty: float) -> Vectors:
    """Weights at `penalty` by following each path down from its first corner; wrong where ties interfere."""
    d, count = moment.shape
    answer = torch.zeros_like(moment)
    tableau = torch.cat([gram, moment[:, None], torch.zeros_like(moment)[:, None]], 1)
    signs = torch.zeros_like(moment)  # of active weights; 0 where inactive
    level = torch.full_like(moment[0], torch.inf)
    last = torch.zeros(count, dtype=torch.int64)  # the coordinate toggled last
    barred = torch.zeros_like(moment[0])  # the sign it left with (it may not come back at once), or 0 if it entered
    open_ = torch.arange(count)
    for _ in range(8 * d + 8):
        corner, coordinate, side = _next_corner(tableau, signs, level, last, barred)
        going = corner > penalty
        if not bool(going.all()):
            ended = ~going
            line = tableau[:, -2, ended] - penalty * tableau[:, -1, ended]
            answer[:, open_[ended]] = torch.where(signs[:, ended] != 0, line, 0.0)
            open_, tableau, signs = open_[going], tableau[..., going], signs[:, going]
            corner, coordinate, side = corner[going], coordinate[going], side[going]
            if not len(open_):
                break
        leaving = signs.gather(0, coordinate[None])[0]
        _toggle(tableau, coordinate, side, leaving)
        signs.scatter_(0, coordinate[None], torch.where(leaving != 0, 0.0, side)[None])
        level, last, barred = corner, coordinate, leaving
    return answer


def violation(gram: Grams, moment: Vectors, weights: Vectors, penalty: float) -> Float[Tensor, " prompt"]:
    """Largest breach of the optimality conditions, as a share of the largest correlation at w = 0.

    They say that the correlation with the residual is the penalty times the sign of a weight, and at most the penalty
    in size where the weight is 0.
    """
    correlation = moment - (gram * weights).sum(1)
    off = torch.where(weights != 0, (correlation - penalty * weights.sign()).abs(), correlation.abs() - penalty)
    return off.amax(0) / moment.abs().amax(0).clamp(min=penalty)


def solve_on_support(gram: Grams, moment: Vectors, penalty: float, weights: Vectors) -> Vectors:
    """The minimiser for the signs that are there already: w_A = G_AA^-1 (b_A - penalty s), 0 elsewhere."""
    active, target = (weights != 0).T, (moment - penalty * weights.sign()).T
    both = active[:, :, None] & active[:, None, :]
    matrix = torch.where(both, gram.permute(2, 0, 1), torch.eye(len(weights), dtype=gram.dtype))
    found = torch.linalg.solve_ex(matrix, torch.where(active, target, 0.0)).result
    return torch.where(active, found, 0.0).nan_to_num(0.0, 0.0, 0.0).T


def coordinate_descent(gram: Grams, moment: Vectors, penalty: float, weights: Vectors) -> Vectors:
    """Cyclic coordinate descent until the optimality conditions hold to 1e-9; slow, sure.

    Raises `LatebloomError` where they do not hold after 100,000 sweeps.
    """
    value = (weights * ((gram * weights).sum(1) / 2 - moment) + penalty * weights.abs()).sum(0)
    weights = torch.where(value < 0, weights, 0.0)  # where a singular system gave nonsense it begins at 0
    for sweep in range(MAX_SWEEPS):
        for i in range(len(weights)):
            free = moment[i] - (gram[i] * weights).sum(0) + gram[i, i] * weights[i]
            shrunk = free.sign() * (free.abs() - penalty).clamp(min=0)
            weights[i] = torch.where(gram[i, i] > 0, shrunk / gram[i, i].clamp(min=1e-300), 0.0)
        if sweep % 10 == 9 and bool((violation(gram, moment, weights, penalty) <= 1e-9).all()):
            return weights
    raise LatebloomError(
        f"Lasso: {weights.shape[1]} prompts did not converge in {MAX_SWEEPS:,} sweeps; raise alpha or the label noise."
    )


def _next_corner(
    tableau: Float[Tensor, "d column prompt"], signs: Tensor, level: Tensor, last: Tensor, barred: Tensor
) -> tuple[Float[Tensor, " prompt"], Tensor, Float[Tensor, " prompt"]]:
    """Penalty of the next corner below `level`, the coordinate that toggles there, and the sign it enters with."""
    value, slope = tableau[:, -2], tableau[:, -1]  # weight or correlation at lambda is value - lambda * slope
    active: Bool[Tensor, "d prompt"] = signs != 0
    leave = torch.where(active, value / slope, -torch.inf)
    up = torch.where(active, -torch.inf, value / (slope + 1))
    down = torch.where(active, -torch.inf, value / (slope - 1))
    # What was toggled at this very corner meets its own condition there again.
    mine = torch.arange(len(signs))[:, None] == last
    leave = leave.masked_fill(mine, -torch.inf)
    up, down = up.masked_fill(mine & (barred > 0), -torch.inf), down.masked_fill(mine & (barred < 0), -torch.inf)
    events = torch.stack([leave, up, down])
    events = torch.where(events <= level, events, -torch.inf).nan_to_num(-torch.inf)
    corner, index = events.flatten(0, 1).max(0)
    kind, coordinate = index // len(signs), index % len(signs)
    return corner, coordinate, 1 - 2 * (kind == 2).to(value)


def _toggle(tableau: Float[Tensor, "d column prompt"], coordinate: Tensor, side: Tensor, leaving: Tensor) -> None:
    """Moves one coordinate of each prompt into the active set or out of it, in place: one sweep (Goodnight 1979)."""
    d, columns, count = tableau.shape
    prompt = torch.arange(count)
    tableau[coordinate, -1, prompt] += torch.where(leaving == 0, side, 0.0)
    row = tableau.gather(0, coordinate.expand(1, columns, count))[0]
    column = tableau.gather(1, coordinate.expand(d, 1, count))[:, 0]
    pivot = row.gather(0, coordinate[None])[0]
    row = row / pivot
    tableau.addcmul_(column[:, None], row[None], value=-1)
    tableau.scatter_(0, coordinate.expand(1, columns, count), row[None])
    tableau.scatter_(1, coordinate.expand(d, 1, count), (-column / pivot)[:, None])
    tableau[coordinate, coordinate, prompt] = 1 / pivot
    tableau[coordinate, -1, prompt] -= leaving
