"""Input distributions: each has the property it is named for."""

import numpy as np
import pytest

from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from latebloom.tasks.functions import INPUTS

FITTING = [name for name in INPUTS if name != "orthogonal"]


def drawn(name, n=200, points=9, d=6, seed=0, **settings):
    return INPUTS[name].parse(settings).draw(stream(seed, "inputs"), n, points, d)


@pytest.mark.parametrize("name", FITTING)
def test_shapes_and_repeatability(name):
    x = drawn(name)
    assert x.shape == (200, 9, 6)
    np.testing.assert_array_equal(x, drawn(name))
    assert not (x == drawn(name, seed=1)).any()


@pytest.mark.parametrize("name", sorted(set(FITTING) - {"uniform"}))
def test_lengths_are_those_of_standard_inputs_on_average(name):
    squares = (drawn(name, n=4000) ** 2).sum(-1)
    assert abs(squares.mean() - 6) < 4 * squares.mean(1).std() / 4000**0.5


def test_scale_and_width():
    np.testing.assert_allclose(drawn("gaussian", scale=3.0), 3 * drawn("gaussian"))
    x = drawn("uniform", half_width=2.0)
    assert 1.9 < np.abs(x).max() <= 2.0


def test_a_subspace_has_its_dimension():
    for dims, expected in ((None, 3), (2, 2), (6, 6)):
        assert (np.linalg.matrix_rank(drawn("subspace", n=20, dims=dims)) == expected).all()


def test_skewed_covariance_has_its_eigenvalues_in_bases_of_its_own():
    x = drawn("skewed", n=3, points=20_000, d=4)
    values = np.array([1, 1 / 4, 1 / 9, 1 / 16])
    expected = values * 4 / values.sum()
    bases = []
    for own in x:
        found, basis = np.linalg.eigh(own.T @ own / 20_000)
        np.testing.assert_allclose(found[::-1], expected, rtol=0.06)
        bases.append(basis[:, -1])
    assert abs(bases[0] @ bases[1]) < 0.99


def test_the_query_lies_in_another_orthant_than_the_context():
    for d in (1, 2, 6):
        signs = np.sign(drawn("orthant", d=d))
        assert (signs[:, :-1] == signs[:, :1]).all()
        assert (signs[:, -1] != signs[:, 0]).any(-1).all()


def test_a_repeated_query_is_in_the_context_once():
    x = drawn("repeated")
    assert ((x[:, :-1] == x[:, -1:]).all(-1).sum(1) == 1).all()


def test_an_orthogonal_query_is_orthogonal_and_as_long_as_any():
    x = drawn("orthogonal", n=4000, points=5)
    products = np.einsum("npd,nd->np", x[:, :-1], x[:, -1])
    assert np.abs(products).max() < 1e-9
    squares = (x[:, -1] ** 2).sum(-1)
    assert abs(squares.mean() - 6) < 4 * squares.std() / 4000**0.5


@pytest.mark.parametrize(
    ("name", "settings", "told"),
    [
        ("orthogonal", {"points": 7}, r"6 context inputs fill all d = 6 dimensions.*at most 6 points"),
        ("repeated", {"points": 1}, "no context to repeat"),
        ("subspace", {"dims": 7}, r"dims = 7 must be at most d = 6"),
        ("gaussian", {"scale": 0}, "scale = 0"),
    ],
)
def test_impossible_inputs_are_told_in_a_sentence(name, settings, told):
    with pytest.raises(LatebloomError, match=told):
        drawn(name, **settings)
