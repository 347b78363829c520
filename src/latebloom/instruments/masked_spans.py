"""Span similarities by the definition: one masked pass for every span, all words in every row.

The slow form of `span_vectors.span_similarities`, to be preferred only where the encoder cannot be told positions, or
where its lower layers keep the whole context (the T-shaped attention of Murty et al. 2023, arXiv 2211.01288, which
tries thresholds from no layer to half of them; arXiv 2305.18741 has threshold 0). The encoder applies the mask, so the
threshold is the encoder's: it may ignore `visible` in its lower layers.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from latebloom.instruments._sentences import Layout, Sentence, batches, layout, to_tensor, wide
from latebloom.instruments.span_vectors import (
    Compare,
    Measured,
    Rows,
    Spans,
    all_spans,
    check_hidden,
    check_repeats,
    cosine,
    gather,
)

VERSION = 1  # bump when any number returned from this file changes

MaskedEncode = Callable[
    [Int[Tensor, "row pos"], Int[Tensor, "row pos"], Bool[Tensor, "row pos"]], Float[Tensor, "*lead row pos d_model"]
]
"""Last hidden states of token ids at positions when only the visible places can be keys of attention."""


@torch.no_grad()
def masked_span_similarities(
    encode: MaskedEncode,
    sentences: Sequence[Sentence],
    *,
    before: Sequence[int],
    after: Sequence[int] = (),
    compare: Compare = cosine,
    tokens_at_once: int = 4096,
    device: torch.device | str | None = None,
) -> Spans:
    """Similarity of every span's vectors with and without context; arguments as of `span_similarities`.

    The hidden states of places that are not visible may be anything, NaN included. Dropout is refused: one call, with
    the longest sentence twice, finds out.
    """
    whole = layout(sentences, before, after)
    longest = np.full(2, int(whole.lengths.argmax()))
    check_repeats(_hidden_states(encode, whole, longest, None, device))
    rows = batches(whole.ends[:, -1], max(1, tokens_at_once // int(whole.lengths.max())))
    return gather((_measure(encode, whole, part, compare, tokens_at_once, device) for part in rows), whole.lengths)


def _measure(
    encode: MaskedEncode,
    whole: Layout,
    part: Int[np.ndarray, "chosen"],
    compare: Compare,
    tokens_at_once: int,
    device: torch.device | str | None,
) -> Iterator[Measured]:
    """All spans of sentences that have one number of pieces."""
    place = np.arange(whole.width(int(part[0])))
    around = (place < len(whole.before)) | (place >= len(place) - len(whole.after))
    ordinary = _hidden_states(encode, whole, part, None, device)
    sentence, first, last = all_spans(whole.lengths[part])
    begin, end = (len(whole.before) + whole.ends[part[sentence], word] for word in (first, last + 1))
    for rows in batches(np.full_like(sentence, len(place)), tokens_at_once):
        inside = (begin[rows, None] <= place) & (place < end[rows, None])
        alone = _hidden_states(encode, whole, part[sentence[rows]], inside | around, device)
        words = to_tensor(inside, alone.device).unsqueeze(-1)
        # Selected, not multiplied: hidden places may hold NaN.
        vectors = [
            torch.where(words, hidden, hidden.new_zeros(())).sum(-2, dtype=wide(hidden.device))
            for hidden in (ordinary[..., sentence[rows], :, :], alone)
        ]
        yield part[sentence[rows]], first[rows], last[rows], compare(*vectors)


def _hidden_states(
    encode: MaskedEncode,
    whole: Layout,
    sentence: Rows,
    visible: Bool[np.ndarray, "row pos"] | None,
    device: torch.device | str | None,
) -> Float[Tensor, "*lead row pos d_model"]:
    """Last hidden states of whole sentences of one number of pieces; `visible` None: every place is."""
    tokens, positions = whole.tokens(sentence, np.zeros_like(sentence), whole.lengths[sentence] - 1)
    seen = np.ones(tokens.shape, dtype=bool) if visible is None else visible
    hidden = encode(to_tensor(tokens, device), to_tensor(positions, device), to_tensor(seen, device))
    check_hidden(hidden, tokens)
    return hidden
