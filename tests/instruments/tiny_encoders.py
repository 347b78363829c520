"""Small hand-written encoders with the interface of a Hugging Face model, and slow span vectors to compare with."""

import math
from types import SimpleNamespace

import torch
from torch import nn

from latebloom.randomness import stream


class TinyEncoder(nn.Module):
    """Two heads, learned positions, layers x + attention, x + MLP, each before a normalisation; float64."""

    def __init__(self, causal, seed=0, vocab=30, places=24, width=8, layers=2):
        super().__init__()
        rng = stream(seed, "tiny encoder", int(causal))

        def weights(*shape):
            return nn.Parameter(torch.from_numpy(rng.standard_normal(shape) / math.sqrt(shape[0])))

        self.causal, self.width = causal, width
        self.tokens, self.positions = weights(vocab, width), weights(places, width)
        with torch.no_grad():
            self.tokens *= 4
            self.positions *= 2
        self.layers = nn.ParameterList([weights(width, 12 * width) for _ in range(layers)])

    def forward(self, input_ids, attention_mask=None, position_ids=None, output_attentions=False):
        rows, places = input_ids.shape
        positions = torch.arange(places).expand(rows, places) if position_ids is None else position_ids
        keys = torch.ones(rows, places, dtype=torch.bool) if attention_mask is None else attention_mask.bool()
        allowed = keys[:, None, :].expand(rows, places, places)
        if self.causal:
            allowed = allowed & torch.ones(places, places, dtype=torch.bool).tril()
        return self.masked(input_ids, positions, [allowed] * len(self.layers))

    def masked(self, tokens, positions, allowed):
        """With one mask [row, query, key] for every layer."""
        x = self.tokens[tokens] + self.positions[positions]
        attentions = []
        for layer, mask in zip(self.layers, allowed, strict=True):
            update, pattern = self.attention(x, layer, mask)
            x = nn.functional.layer_norm(x + update, (self.width,))
            up, down = layer[:, 4 * self.width : 8 * self.width], layer[:, 8 * self.width :]
            x = nn.functional.layer_norm(x + torch.relu(x @ up) @ down.T, (self.width,))
            attentions.append(pattern)
        return SimpleNamespace(last_hidden_state=x, attentions=tuple(attentions))

    def attention(self, x, layer, mask):
        q, k, v, o = (layer[:, i * self.width : (i + 1) * self.width] for i in range(4))
        q, k, v = ((x @ w).unflatten(-1, (2, -1)).transpose(-2, -3) for w in (q, k, v))
        scores = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).masked_fill(~mask.unsqueeze(-3), -torch.inf)
        pattern = scores.softmax(-1)
        return (pattern @ v).transpose(-2, -3).flatten(-2) @ o, pattern


def encode(model):
    """Tokens and positions only."""
    return lambda tokens, positions: model(tokens, position_ids=positions).last_hidden_state


def masked_encode(model):
    """With a mask over keys."""
    return lambda tokens, positions, visible: (
        model(tokens, attention_mask=visible, position_ids=positions).last_hidden_state
    )


@torch.no_grad()
def slow_similarity(model, pieces_of_words, before=(), after=(), threshold=0):
    """s(i,j) as {(i, j): s}: one pass a span, a full [query, key] mask in every layer from `threshold` on."""
    tokens = [*before, *(piece for word in pieces_of_words for piece in word), *after]
    places = len(tokens)
    starts = [len(before) + sum(map(len, pieces_of_words[:word])) for word in range(len(pieces_of_words) + 1)]
    base = torch.ones(places, places, dtype=torch.bool)
    if model.causal:
        base = base.tril()
    row, at = torch.tensor([tokens]), torch.arange(places)[None]
    layers = len(model.layers)
    ordinary = model.masked(row, at, [base[None]] * layers).last_hidden_state[0]
    found = {}
    for i in range(len(pieces_of_words)):
        for j in range(i, len(pieces_of_words)):
            span = range(starts[i], starts[j + 1])
            mask = base.clone()
            for key in range(places):
                if key not in span and len(before) <= key < places - len(after):
                    mask[:, key] = False
                    mask[key, key] = True  # no query without a key; nothing that counts looks here
            alone = model.masked(row, at, [(base if layer < threshold else mask)[None] for layer in range(layers)])
            left = sum(ordinary[place] for place in span)
            right = sum(alone.last_hidden_state[0][place] for place in span)
            found[i, j] = float(left @ right / (left.norm() * right.norm()))
    return found
