"""What baselines refuse, they refuse in a sentence: none of these calls may end in an error from deep inside."""

import math

import numpy as np
import pytest
import torch

from latebloom.baselines.mixture_posterior import dense_and_sparse
from latebloom.baselines.one_context import answer
from latebloom.baselines.predictor import predict_prefixes, prompts
from latebloom.baselines.ridge import least_squares, ridge, softmax_kernel
from latebloom.errors import LatebloomError
from latebloom.randomness import stream


def drawn(*shape):
    return torch.from_numpy(stream(0, "refusals", *shape).standard_normal(shape))


MIXTURE = dense_and_sparse(4, 2)
REFUSED = {
    "a number too large": (lambda: prompts([[10**400]], [1]), "Inputs are no table of numbers"),
    "complex": (lambda: prompts(torch.ones(2, 2, dtype=torch.complex64), drawn(2)), "Inputs are complex numbers"),
    "without data": (lambda: prompts(torch.ones(2, 2, device="meta"), drawn(2)), "Inputs are no table of numbers"),
    "penalty NaN": (lambda: ridge(drawn(3, 2), drawn(3, 1), math.nan), "penalty = nan"),
    "penalty inf": (lambda: ridge(drawn(3, 2), drawn(3, 1), math.inf), "penalty = inf"),
    "inputs of NaN": (
        lambda: ridge(drawn(3, 2) * math.nan, drawn(3, 1)),
        r"ridge: the inputs hold nan at \[0, 0\]: they must be finite",
    ),
    "targets of NaN": (lambda: ridge(drawn(3, 2), drawn(3, 1) * math.nan), "ridge: the targets hold nan at"),
    "other places": (lambda: ridge(drawn(3, 2), drawn(4, 1)), "do not pair up"),
    "other queries": (lambda: ridge(drawn(3, 2), drawn(3, 1), queries=drawn(5, 2)), r"queries of shape \(5, 2\)"),
    "wide queries": (lambda: ridge(drawn(3, 2), drawn(3, 1), queries=drawn(3, 4)), "one query of d_in numbers a place"),
    "vectors": (lambda: least_squares(drawn(3), drawn(3)), "do not pair up"),
    "NaN, no penalty": (
        lambda: least_squares(drawn(3, 2) * math.nan, drawn(3, 1)),
        "least_squares: the inputs hold nan",
    ),
    "queries of inf": (
        lambda: ridge(drawn(3, 2), drawn(3, 1), queries=drawn(3, 2) / 0),
        r"ridge: the queries hold -?inf at \[0, 0\]",
    ),
    "leads apart": (
        lambda: ridge(drawn(2, 3, 2), drawn(4, 3, 1)),
        r"ridge: the leading axes of inputs of shape \(2, 3, 2\)",
    ),
    "queries apart": (
        lambda: ridge(drawn(2, 3, 2), drawn(3, 1), queries=drawn(4, 3, 2)),
        r"queries of shape \(4, 3, 2\)",
    ),
    "leads apart, no penalty": (
        lambda: least_squares(drawn(2, 3, 2), drawn(4, 3, 1)),
        "least_squares: the leading axes",
    ),
    "a kernel's leads": (
        lambda: softmax_kernel(drawn(2, 3, 2), drawn(4, 3, 1), 1.0),
        "softmax_kernel: the leading axes",
    ),
    "a kernel's places": (lambda: softmax_kernel(drawn(3, 2), drawn(4, 1), 1.0), "softmax_kernel: .* do not pair up"),
    "several contexts": (lambda: answer(MIXTURE, drawn(2, 3, 4), drawn(2, 3), drawn(2, 4)), "reads one context"),
    "one query": (lambda: answer(MIXTURE, drawn(3, 4), drawn(3), drawn(4)), r"queries \[query, d\]"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_in_a_sentence(case):
    call, told = REFUSED[case]
    with pytest.raises(LatebloomError, match=told):
        call()


def test_no_places_have_no_predictions():
    def first(x, y, query):
        return query[..., 0]

    assert predict_prefixes(first, drawn(2, 3, 4), drawn(2, 3), []).shape == (2, 0)
    assert predict_prefixes(first, drawn(2, 0, 4), drawn(2, 0)).shape == (2, 0)


@pytest.mark.parametrize("solve", [lambda x, y: ridge(x, y, 0.1), least_squares])
def test_leading_axes_of_one_side_alone_are_shared(solve):
    x, y = drawn(2, 5, 3), drawn(5, 1)
    both = solve(x, y)
    assert both.shape == solve(x[1], torch.stack([y, y])).shape == (2, 5, 1)
    assert torch.allclose(both[1], solve(x[1], y), rtol=1e-9)
    assert torch.allclose(solve(x[1], torch.stack([y, y]))[0], solve(x[1], y), rtol=1e-9)


@pytest.mark.parametrize("solve", [lambda x, y: ridge(x, y, 0.1), least_squares])
def test_predictions_of_whole_numbers_are_no_whole_numbers(solve):
    """They were cut to integers."""
    x, whole = drawn(5, 3), torch.arange(5)[:, None]
    assert torch.equal(solve(x, whole), solve(x, whole.double()))


def test_sparse_tables_are_tables():
    dense = drawn(3, 2)
    x, _ = prompts(dense.to_sparse(), np.ones(3))
    assert torch.equal(x, dense)
