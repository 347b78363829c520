import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latebloom.errors import LatebloomError
from latebloom.instruments.myopic_descent import contraction, tied_descent, untied_descent
from latebloom.randomness import stream


@pytest.mark.parametrize(("coupling", "end"), [(0.5, 8e-15), (-0.5, 3.5e-5), (-0.99, 0.82), (-1.5, 1.7e4)])
def test_one_dimension_converges_or_diverges_as_worked_out(coupling, end):
    """f(a, b) = b^2 / 2 + g a b: each step multiplies by 1 - rate (1 + g)."""
    start = torch.ones(1, dtype=torch.float64)
    path = tied_descent(lambda a, b: (b * b / 2 + coupling * a * b).sum(), start, 0.1, 200)
    assert path[:, 0].numpy() == pytest.approx((1 - 0.1 * (1 + coupling)) ** np.arange(201), rel=1e-9)
    assert abs(float(path[-1, 0])) == pytest.approx(end, rel=0.05)


@given(st.integers(0, 200))
def test_random_quadratics_with_forward_bias_shrink_at_least_as_fast_as_promised(seed):
    noise = stream(seed, "quadratic")
    raw = torch.tensor(noise.standard_normal((4, 4)))
    present = raw @ raw.T / 4 + torch.eye(4, dtype=torch.float64)
    cross = 0.3 * torch.tensor(noise.standard_normal((4, 4)))
    mu, top = torch.linalg.eigvalsh(present)[[0, -1]].tolist()
    kappa = -float(torch.linalg.eigvalsh((cross + cross.T) / 2)[0])
    if kappa >= mu:
        return
    size = float(torch.linalg.matrix_norm(cross, 2))
    rate = (mu - kappa) / (top + size) ** 2
    target = torch.tensor(noise.standard_normal(4))

    def loss(a, b):
        return b @ present @ b / 2 + b @ cross @ a - b @ target

    fixed = torch.linalg.solve(present + cross, target)
    distance = (tied_descent(loss, torch.zeros(4, dtype=torch.float64), rate, 30) - fixed).norm(dim=1)
    assert bool((distance[1:] <= contraction(mu, kappa, top, size, rate) * distance[:-1] + 1e-12).all())


def test_untied_places_converge_where_tied_ones_run_away():
    """loss_j = (theta_j - 1)^2 / 2 - 2 theta_j sum of earlier: untied a triangle, solved place by place; tied, the past
    counts for more than the present.
    """

    def losses(theta):
        before = torch.cumsum(theta[:, 0], 0) - theta[:, 0]
        return (theta[:, 0] - 1).square() / 2 - 2 * theta[:, 0] * before

    def tied(a, b):
        return sum((b - 1).square() / 2 - 2 * b * j * a for j in range(4)).sum()

    path = untied_descent(losses, torch.zeros(4, 1, dtype=torch.float64), 0.1, 400)
    assert path[-1, :, 0].tolist() == pytest.approx([1, 3, 9, 27], rel=1e-9)
    assert float(tied_descent(tied, torch.zeros(1, dtype=torch.float64), 0.1, 20)[-1]) > 1e4


def test_without_forward_bias_or_with_a_large_rate_nothing_is_promised():
    with pytest.raises(LatebloomError, match="kappa = 1 is not below mu = 1"):
        contraction(1, 1, 1, 1, 0.1)
    with pytest.raises(LatebloomError, match=r"rate = 1: the bound holds for rates between 0 and 0\.25"):
        contraction(1, 0.5, 1, 1, 1)
