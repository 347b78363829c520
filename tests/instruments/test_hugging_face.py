"""Tree scores, sparsity and norms of real Hugging Face models with random weights; skipped without the library."""

import pytest
import torch

from latebloom.instruments.attention_sparsity import attention_sparsity
from latebloom.instruments.depth_norms import depth_norms
from latebloom.instruments.masked_spans import masked_span_similarities
from latebloom.instruments.span_vectors import span_similarities
from latebloom.instruments.tree_score import tree_score

transformers = pytest.importorskip("transformers", reason="needs the optional package `transformers`")

SENTENCES = [[[7], [9], [4, 5]], [[3], [11], [12, 4], [6], [8]]]  # words as pieces
SIZE = {"vocab_size": 20, "attn_implementation": "eager", "initializer_range": 0.4}


@pytest.fixture(params=["gpt2", "bert"])
def model(request):
    torch.manual_seed(0)
    if request.param == "gpt2":
        config = transformers.GPT2Config(
            n_positions=16, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0, **SIZE
        )
        return transformers.GPT2Model(config).eval(), True
    config = transformers.BertConfig(
        max_position_embeddings=16,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        **SIZE,
    )
    return transformers.BertModel(config, add_pooling_layer=False).eval(), False


def test_short_rows_say_what_masked_passes_say(model):
    network, causal = model

    def encode(tokens, positions):
        mask = torch.ones_like(tokens)
        return network(input_ids=tokens, attention_mask=mask, position_ids=positions).last_hidden_state

    def masked(tokens, positions, visible):
        return network(input_ids=tokens, attention_mask=visible.long(), position_ids=positions).last_hidden_state

    around = {"before": [0], "after": [] if causal else [1]}
    spans = span_similarities(encode, SENTENCES, causal=causal, **around)
    slow = masked_span_similarities(masked, SENTENCES, **around)
    torch.testing.assert_close(spans.similarity, slow.similarity, rtol=0, atol=1e-5, equal_nan=True)
    whole = spans.similarity[1, 0, :5]  # spans from the first word on
    assert torch.allclose(whole, torch.ones_like(whole), atol=1e-5) == causal
    assert float(tree_score(spans.similarity, spans.lengths).per_sentence) > 0


def test_patterns_and_parameters_go_in_as_they_are(model):
    network, _ = model
    row = torch.tensor([[0, 7, 9, 4]])
    with torch.no_grad():
        seen = network(input_ids=row, attention_mask=torch.ones_like(row), output_attentions=True)
        norms = depth_norms(dict(network.named_parameters()), 2, lead=0)
    entropy = [-(p * p.clamp(min=1e-30).log()).sum(-1).mean() for p in seen.attentions]
    assert attention_sparsity(seen.attentions) == pytest.approx(-float(sum(entropy) / 2), rel=1e-5)
    total = sum(float(value.detach().double().square().sum()) for value in network.parameters()) ** 0.5
    assert float(norms.norm) == pytest.approx(total, rel=1e-5)
