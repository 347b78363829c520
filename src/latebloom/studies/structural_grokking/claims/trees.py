"""Claims on tree projections: do networks grow tree-like, are the trees right, and what does that foretell?"""

import numpy as np
import torch
from jaxtyping import Float

from latebloom.claims import (
    Change,
    Evidence,
    Finding,
    all_of,
    at_least,
    at_most,
    claim,
    counted,
    decide,
    settle_number,
    undecided,
    with_control,
)
from latebloom.claims.statistics import equivalence, median
from latebloom.instruments.events import Logs, own_logs
from latebloom.instruments.tree_projection import project
from latebloom.instruments.tree_score import expected_value
from latebloom.randomness import stream
from latebloom.studies.curves import Curves, curves
from latebloom.studies.structural_grokking.claims.tables import (
    DEPTHS_LEARNED,
    DEPTHS_UNLEARNED,
    FIXED,
    LOGS,
    MURTY,
    REVIEWED,
    SUCCESS,
    TRAINED,
    depths_unfitted,
    more,
    needs,
    trend,
)

COST = {"laptop": "100 minutes on two cores"}
BOTH = {"laptop": "150 minutes on two cores"}


@claim(
    id="structural_grokking.18",
    title="Networks grow more tree-like at every depth",
    statement="The tree score grows during training for all depths.",
    source=f"{MURTY}, figure 3b; {LOGS}",
    published="six layers .51 to .89 (Question Formation), four layers .42 to .87 (Tense Inflection), from step 3,000 "
    "to 300,000",
    measure="t_score as released (greedy trees, mean split at each node), 200 training sentences of Question "
    "Formation; rank correlation with the step, one value a seed, from the first log after step 0",
    rule="for every depth the interval of the median correlation over seeds lies above .7",
    fixed=FIXED,
    tag="D",
    scales=TRAINED,
    cost=COST,
    needs=needs("question_depths"),
)
def tree_score_grows(evidence: Evidence) -> Finding:
    """Claim 18."""
    parts, told = {}, []
    for depth, table in curves(evidence.run).arms("n_layers").items():
        logs = own_logs(table.steps, table.of("t_score_released"))  # a member that diverged has fewer than the others
        fewest = int(np.isfinite(logs.values).sum(1).min())
        if fewest < 5:
            return undecided(counted(fewest, "measurement"), "Too few measurements.", seeds=len(logs.values))
        parts[counted(depth, "layer")] = decide(median(_trends(logs)), at_least(0.7))
        told.append(f"{counted(depth, 'layer')} {median(logs.values[:, 1])} to {median(logs.last_value)}")
    return all_of(parts, note=f"Tree score: {'; '.join(told)}.")


def _trends(logs: Logs) -> list[float]:
    """Rank correlation of value and step for each member, its first log left out."""
    there = np.isfinite(logs.values)
    pairs = zip(logs.steps, logs.values, there, strict=True)
    return [trend(steps[kept][1:], values[kept][1:]) for steps, values, kept in pairs]


@claim(
    id="structural_grokking.19",
    title="The tree score is highest at the depth that works",
    statement="At the end the tree score is highest for the depth that generalises best.",
    source=f"{MURTY}, figure 3b; {LOGS}",
    published="six layers .885 against .838 (2) and .842 (10); four layers .869 against .750 (2) and .816 (6); three "
    "of these four gaps lie within noise for ten seeds",
    measure="t_score as released at the end, best published depth minus others, paired by seed",
    rule="the intervals of the medians of all differences (6 minus 2 and 10 on Question Formation, 4 minus 2 and 6 on "
    "Tense Inflection) lie above 0",
    fixed=FIXED,
    tag="D",
    scales=TRAINED,
    cost=BOTH,
    needs=needs("question_depths", "tense_depths"),
)
def highest_at_the_best(evidence: Evidence) -> Finding:
    """Claim 19."""
    parts = {}
    for run, task, best, others in (
        (evidence.runs[0], "questions", 6, (2, 10)),
        (evidence.runs[1], "tense", 4, (2, 6)),
    ):
        arms = curves(run).arms("n_layers")
        if best not in arms or not all(other in arms for other in others):
            return undecided(f"{task}: depths {sorted(map(str, arms))}", "Depths are missing.", seeds=0)
        for other in others:
            gain = more(arms[best], arms[other], "t_score_released")
            parts[f"{task} {best} minus {other}"] = decide(gain, at_least(1e-9))
    return all_of(parts)


@claim(
    id="structural_grokking.20",
    title="Projected trees match or beat right-branching ones",
    statement="The projected trees come to match (Question Formation) or beat (Tense Inflection) right-branching "
    "trees, at all depths.",
    source=f"{MURTY}, figure 4; {LOGS}",
    published="F1 about .66 against .663 (Question Formation), .75 to .78 against .50 (Tense Inflection)",
    measure="bracketing F1 of greedy trees at the end minus that of right-branching trees on the same sentences; on "
    "withheld sentences, where right-branching trees are poor (.37), it is told",
    rule="for every depth the interval of the median difference over seeds lies at or above -.02 (Question Formation) "
    "and .15 (Tense Inflection)",
    control="the same networks before training",
    fixed=FIXED,
    version=2,
    changes=(Change(REVIEWED, "A control: trees that are as good before training have not come to match anything."),),
    tag="PD",
    scales=TRAINED,
    cost=BOTH,
    needs=needs("question_depths", "tense_depths"),
)
def beats_right_branching(evidence: Evidence) -> Finding:
    """Claim 20."""
    parts, told = {}, []
    for run, task, margin in ((evidence.runs[0], "questions", -0.02), (evidence.runs[1], "tense", 0.15)):
        for depth, table in curves(run).arms("n_layers").items():
            gain = table.last("t_parseval") - table.last("right_branching")
            before = median(table.first("t_parseval") - table.first("right_branching"))
            layers = counted(depth, "layer")
            control = decide(before, at_least(margin), measured=f"{task} {layers} before training {before}")
            parts[f"{task} {layers}"] = with_control(decide(median(gain), at_least(margin)), control)
            other = median(table.last("t_parseval_gen") - table.last("right_branching_gen"))
            told.append(f"{task} {layers} {other}")
    return all_of(parts, note=f"On withheld sentences: {'; '.join(told)}.")


@claim(
    id="structural_grokking.21",
    title="Right trees do not tell who generalises",
    statement="t_parseval rises for networks that generalise and for those that do not, alike.",
    source=f"{MURTY}, section 4.2 and figure 4",
    published="no difference stated; rises for all depths",
    measure="F1 of greedy trees at the end, seeds of all depths with final generalisation >= .8 against those < .5",
    rule="the 95 % interval of the mean difference lies within -.05 to .05 (equivalence test); contradicted if it lies "
    f"outside; {DEPTHS_UNLEARNED}",
    fixed=FIXED,
    version=2,
    changes=(DEPTHS_LEARNED,),
    tag="P",
    scales=TRAINED,
    cost=COST,
    needs=needs("question_depths"),
)
def does_not_separate(evidence: Evidence) -> Finding:
    """Claim 21."""
    table = curves(evidence.run)
    if early := depths_unfitted("val_first_word", table.arms("n_layers")):
        return early
    end, f1 = table.last("gen_first_word"), table.last("t_parseval")
    good, bad = f1[end >= SUCCESS], f1[end < 0.5]
    seeds = len(np.unique(table.field("seed")[(end >= SUCCESS) | (end < 0.5)]))  # depths share them
    if min(len(good), len(bad)) < 2:
        told = f"networks that generalise: {len(good)}; that do not: {len(bad)}"
        return undecided(told, "Both groups need two networks.", seeds=seeds)
    found = equivalence(good, bad, 0.05)
    sides = {"not higher": at_most(0.05), "not lower": at_least(-0.05)}
    parts = {name: decide(found.estimate, side, seeds=seeds) for name, side in sides.items()}
    return all_of(parts, note=f"Networks that generalise: {len(good)}; that do not: {len(bad)}.")


@claim(
    id="structural_grokking.22",
    title="Greedy decoding comes close to the exact projection",
    statement="Going down from the whole sentence, split by split, approximates the tree projection that a chart finds "
    "exactly.",
    source=f"released code of {MURTY}; not stated in the paper",
    published="not published",
    measure="value that greedy trees lose against exact ones, as a share of what exact trees gain over random ones "
    "(t_score by the definition), trained networks at the end, 200 sentences",
    rule="the interval of the median share over seeds lies at or below .1; contradicted if it lies above",
    control="similarities drawn at random: the share lost lies above .1",
    fixed=FIXED,
    tag="E",
    scales=("quick", *TRAINED),
    cost={"quick": "3 minutes on two cores", "laptop": "20 minutes on two cores"},
    needs=needs("question"),
)
def greedy_is_close(evidence: Evidence) -> Finding:
    """Claim 22."""
    table = curves(evidence.run)
    found = decide(median(_lost(table)), at_most(0.1), extra={"lost": _lost(table).tolist()})
    equal = (
        f"Equal trees: {median(table.last('greedy_equal'))} of sentences. The exact tree is the left-branching one in "
        f"{median(table.last('chart_left_branching'))} of sentences: in a causal network every span that begins at the "
        "first word is the same with and without context."
    )
    alone = random_loss(200, 9)
    control = settle_number(alone, at_most(0.1), f"random similarities lose {alone:.2f}")
    return all_of({"lost": with_control(found, control)}, note=equal)


def _lost(table: Curves) -> Float[np.ndarray, " member"]:
    gained = table.last("t_score")
    return table.last("greedy_gap") / np.where(gained > 0, gained, np.nan)


def random_loss(sentences: int, words: int) -> float:
    """The share that greedy trees lose where every similarity is an independent uniform number."""
    drawn = torch.from_numpy(stream(0, "random similarities").random((sentences, words, words)))
    lengths = np.full(sentences, words)
    exact, greedy = (project(drawn, lengths, decoder).value for decoder in ("chart", "greedy"))
    gained = exact - expected_value(drawn, lengths)
    return float((exact - greedy).mean() / gained.mean())
