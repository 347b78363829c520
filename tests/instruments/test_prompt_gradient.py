"""Gradients by the prompt and implied weights, of predictors whose weights are known."""

import pytest
import torch

from latebloom.baselines.mixture_posterior import dense_and_sparse
from latebloom.baselines.nearest import NearestNeighbours
from latebloom.baselines.prompt_ridge import Ridge
from latebloom.errors import LatebloomError
from latebloom.instruments.prompt_gradient import implied_weights, prompt_gradient, weight_cosine
from latebloom.randomness import stream

DRAW = stream(0, "prompt gradient")
X = torch.from_numpy(DRAW.normal(size=(5, 6, 3)))
Y = torch.from_numpy(DRAW.normal(size=(5, 6)))
Q = torch.from_numpy(DRAW.normal(size=(5, 3)))
PROBES = torch.from_numpy(DRAW.normal(size=(6, 3)))


def test_the_gradient_by_the_query_is_the_weight_vector_of_ridge():
    found = prompt_gradient(Ridge(0.3), X, Y, Q)
    torch.testing.assert_close(found.by_query, Ridge(0.3).weights(X, Y))
    # Ridge is linear in the labels, so its gradient by them times the labels is the prediction itself.
    torch.testing.assert_close((found.by_context_y * Y).sum(-1), Ridge(0.3)(X, Y, Q))
    assert found.by_context_x.shape == X.shape


def test_the_gradient_is_a_difference_quotient():
    mixture, small = dense_and_sparse(3, 1), 1e-6
    found = prompt_gradient(mixture, X, Y, Q)
    moved = X.clone()
    moved[:, 2, 1] += small
    slope = (mixture(moved, Y, Q) - mixture(X, Y, Q)) / small
    torch.testing.assert_close(found.by_context_x[:, 2, 1], slope, rtol=1e-3, atol=1e-5)


def test_what_is_not_used_has_gradient_zero():
    found = prompt_gradient(lambda x, y, q: (3 * q).sum(-1), X, Y, Q)
    assert found.by_query.unique().tolist() == [3.0]
    assert not found.by_context_x.any()
    assert not found.by_context_y.any()


def test_implied_weights_are_those_of_a_linear_predictor_and_explain_it_whole():
    found = implied_weights(dense_and_sparse(3, 1), X, Y, PROBES)
    torch.testing.assert_close(found.weights, prompt_gradient(dense_and_sparse(3, 1), X, Y, Q).by_query)
    assert float(found.unexplained.max()) < 1e-20


def test_a_predictor_that_is_not_linear_leaves_something_unexplained():
    assert float(implied_weights(NearestNeighbours(1), X, Y, PROBES).unexplained.min()) > 0.01


def test_cosines():
    w = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    cosine = weight_cosine(w, torch.tensor([[-2.0, 0.0], [3.0, 0.0], [1.0, 0.0]]))
    torch.testing.assert_close(cosine[:2], torch.tensor([-1.0, 0.5**0.5]))
    assert bool(cosine[2].isnan())


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: prompt_gradient(lambda x, y, q: q, X, Y, Q), r"gave shape \(5, 3\); it must give one differentiable"),
        (lambda: prompt_gradient(lambda x, y, q: torch.zeros(5), X, Y, Q), "without a gradient"),
        (lambda: implied_weights(Ridge(1.0), X, Y, PROBES[:3]), "3 queries of 3 numbers explain anything; .* least 4"),
    ],
)
def test_bad_input_is_told_in_a_sentence(call, told):
    with pytest.raises(LatebloomError, match=told):
        call()
