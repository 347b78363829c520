"""Claims 1 to 3 of the mesa-optimization study: identities between written-down weights and algorithms."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latebloom.baselines import descent, solvers
from latebloom.baselines.pairs import attended
from latebloom.baselines.ridge import ridge
from latebloom.data import Signature
from latebloom.errors import LatebloomError
from latebloom.instruments import constructions
from latebloom.instruments.linear_attention import attend, run
from latebloom.models.decoder import Decoder
from latebloom.randomness import stream
from tests.instruments.in_context import states, tokens

CHANNELS = "0ssp"


def said(weights, x, d):
    return run(weights.layers(), x)[-1][..., :d]


@given(st.integers(0, 100), st.integers(1, 4), st.floats(-0.5, 0.5))
def test_one_step_is_exact_from_any_start(seed, d, rate):
    s = torch.from_numpy(stream(seed, "any sequence").normal(size=(3, 21, d)))
    x, y = s[:, :-1], s[:, 1:]
    start = torch.from_numpy(stream(seed, "start").normal(size=(d, d)))
    seen = torch.cat([x @ start.T, tokens(x, "sp")], -1)
    ours = said(constructions.one_step(d, rate, start), seen, d)
    scale = 1 + float(ours.abs().max())
    assert float((ours - descent.one_step(x, y, rate, start)).abs().max()) < 1e-12 * scale


def test_one_step_at_the_small_size_is_exact_to_rounding():
    s = states(64, 20, 4)
    start = torch.from_numpy(stream(1, "start").normal(size=(4, 4)))
    seen = torch.cat([s[:, :-1] @ start.T, tokens(s[:, :-1], "sp")], -1)
    ours = said(constructions.one_step(4, 0.09, start), seen, 4)
    assert float((ours - descent.one_step(s[:, :-1], s[:, 1:], 0.09, start)).abs().max()) < 1e-12


@pytest.mark.parametrize(("d", "length"), [(4, 20), (10, 50)])
@pytest.mark.parametrize("n_steps", [0, 1, 2, 4, 6])
@pytest.mark.parametrize("kind", ["richardson", "chebyshev"])
def test_a_stack_preconditions_as_the_solver_does_then_takes_one_step(d, length, n_steps, kind):
    s = states(16, length, d)
    x, y = s[:, :-1], s[:, 1:]
    gram = solvers.Gram(x, 0.1, normalised=False)
    high = float(solvers.eigenvalue_bounds(gram)[1].max())
    rates, momenta = solvers.chebyshev_schedule(0.3, high, n_steps)
    if kind == "richardson":
        rates, momenta = [1 / high] * n_steps, []
    weights = constructions.preconditioned_step(d, rates, momenta, penalty=0.1)
    assert weights.W_Q.shape == (n_steps + 1, 1, 4 * d, d)
    expected = attended(solvers.richardson(gram, x, rates, momenta), x, y)
    ours = said(weights, tokens(x, CHANNELS), d)
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-9 * float(expected.abs().max()))


def test_more_layers_come_nearer_to_ridge_at_the_rate_of_the_condition_number():
    """Claim 2's second half, at every place of every sequence, in the layers' own residual stream."""
    s = states(30, 20, 4)
    x, y = s[:, :-1], s[:, 1:]
    gram = solvers.Gram(x, 0.5, normalised=False)
    low, high = 0.5, float(solvers.eigenvalue_bounds(gram)[1].max())
    exact, seen = solvers.exact(gram, x), tokens(x, CHANNELS)
    start = (x - exact).norm(dim=-1)
    predictions = []
    for k in (1, 2, 4, 8):
        ratio = (high - low) / (high + low)
        bound = 1 / np.polynomial.chebyshev.chebval(1 / ratio, [0] * k + [1])
        second = solvers.chebyshev_schedule(low, high, k)
        for (rates, momenta), factor in (([2 / (low + high)] * k, [0.0] * k), ratio**k), (second, bound):
            weights = constructions.preconditioned_step(4, rates, momenta, penalty=0.5)
            held = run(weights.layers()[:-1], seen)[-1][..., 4:8]
            query = held * float(constructions.solver_polynomial(rates, momenta, 0.5)(0.0))
            assert ((query - exact).norm(dim=-1) <= factor * start + 1e-8).all()
        predictions.append(float((said(weights, seen, 4) - ridge(x, y, 0.5)).norm()))
    assert predictions[-1] < predictions[0] / 2


def test_a_stack_of_steps_without_a_mask_is_gradient_descent():
    s = states(8, 12, 3)[:, :-1]
    x = tokens(s, CHANNELS)
    pairs_x, pairs_y = x[..., 3 * 3 :], s  # (s_{t-1}, s_t) at every place, the first with s_0 = 0
    for rates in ([0.1], [0.1, 0.05], [0.1, 0.05, 0.08]):
        stream_ = x
        for layer in constructions.stacked_steps(3, rates).layers():
            stream_ = stream_ + attend(layer, stream_, masked=False)
        phi = torch.zeros(8, 3, 3, dtype=torch.float64)
        for rate in rates:
            phi = phi + rate * (pairs_y - pairs_x @ phi.mT).mT @ pairs_x
        torch.testing.assert_close(stream_[..., :3], s @ phi.mT)


def test_a_stack_of_steps_under_the_mask_is_not_gradient_descent():
    """Claim 3. One layer is a step; more layers go elsewhere, in the end to one pass of Kaczmarz over the pairs."""
    s = states(30, 20, 4)
    x, y = s[:, :-1], s[:, 1:]
    seen = tokens(x, CHANNELS)
    torch.testing.assert_close(said(constructions.stacked_steps(4, [0.09]), seen, 4), descent.one_step(x, y, 0.09))
    for k in range(2, 7):
        stack = said(constructions.stacked_steps(4, [0.09] * k), seen, 4)
        assert float((stack - descent.steps(x, y, [0.09] * k)).norm() / stack.norm()) > 0.05
    many = said(constructions.stacked_steps(4, [0.3] * 400), seen, 4)
    for row in range(3):
        phi = np.zeros((4, 4))
        for t in range(20):
            np.testing.assert_allclose(many[row, t], phi @ x[row, t].numpy(), atol=1e-6)
            pair = x[row, t].numpy(), y[row, t].numpy()
            phi = phi + np.outer(pair[1] - phi @ pair[0], pair[0]) / (pair[0] @ pair[0])


def test_constructions_load_into_the_decoder_with_more_heads_than_they_need():
    s = states(4, 8, 2)[:, :-1]
    x = tokens(s, CHANNELS)
    weights = constructions.preconditioned_step(2, [0.1, 0.2], penalty=0.1)
    wide = weights.padded(n_heads=4, d_head=5)
    model = Decoder(
        n_layers=3, d_model=8, n_heads=4, d_head=5, d_mlp=0, attention="linear", norm="none", positions="none",
        read_out="channels", channels=2, bias="none",
    )  # fmt: skip
    names = model.shapes(Signature(8, 2, n_ctx=8, real_targets=True))
    params = wide.parameters()
    assert {name: tuple(value.shape[1:]) for name, value in params.items()} == {k: v.dims for k, v in names.items()}
    torch.testing.assert_close(model.forward(params, x[None])[0], said(weights, x, 2))


def test_what_cannot_be_built_is_refused():
    with pytest.raises(LatebloomError, match="2 rates and 1 momenta"):
        constructions.preconditioned_step(2, [0.1, 0.1], [0.0])
    with pytest.raises(LatebloomError, match="polynomial is 0 at 0"):
        constructions.preconditioned_step(2, [1.0], penalty=2.0)  # u = s + (s - 2 s - S S' s): no s is left
    with pytest.raises(LatebloomError, match=r"1 heads of size 5 cannot hold 2 heads of size 2: use n_heads >= 2"):
        constructions.stacked_steps(2, [0.1]).padded(1, 5)
