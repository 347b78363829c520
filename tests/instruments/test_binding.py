import numpy as np
import pytest
import torch

from latebloom.errors import LatebloomError
from latebloom.instruments import binding
from latebloom.randomness import stream


def drawn(seed, *shape):
    return torch.from_numpy(stream(seed, "binding").normal(size=shape))


def test_planted_copies_are_read_and_others_are_not():
    s = drawn(0, 600, 8, 2)
    noisy = s[:, 4] + drawn(1, 600, 2)  # half of the variance of s_4 is left, three places back from the last
    bound = torch.cat([s[:, 7] + s[:, 6], s[:, 6], noisy], -1) @ drawn(2, 6, 6)
    activations = drawn(3, 600, 8, 6)
    activations[:, 7] = bound
    error, unread = binding.copy_errors(activations, s, distances=5)
    np.testing.assert_allclose(unread, [0, 0, 1, 0.5, 1], atol=0.12)
    np.testing.assert_allclose(error, [0, 0, 1, 0.5, 1], atol=0.15)  # the inputs' variance is 1
    assert int(binding.horizon(unread)) == 2
    elsewhere = binding.copy_errors(activations, s, distances=3, place=5)[1]
    assert elsewhere.min() > 0.9


def test_the_error_is_the_mean_over_numbers():
    s = drawn(0, 300, 3, 2)
    s[..., 1] = 0  # one number known, one of variance 1 unknown: mean 1/2
    error, _ = binding.copy_errors(drawn(1, 300, 3, 4), s, distances=1)
    assert float(error) == pytest.approx(0.5, abs=0.12)


def test_the_horizon_stops_at_the_first_gap():
    unread = torch.tensor([[0.0, 0.05, 0.5, 0.0], [0.0, 0.0, 0.0, 0.0], [0.2, 0.0, 0.0, 0.0]])
    assert binding.horizon(unread).tolist() == [2, 4, 0]
    assert binding.horizon(unread, threshold=0.6).tolist() == [4, 4, 4]


def test_distances_beyond_the_sequence_are_refused():
    with pytest.raises(LatebloomError, match=r"distances = 4: from place 2 there are 1 to 3 inputs"):
        binding.copy_errors(drawn(0, 20, 6, 2), drawn(1, 20, 6, 2), distances=4, place=2)


def test_attention_by_distance_is_what_loops_find():
    pattern = torch.softmax(drawn(0, 2, 3, 2, 5, 5).masked_fill(torch.ones(5, 5).triu(1).bool(), -torch.inf), -1)
    for first in (0, 2):
        ours = binding.attention_by_distance(pattern, first)
        for member in range(2):
            for head in range(2):
                for distance in range(5):
                    queries = range(max(distance, first), 5)
                    values = [float(pattern[member, :, head, q, q - distance].mean()) for q in queries]
                    assert float(ours[member, head, distance]) == pytest.approx(np.mean(values))
    torch.testing.assert_close(binding.mean_pattern(pattern)[0, 1], pattern[0, :, 1].mean(0))


def test_a_head_that_looks_one_back_is_a_copying_head():
    back = torch.diag(torch.ones(4), -1)
    back[0, 0] = 1
    even = torch.ones(5, 5).tril() / torch.arange(1, 6)[:, None]
    by = binding.attention_by_distance(torch.stack([back, even])[None])
    assert float(by[0, 1]) == 1
    assert binding.copying_heads(by).tolist() == [True, False]
