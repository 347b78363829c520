"""Slow and independent readers of generated text, for the tests of several tasks: no code of the generator is used."""

PLURAL_NOUNS = {
    "newts", "orangutans", "peacocks", "quails", "ravens", "salamanders", "tyrannosauruses", "unicorns", "vultures",
    "walruses", "xylophones", "yaks", "zebras",
}  # fmt: skip
NOUNS = PLURAL_NOUNS | {
    word.removesuffix("es") if word in ("tyrannosauruses", "walruses") else word[:-1] for word in PLURAL_NOUNS
}
AUXILIARIES = {"do", "don't", "does", "doesn't"}
RELATIVISERS = {"who", "that"}
PREPOSITIONS = {"around", "near", "with", "upon", "by", "behind", "above", "below"}
PRESENT = {
    **{"giggled": "giggle", "smiled": "smile", "slept": "sleep", "swam": "swim", "waited": "wait", "moved": "move"},
    **{"changed": "change", "read": "read", "ate": "eat", "entertained": "entertain", "amused": "amuse"},
    **{"high_fived": "high_five", "applauded": "applaud", "confused": "confuse", "admired": "admire"},
    **{"accepted": "accept", "remembered": "remember", "comforted": "comfort"},
}
INTRANSITIVE = {"giggled", "smiled", "slept", "swam", "waited", "moved", "changed", "read", "ate"}
DETERMINERS = {"the", "some", "my", "your", "our", "her"}


def subject_modifier(words):
    """bare, PP or RC, by the third word."""
    if words[2] in PREPOSITIONS:
        return "PP"
    return "RC" if words[2] in RELATIVISERS else "bare"


def main_auxiliary(words):
    """Second auxiliary where the subject has a clause, else the first: clauses hold exactly one."""
    places = [place for place, word in enumerate(words) if word in AUXILIARIES]
    return places[1 if subject_modifier(words) == "RC" else 0]


def main_verb(words):
    """Second verb where the subject has a clause, else the first (the rule of the released evaluation)."""
    places = [place for place, word in enumerate(words) if word in PRESENT]
    return places[1 if subject_modifier(words) == "RC" else 0]


def predicate(words, verb):
    """intr, bare, PP or RC, by what follows the place of the verb."""
    rest = words[verb + 1 :]
    if not rest:
        return "intr"
    if len(rest) == 2:
        return "bare"
    return "PP" if rest[2] in PREPOSITIONS else "RC"


def clause_kind(clause, is_verb):
    """Kind of a relative clause, given the words from its relativiser on."""
    if clause[1] in DETERMINERS:
        return "ORC-pl" if clause[2] in PLURAL_NOUNS else "ORC-sg"
    rest = clause[1:]
    verb = next(place for place, word in enumerate(rest) if is_verb(word))
    return "SRC-t" if len(rest) > verb + 1 and rest[verb + 1] in DETERMINERS else "SRC-i"


def inflected(words):
    """The present of a past-tense sentence: object clauses agree with their noun, the rest by the head before them."""
    number, answer, heads = None, [], []
    main = main_verb(words)
    for place, word in enumerate(words):
        if word in NOUNS:
            number = word in PLURAL_NOUNS
            heads.append((place, number))
        if word not in PRESENT:
            answer.append(word)
            continue
        if place == main:
            plural = heads[0][1]
        elif words[place - 1] in RELATIVISERS:
            plural = heads[-1][1]  # the head stands right before the relativiser
        else:
            plural = number  # an object clause: its noun stands right before the verb
        base = PRESENT[word]
        answer.append(base if plural else base + "s")
    return answer


def right_branching(length):
    """Brackets of the tree (w1 (w2 (w3 ...)))."""
    return [(first, length) for first in range(length - 1)]


def left_branching(length):
    """Brackets of the tree (((w1 w2) w3) ...)."""
    return [(0, last) for last in range(length, 1, -1)]
