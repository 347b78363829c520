"""Words to numbers and back, and rows of words as rectangles of numbers.

A row is ``<start> source . TASK target . <end>``; inputs are all but its last token, targets all but its first.
Padding is 0, then come the words in alphabetical order, then the end and the start symbol (the order of the released
code of Murty et al. 2023).

>>> vocabulary = Vocabulary(["newt", "the", "."])
>>> vocabulary.encode("the newt .".split()).tolist(), len(vocabulary)
([3, 2, 1], 6)
>>> vocabulary.decode([5, 3, 2, 1, 4, 0])
['<start>', 'the', 'newt', '.', '<end>']
"""

import difflib
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Int
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.tasks.language.grammar import Grammar, Sentences
from latebloom.tasks.language.lexicon import Forms

PAD = 0


class Vocabulary:
    """All symbols of a task, by number."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words = ("<pad>", *sorted(set(words)), "<end>", "<start>")
        self.number = {word: number for number, word in enumerate(self.words)}
        self.end, self.start = len(self.words) - 2, len(self.words) - 1

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, words: Sequence[str]) -> Int[np.ndarray, " pos"]:
        """Numbers of words; an unknown word is named with its place and the nearest known ones."""
        for place, word in enumerate(words):
            if word not in self.number:
                raise unknown_word(word, place, words, self.words[1:-2])
        return np.array([self.number[word] for word in words], dtype=np.int64)

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """Words of numbers, padding left out."""
        return [self.words[number] for number in numbers if number != PAD]

    def table(self, forms: Forms) -> Int[np.ndarray, "number choice"]:
        """Numbers of the words of one part of speech."""
        return np.array([[self.number[word] for word in half] for half in forms])


def unknown_word(word: str, place: int, words: Sequence[str], known: Iterable[str]) -> LatebloomError:
    """The error for a word outside the vocabulary."""
    listed = list(known)
    near = difflib.get_close_matches(word, listed, n=2)
    hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else f"The {len(listed)} known words: {listed}."
    return LatebloomError(f"Word {place + 1}, {word!r}, of {' '.join(words)!r} is not in the vocabulary. {hint}")


def spell(
    sentences: Sentences, grammar: Grammar, lexicon: dict[str, Forms], vocabulary: Vocabulary
) -> Int[np.ndarray, "row pos"]:
    """Sentences as word numbers, without their period, padded with 0."""
    tables = {part: vocabulary.table(forms) for part, forms in lexicon.items()}
    spelt = np.zeros_like(sentences.choices)
    for cell in np.unique(sentences.cell):
        rows = np.flatnonzero(sentences.cell == cell)
        for place, slot in enumerate(grammar.templates[cell].slots):
            # Where no number shows, both halves of a table are equal.
            number = sentences.numbers[rows, slot.number] if slot.number >= 0 else 0
            spelt[rows, place] = tables[slot.part][number, sentences.choices[rows, place]]
    return spelt


def at(grammar: Grammar, part: str, sentences: Sentences) -> Int[np.ndarray, " row"]:
    """Place of a part (`subject`, `main`, `recent`, `clause`) in each sentence, from 0; -1 where it has none."""
    return np.array([getattr(template, part) for template in grammar.templates])[sentences.cell]


def move_to_front(words: Int[np.ndarray, "row pos"], place: Int[np.ndarray, " row"]) -> Int[np.ndarray, "row pos"]:
    """Each row with the word at its place moved to the front, the words before it moved one to the right."""
    order = np.arange(words.shape[1])[None, :].repeat(len(words), 0)
    order = np.where(order == 0, place[:, None], order - (order <= place[:, None]))
    return np.take_along_axis(words, order, axis=1)


def pairs(
    vocabulary: Vocabulary,
    source: Int[np.ndarray, "row word"],
    target: Int[np.ndarray, "row word"],
    length: Int[np.ndarray, " row"],
    task: Int[np.ndarray, " row"],
    mark: Int[np.ndarray, " row"],
    longest: int,
) -> Int[np.ndarray, "row pos"]:
    """Rows ``<start> source . task target mark <end>``, [row, 2 * longest + 5]; source and target are equally long."""
    rows = np.full((len(source), 2 * longest + 5), PAD, dtype=np.int16)
    rows[:, 0] = vocabulary.start
    for words in np.unique(length):
        own = np.flatnonzero(length == words)
        rows[own, 1 : words + 1] = source[own, :words]
        rows[own, words + 1] = vocabulary.number["."]
        rows[own, words + 2] = task[own]
        rows[own, words + 3 : 2 * words + 3] = target[own, :words]
        rows[own, 2 * words + 3] = mark[own]
        rows[own, 2 * words + 4] = vocabulary.end
    return rows


def source_end(inputs: Int[Tensor, "*lead pos"], tasks: Sequence[int]) -> Int[Tensor, "*lead"]:
    """Place of the task token in each row, the last place of the source; `tasks` are the numbers of the task tokens.

    A model that reads its source in both directions lets places up to this one see each other.
    """
    found = inputs == tasks[0]
    for token in tasks[1:]:
        found = found | (inputs == token)
    return found.int().argmax(-1)
