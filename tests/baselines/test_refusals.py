"""What baselines refuse, they refuse in a sentence: none of these calls may end in an error from deep inside."""

import math

import numpy as np
import pytest
import torch

from latebloom.baselines.mixture_posterior import dense_and_sparse
from latebloom.baselines.one_context import answer
from latebloom.baselines.predictor import predict_prefixes, prompts
from latebloom.baselines.ridge import least_squares, ridge
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
        "ridge: the inputs hold numbers",
    ),
    "targets of NaN": (lambda: ridge(drawn(3, 2), drawn(3, 1) * math.nan), "the targets hold numbers that are not"),
    "other places": (lambda: ridge(drawn(3, 2), drawn(4, 1)), "do not pair up"),
    "other queries": (lambda: ridge(drawn(3, 2), drawn(3, 1), queries=drawn(5, 2)), r"queries of shape \(5, 2\)"),
    "wide queries": (lambda: ridge(drawn(3, 2), drawn(3, 1), queries=drawn(3, 4)), "one query of d_in numbers a place"),
    "vectors": (lambda: least_squares(drawn(3), drawn(3)), "do not pair up"),
    "NaN, no penalty": (lambda: least_squares(drawn(3, 2) * math.nan, drawn(3, 1)), "least_squares: the inputs hold"),
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


def test_sparse_tables_are_tables():
    dense = drawn(3, 2)
    x, _ = prompts(dense.to_sparse(), np.ones(3))
    assert torch.equal(x, dense)
