"""The reverse recursion: where it holds, where it is lost, and that it never returns wrong gradients."""

import itertools

import pytest
import torch

from latebloom.errors import LatebloomError
from latebloom.models.mesa import MesaWarning, mesa_attention, reconstruction_error, recursive
from tests.models.mesa.problems import problem, relative

SINGLE, DOUBLE = torch.float32, torch.float64
LIMIT = {SINGLE: 3.5e-4, DOUBLE: 1.5e-8}


def error(pos, gamma, lam, dtype, unit=True):
    return reconstruction_error(problem(pos=pos, d_head=20, unit=unit, dtype=dtype)[1], lam, gamma)


@pytest.mark.parametrize(
    ("pos", "gamma", "lam", "dtype", "unit", "low", "high"),
    [
        (50, 1.0, 1.0, SINGLE, True, 1e-7, 1e-5),
        (1024, 1.0, 1.0, SINGLE, True, 1e-6, 1e-4),
        (224, 0.99, 1.0, SINGLE, True, 1e-6, 3e-4),
        (1024, 0.99, 1.0, SINGLE, True, 1e-2, 1),
        (50, 0.9, 1.0, SINGLE, True, 1e-5, 1e-3),
        (224, 0.9, 1.0, SINGLE, True, 0.5, float("inf")),  # lost
        (1024, 0.9, 1.0, DOUBLE, True, 0.5, float("inf")),  # lost in float64 too
        (224, 0.9, 1.0, DOUBLE, True, 1e-6, 1e-2),
        (50, 1.0, 100.0, SINGLE, False, 0.5, 100),  # a large lambda is as bad
        (50, 1.0, 100.0, DOUBLE, False, 1e-11, 1e-8),
    ],
)
def test_the_failing_region(pos, gamma, lam, dtype, unit, low, high):
    """Claim 6 of the sheet and the table in docs/mesa_layer.md; n_a = 20, error of the recovered R_0."""
    assert low < error(pos, gamma, lam, dtype, unit) <= high


def gradients(backward, gamma, lam=1.0, pos=224, dtype=SINGLE):
    q, k, v, _ = problem(pos=pos, d_head=20, d_value=20, unit=True, dtype=dtype)
    inputs = [x.requires_grad_() for x in (q, k, v)]
    gammas = None if gamma == 1 else torch.full((pos,), gamma, dtype=dtype)
    out, _ = mesa_attention(*inputs, lam, gammas, form="recursive", backward=backward)
    return torch.autograd.grad(out.sin().sum(), inputs)


@pytest.mark.parametrize("gamma", [1, 0.99])
def test_where_it_holds_it_gives_the_same_gradients_without_a_word(gamma):
    for own, right in zip(gradients("reverse", gamma), gradients("sweep", gamma, dtype=DOUBLE), strict=True):
        assert relative(own, right) < 1e-4


def test_where_it_fails_it_says_so_and_gives_the_right_gradients():
    with pytest.warns(MesaWarning, match=r"wrong by .* of itself \(limit 3\.5e-04 in float32\).*forward sweep instead"):
        found = gradients("reverse", 0.9)
    for own, right in zip(found, gradients("sweep", 0.9, dtype=DOUBLE), strict=True):
        assert relative(own, right) < 1e-4


@pytest.mark.parametrize(("gamma", "lam"), [(0.9, 1.0), (1, 1000.0)])
def test_where_it_fails_it_can_refuse(gamma, lam):
    with pytest.raises(
        LatebloomError, match=r"Undoing the mesa recursion .* Use backward='sweep', which undoes nothing"
    ):
        gradients("reverse_or_refuse", gamma, lam)


def test_the_check_is_what_protects_the_gradients(monkeypatch):
    """The failing region is real: with a check that sees nothing, gradients there are wrong by far."""
    blind = recursive.undo
    monkeypatch.setattr(recursive, "undo", lambda *args: (blind(*args)[0], 0.0))
    found, right = gradients("reverse", 0.9), gradients("sweep", 0.9, dtype=DOUBLE)
    assert not relative(found[1], right[1]) < 0.1


def test_a_regulariser_that_has_died_out_is_refused_by_every_form():
    """Claim 32 of the sheet: float32, T = 1,024, gamma 0.5."""
    q, k, v, _ = problem(pos=1024, d_head=20, unit=True, dtype=SINGLE)
    for gamma, form in itertools.product((0.5, 0.6), ("chunked", "conjugate", "recursive", "direct")):
        with pytest.raises(LatebloomError, match=r"regulariser has died out.*Use regulariser='static'"):
            mesa_attention(q, k, v, 1.0, torch.full((1024,), gamma), form=form)


def test_a_lambda_beyond_the_digits_is_refused_by_every_form():
    """In float32, keys of length 4.5: lambda = 100 is solved, 10,000 would give gradients that are all noise."""
    q, k, v, _ = problem(pos=100, d_head=20, dtype=SINGLE)
    for form in ("chunked", "conjugate", "recursive", "direct"):
        mesa_attention(q, k, v, 100.0, form=form, iterations=60)
        with pytest.raises(LatebloomError, match=r"the regulariser 1/lambda is lost.*Use a smaller lambda"):
            mesa_attention(q, k, v, 10000.0, form=form)
        mesa_attention(q.double(), k.double(), v.double(), 10000.0, form=form, iterations=60)


@pytest.mark.parametrize("lam", [1.0, 10.0, 100.0])
@pytest.mark.parametrize(("gamma", "limit"), [(1.0, 1e-4), (0.9, 1e-3), (0.8, 1e-2)])
def test_gradients_that_are_not_refused_are_right(lam, gamma, limit):
    """float32 against float64 at T = 256."""
    found = []
    for dtype in (SINGLE, DOUBLE):
        q, k, v, _ = problem(pos=256, d_head=20, dtype=dtype)
        inputs = [x.requires_grad_() for x in (q, k, v)]
        out, _ = mesa_attention(*inputs, lam, torch.full((256,), gamma, dtype=dtype))
        found.append(torch.autograd.grad(out.sin().sum(), inputs))
    for own, right in zip(*found, strict=True):
        assert relative(own, right) < limit


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"key": torch.zeros(3)}, r"key has shape \(3,\); expected \[pos, d_head\]"),
        ({"key": torch.zeros(2, 3, 2)}, r"key has shape \(2, 3, 2\); expected \[pos, d_head\]"),
        ({"gamma": torch.ones(5)}, r"gamma has shape \(1, 5\); expected .* pos = 3"),
        ({"key": torch.zeros(3, 2, dtype=torch.float16)}, "key is float16"),
        ({"lam": 0.0}, "lambda = 0, but it must be positive"),
        ({"gamma": 1.5}, r"gamma = 1\.5 at .*, but a forget factor lies in \(0, 1\]"),
    ],
)
def test_how_far_the_way_back_is_off_is_asked_of_a_problem_that_is_one(changes, told):
    with pytest.raises(LatebloomError, match=told):
        reconstruction_error(**{"key": torch.ones(3, 2), **changes})
