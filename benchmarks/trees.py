"""t_score of 200 sentences against the plain way, and how its cost grows with the length of a sentence."""

import math
from collections.abc import Callable, Sequence
from itertools import cycle

import torch
import torch.nn.functional as F
from scipy.spatial.distance import cosine
from torch import Tensor

from benchmarks.measuring import Effort, Row, in_turn
from latebloom.instruments.span_vectors import span_similarities
from latebloom.instruments.tree_score import tree_score_as_released
from latebloom.randomness import stream

START, VOCAB, PLACES = 0, 72, 64


class CausalEncoder:
    """A small decoder-only transformer without its output matrix: normalisation first, learned positions."""

    def __init__(self, layers: int, width: int, heads: int = 4) -> None:
        rng = stream(0, "encoder of the tree benchmark")

        def weights(rows: int, columns: int) -> Tensor:
            return torch.from_numpy(rng.standard_normal((rows, columns)) / math.sqrt(rows)).float()

        self.heads, self.norm = heads, (width,)
        self.tokens, self.positions = weights(VOCAB, width), weights(PLACES, width)
        shapes = ((width, 3 * width), (width, width), (width, 4 * width), (4 * width, width))
        self.blocks = [[weights(*shape) for shape in shapes] for _ in range(layers)]

    def __call__(self, tokens: Tensor, positions: Tensor, visible: Tensor | None = None) -> Tensor:
        """Hidden states [row, pos, d_model] after the last normalisation; `visible` [row, pos] hides keys."""
        x = 8 * (self.tokens[tokens] + self.positions[positions])
        mask = None
        if visible is not None:
            places = tokens.shape[1]
            mask = visible[:, None, None, :] & torch.ones(places, places, dtype=torch.bool).tril()
        for qkv, out, up, down in self.blocks:
            heads = (F.layer_norm(x, self.norm) @ qkv).unflatten(-1, (3, self.heads, -1))
            q, k, v = heads.permute(2, 0, 3, 1, 4)
            z = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
            x = x + z.transpose(1, 2).flatten(-2) @ out
            x = x + torch.relu(F.layer_norm(x, self.norm) @ up) @ down
        return F.layer_norm(x, self.norm)


def sentences(lengths: Sequence[int]) -> list[list[int]]:
    """Random words."""
    rng = stream(0, "sentences of the tree benchmark")
    return [rng.integers(1, VOCAB, length).tolist() for length in lengths]


def score(encoder: CausalEncoder, words: Sequence[Sequence[int]]) -> Tensor:
    """Ours: the score of every sentence."""
    spans = span_similarities(encoder, words, causal=True, before=[START])
    return tree_score_as_released(spans.similarity, spans.lengths).scores


@torch.no_grad()
def plain_score(encoder: CausalEncoder, words: Sequence[int], passes_at_once: int) -> float:
    """One sentence as the released code does it: masked passes, similarities one by one, recursion down the tree.

    At each node the mean over splits is subtracted where that code draws one, so that the numbers can be compared.
    """
    n = len(words)
    tokens, positions = torch.tensor([[START, *words]]), torch.arange(n + 1)[None]
    ordinary = encoder(tokens, positions)[0, 1:].numpy()
    spans = [(i, j) for i in range(n) for j in range(i, n)]
    likeness = {}
    for begin in range(0, len(spans), passes_at_once):
        some = spans[begin : begin + passes_at_once]
        visible = torch.tensor([[True] + [i <= t <= j for t in range(n)] for i, j in some])
        hidden = encoder(tokens.expand(len(some), -1), positions.expand(len(some), -1), visible)[:, 1:].numpy()
        for (i, j), alone in zip(some, hidden, strict=True):
            likeness[i, j] = 1 - cosine(ordinary[i : j + 1].sum(0), alone[i : j + 1].sum(0))

    def below(i: int, j: int) -> float:
        if i == j:
            return 0.0
        worth = [likeness[i, k] + likeness[k + 1, j] for k in range(i, j)]
        best = i + worth.index(max(worth))
        return max(worth) - sum(worth) / len(worth) + below(i, best) + below(best + 1, j)

    return below(0, n - 1)


def plain(encoder: CausalEncoder, words: Sequence[Sequence[int]], passes_at_once: int) -> Callable[[], float]:
    """The next sentence a call."""
    turn = cycle(words)
    return lambda: plain_score(encoder, next(turn), passes_at_once)


def lengths_like_english() -> list[int]:
    """Words of 200 sentences: 4 to 14, about 9 on average, as in question formation."""
    return [int(n) for n in stream(0, "lengths of the tree benchmark").integers(4, 15, 200)]


def against_plain(effort: Effort) -> list[Row]:
    """Ours against one masked pass a span, and against one batch of them a sentence, as the released code has it."""
    rows = []
    for layers, width in ((2, 32), (4, 128)):
        encoder, words = CausalEncoder(layers, width), sentences(lengths_like_english())
        found = in_turn(
            {
                "ours": lambda encoder=encoder, words=words: score(encoder, words),
                "pass by pass": plain(encoder, words, 1),
                "one batch a sentence": plain(encoder, words, PLACES**2),
            },
            effort,
        )
        name = f"t_score, 200 sentences, L = {layers}, d = {width}"
        rows += [
            Row.rate(f"{name}, {peer}", "sentences/s", len(words) * found["ours"], found[peer])
            for peer in ("pass by pass", "one batch a sentence")
        ]
    return rows


def growth(effort: Effort) -> list[Row]:
    """What a sentence costs, in sentences of 8 words; predicted from the tokens that pass through the network."""
    encoder, number = CausalEncoder(2, 64), 128
    tokens = {n: n * (n + 3) // 2 for n in (4, 8, 16, 32)}
    words = {n: sentences([n] * number) for n in tokens}
    found = in_turn({str(n): lambda n=n: score(encoder, words[n]) for n in tokens}, effort)
    return [
        Row.cost(
            f"t_score, a sentence of {n} words",
            "8-word sentences",
            found["8"] / found[str(n)],
            tokens[n] / tokens[8],
        )
        for n in tokens
    ]


def trees(effort: Effort) -> list[Row]:
    """Both."""
    return against_plain(effort) + growth(effort)
