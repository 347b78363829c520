"""What generated sentences get right: the accuracies of the tasks that turn one sentence into another.

Sentences are token ids [row, pos] with a `pad` id behind each; predictions may have leading axes (`member`). Places
of words are counted from 0 and come from whoever made the data. Sources: McCoy, Frank & Linzen 2020, arXiv 2001.03632
(first word, full sentence, main verb, what was fronted and what deleted); Murty et al. 2023, arXiv 2305.18741 and its
released code (choice among auxiliaries, main verb with the sentence's parts of speech, closing brackets).
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from latebloom.errors import LatebloomError

VERSION = 1  # bump when any number returned from this file changes

PREPOSED = ("main", "first", "other")
DELETED = ("main", "first", "none", "other")


def until(tokens: Int[Tensor, "*lead row pos"], end: int, pad: int) -> Int[Tensor, "*lead row pos"]:
    """Everything from the first `end` on becomes `pad`: a generated sentence without its end symbol."""
    return torch.where((tokens == end).cumsum(-1) > 0, pad, tokens)


def choice_among(
    logits: Float[Tensor, "*lead vocab"], allowed: Sequence[int] | Int[Tensor, "choice"]
) -> Int[Tensor, "*lead"]:
    """The likeliest of the allowed tokens, as the released code asks for an auxiliary or a bracket.

    A network that has not learned the format yet is still judged by chance (1 / number allowed) and not by 0.
    """
    choices = torch.as_tensor(allowed, device=logits.device)
    return choices[logits[..., choices].argmax(-1)]


def shares(
    chosen: Int[Tensor, "*lead row"], options: Mapping[str, Int[Tensor, "row"]]
) -> dict[str, Float[Tensor, "*lead"]]:
    """Share of rows whose choice is that of each option.

    Options may agree on a row, which then counts for both. With the main auxiliary and the first one as options this is
    the accuracy and the share of the linear rule; with the verb forms that agree with the subject and with the nearest
    noun it is the same for tense.
    """
    return {name: _share(chosen == option) for name, option in options.items()}


def first_word_accuracy(
    predicted: Int[Tensor, "*lead row pos"], gold: Int[Tensor, "row pos"]
) -> Float[Tensor, "*lead"]:
    """Share of rows whose first word is right, out of the whole vocabulary (McCoy et al. for question formation)."""
    return _share(predicted[..., 0] == gold[..., 0])


def main_auxiliary_accuracy(
    logits: Float[Tensor, "*lead row vocab"], gold: Int[Tensor, "row"], auxiliaries: Sequence[int]
) -> Float[Tensor, "*lead"]:
    """Share of rows that prefer the main auxiliary to the other auxiliaries as the first word (Murty et al.'s code)."""
    return _share(choice_among(logits, auxiliaries) == gold)


def full_sentence_accuracy(
    predicted: Int[Tensor, "*lead row pos"], gold: Int[Tensor, "row pos"], pad: int
) -> Float[Tensor, "*lead"]:
    """Share of rows that are right to the last word and end there (both without end symbols: `until`)."""
    return _share(_same(predicted, gold, pad))


def main_verb_accuracy(
    predicted: Int[Tensor, "*lead row pos"],
    gold: Int[Tensor, "row pos"],
    verb: Int[Tensor, "row"],
    category: Int[Tensor, "vocab"],
    pad: int,
) -> Float[Tensor, "*lead"]:
    """Share of rows with the parts of speech of the gold sentence and its very main verb.

    `verb` is the place of the main verb in `gold`; `category[token]` is a token's part of speech, that of `pad` being
    no other token's. Other words may be wrong as long as they are of the right kind.
    """
    kinds = _same(category[predicted], category[gold], int(category[pad]))
    return _share(kinds & (word_at(predicted, verb, pad) == word_at(gold, verb, pad)))


def word_at(tokens: Int[Tensor, "*lead row pos"], place: Int[Tensor, "row"], pad: int) -> Int[Tensor, "*lead row"]:
    """The token at each row's place; `pad` where the row is too short."""
    inside = place < tokens.shape[-1]
    at = torch.where(inside, place, 0).expand(tokens.shape[:-1]).unsqueeze(-1)
    return torch.where(inside, tokens.gather(-1, at).squeeze(-1), pad)


def prepose_delete_table(
    predicted: Int[Tensor, "*lead row pos"],
    source: Int[Tensor, "row pos"],
    first: Int[Tensor, "row"],
    main: Int[Tensor, "row"],
    pad: int,
) -> Float[Tensor, "*lead preposed deleted"]:
    """Shares of rows by which auxiliary was put in front and which was taken out; rows `PREPOSED`, columns `DELETED`.

    `source` is the declarative and `predicted` the question, both without their final mark; `first` and `main` are
    the places of the first and of the main auxiliary. The rest of the question is compared with the source less one
    of them, or whole (`none`). Where a row cannot tell (one place, or one word at both), `main` is counted. The table
    sums to 1.
    """
    rest = predicted[..., 1:]
    fronted = [predicted[..., 0] == word_at(source, place, pad) for place in (main, first)]
    deleted = [_same(rest, without(source, place, pad), pad) for place in (main, first)]
    deleted.append(_same(rest, source, pad))
    rows, columns = _first_of(fronted), _first_of(deleted)
    return (rows.unsqueeze(-1) & columns.unsqueeze(-2)).double().mean(-3)


def without(tokens: Int[Tensor, "row pos"], place: Int[Tensor, "row"], pad: int) -> Int[Tensor, "row pos"]:
    """Each row less the word at its place; the words behind it move up and a `pad` closes the row."""
    at = torch.arange(tokens.shape[-1], device=tokens.device)
    longer = torch.nn.functional.pad(tokens, (0, 1), value=pad)
    return longer.gather(-1, at + (at >= place.unsqueeze(-1)))


def closing_distances(
    tokens: Int[Tensor, "row pos"], opening: Sequence[int], closing: Sequence[int]
) -> Int[Tensor, "row pos"]:
    """How many places behind its opening bracket each closing one stands; 0 at all other places.

    `opening[i]` is closed by `closing[i]`; other tokens are passed over. Raises `LatebloomError` for a row that
    closes what is not open.
    """
    if len(opening) != len(closing):
        raise LatebloomError(f"{len(opening)} opening and {len(closing)} closing brackets: each needs its partner.")
    pairs = dict(zip(closing, opening, strict=True))
    found = torch.zeros_like(tokens)
    for number, row in enumerate(tokens.tolist()):
        open_at: list[int] = []
        for place, token in enumerate(row):
            if token in pairs:
                if not open_at or row[open_at[-1]] != pairs[token]:
                    raise LatebloomError(f"Row {number} closes with token {token} at place {place} what is not open.")
                found[number, place] = place - open_at.pop()
            elif token in opening:
                open_at.append(place)
    return found


def closing_accuracy(
    logits: Float[Tensor, "*lead row pos vocab"],
    tokens: Int[Tensor, "row pos"],
    opening: Sequence[int],
    closing: Sequence[int],
    min_distance: int = 10,
) -> Float[Tensor, "*lead"]:
    """Share of closing brackets that the network prefers to the other kinds at `min_distance` or more.

    `logits[..., pos, :]` are those for the token at `pos`, so a language model's are to be moved by one place. The
    paper takes distance 10; the released code computes the distances and does not use them, which is
    `min_distance=1`. NaN if no bracket counts.
    """
    counted = closing_distances(tokens, opening, closing) >= max(1, min_distance)
    right = choice_among(logits, closing) == tokens
    return right[..., counted].double().mean(-1)


def _same(left: Int[Tensor, "*lead row left"], right: Int[Tensor, "row right"], pad: int) -> Bool[Tensor, "*lead row"]:
    """Whether two padded rows hold the same words; widths may differ, what is too much must be padding."""
    width = max(left.shape[-1], right.shape[-1])
    left, right = (torch.nn.functional.pad(side, (0, width - side.shape[-1]), value=pad) for side in (left, right))
    return (left == right).all(-1)


def _first_of(cases: Sequence[Bool[Tensor, "*lead row"]]) -> Bool[Tensor, "*lead row case"]:
    """One-hot of the first case that holds, with a last column where none does."""
    cases = torch.broadcast_tensors(*cases)
    held = torch.stack([*cases, torch.ones_like(cases[0])], dim=-1)
    return held & (held.cumsum(-1) == 1)


def _share(right: Bool[Tensor, "*lead row"]) -> Float[Tensor, "*lead"]:
    return right.double().mean(-1)
