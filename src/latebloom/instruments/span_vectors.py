"""Span vectors with and without context, and how alike they are: the input of every tree projection.

Source: Murty et al. 2023, *Characterizing intrinsic compositionality in transformers with Tree Projections*, ICLR,
arXiv 2211.01288, and *Grokking of Hierarchical Structure in Vanilla Transformers*, ACL, arXiv 2305.18741.

The contextual vector v(i,j) of the words i..j is the sum of their last hidden states in an ordinary pass. The
context-free vector v~(i,j) is the same sum when, in every layer, only the symbols around the sentence (a start symbol)
and the words i..j can be seen, at unchanged positions. Leaving the other words out of the row is the same as hiding
them in every layer, so no mask is needed: an encoder that is told positions will do. `masked_spans` has the masks,
for encoders that take none, or where lower layers keep the whole context.

In a causal network the hidden state of word t in the span i..j depends on i and t alone, since later words are
invisible anyway. One pass over the words i..n then serves all spans that begin at i, and the ordinary pass is the one
for i = 1: n passes over n (n + 3) / 2 tokens with a start symbol, instead of n (n + 1) / 2 passes over n + 1 tokens
each. A corollary: every span that begins at the first word has similarity exactly 1, whatever the network does.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.instruments._sentences import Layout, Sentence, batches, layout, to_tensor, wide

VERSION = 1  # bump when any number returned from this file changes

Encode = Callable[[Int[Tensor, "row pos"], Int[Tensor, "row pos"]], Float[Tensor, "*lead row pos d_model"]]
"""Last hidden states of token ids at given positions; leading axes (`member`) are the encoder's own."""

Compare = Callable[[Float[Tensor, "*lead d_model"], Float[Tensor, "*lead d_model"]], Float[Tensor, "*lead"]]
"""How alike a contextual and a context-free vector are; larger is more alike."""


@dataclass(frozen=True)
class Spans:
    """Similarity of every span with itself out of context; NaN where there is no span.

    `similarity[..., s, i, j]` is for the words i..j (both counted, from 0) of sentence s.
    """

    similarity: Float[Tensor, "*lead sentence start end"]
    lengths: Int[np.ndarray, "sentence"]  # words


def cosine(left: Float[Tensor, "*lead d_model"], right: Float[Tensor, "*lead d_model"]) -> Float[Tensor, "*lead"]:
    """Cosine of the angle: exactly 1 for equal vectors, 0 where one of them is zero, NaN where one is not finite."""
    scale = (left.square().sum(-1) * right.square().sum(-1)).sqrt()
    return torch.where(scale == 0, torch.zeros_like(scale), (left * right).sum(-1) / scale)


@torch.no_grad()
def span_similarities(
    encode: Encode,
    sentences: Sequence[Sentence],
    *,
    causal: bool,
    before: Sequence[int],
    after: Sequence[int] = (),
    compare: Compare = cosine,
    tokens_at_once: int = 4096,
    device: torch.device | str | None = None,
) -> Spans:
    """Similarity s(i,j) of v(i,j) and v~(i,j) for every span of every sentence.

    `before` (a start symbol; may be empty) and `after` (an end symbol) are always visible and belong to no span.
    `causal=True` takes the shortcut of one pass per first word, which is exact only if no place sees a later one; an
    encoder that does is refused (two calls on the longest sentence find out), and so are `after` and dropout.
    Otherwise every span has a pass of its own. `tokens_at_once` limits one call of `encode`, and the words whose
    vectors are kept at a time. Sums are float64. No gradients.
    """
    if causal and np.size(after):
        raise LatebloomError(
            f"The causal shortcut was asked for with {np.size(after)} symbols after the sentence, which no word of "
            "a causal network can see: leave `after` out."
        )
    whole = layout(sentences, before, after)

    def prefix_sums(sentence: Rows, first: Rows, last: Rows) -> Float[Tensor, "*lead row piece d_model"]:
        tokens, positions = whole.tokens(sentence, first, last)
        hidden = encode(to_tensor(tokens, device), to_tensor(positions, device))
        check_hidden(hidden, tokens)
        words = hidden[..., len(whole.before) : tokens.shape[1] - len(whole.after), :]
        return words.cumsum(-2, dtype=wide(words.device))

    _check_encoder(encode, whole, causal, device)
    parts = whole.parts(tokens_at_once)
    return gather(
        (_measure(prefix_sums, whole, part, causal, compare, tokens_at_once) for part in parts), whole.lengths
    )


def _check_encoder(encode: Encode, whole: Layout, causal: bool, device: torch.device | str | None) -> None:
    """Refuses an encoder that answers the same row twice differently, or one called causal that sees later words.

    Two calls on the longest sentence; states that are not finite pass.
    """
    longest = int(whole.lengths.argmax())
    words = int(whole.lengths[longest])

    def states(sentence: list[int], last: int) -> Tensor:
        rows = np.array(sentence)
        tokens, positions = whole.tokens(rows, np.zeros_like(rows), np.full_like(rows, last))
        hidden = encode(to_tensor(tokens, device), to_tensor(positions, device))
        check_hidden(hidden, tokens)
        return hidden

    both = states([longest, longest], words - 1)
    check_repeats(both)
    if causal and words > 1:
        first, alone = both[..., 0, :, :], states([longest], words - 2)[..., 0, :, :]
        if bool((first[..., : alone.shape[-2], :] - alone).abs().amax() > _near(first)):
            raise LatebloomError(
                "The encoder was called causal, but its states change when a later word is left out: say causal=False, "
                "with the symbols after the sentence in `after`."
            )


def check_repeats(both: Float[Tensor, "*lead 2 pos d_model"]) -> None:
    """Refuses an encoder that gave the two rows of a call, which are one row twice, different states."""
    first, second = both[..., 0, :, :], both[..., 1, :, :]
    if bool((first - second).abs().amax() > _near(first)):
        raise LatebloomError(
            "The encoder gives the same row other states the second time: dropout is on, so call model.eval() first."
        )


def _near(hidden: Float[Tensor, "*lead pos d_model"]) -> Float[Tensor, ""]:
    """What two states may differ by: far above rounding, far below an effect."""
    return torch.finfo(hidden.dtype).eps ** 0.5 * hidden.abs().amax()


Rows = Int[np.ndarray, "row"]
Measured = tuple[Rows, Rows, Rows, Float[Tensor, "*lead row"]]
"""Sentence, first word, last word and similarity of some spans."""


def gather(parts: Iterable[Iterable[Measured]], lengths: Int[np.ndarray, "sentence"]) -> Spans:
    """One table of spans that were measured in parts, in any order."""
    table: Tensor | None = None
    longest = int(lengths.max())
    for sentence, first, last, values in chain.from_iterable(parts):
        if table is None:
            table = values.new_full((*values.shape[:-1], len(lengths) * longest**2), torch.nan)
        place = (sentence * longest + first) * longest + last
        table.index_copy_(-1, to_tensor(place, values.device), values)
    assert table is not None  # a layout has a sentence, and that a word
    return Spans(table.unflatten(-1, (len(lengths), longest, longest)), lengths)


def check_hidden(hidden: Tensor, tokens: Int[np.ndarray, "row pos"]) -> None:
    """Refuses an encoder's answer that is not one vector a token."""
    if not isinstance(hidden, Tensor):
        raise LatebloomError(
            f"The encoder returned a {type(hidden).__name__}; it must return the tensor of last hidden states, of a "
            "Hugging Face model model(...).last_hidden_state."
        )
    if hidden.ndim < 3 or tuple(hidden.shape[-3:-1]) != tokens.shape:
        rows, places = tokens.shape
        raise LatebloomError(
            f"The encoder returned shape {tuple(hidden.shape)} for {rows} rows of {places} tokens; it must return "
            f"their last hidden states [..., {rows}, {places}, d_model]."
        )


def _measure(
    prefix_sums: Callable[[Rows, Rows, Rows], Float[Tensor, "*lead row piece d_model"]],
    whole: Layout,
    part: Int[np.ndarray, "sentence"],
    causal: bool,
    compare: Compare,
    tokens_at_once: int,
) -> Iterator[Measured]:
    """All spans of some sentences; in here sentences are counted within the part."""
    lengths, ends = whole.lengths[part], whole.ends[part]
    context = _context(prefix_sums, whole, part, tokens_at_once)

    def outer(sentence: Rows, first: Rows, last: Rows) -> Float[Tensor, "*lead row d_model"]:
        return _pick(context, sentence, last + 1) - _pick(context, sentence, first)

    spans = all_spans(lengths)
    at_end = spans[2] == lengths[spans[0]] - 1
    ordinary = (spans[1] == 0) & (at_end | causal)  # without context they are what they are with it
    sentence, first, last = (index[ordinary] for index in spans)
    vectors = outer(sentence, first, last)
    yield part[sentence], first, last, compare(vectors, vectors)
    sentence, first, last = (index[~ordinary & at_end if causal else ~ordinary] for index in spans)
    for rows in batches(ends[sentence, last + 1] - ends[sentence, first], tokens_at_once):
        s, i, j = sentence[rows], first[rows], last[rows]
        inner = prefix_sums(part[s], i, j)
        # A causal pass is read behind each of its words, any other only behind its last.
        earliest = i if causal else j
        row, offset = np.nonzero(np.arange((j - earliest).max() + 1) <= (j - earliest)[:, None])
        s, i, j = s[row], i[row], earliest[row] + offset
        yield part[s], i, j, compare(outer(s, i, j), _pick(inner, row, ends[s, j + 1] - ends[s, i] - 1))


def all_spans(lengths: Int[np.ndarray, "sentence"]) -> tuple[Rows, Rows, Rows]:
    """Sentence, first and last word of every span of every sentence."""
    word = np.arange(int(lengths.max()))
    sentence, first, last = np.nonzero((word[:, None] <= word) & (word < lengths[:, None, None]))
    return sentence, first, last


def _context(
    prefix_sums: Callable[[Rows, Rows, Rows], Float[Tensor, "*lead row piece d_model"]],
    whole: Layout,
    part: Int[np.ndarray, "sentence"],
    tokens_at_once: int,
) -> Float[Tensor, "*lead sentence word_end d_model"]:
    """Sums of the ordinary pass over the first 0, 1, ..., n words."""
    lengths, ends = whole.lengths[part], whole.ends[part, 1 : whole.lengths[part].max() + 1]
    context: Tensor | None = None
    for rows in batches(ends[:, -1], tokens_at_once):
        sums = prefix_sums(part[rows], np.zeros_like(rows), lengths[rows] - 1)
        if context is None:
            context = sums.new_zeros((*sums.shape[:-3], ends.shape[0], ends.shape[1] + 1, sums.shape[-1]))
        # `ends` repeats its last entry behind a sentence, so a short sentence stays inside its own pieces.
        row = np.arange(len(rows)).repeat(ends.shape[1])
        words = _pick(sums, row, ends[rows].reshape(-1) - 1)
        context[..., rows, 1:, :] = words.unflatten(-2, (len(rows), ends.shape[1]))
    assert context is not None
    return context


def _pick(
    table: Float[Tensor, "*lead first second d_model"], first: Rows, second: Rows
) -> Float[Tensor, "*lead row d_model"]:
    """table[..., first, second, :]; whole vectors are copied, which is several times faster than general indexing."""
    place = to_tensor(first * table.shape[-2] + second, table.device)
    return table.flatten(-3, -2).index_select(-2, place)
