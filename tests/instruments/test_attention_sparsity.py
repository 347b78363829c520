import math

import pytest
import torch
from scipy.stats import entropy

from latebloom.errors import LatebloomError
from latebloom.instruments.attention_sparsity import (
    attention_entropy,
    attention_sparsity,
    attention_sparsity_as_released,
    patterns_on_embeddings,
)
from latebloom.randomness import stream
from tests.instruments.tiny_encoders import TinyEncoder


def causal_patterns(seed, layers=2, lead=(), rows=3, heads=2, places=5):
    raw = torch.from_numpy(stream(seed, "patterns").exponential(size=(layers, *lead, rows, heads, places, places)))
    raw = raw.tril()
    return list(raw / raw.sum(-1, keepdim=True))


def test_entropy_agrees_with_scipy_and_zeros_add_nothing():
    pattern = causal_patterns(0)[0]
    slow = entropy(pattern.numpy(), axis=-1)
    torch.testing.assert_close(attention_entropy(pattern), torch.from_numpy(slow))
    assert attention_entropy(torch.eye(4)).tolist() == [0, 0, 0, 0]


def test_even_and_hard_attention_by_hand():
    even = torch.tril(torch.ones(4, 4)) / torch.arange(1, 5).unsqueeze(-1)
    even, hard = even.expand(1, 2, 4, 4), torch.eye(4).expand(1, 2, 4, 4)
    logs = math.log(1) + math.log(2) + math.log(3) + math.log(4)
    assert float(attention_sparsity([even, hard])) == pytest.approx(-logs / 4 / 2)
    assert float(attention_sparsity_as_released([even, hard])) == pytest.approx(-logs / 2)
    assert float(attention_sparsity([hard])) == float(attention_sparsity_as_released([hard])) == 0


def test_two_hard_heads_are_sparse_but_not_as_released():
    """Averaging over heads first calls two sharp heads that look at different places one diffuse head."""
    heads = torch.stack([torch.eye(4), torch.eye(4).roll(1, -1)])[None]
    assert float(attention_sparsity([heads])) == 0
    assert float(attention_sparsity_as_released([heads])) == pytest.approx(-4 * math.log(2))


def test_only_queries_that_count_of_members_and_rows():
    patterns = causal_patterns(1, lead=(2,))
    queries = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 1, 1, 1, 0]]).bool()
    spoilt = [torch.where(queries[:, None, :, None], pattern, torch.nan) for pattern in patterns]
    for member in range(2):
        means, sums = [], []
        for row in range(3):
            at = queries[row].nonzero().flatten().tolist()
            apart = [entropy(p[member, row, h, q].numpy()) for p in patterns for h in range(2) for q in at]
            means.append(sum(apart) / len(apart))
            mixed = [entropy(p[member, row, :, q].mean(0).numpy()) for p in patterns for q in at]
            sums.append(sum(mixed) / len(patterns))
        assert float(attention_sparsity(spoilt, queries)[member]) == pytest.approx(-sum(means) / 3)
        assert float(attention_sparsity_as_released(spoilt, queries)[member]) == pytest.approx(-sum(sums) / 3)


def test_patterns_on_embeddings_are_right_for_the_first_layer_only():
    model = TinyEncoder(causal=True)
    tokens = torch.tensor([[0, 3, 8, 5]])
    embeddings = model.tokens[tokens] + model.positions[torch.arange(4)]
    mask = torch.ones(1, 4, 4, dtype=torch.bool).tril()
    layers = [lambda x, layer=layer: model.attention(x, layer, mask)[1] for layer in model.layers]
    found, right = patterns_on_embeddings(layers, embeddings), model(tokens).attentions
    torch.testing.assert_close(found[0], right[0])
    assert not torch.allclose(found[1], right[1], atol=0.05)


def test_errors_say_what_would_be_right():
    for nothing in ([], (), None):  # what Hugging Face models give where no pattern is formed
        with pytest.raises(LatebloomError, match=r"No attention patterns.*attn_implementation='eager'"):
            attention_sparsity(nothing)
    with pytest.raises(LatebloomError, match=r"queries has shape \(4,\).*need \(3, 5\)"):
        attention_sparsity(causal_patterns(0), torch.ones(4).bool())
    with pytest.raises(LatebloomError, match="Row 1 has no query that counts"):
        attention_sparsity(causal_patterns(0), torch.tensor([[True] * 5, [False] * 5, [True] * 5]))


def test_a_layer_that_gave_no_pattern_and_scores_before_the_softmax_are_refused():
    scores = torch.linspace(-2, 2, 2 * 3 * 4 * 4).view(2, 3, 4, 4)
    pattern = scores.softmax(-1)
    for given, told in (
        ([pattern, None], "layer 1 is a NoneType.*attn_implementation='eager'"),
        (pattern, r"layer 0 has shape \(3, 4, 4\)"),  # one layer's, not in a list
        ([pattern, scores], "layer 1 holds no shares"),
        ([pattern / 0.8], "layer 0 holds no shares.*largest sum is 1.25"),
    ):
        with pytest.raises(LatebloomError, match=told):
            attention_sparsity(given)
    ones = torch.ones(2, 4, dtype=torch.long)  # as tokenisers give their masks
    assert attention_sparsity(torch.stack([pattern, pattern]), ones) == attention_sparsity([pattern])
