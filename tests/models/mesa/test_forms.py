"""All forms of the mesa layer give the numbers of the definition."""

import itertools
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from latebloom.models.mesa import MesaWarning, conjugate_gradients, mesa_attention
from tests.models.mesa.problems import problem, relative

KINDS = [
    (form, regulariser, gates)
    for form, regulariser, gates in itertools.product(
        ("chunked", "conjugate", "recursive"), ("decaying", "static"), (None, (0.7, 1.0))
    )
    if not (form == "recursive" and regulariser == "static" and gates)
]
each_kind = pytest.mark.parametrize(("form", "regulariser", "gates"), KINDS)


@pytest.mark.parametrize("regulariser", ["decaying", "static"])
@pytest.mark.parametrize("gates", [None, (0.7, 1.0)])
def test_direct_is_weighted_ridge_regression_at_every_place(regulariser, gates):
    """The definition, with scikit-learn's ridge: values from keys, weighted by what is left, asked at the query."""
    q, k, v, gamma = problem(gates=gates)
    out, _ = mesa_attention(q, k, v, 0.6, gamma, form="direct", regulariser=regulariser)
    gamma = torch.ones(len(q)) if gamma is None else gamma
    for t in range(len(q)):
        weights = [float(gamma[s + 1 : t + 1].prod()) for s in range(t + 1)]
        alpha = 1 / 0.6 * (float(gamma[: t + 1].prod()) if regulariser == "decaying" else 1)
        fit = Ridge(alpha=alpha, fit_intercept=False, tol=1e-12, solver="cholesky")
        fit.fit(k[: t + 1].numpy(), v[: t + 1].numpy(), sample_weight=weights)
        np.testing.assert_allclose(out[t].numpy(), fit.predict(q[t : t + 1].numpy())[0], rtol=1e-9)


@each_kind
@pytest.mark.parametrize(("dtype", "limit"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
@pytest.mark.parametrize("lam", [0.1, 1.0, 100.0])
def test_every_form_agrees_with_the_direct_solve(form, regulariser, gates, dtype, limit, lam):
    """Claim 4 of the sheet: 1e-10 in float64, 1e-4 in float32."""
    q, k, v, gamma = problem((2, 3), 70, 6, 5, gates=gates, dtype=dtype)
    right, end = mesa_attention(
        *(x if x is None else x.double() for x in (q, k, v)),
        lam,
        gamma if gamma is None else gamma.double(),
        form="direct",
        regulariser=regulariser,
    )
    out, state = mesa_attention(q, k, v, lam, gamma, form=form, regulariser=regulariser)
    assert out.dtype == dtype
    assert relative(out, right) < limit
    assert relative(state.gram, end.gram) < limit
    assert relative(state.moment, end.moment) < limit
    assert state.position == 70


def test_the_comparison_notices_another_lambda():
    q, k, v, _ = problem(pos=70)
    right, _ = mesa_attention(q, k, v, 1.0, form="direct")
    assert relative(mesa_attention(q, k, v, 1.01)[0], right) > 1e-4


@given(
    pos=st.integers(1, 40),
    d_head=st.integers(1, 5),
    d_value=st.integers(1, 4),
    chunk=st.integers(1, 17),
    lead=st.sampled_from([(), (1,), (3,), (2, 1), (2, 0)]),
    kind=st.sampled_from(KINDS),
    lam=st.sampled_from([0.01, 1.0, 20.0]),
    seed=st.integers(0, 99),
)
def test_any_shape(pos, d_head, d_value, chunk, lead, kind, lam, seed):
    form, regulariser, gates = kind
    q, k, v, gamma = problem(lead, pos, d_head, d_value, gates=gates, seed=seed)
    right, _ = mesa_attention(q, k, v, lam, gamma, form="direct", regulariser=regulariser)
    out, _ = mesa_attention(q, k, v, lam, gamma, form=form, regulariser=regulariser, chunk=chunk)
    assert out.shape == (*lead, pos, d_value)
    torch.testing.assert_close(out, right, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("form", ["chunked", "conjugate", "recursive", "direct"])
def test_leading_axes_broadcast(form):
    """Queries of three members, keys of two batches, values of one, lambda a member, forget factors a batch."""
    q, _, _, _ = problem((3, 1), seed=1)
    _, k, _, gamma = problem((2,), gates=(0.8, 1.0), seed=2)
    _, _, v, _ = problem(seed=3)
    lam = torch.tensor([[0.5], [1.0], [2.0]], dtype=torch.float64)
    together, state = mesa_attention(q, k, v, lam, gamma, form=form)
    assert together.shape == (3, 2, 12, 3)
    assert state.gram.shape == (3, 2, 4, 4)
    for member, batch in itertools.product(range(3), range(2)):
        alone, _ = mesa_attention(q[member, 0], k[batch], v, float(lam[member]), gamma[batch], form=form)
        torch.testing.assert_close(together[member, batch], alone)


def test_a_diagonal_lambda():
    q, k, v, gamma = problem(gates=(0.8, 1.0))
    ridge = torch.tensor([0.5, 1.0, 2.0, 4.0], dtype=torch.float64)
    for regulariser, form in itertools.product(("decaying", "static"), ("chunked", "conjugate", "direct")):
        out, _ = mesa_attention(q, k, v, gamma=gamma, ridge=ridge, regulariser=regulariser, form=form)
        decay = gamma.prod() if regulariser == "decaying" else 1
        left = gamma.flip(0).cumprod(0).flip(0) / gamma
        gram, moment = (k.T * left) @ k + decay * ridge.diag(), (k.T * left) @ v
        torch.testing.assert_close(out[-1], moment.T @ torch.linalg.inv(gram) @ q[-1])


def test_a_chunk_that_forgets_almost_everything_is_solved_another_way():
    """Gates of 1e-3 in a few places: the Woodbury identity alone would lose all digits there."""
    q, k, v, gamma = problem((2,), 64, 4, gates=(0.9, 1.0), dtype=torch.float32)
    gamma[0, 20], gamma[1, 40] = 1e-3, 1e-3
    args = [x.double() for x in (q, k, v)]
    right, _ = mesa_attention(*args, 1.0, gamma.double(), form="direct")
    out, _ = mesa_attention(q, k, v, 1.0, gamma, chunk=16)
    assert relative(out, right) < 1e-4


def test_small_lambda_is_linear_attention():
    """Claim 7 of the sheet: Phi / lambda -> V K^T, with an error of order lambda."""
    q, k, v, _ = problem(pos=20)
    linear = ((q @ k.T).tril() @ v)[None]
    errors = [relative(mesa_attention(q, k, v, lam)[0][None] / lam, linear) for lam in (1e-3, 1e-4, 1e-5)]
    assert errors[0] < 0.05
    assert errors[1] / errors[0] == pytest.approx(0.1, rel=0.1)
    assert errors[2] / errors[1] == pytest.approx(0.1, rel=0.1)


def test_conjugate_gradients_need_at_most_as_many_steps_as_dimensions():
    """Claim 8 of the sheet."""
    for d in (1, 3, 6):
        q, k, v, _ = problem(pos=40, d_head=d, d_value=2)
        right, _ = mesa_attention(q, k, v, form="recursive")
        enough, _ = mesa_attention(q, k, v, form="conjugate", regulariser="static", iterations=d)
        torch.testing.assert_close(enough, right, rtol=1e-8, atol=1e-10)
        if d > 1:
            with warnings.catch_warnings(action="ignore", category=MesaWarning):  # it says that it is not done
                fewer, _ = mesa_attention(q, k, v, form="conjugate", regulariser="static", iterations=d - 1)
            assert relative(fewer, right) > 1e-6


def test_conjugate_gradients_stop_where_asked():
    matrix = torch.diag(torch.arange(1.0, 41.0, dtype=torch.float64)) + 0.5
    rhs = torch.ones(3, 40, dtype=torch.float64)
    found = conjugate_gradients(lambda x: x @ matrix, rhs, matrix.diagonal(), 100, 1e-6)
    tighter = conjugate_gradients(lambda x: x @ matrix, rhs, matrix.diagonal(), 100, 1e-10)
    assert found.done and tighter.done
    assert found.iterations < tighter.iterations < 45
    assert tighter.residual < 1e-10 < found.residual < 1e-5
    short = conjugate_gradients(lambda x: x @ matrix, rhs, matrix.diagonal(), 3, 1e-6)
    assert not short.done and short.iterations == 3


def test_conjugate_gradients_that_stop_early_say_so():
    q, k, v, _ = problem(pos=40, d_head=8)
    with pytest.warns(MesaWarning, match=r"stopped after 2 iterations with a residual of .* \(tolerance 1.0e-06\)"):
        mesa_attention(q, k, v, form="conjugate", iterations=2, tolerance=1e-6)
    with pytest.warns(MesaWarning, match=r"stopped after 2 iterations .* \(tolerance 1.0e-02\)"):
        mesa_attention(q, k, v, form="conjugate", iterations=2)


@pytest.mark.parametrize("form", ["chunked", "conjugate"])
@pytest.mark.parametrize("gamma", [0.5, 0.8, 0.9, 0.99])
def test_a_static_lambda_stays_right_under_any_forgetting(form, gamma):
    """Claim 32 of the sheet: float32, T = 1,024."""
    q, k, v, _ = problem(pos=1024, d_head=20, unit=True)
    gammas = torch.full((1024,), gamma, dtype=torch.float64)
    right, _ = mesa_attention(q, k, v, 1.0, gammas, regulariser="static")
    single = [x.float() for x in (q, k, v)]
    out, _ = mesa_attention(*single, 1.0, gammas.float(), regulariser="static", form=form)
    assert relative(out, right) < 1e-5
