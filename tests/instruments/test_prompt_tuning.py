"""Prompt tuning on a network whose best vector is known, and what is refused."""

import pytest
import torch

from latebloom.errors import LatebloomError
from latebloom.instruments.prompt_tuning import Prompt, filled, label_loss, learned


def adds_the_first(tokens):
    """At every place: the token there plus what stands in the first place."""
    return tokens + tokens[:, :, :1]


def draw(step):
    """Answers are x + (1, -2), so the best prefix is (1, -2)."""
    tokens = torch.randn(6, 4, 2, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
    query = torch.tensor([1, 3])
    return Prompt(tokens, query, tokens[:, query] + torch.tensor([1.0, -2.0], dtype=torch.float64))


def test_the_best_vector_is_found_by_each_member():
    start = torch.zeros(2, 1, 2, dtype=torch.float64)
    start[1] = 3.0
    found = learned(adds_the_first, draw, torch.tensor([0]), start, steps=400, lr=0.1)
    torch.testing.assert_close(found, torch.tensor([[[1.0, -2.0]]] * 2, dtype=torch.float64), rtol=0, atol=1e-3)
    assert start[1].eq(3.0).all()
    before = label_loss(adds_the_first(filled(draw(0).tokens, torch.tensor([0]), start)), draw(0))
    torch.testing.assert_close(before[0], torch.full((2,), (1 + 4) / 2, dtype=torch.float64))


def test_one_vector_for_all_places_or_one_for_each():
    tokens, places = torch.zeros(3, 5, 2), torch.tensor([1, 4])
    one = filled(tokens, places, torch.ones(2, 1, 2))
    assert one.shape == (2, 3, 5, 2)
    assert one.sum((0, 1, 3)).tolist() == [0, 12, 0, 0, 12]
    each = filled(tokens, places, torch.tensor([[[1.0, 1.0], [2.0, 2.0]]]))
    assert each[0, 0, :, 0].tolist() == [0, 1, 0, 0, 2]
    with pytest.raises(LatebloomError, match="3 vectors for 2 places"):
        filled(tokens, places, torch.ones(2, 3, 2))
