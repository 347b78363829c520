"""Claims on size: does the myopia gap grow with the network (16, 17, 18)?"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from latebloom.claims import Evidence, Finding, at_least, claim, decide
from latebloom.claims.registry import not_run
from latebloom.claims.statistics import median, slope
from latebloom.models import Decoder
from latebloom.studies.future_tokens.claims.tables import FIXED, PAPER, TRAINED, TUNED, arm, last, needs, paired
from latebloom.training.experiment import Experiment

SETTING = (
    "text as in claim 12 at widths 16, 32, 64 and 96 (three layers), trained from random weights for as many steps as "
    "there, at laptop each arm at a rate tuned for it, test loss; paired by seed"
)
COST = {"laptop": "52 core-minutes, of which 26 are those of `text`"}


@dataclass(frozen=True)
class Rung:
    """What the cut costs networks of one width, seed by seed."""

    width: int
    parameters: int  # weights of the blocks, without biases and norms
    seeds: Int[np.ndarray, " seed"]
    gaps: Float[np.ndarray, " seed"]  # nats


def rungs(evidence: Evidence) -> list[Rung]:
    """From narrow to wide."""
    found = {}
    for run in evidence.runs:
        frame = last(run)
        for member in frame.drop_duplicates("d_model" if "d_model" in frame else "seed")["member"]:
            model = Experiment.parse(run.specification(int(member))).model  # type: ignore[attr-defined]
            assert isinstance(model, Decoder)
            own = frame[frame["d_model"] == model.d_model] if "d_model" in frame else frame
            whole, hidden = (arm(own, past=past) for past in ("whole", "hidden"))
            plain, cut = paired("test_loss", whole, hidden)
            seeds = np.array(sorted(set(whole["seed"]) & set(hidden["seed"])))
            blocks = 12 * model.n_layers * model.d_model**2
            found[model.d_model] = Rung(model.d_model, blocks, seeds, cut - plain)
    return [found[width] for width in sorted(found)]


def told(ladder: list[Rung]) -> str:
    """The gap of every rung."""
    return "; ".join(f"{rung.parameters:,} parameters {median(rung.gaps)}" for rung in ladder)


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
    changes=(TUNED,),
    tag="C",
    scales=TRAINED,
    cost=COST,
    needs=needs("text", "text_ladder"),
)
def gap_grows(evidence: Evidence) -> Finding:
    """Claim 16."""
    ladder = rungs(evidence)
    size = np.concatenate([np.full(len(rung.gaps), np.log10(rung.parameters)) for rung in ladder])
    seeds, gaps = (np.concatenate([getattr(rung, part) for rung in ladder]) for part in ("seeds", "gaps"))
    found = slope(size, gaps, groups=seeds, log=False)
    middles = {rung.width: float(np.median(rung.gaps)) for rung in ladder}
    widest, most = ladder[-1].width, max(middles, key=lambda width: middles[width])
    note = "" if most == widest else f"The line hides a hump: the gap is largest at width {most}, not at {widest}."
    lines = {str(width): {"gap": gap} for width, gap in middles.items()}
    words = f"{found} nats for each factor of ten ({told(ladder)})"
    return decide(found, at_least(0.0), measured=words, extra={"gap by width": lines}, note=note)


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
    changes=(TUNED,),
    tag="C",
    scales=TRAINED,
    cost=COST,
    needs=needs("text", "text_ladder"),
)
def small_lose_more(evidence: Evidence) -> Finding:
    """Claim 17."""
    ladder = rungs(evidence)
    shared = sorted(set.intersection(*(set(rung.seeds.tolist()) for rung in ladder)))
    rows = [rung.gaps[np.isin(rung.seeds, shared)] for rung in ladder]
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
