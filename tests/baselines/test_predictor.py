"""What every predictor does with prompts as a user may have them."""

import numpy as np
import pytest
import torch

from latebloom.baselines.lasso import Lasso
from latebloom.baselines.least_squares import LeastSquares
from latebloom.baselines.mixture_posterior import LinearHypotheses, MixturePosterior, dense_and_sparse
from latebloom.baselines.nearest import NearestNeighbours
from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from tests.baselines.draws import linear_prompts

PREDICTORS = [LeastSquares(), Lasso(0.01), NearestNeighbours(3), dense_and_sparse(4, 2)]
each = pytest.mark.parametrize("predictor", PREDICTORS, ids=lambda one: type(one).__name__)


def prompt():
    x, y, *_ = linear_prompts(5, 12, 4)
    return x, y, torch.from_numpy(stream(3, "queries").normal(size=(5, 4)))


@each
def test_arrays_and_lists_are_prompts_too(predictor):
    given = prompt()
    right = predictor(*given)
    torch.testing.assert_close(predictor(*(part.numpy() for part in given)), right, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(predictor(*(part.tolist() for part in given)), right, rtol=1e-12, atol=1e-12)


@each
def test_without_pairs_or_prompts_the_answer_is_the_prior_mean_or_empty(predictor):
    x, y, query = prompt()
    assert predictor(x[:, :0], y[:, :0], query).tolist() == [0.0] * 5
    assert predictor(x[:0], y[:0], query[:0]).shape == (0,)


@each
@pytest.mark.parametrize(("part", "name"), list(enumerate(("Inputs", "Labels", "Queries"))))
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(predictor, part, name, number):
    """Lasso answered 0 to them, three neighbours a finite number, least squares an error of LAPACK."""
    given = [value.clone() for value in prompt()]
    given[part][1, 2] = number
    with pytest.raises(LatebloomError, match=rf"{name} hold {number} at \[1, 2"):
        predictor(*given)


def test_what_is_no_table_of_numbers_is_refused():
    with pytest.raises(LatebloomError, match="Inputs are no table of numbers"):
        LeastSquares()([[1.0], [1.0, 2.0]], [1.0, 2.0], [1.0])
    with pytest.raises(LatebloomError, match="Labels are no table of numbers"):
        LeastSquares()([[1.0], [2.0]], ["a", "b"], [1.0])


def test_fractions_where_whole_numbers_are_meant_are_refused():
    x, y, query = prompt()
    with pytest.raises(LatebloomError, match=r"has 2.5 non-zero weights"):
        dense_and_sparse(4, 2.5)
    with pytest.raises(LatebloomError, match=r"neighbours = 2.5 must be a whole number"):
        NearestNeighbours(2.5)
    right = MixturePosterior([LinearHypotheses("dense", 1.0)], [1.0], 0.1)(x, y, query)
    for noise in (np.float64(0.1), torch.tensor(0.1, dtype=torch.float64), np.array([0.1])):
        assert torch.equal(MixturePosterior([LinearHypotheses("dense", 1.0)], [1.0], noise)(x, y, query), right)
