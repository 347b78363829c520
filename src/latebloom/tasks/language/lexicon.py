"""The words of Question Formation and Tense Inflection, by part of speech and number.

Source: the word lists of McCoy, Frank & Linzen 2020 (arXiv 2001.03632), as counted in their data. Parts of speech:
`Det`, `N` noun, `Prep`, `Rel` relativiser, `Aux`, `Vi` intransitive and `Vt` transitive verb.

>>> len(question_words()), len(tense_words())
(68, 98)
"""

from typing import NamedTuple

SINGULAR, PLURAL = 0, 1
NUMBERS = ("singular", "plural")

DETERMINERS = ("the", "some", "my", "your", "our", "her")
_NOUNS = (
    *("newt", "orangutan", "peacock", "quail", "raven", "salamander", "tyrannosaurus", "unicorn"),
    *("vulture", "walrus", "xylophone", "yak", "zebra"),
)
NOUNS = (_NOUNS, tuple(word + ("es" if word.endswith("s") else "s") for word in _NOUNS))
PREPOSITIONS = ("around", "near", "with", "upon", "by", "behind", "above", "below")
RELATIVISERS = ("who", "that")
AUXILIARIES = (("does", "doesn't"), ("do", "don't"))  # [number][polarity]
INTRANSITIVE = ("giggle", "smile", "sleep", "swim", "wait", "move", "change", "read", "eat")
TRANSITIVE = ("entertain", "amuse", "high_five", "applaud", "confuse", "admire", "accept", "remember", "comfort")
_PAST = {"sleep": "slept", "swim": "swam", "read": "read", "eat": "ate"}

Forms = tuple[tuple[str, ...], tuple[str, ...]]  # [number][choice]; equal halves where number does not show


def _past(verb: str) -> str:
    return _PAST.get(verb, verb + ("d" if verb.endswith("e") else "ed"))


def _both(words: tuple[str, ...]) -> Forms:
    return words, words


_SHARED: dict[str, Forms] = {
    "Det": _both(DETERMINERS),
    "N": NOUNS,
    "Prep": _both(PREPOSITIONS),
    "Rel": _both(RELATIVISERS),
}
QUESTION: dict[str, Forms] = {
    **_SHARED,
    "Aux": AUXILIARIES,
    "Vi": _both(INTRANSITIVE),
    "Vt": _both(TRANSITIVE),
}
PAST: dict[str, Forms] = {
    **_SHARED,
    "Vi": _both(tuple(_past(verb) for verb in INTRANSITIVE)),
    "Vt": _both(tuple(_past(verb) for verb in TRANSITIVE)),
}
PRESENT: dict[str, Forms] = {
    **_SHARED,
    "Vi": (tuple(verb + "s" for verb in INTRANSITIVE), INTRANSITIVE),
    "Vt": (tuple(verb + "s" for verb in TRANSITIVE), TRANSITIVE),
}
NAMES = {
    "Det": "a determiner",
    "N": "a noun",
    "Prep": "a preposition",
    "Rel": "a relativiser",
    "Aux": "an auxiliary",
    "Vi": "an intransitive verb",
    "Vt": "a transitive verb",
}


class Reading(NamedTuple):
    """One way to read a word; `number` is None where the form does not show it."""

    part: str
    number: int | None


def readings(forms: dict[str, Forms]) -> dict[str, Reading]:
    """What each word is. No word of one lexicon has two parts of speech.

    >>> readings(PRESENT)["sleeps"], readings(PAST)["read"]
    (Reading(part='Vi', number=0), Reading(part='Vi', number=None))
    """
    found: dict[str, Reading] = {}
    for part, (singular, plural) in forms.items():
        for one, many in zip(singular, plural, strict=True):
            found[one] = Reading(part, None if one == many else SINGULAR)
            found[many] = Reading(part, None if one == many else PLURAL)
    return found


def _words(*lexica: dict[str, Forms]) -> set[str]:
    return {word for forms in lexica for halves in forms.values() for half in halves for word in half}


def question_words() -> set[str]:
    """All word types of Question Formation, task tokens and marks included."""
    return _words(QUESTION) | {".", "?", "quest", "decl"}


def tense_words() -> set[str]:
    """All word types of Tense Inflection, task tokens and the period included."""
    return _words(PAST, PRESENT) | {".", "PAST", "PRESENT"}


def agreement_words() -> set[str]:
    """All word types of simple agreement: the present-tense half of Tense Inflection."""
    return _words(PRESENT) | {"."}
