"""Tree scores, attention sparsity and norms of a Hugging Face model, causal or bidirectional.

Instruments take arrays and callables, so all it needs are the two adapters below. With `transformers` installed this
measures a small GPT-2 and a small BERT with random weights (load your own instead); without it, small modules that are
called in the same way.
"""

import math
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from latebloom.instruments.attention_sparsity import attention_sparsity
from latebloom.instruments.bracketings import from_nested, to_nested
from latebloom.instruments.depth_norms import depth_norms
from latebloom.instruments.masked_spans import MaskedEncode, masked_span_similarities
from latebloom.instruments.parseval import baseline_scores, bracket_scores
from latebloom.instruments.span_vectors import Encode, span_similarities
from latebloom.instruments.tree_score import tree_score
from latebloom.randomness import stream

VOCAB, PLACES, LAYERS = 60, 32, 2
START, END = 0, 1  # [CLS] and [SEP]; for a GPT-2 its <|endoftext|> may stand in front
TREES = [
    (("my", "walrus"), ("does", "sleep")),
    (("her", "xylophone"), ("does", ("amuse", ("our", "yaks")))),
    (("the", "newt"), ("does", ("confuse", (("my", "zebra"), ("near", ("some", "quails")))))),
]


def encoder(model: nn.Module) -> Encode:
    """Last hidden states of tokens at given positions."""

    def encode(tokens: Tensor, positions: Tensor) -> Tensor:
        # The mask of ones is needed: without one, transformers takes positions that jump for several packed texts, and
        # hides the start symbol from the words.
        mask = torch.ones_like(tokens)
        return model(input_ids=tokens, attention_mask=mask, position_ids=positions).last_hidden_state

    return encode


def masked_encoder(model: nn.Module) -> MaskedEncode:
    """The same with hidden places."""
    return lambda tokens, positions, visible: (
        model(input_ids=tokens, attention_mask=visible.long(), position_ids=positions).last_hidden_state
    )


def tokenise(word: str) -> list[int]:
    """Pieces of a word; take your tokeniser's here, without special symbols."""
    return [2 + sum(map(ord, word[at : at + 5])) % (VOCAB - 2) for at in range(0, len(word), 5)]


def words(tree: object) -> list[str]:
    return [word for child in tree for word in words(child)] if isinstance(tree, tuple) else [str(tree)]


class StandIn(nn.Module):
    """Called as a Hugging Face model is; one layer is x + attention(x), normalised."""

    def __init__(self, causal: bool, width: int = 32, heads: int = 4) -> None:
        super().__init__()
        rng = stream(0, "stand-in", int(causal))
        self.causal, self.heads = causal, heads
        shapes = [(VOCAB, width), (PLACES, width), *[(width, 4 * width)] * LAYERS]
        draws = [torch.from_numpy(rng.standard_normal(shape)).float() / math.sqrt(width) for shape in shapes]
        self.tables = nn.ParameterList(draws)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor, output_attentions: bool = False
    ) -> SimpleNamespace:
        """Hidden states and attention patterns; `attention_mask` is 0 at places that no place may see."""
        tokens, positions, *layers = self.tables
        x, patterns = 4 * (tokens[input_ids] + positions[position_ids]), []
        hidden = ~attention_mask.bool()[:, None, None, :]
        if self.causal:
            hidden = hidden | torch.ones(2 * x.shape[1:2], dtype=torch.bool).triu(1)
        for layer in layers:
            q, k, v = (x @ w for w in layer.chunk(4, dim=1)[:3])
            q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (q, k, v))
            scores = (q @ k.transpose(-1, -2)) / math.sqrt(q.shape[-1])
            patterns.append(scores.masked_fill(hidden, -torch.inf).softmax(-1))
            update = (patterns[-1] @ v).transpose(1, 2).flatten(-2) @ layer.chunk(4, dim=1)[3]
            x = nn.functional.layer_norm(x + update, x.shape[-1:])
        return SimpleNamespace(last_hidden_state=x, attentions=tuple(patterns))


def models() -> tuple[nn.Module, nn.Module]:
    """A causal and a bidirectional network with random weights."""
    try:
        from transformers import BertConfig, BertModel, GPT2Config, GPT2Model
    except ImportError:
        return StandIn(causal=True).eval(), StandIn(causal=False).eval()
    # "eager" because other attentions do not give their patterns away.
    # Weights ten times the usual, since fresh ones hardly let words see each other.
    size = {"vocab_size": VOCAB, "attn_implementation": "eager", "initializer_range": 0.2}
    gpt = GPT2Config(n_positions=PLACES, n_embd=32, n_layer=LAYERS, n_head=4, bos_token_id=0, eos_token_id=0, **size)
    bert = BertConfig(
        max_position_embeddings=PLACES,
        hidden_size=32,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        intermediate_size=64,
        **size,
    )
    return GPT2Model(gpt).eval(), BertModel(bert, add_pooling_layer=False).eval()  # eval: no dropout


def main() -> None:
    gold, lengths = from_nested(TREES)
    sentences = [[tokenise(word) for word in words(tree)] for tree in TREES]
    baselines = baseline_scores(gold, lengths)
    for model, causal in zip(models(), (True, False), strict=True):
        around = {"before": [START], "after": [] if causal else [END]}
        spans = span_similarities(encoder(model), sentences, causal=causal, **around)
        score = tree_score(spans.similarity, spans.lengths)
        f1 = float(bracket_scores(score.projection.trees, gold).f1)

        row = torch.tensor([[START, *(piece for word in sentences[0] for piece in word), *around["after"]]])
        positions, mask = torch.arange(row.shape[1])[None], torch.ones_like(row)
        with torch.no_grad():
            seen = model(input_ids=row, attention_mask=mask, position_ids=positions, output_attentions=True)
            tables = dict(model.named_parameters())
            norms = depth_norms(tables, LAYERS, lead=0)
        print(f"{type(model).__name__}, {'causal' if causal else 'bidirectional'}")
        print(f"  t_score {score.per_sentence:.3f} a sentence, {score.per_node:.3f} a node")
        print(f"  t_parseval {f1:.3f}; right-branching {baselines['right_branching']:.3f}")
        print(f"  attention sparsity {attention_sparsity(seen.attentions):.3f}, N / sqrt(L) {norms.per_root_layer:.1f}")
        print(f"  {to_nested(score.projection.trees[1, :6, :6], words(TREES[1]))}")

        # The short way is exact: masked passes, one a span, say the same. Try this on your own model first.
        slow = masked_span_similarities(masked_encoder(model), sentences, **around)
        torch.testing.assert_close(spans.similarity, slow.similarity, rtol=0, atol=1e-4, equal_nan=True)
        assert score.per_sentence >= 0  # the exact projection is never worse than the mean over trees


if __name__ == "__main__":
    main()
