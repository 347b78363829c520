"""Answers at many queries of one context are those of the mixture asked query by query."""

import pytest
import torch

from latebloom.baselines.line_or_sinusoid import combination_optimum, line_or_sinusoid
from latebloom.baselines.mixture_posterior import dense_and_sparse
from latebloom.baselines.one_context import answer
from latebloom.errors import LatebloomError
from latebloom.randomness import stream

MIXTURES = {
    "dense and sparse": (dense_and_sparse(4, 2, 0.3, 0.05), 4),
    "line or sinusoid": (line_or_sinusoid(0.4, 0.05, grid=21), 1),
    "a sum": (combination_optimum(0.3, 0.05, grid=21), 1),
    "a sum without sinusoid": (combination_optimum(1.0, 0.05, grid=21), 1),
}


@pytest.mark.parametrize("name", MIXTURES)
@pytest.mark.parametrize("n", [0, 1, 7])
def test_the_same_as_one_query_at_a_time(name, n):
    mixture, d = MIXTURES[name]
    draw = stream(0, "one context", n, d)
    x, y, query = (torch.from_numpy(draw.standard_normal(shape)) for shape in ((n, d), (n,), (5, d)))
    found = answer(mixture, x, y, query)
    right = mixture.at_query(x, y, query)
    torch.testing.assert_close(found.mean, right.mean[..., 0], atol=1e-9, rtol=1e-7)
    torch.testing.assert_close(found.class_means, right.class_means[..., 0, :], atol=1e-9, rtol=1e-7)
    torch.testing.assert_close(found.classes.expand(5, -1), right.classes[..., 0, :], atol=1e-9, rtol=1e-7)


def test_queries_of_another_dimension_are_refused():
    with pytest.raises(LatebloomError, match="does not fit contexts"):
        answer(MIXTURES["a sum"][0], torch.zeros(3, 1), torch.zeros(3), torch.zeros(4, 2))
