"""Claim on how many sentence types it takes."""

import numpy as np

from latebloom.baselines.heuristics import first_place
from latebloom.claims import (
    Change,
    Evidence,
    Finding,
    all_of,
    at_least,
    claim,
    decide,
    settle_number,
    with_control,
)
from latebloom.claims.statistics import median, paired_difference
from latebloom.studies.curves import curves, same_seeds
from latebloom.studies.structural_grokking.claims.tables import (
    AHUJA,
    REVIEWED,
    TRAINED,
    UNLEARNED,
    listed,
    needs,
    unfitted,
)
from latebloom.tasks import SimpleAgreement
from latebloom.tasks.language.lexicon import NOUNS, PRESENT

HELD_OUT = "gen_all_verbs"
FEW, MANY = 12, 120


@claim(
    id="structural_grokking.33",
    title="Simple agreement: many types of sentence settle the rule",
    statement="With 120 types of sentences all verbs of held-out sentences agree with their subjects; with 12 types "
    "there is no preference between subject and nearest noun.",
    source=f"{AHUJA}, section 6",
    published="about 100 % with 120 types, about 50 % with 12, at all depths; agreeing with the first noun 33 %",
    measure="share of held-out sentences whose every verb is preferred in the form that agrees with its subject, the "
    "words before it given; mean over the last four logs, 120 types minus 12, paired by seed",
    rule="the interval of the median with 120 types lies at or above .9, and that of the median difference at or above "
    f".25; {UNLEARNED}",
    control="agreeing with the first noun of the sentence stays below .9 on the same sentences",
    fixed="2026-11-29",
    changes=(
        Change(REVIEWED, "An arm may fall short because it has not learned its own types: then nothing is decided."),
    ),
    tag="P",
    scales=TRAINED,
    cost={"laptop": "10 minutes on two cores", "paper": "10 seeds of 200,000 steps: days on a GPU"},
    needs=needs("agreement"),
    version=2,
)
def types_decide(evidence: Evidence) -> Finding:
    """Claim 33."""
    arms = curves(evidence.run).arms("n_types")
    many, few = same_seeds(arms[MANY], arms[FEW])
    if early := unfitted("val_all_verbs", many_types=many, few_types=few):
        return early
    a, b = many.late(HELD_OUT), few.late(HELD_OUT)
    specification = evidence.run.specification(int(many.members.index[0]))  # type: ignore[attr-defined]
    score = first_noun_score(SimpleAgreement.parse(specification["task"]))
    control = settle_number(score, at_least(0.9), f"agreeing with the first noun is right in {score:.2f} of sentences")
    known = median(many.last("val_all_verbs")), median(few.last("val_all_verbs"))
    main = median(many.late("gen_main_verb")), median(few.late("gen_main_verb"))
    note = (
        f"{MANY} types {listed(a)}; {FEW} types {listed(b)}. Main verbs alone {main[0]} and {main[1]}. On sentences of "
        f"the training types {known[0]} and {known[1]}."
    )
    parts = {
        f"{MANY} types": with_control(decide(median(a), at_least(0.9)), control),
        f"{MANY} minus {FEW}": decide(paired_difference(a, b).estimate, at_least(0.25)),
    }
    return all_of(parts, note=note)


def first_noun_score(task: SimpleAgreement) -> float:
    """Of the held-out sentences that are measured, the share in which all verbs agree with the first noun rightly."""
    known, number = task.labels("gen"), task.vocabulary.number
    tokens = task.tokens(task.corpus()["gen"])[: len(known["verb"])]

    def numbers(*words: str) -> np.ndarray:
        return np.array([number[word] for word in words])

    place = first_place(tokens, numbers(*NOUNS[0], *NOUNS[1]))
    first = np.isin(tokens[np.arange(len(tokens)), place], numbers(*NOUNS[1]))
    plural = np.isin(known["right"], numbers(*PRESENT["Vi"][1], *PRESENT["Vt"][1]))
    wrong = known["verb"] & (plural != first[:, None])
    return float((~wrong.any(1)).mean())
