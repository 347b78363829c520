"""A made-up language: sentences of a small random grammar, with repeats over long distances. Not natural text.

Words are drawn once for a seed: syllables of a consonant and a vowel, used as often as Zipf's law says. Text comes in
paragraphs. A paragraph has a hero, whose name returns in most of its sentences, and a few things of its own, which
return too; a verb agrees in number with its subject across an adjective and a clause; speech opens and closes.
"""

import numpy as np

from latebloom.randomness import stream

CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"
NOUNS, VERBS, ADJECTIVES, NAMES = 300, 120, 80, 60


class Language:
    """The words of one seed, and how to speak them."""

    def __init__(self, seed: int) -> None:
        words = stream(seed, "made-up language", "words")
        taken: set[str] = set()
        self.nouns, self.verbs, self.adjectives, self.names = (
            [_word(words, taken, most) for _ in range(count)]
            for count, most in ((NOUNS, 3), (VERBS, 2), (ADJECTIVES, 2), (NAMES, 3))
        )
        self.names = [name.capitalize() for name in self.names]
        self.noise = stream(seed, "made-up language", "text")

    def paragraph(self) -> str:
        """Three to eight sentences about one hero and three things."""
        hero = self._pick(self.names, flat=True)
        things = [self._pick(self.nouns, flat=True) for _ in range(3)]
        return " ".join(self._sentence(hero, things) for _ in range(int(self.noise.integers(3, 9)))) + "\n"

    def _sentence(self, hero: str, things: list[str]) -> str:
        if self.noise.random() < 0.7:
            subject, many = hero, False
        else:
            many = bool(self.noise.random() < 0.5)
            subject = self._thing(things, many)
        if self.noise.random() < 0.2:
            subject += f" who {self._pick(self.verbs)}{'' if many else 's'} {self._thing(things, False)}"
        said = f"{subject} {self._pick(self.verbs)}{'' if many else 's'} {self._thing(things, self._coin())}"
        if self.noise.random() < 0.3:
            said += f" near {self._thing(things, False)}"
        said = said[0].upper() + said[1:]
        return f'"{said}," {self._pick(self.verbs)}s {hero}.' if self.noise.random() < 0.15 else f"{said}."

    def _thing(self, things: list[str], many: bool) -> str:
        """The, perhaps an adjective, and a noun: half of the time one of the paragraph's own."""
        noun = things[int(self.noise.integers(3))] if self._coin() else self._pick(self.nouns)
        adjective = f"{self._pick(self.adjectives)} " if self.noise.random() < 0.3 else ""
        return f"the {adjective}{noun}{'n' if many else ''}"

    def _coin(self) -> bool:
        return bool(self.noise.random() < 0.5)

    def _pick(self, words: list[str], flat: bool = False) -> str:
        """One of the words; the k-th as often as 1 / k says, unless all are to come equally often."""
        if flat:
            return words[int(self.noise.integers(len(words)))]
        # k falls off as 1 / k where log k is uniform, up to one beyond the last word.
        return words[int((len(words) + 1) ** self.noise.random()) - 1]


def speak(seed: int, length: int) -> str:
    """About `length` characters, whole paragraphs, at least one.

    >>> print(speak(0, 1)[:47])
    The men binu the me. The deda me gekivs the no
    """
    language, parts, total = Language(seed), [], 0
    while total < length:
        parts.append(language.paragraph())
        total += len(parts[-1])
    return "".join(parts)


def _word(noise: np.random.Generator, taken: set[str], most: int) -> str:
    """A new word of one to `most` syllables."""
    while True:
        count = int(noise.integers(1, most + 1))
        word = "".join(
            CONSONANTS[int(noise.integers(len(CONSONANTS)))] + VOWELS[int(noise.integers(len(VOWELS)))]
            for _ in range(count)
        )
        # One syllable in two ends in a consonant, so that there are enough of them.
        word += CONSONANTS[int(noise.integers(len(CONSONANTS)))] if noise.random() < 0.5 else ""
        if word not in taken:
            taken.add(word)
            return word
