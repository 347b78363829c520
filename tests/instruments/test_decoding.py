"""Greedy decoding against a loop over single rows, on a network whose answers are known."""

import pytest
import torch

from latebloom.errors import LatebloomError
from latebloom.instruments.decoding import greedy
from latebloom.randomness import stream

PAD, END = 0, 6


def table_network(members=2, vocab=7):
    """The next word depends on this one and the one before, by a table; no place sees a later one."""
    scores = torch.tensor(stream(0, "table network").standard_normal((members, vocab, vocab, vocab)))
    scores[..., PAD] = -10

    def logits(tokens):
        before = torch.nn.functional.pad(tokens, (1, 0))[..., :-1]
        return torch.stack([scores[m][tokens[m], before[m]] for m in range(members)])

    return logits


def one_row(logits, words, steps, member, members):
    """The slow way: one prefix without padding, the whole row anew at every step."""
    row = list(words)
    for _ in range(steps):
        out = logits(torch.tensor(row).expand(members, 1, -1))
        row.append(int(out[member, 0, -1].argmax()))
    return row[len(words) :]


def cut(row):
    return row[: row.index(END) + 1] if END in row else row


PREFIX = torch.tensor([[1, 2, 3, 4], [5, 0, 0, 0], [2, 2, 0, 0]])
LENGTHS = torch.tensor([4, 1, 2])


@pytest.mark.parametrize("end", [None, END])
def test_equals_a_loop_over_single_rows(end):
    logits, steps = table_network(), 9
    found = greedy(logits, PREFIX, LENGTHS, steps, members=2, end=end, pad=PAD)
    assert found.shape == (2, 3, steps)
    for member in range(2):
        for row, length in enumerate(LENGTHS.tolist()):
            right = one_row(logits, PREFIX[row, :length].tolist(), steps, member, 2)
            if end is not None:
                right = (cut(right) + [PAD] * steps)[:steps]
            assert found[member, row].tolist() == right


def test_nothing_more_is_asked_when_every_row_has_ended():
    asked = []

    def logits(tokens):
        asked.append(tokens.shape)
        return torch.nn.functional.one_hot(torch.full_like(tokens, END), 7).double()

    found = greedy(logits, PREFIX, LENGTHS, 5, members=2, end=END)
    assert len(asked) == 1
    assert found.tolist() == [[[END, 0, 0, 0, 0]] * 3] * 2


def test_what_stands_behind_a_prefix_does_not_matter():
    other = torch.where(torch.arange(4) < LENGTHS[:, None], PREFIX, 5)
    logits = table_network()
    first, second = (greedy(logits, rows, LENGTHS, 6, members=2) for rows in (PREFIX, other))
    assert torch.equal(first, second)


@pytest.mark.parametrize("lengths", [[4, 1], [4, 0, 2], [5, 1, 1]])
def test_lengths_that_do_not_fit_are_refused(lengths):
    with pytest.raises(LatebloomError, match=r"Prefixes of shape \(3, 4\) need one length a row, from 1 to 4"):
        greedy(table_network(), PREFIX, torch.tensor(lengths), 3)
