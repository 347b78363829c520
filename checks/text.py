"""A megabyte of Shakespeare's characters, in windows, and what a table of pairs makes of it."""

import lzma
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from checks.gpt import Gpt

PLAYS = Path(__file__).parents[1] / "src" / "latebloom" / "tasks" / "texts" / "shakespeare.txt.xz"  # only the file
PLACES = 64


def characters() -> tuple[Tensor, Tensor, int]:
    """The first nine tenths of the text and the last as numbers, and how many characters there are."""
    text = lzma.decompress(PLAYS.read_bytes()).decode()
    numbers = {letter: i for i, letter in enumerate(sorted(set(text)))}
    all_of_it = torch.tensor([numbers[letter] for letter in text])
    cut = 9 * len(text) // 10
    return all_of_it[:cut], all_of_it[cut:], len(numbers)


def windows(part: Tensor, count: int, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """Stretches of the text from anywhere, and the same one character on: [window, place]."""
    begin = torch.randint(len(part) - PLACES, (count, 1), generator=source)
    found = part[begin + torch.arange(PLACES + 1)]
    return found[:, :-1], found[:, 1:]


def pairs_loss(train: Tensor, test: Tensor, letters: int) -> float:
    """Nats a character of a table of pairs, counted in one part (and one more for each pair) and asked in the other."""
    counts = torch.ones(letters, letters, dtype=torch.float64)
    counts.index_put_((train[:-1], train[1:]), torch.ones((), dtype=torch.float64), accumulate=True)
    return float(-(counts / counts.sum(1, keepdim=True)).log()[test[:-1], test[1:]].mean())


def network(letters: int, width: int = 64) -> Gpt:
    """What reads the text."""
    return Gpt(letters, letters, PLACES, symbols=True, width=width)


def loss_of(net: Gpt, rows: tuple[Tensor, Tensor], past: str = "whole") -> Tensor:
    """Cross-entropy in nats a character."""
    return cross_entropy(net(rows[0], past).flatten(0, 1), rows[1].flatten())
