"""Rules of word order, and chance: what a predictor scores that knows nothing of sentence structure.

Move the first auxiliary; agree with the most recent, or the first, noun; choose at random among the auxiliaries
that agree. On Question Formation the first scores 100 % in distribution and 0 % on withheld items, the last 50 %
(25 % among all four); on Tense Inflection the most recent noun scores 100 % and 0 %, the first noun 100 % on both
(McCoy, Frank & Linzen 2020, arXiv 2001.03632; Ahuja et al. 2024, arXiv 2404.16367).
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

Sentences = Int[np.ndarray, "row pos"]


def first_place(sentences: Sentences, wanted: Int[np.ndarray, " symbol"]) -> Int[np.ndarray, " row"]:
    """Place of the first symbol of each row that is one of `wanted`; -1 where there is none."""
    found = np.isin(sentences, wanted)
    return np.where(found.any(1), found.argmax(1), -1)


def last_place(
    sentences: Sentences, wanted: Int[np.ndarray, " symbol"], before: Int[np.ndarray, " row"]
) -> Int[np.ndarray, " row"]:
    """Place of the last symbol of each row, before the given place, that is one of `wanted`; -1 where there is none."""
    found = np.isin(sentences, wanted) & (np.arange(sentences.shape[1]) < before[:, None])
    return np.where(found.any(1), sentences.shape[1] - 1 - found[:, ::-1].argmax(1), -1)


def first_auxiliary(sentences: Sentences, auxiliaries: Int[np.ndarray, " symbol"]) -> Int[np.ndarray, " row"]:
    """The first auxiliary of each row, as a symbol; -1 where there is none.

    >>> first_auxiliary(np.array([[5, 9, 7, 2, 8]]), np.array([7, 8])).tolist()
    [7]
    """
    place = first_place(sentences, auxiliaries)
    return np.where(place < 0, -1, sentences[np.arange(len(sentences)), place])


def agree(
    sentences: Sentences,
    noun: Int[np.ndarray, " row"],
    plural_nouns: Int[np.ndarray, " symbol"],
    forms: Int[np.ndarray, "row number"],
) -> Int[np.ndarray, " row"]:
    """The form (singular, plural) of each row's verb that agrees with the noun at the given place."""
    each = np.arange(len(sentences))
    plural = np.isin(sentences[each, noun], plural_nouns)
    return forms[each, plural.astype(np.int64)]


def uniform_over(allowed: Bool[np.ndarray, "row option"]) -> Float[np.ndarray, "row option"]:
    """Equal probabilities over each row's allowed options, for instance the auxiliaries that agree in number.

    >>> uniform_over(np.array([[True, True, False, False]])).tolist()
    [[0.5, 0.5, 0.0, 0.0]]
    """
    return allowed / allowed.sum(1, keepdims=True)


def expected_accuracy(
    probabilities: Float[np.ndarray, "row option"],
    options: Int[np.ndarray, " option"],
    right: Int[np.ndarray, " row"],
) -> float:
    """Mean probability of the right option: the accuracy of a predictor that draws its answers."""
    return float((probabilities * (options == right[:, None])).sum(1).mean())


# The same rules on lists of words, for whole answers.


def front_first(words: Sequence[str], auxiliaries: Collection[str]) -> list[str]:
    """The question that the linear rule makes: the first auxiliary moved to the front.

    >>> " ".join(front_first("my raven that doesn't sleep does change".split(), {"does", "doesn't"}))
    "doesn't my raven that sleep does change ?"
    """
    place = next((place for place, word in enumerate(words) if word in auxiliaries), None)
    if place is None:
        return [*words, "?"]
    return [words[place], *words[:place], *words[place + 1 :], "?"]


def inflect(
    words: Sequence[str],
    verbs: Mapping[str, tuple[str, str]],
    plural: Mapping[str, bool],
    nearest: bool,
) -> list[str]:
    """Every verb put into the form (singular, plural) of the most recent noun, or else of the first.

    `verbs` gives both present forms of each past form, `plural` whether each noun is plural.

    >>> verbs, plural = {"slept": ("sleeps", "sleep")}, {"newts": True, "yak": False}
    >>> " ".join(inflect("some newts near the yak slept".split(), verbs, plural, nearest=True))
    'some newts near the yak sleeps .'
    """
    nouns = [word for word in words if word in plural]
    answer, recent = [], None
    for word in words:
        if word in plural:
            recent = word
        if word in verbs and nouns:
            noun = (recent or nouns[0]) if nearest else nouns[0]
            answer.append(verbs[word][plural[noun]])
        else:
            answer.append(word)
    return [*answer, "."]
