"""Claim 33 of structural grokking: whom verbs agree with after 12 types of sentence, or 120.

`agreement` puts the weights that our run has kept into plain networks, `agreement_trained` trains two from random
weights. All sentences are drawn here; only which types there are is our run's.
"""

import random
from collections.abc import Sequence
from statistics import mean

from checks import sentences
from checks.compare import Line
from checks.kept import kept
from checks.released import Released, next_word, train
from checks.sentences import OTHER, RELATIVISERS, Type, Words

STEPS = 6000
ALONE = sentences.vocabulary(False)
# Which of `sentences.undecided_types` the corpus of our run has, with those of the other number; one bit each.
CHOSEN = {12: 0x20100000020018000080, 120: 0x1D74FFF3ECAE2F7BCF7F96}


def types(count: int) -> list[Type]:
    """The types of our run's corpus."""
    chosen = [kind for i, kind in enumerate(sentences.undecided_types()) if CHOSEN[count] >> i & 1]
    return [*chosen, *map(sentences.turned, chosen)]


def held_out(count: int) -> list[Type]:
    """The same with the other number before the main verb, where a noun stands there that is not the subject."""
    return [sentences.put_in_conflict(kind) for kind in types(count) if sentences.nouns_in(kind[0]) > 1]


def alone(kinds: Sequence[Type], source: random.Random) -> Words:
    """A sentence in the present, of one of the types."""
    return sentences.written(source.choice(kinds), source)[1]


def all_right(net: Released, asked: Sequence[Words]) -> list[bool]:
    """For each sentence, whether every verb is likelier in the form that agrees with its subject than in the other."""
    rows, forms, owners = [], [], []
    for owner, words in enumerate(asked):
        for place, verb in enumerate(words):
            if verb in OTHER:
                good = sentences.agrees(words[sentences.subject_of(words, place)], verb)
                rows.append([ALONE[word] for word in ("<start>", *words[:place])])
                forms.append([ALONE[form] for form in ((verb, OTHER[verb]) if good else (OTHER[verb], verb))])
                owners.append(owner)
    logits = next_word(net, rows)
    found = [True] * len(asked)
    for own, (right, wrong), owner in zip(logits, forms, owners, strict=True):
        found[owner] &= bool(own[right] > own[wrong])
    return found


def _told(net: Released, many: int, asked: Sequence[Words], known: Sequence[Words]) -> tuple[float, str]:
    """The share of withheld sentences with all verbs right, and words about it."""
    found, inside = all_right(net, asked), mean(all_right(net, known))
    parts: dict[str, list[bool]] = {"phrase": [], "clause": []}
    for words, right in zip(asked, found, strict=True):
        parts["clause" if words[2] in RELATIVISERS else "phrase"].append(right)
    by_kind = ", ".join(f"{mean(part):.3f} behind a {name}" for name, part in parts.items() if part)
    return mean(found), f"{many} types: in the domain {inside:.3f}; withheld {mean(found):.3f}; {by_kind}"


def agreement(seeds: int, count: int = 1000) -> list[Line]:
    """Claim 33 with the weights that our run has kept."""
    ends: dict[int, list[float]] = {12: [], 120: []}
    source, members = random.Random(63), kept("structural_grokking.agreement", STEPS)
    for many, own in ends.items():
        asked, known = ([alone(kinds, source) for _ in range(count)] for kinds in (held_out(many), types(many)))
        for varied, tables in members:
            if varied["seed"] in range(seeds) and varied["n_types"] == many:
                share, words = _told(Released(len(ALONE)).holding(tables), many, asked, known)
                own.append(share)
                print(f"  seed {varied['seed']}, {words}", flush=True)
    if not ends[120]:
        print("  `latebloom run structural_grokking.agreement --scale laptop` makes it, in 22 core-minutes", flush=True)
        return []
    return agreement_lines(ends, "kept weights")


def arm(many: int, seed: int, steps: int, count: int) -> list[float]:
    """A network trained on so many types; the share of withheld sentences with all verbs right, every 500 steps."""
    net, kinds, source = Released(len(ALONE)).drawn(seed), types(many), random.Random(64)
    asked, known = ([alone(some, source) for _ in range(count)] for some in (held_out(many), kinds))
    found: list[float] = []

    def look(step: int) -> None:
        share, words = _told(net, many, asked, known)
        found.append(share)
        print(f"  seed {seed}, step {step}, {words}", flush=True)

    def row(source: random.Random) -> list[int]:
        return [ALONE[word] for word in ("<start>", *alone(kinds, source), ".", "<end>")]

    train(net, row, seed, steps, STEPS, 500, look)
    return found


def agreement_trained(seeds: int, steps: int = STEPS, count: int = 500) -> list[Line]:
    """Claim 33 from random weights by plain code: all 6,000 steps, six core-minutes a seed."""
    late = {many: [mean(arm(many, seed, steps, count)[-4:]) for seed in range(seeds)] for many in CHOSEN}
    return agreement_lines(late, f"last four logs to step {steps}")


def agreement_lines(ends: dict[int, list[float]], when: str) -> list[Line]:
    """What claim 33 asks, from shares [types][seed]."""
    more = [many - few for many, few in zip(ends[120], ends[12], strict=True)]
    return [
        Line("structural_grokking.33", f"all verbs right, 120 types, {when}", ends[120], 0.9, estimate="120 types"),
        Line("structural_grokking.33", "the same, 12 types", ends[12]),
        Line("structural_grokking.33", "120 types minus 12", more, 0.25, estimate="120 minus 12"),
    ]
