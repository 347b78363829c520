"""Claims on size: does the myopia gap grow with the network (16, 17, 18)?"""

import numpy as np
import pandas as pd

from latebloom.claims import Evidence, Finding, at_least, claim, decide
from latebloom.claims.registry import not_run
from latebloom.claims.statistics import median, slope
from latebloom.models import Decoder
from latebloom.studies.future_tokens.claims.tables import FIXED, PAPER, TRAINED, arm, last, needs, paired
from latebloom.training.experiment import Experiment

SETTING = (
    "text as in claim 12 at widths 16, 32, 64 and 96 (three layers), trained from random weights at one rate and step "
    "number, test loss; paired by seed"
)
COST = {"laptop": "110 core-minutes, of which 60 are those of claim 12"}


def rungs(evidence: Evidence) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """By parameters outside embeddings: seeds and gaps."""
    found = {}
    for run in evidence.runs:
        frame = last(run)
        for member in frame.drop_duplicates("d_model" if "d_model" in frame else "seed")["member"]:
            own = _like(frame, int(member))
            whole, hidden = (arm(own, past=past) for past in ("whole", "hidden"))
            plain, cut = paired("test_loss", whole, hidden)
            model = Experiment.parse(run.specification(int(member))).model  # type: ignore[attr-defined]
            seeds = np.array(sorted(set(whole["seed"]) & set(hidden["seed"])))
            found[parameters(model)] = (seeds, cut - plain)
    return dict(sorted(found.items()))


def _like(frame: pd.DataFrame, member: int) -> pd.DataFrame:
    """The members of the same width."""
    if "d_model" not in frame:
        return frame
    width = frame.loc[frame["member"] == member, "d_model"].iloc[0]
    return frame[frame["d_model"] == width]


def parameters(model: object) -> int:
    """Weights of a decoder's blocks, without biases and norms: 12 layers x width^2."""
    assert isinstance(model, Decoder)
    return 12 * model.n_layers * model.d_model**2


def told(ladder: dict[int, tuple[np.ndarray, np.ndarray]]) -> str:
    """The gap of every rung."""
    return "; ".join(f"{size:,} parameters {median(gaps)}" for size, (_, gaps) in ladder.items())


@claim(
    id="future_tokens.16",
    title="The myopia gap grows with the network",
    statement="Larger language models lose more by the cut: pre-caching grows with scale.",
    source=f"{PAPER}, section 5.2; arrays of the released notebook",
    published="0.04, 0.10, 0.15, 0.16, 0.17, 0.23 nats (Pythia 70M to 2.8B); the released script gives the myopic arm "
    "a rate 5 to 9 times that of vanilla there",
    measure=f"slope of the gap on the decimal logarithm of the parameters outside embeddings, seeds resampled whole; "
    f"{SETTING}",
    rule="the slope, with its interval, is at least 0",
    control="none: either sign is a result and is told",
    fixed=FIXED,
    tag="C",
    scales=TRAINED,
    cost=COST,
    needs=needs("text", "text_ladder"),
)
def gap_grows(evidence: Evidence) -> Finding:
    """Claim 16."""
    ladder = rungs(evidence)
    size = np.concatenate([np.full(len(gaps), np.log10(n)) for n, (_, gaps) in ladder.items()])
    seeds, gaps = (np.concatenate([own[part] for own in ladder.values()]) for part in (0, 1))
    found = slope(size, gaps, groups=seeds, log=False)
    lines = {str(n): {"gap": float(np.median(own))} for n, (_, own) in ladder.items()}
    words = f"{found} nats for each factor of ten ({told(ladder)})"
    return decide(found, at_least(0.0), measured=words, extra={"gap by parameters": lines})


@claim(
    id="future_tokens.17",
    title="Among the smallest, the gap falls with size",
    statement="The gap is not monotone: the smallest networks lose more by the cut than those a little larger.",
    source=f"{PAPER}, section 5.2; arrays of the released notebook",
    published="0.16 (14M), 0.11 (31M), 0.04 (70M)",
    measure=f"mean gap of the two smallest minus the gap of the third; {SETTING}",
    rule="the median over seeds, with its interval, is at least 0",
    control="none: either sign is a result and is told",
    fixed=FIXED,
    tag="C",
    scales=TRAINED,
    cost=COST,
    needs=needs("text", "text_ladder"),
)
def small_lose_more(evidence: Evidence) -> Finding:
    """Claim 17."""
    ladder = rungs(evidence)
    shared = sorted(set.intersection(*(set(seeds.tolist()) for seeds, _ in ladder.values())))
    rows = [gaps[np.isin(seeds, shared)] for seeds, gaps in ladder.values()]
    third = rows[min(2, len(rows) - 1)]
    found = median((rows[0] + rows[min(1, len(rows) - 1)]) / 2 - third, unit="nats")
    return decide(found, at_least(0.0), measured=f"{found} ({told(ladder)})")


not_run(
    id="future_tokens.18",
    title="The loss of zero-shot accuracy grows with size",
    statement="Myopic fine-tuning costs larger models more accuracy on LAMBADA, PIQA, SciQ and ARC-Easy.",
    source=f"{PAPER}, section 5.2",
    published="LAMBADA .193 against .135 (70M), .427 against .294 (410M), .587 against .398 (2.8B)",
    measure="zero-shot accuracy of vanilla minus myopic Pythia models at matched, tuned rates, four sizes from 70M up",
    rule="the slope of the difference on LAMBADA on the logarithm of parameters, seeds resampled whole, has an "
    "interval at or above 0",
    fixed=FIXED,
    tag="PC",
    scale="paper",
    cost="days on accelerators",
    why="Networks that fit a laptop answer none of these tasks above chance. `latebloom.models.borrowed.myopically` "
    "trains the published models; their weights and the tasks are not part of this package.",
)
