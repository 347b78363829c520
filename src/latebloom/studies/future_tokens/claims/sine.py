"""Claims on the sine-sum task: who solves it, and what the layers hold (6 to 11)."""

import numpy as np
import pandas as pd

from latebloom.claims import (
    Change,
    Evidence,
    Finding,
    Readable,
    all_of,
    at_least,
    at_most,
    between,
    claim,
    decide,
    with_control,
)
from latebloom.claims.statistics import median
from latebloom.instruments.huber import lag_floors
from latebloom.studies.future_tokens.claims.tables import FIXED, PAPER, TRAINED, arm, first, last, needs, values
from latebloom.tasks import SineSum
from latebloom.training.experiment import Experiment

COST = {"laptop": "65 core-minutes"}
STEPS_FOR_ROWS = Change(
    "2026-11-30",
    "6,000 steps of 128 rows instead of 3,200 of 256, in less time, by pilots on seeds that no claim is judged on; "
    "and 2e-3 instead of 1e-3 for the myopic arm, by one such seed beside the former runs. By the former budget claim"
    " 6 was contradicted (0.231 [0.210, 0.272]) and claim 9 inconclusive (0.65 [0.58, 0.70]); with 5,000 steps and "
    "one rate in between both were inconclusive (0.133 [0.058, 0.202], 0.76 [0.69, 0.82]); 7, 10, 11 and 31 had the "
    "same verdicts each time. Fixed before these runs were trained.",
)
LOWER_RATE = Change(
    "2026-11-30",
    "At p = 1, 3,000 steps of 64 rows at 5e-4, by pilots on seeds that no claim is judged on. Before, 2,000 steps, and"
    " first 1,500, of 128 rows at 1e-3, after which one vanilla seed of five was still at saying 0: claim 8 was "
    "inconclusive (0.994 [0.991, 1.009], but the control 0.092 [0.088, 1.01]) and 30 reproduced (0.82 [0.72, 0.84]). "
    "Fixed before these runs were trained.",
)
SETTING = "laptop: d = 64, 32 places, window 6, b = 5, p = 0.3, batch 128, 6,000 steps, 1e-3 (vanilla), 2e-3 (myopic)"


def settings(run: Readable) -> tuple[SineSum, int]:
    """The task of a run, and how many raw numbers its heads can fetch: layers times heads."""
    found = Experiment.parse(run.specification(0))  # type: ignore[attr-defined]
    task, model = found.task, found.model
    assert isinstance(task, SineSum)
    return task, int(model.n_layers * model.n_heads)  # type: ignore[attr-defined]


def floors(run: Readable) -> np.ndarray:
    """Losses on sums of a network that knows the nearest r terms, r = 0, 1, ...; the first is that of saying 0."""
    task, _ = settings(run)
    return lag_floors(task.b, task.window, task.places)


def layer(frame: pd.DataFrame, number: int, lag: int) -> np.ndarray:
    """R^2 of one lag in one layer, one value a seed."""
    return values(frame, f"lag_r2_{number}")[:, lag]


@claim(
    id="future_tokens.06",
    title="Vanilla training solves the sine-sum task",
    statement="A two-layer network trained as usual learns to sum the sines of the places before.",
    source=f"{PAPER}, section 4",
    published="normalised Huber loss 0.003 to 0.096 for p from 0.001 to 1 (d = 128, 58,600 steps)",
    measure=f"Huber loss where the sum is asked for, on test sequences; {SETTING}",
    rule="the median over seeds, with its interval, is at most 0.2 (saying 0 costs 0.88)",
    control="the same networks before training must fail",
    fixed=FIXED,
    changes=(STEPS_FOR_ROWS,),
    tag="P",
    scales=TRAINED,
    cost=COST,
    needs=needs("sine"),
)
def vanilla_solves(evidence: Evidence) -> Finding:
    """Claim 6."""
    run = evidence.run
    solved = median(values(arm(last(run), past="whole"), "sums"))
    begun = median(values(arm(first(run), past="whole"), "sums"))
    told = f"{solved}; saying 0 costs {floors(run)[0]:.3f}"
    return with_control(decide(solved, at_most(0.2), measured=told), decide(begun, at_most(0.2)))


@claim(
    id="future_tokens.07",
    title="Myopic training does not",
    statement="With the gradient through the past cut, the same network in the same steps gets no further than by "
    "fetching a few raw numbers.",
    source=f"{PAPER}, section 4; released runs",
    published="normalised loss 0.97 to 1.26, what recovering none to three of ten terms gives",
    measure="Huber loss where the sum is asked for, over the floor of a network that knows as many of the nearest "
    f"terms as it has heads in all (four); states cut; {SETTING}",
    rule="the median ratio over seeds, with its interval, is at least 1",
    control="the vanilla arm must fail",
    fixed=FIXED,
    changes=(STEPS_FOR_ROWS,),
    tag="C",
    scales=TRAINED,
    cost=COST,
    needs=needs("sine"),
)
def myopic_does_not(evidence: Evidence) -> Finding:
    """Claim 7."""
    run, (_, reach) = evidence.run, settings(evidence.run)
    all_floors = floors(run)
    floor = all_floors[min(reach, len(all_floors) - 1)]
    own, plain = (values(arm(last(run), past=past), "sums") for past in ("hidden", "whole"))
    told = f"{median(own)} where {reach} known terms leave {floor:.3f} and none {all_floors[0]:.3f}"
    found = decide(median(own / floor), at_least(1.0), measured=f"ratio {median(own / floor)}; loss {told}")
    return with_control(found, decide(median(plain / floor), at_least(1.0)))


@claim(
    id="future_tokens.08",
    title="Always asked for the sum, myopic is as good as saying 0",
    statement="At p = 1 the myopic network learns nothing.",
    source=f"{PAPER}, section 4; released run",
    published="1.257, where always saying 0 gives 1.257 (three layers)",
    measure="Huber loss over that of always saying 0, p = 1 (laptop: 3,000 steps of 64 rows at 5e-4)",
    rule="the median ratio over seeds, with its interval, lies between 0.95 and 1.05",
    control="the vanilla arm must fail",
    fixed=FIXED,
    changes=(LOWER_RATE,),
    tag="C",
    scales=TRAINED,
    cost={"laptop": "31 core-minutes"},
    needs=needs("sine_p"),
)
def myopic_says_nothing(evidence: Evidence) -> Finding:
    """Claim 8."""
    run, zero = evidence.run, floors(evidence.run)[0]
    own, plain = (median(values(arm(last(run), past=past, p=1.0), "sums") / zero) for past in ("hidden", "whole"))
    return with_control(decide(own, between(0.95, 1.05)), decide(plain, between(0.95, 1.05)))


@claim(
    id="future_tokens.09",
    title="Vanilla's first layer holds the sine of its own number",
    statement="After the first block a linear probe reads sin(b x_n) at place n, which is of use only later.",
    source=f"{PAPER}, section 4",
    published="R^2 up to about 0.9 (0.985 in a later, larger run)",
    measure=f"held-out R^2 of a linear probe after block 1, lag 0, vanilla arm; {SETTING}",
    rule="the median over seeds, with its interval, is at least 0.7",
    control="the same networks before training must fail",
    fixed=FIXED,
    changes=(STEPS_FOR_ROWS,),
    tag="PC",
    scales=TRAINED,
    cost=COST,
    needs=needs("sine"),
)
def sine_is_made_ahead(evidence: Evidence) -> Finding:
    """Claim 9."""
    own, begun = (arm(of(evidence.run), past="whole") for of in (last, first))
    found = decide(median(layer(own, 1, 0)), at_least(0.7), extra={"R² by lag": by_lag(own)})
    return with_control(found, decide(median(layer(begun, 1, 0)), at_least(0.7)))


@claim(
    id="future_tokens.10",
    title="The myopic first layer does not",
    statement="Where later losses cannot teach, the first block makes no sine of its own number.",
    source=f"{PAPER}, section 4; released notebooks",
    published="R^2 at most 0.015 at every layer and lag (floor 0.002)",
    measure=f"held-out R^2 of a linear probe after block 1, lag 0, states cut; lag 1 beside it; {SETTING}",
    rule="the median over seeds, with its interval, is at most 0.1",
    control="the vanilla arm must fail",
    fixed=FIXED,
    changes=(STEPS_FOR_ROWS,),
    tag="C",
    scales=TRAINED,
    cost=COST,
    needs=needs("sine"),
)
def sine_is_not_made(evidence: Evidence) -> Finding:
    """Claim 10."""
    run = evidence.run
    own, plain = (arm(last(run), past=past) for past in ("hidden", "whole"))
    note = f"At lag 1: {median(layer(own, 1, 1))}."
    found = decide(median(layer(own, 1, 0)), at_most(0.1), note=note, extra={"R² by lag": by_lag(own)})
    return with_control(found, decide(median(layer(plain, 1, 0)), at_most(0.1)))


@claim(
    id="future_tokens.11",
    title="Vanilla's second layer holds the sum",
    statement="After the second block all terms of the window can be read alike, and none beyond it.",
    source=f"{PAPER}, section 4",
    published="R^2 flat and raised for lags 1 to 10, dying out just past 10",
    measure="held-out R^2 after block 2, mean over lags within the window over mean beyond it (up to twice the "
    f"window; at least 0.01), vanilla arm; {SETTING}",
    rule="the median ratio over seeds, with its interval, is at least 5",
    control="block 1 of the same networks must fail",
    fixed=FIXED,
    changes=(STEPS_FOR_ROWS,),
    tag="PC",
    scales=TRAINED,
    cost=COST,
    needs=needs("sine"),
)
def sum_is_held(evidence: Evidence) -> Finding:
    """Claim 11."""
    run, (task, _) = evidence.run, settings(evidence.run)
    own = arm(last(run), past="whole")
    found, control = (median(inside_over_outside(own, number, task.window)) for number in (2, 1))
    note = f"The sum itself: R² {median(values(own, 'sum_r2_2'))} after block 2."
    return with_control(decide(found, at_least(5), note=note), decide(control, at_least(5)))


def inside_over_outside(frame: pd.DataFrame, number: int, window: int) -> np.ndarray:
    """Mean R^2 of lags 1 to window over that of further lags, neither below 0.01."""
    table = values(frame, f"lag_r2_{number}")
    inside, outside = table[:, 1 : window + 1].mean(1), table[:, window + 1 :].mean(1)
    return np.asarray(np.maximum(inside, 0.01) / np.maximum(outside, 0.01))


@claim(
    id="future_tokens.31",
    title="Vanilla adds up what its first layer made",
    statement="The sine made ahead is the one that is summed: moving it along the probe's direction moves later sums "
    "by as much, within the window and not beyond.",
    source=f"ours, after the causal check in the notebooks of {PAPER}",
    published="none; an ideal sum has slope 1 for lags 1 to the window, 0 beyond",
    measure="slope of the last place's output, asked for the sum, in a push of the state after block 1 along the "
    f"direction in which a probe reads sin(b x_n), i places before; vanilla arm; {SETTING}",
    rule="medians over seeds, with their intervals: mean slope over lags 1 to the window between 0.7 and 1.3; largest "
    "slope, in magnitude, at longer lags at most 0.2",
    control="pushes of the same length in a random direction must fail the first",
    fixed=FIXED,
    changes=(STEPS_FOR_ROWS,),
    tag="D",
    scales=TRAINED,
    cost=COST,
    needs=needs("sine"),
)
def made_ahead_and_added(evidence: Evidence) -> Finding:
    """Claim 31."""
    run, (task, _) = evidence.run, settings(evidence.run)
    own = arm(last(run), past="whole")
    along, aside = values(own, "push_0"), values(own, "push_random")
    within = slice(1, task.window + 1)
    lines = {str(lag): {"slope": float(value)} for lag, value in enumerate(np.median(along, 0))}
    parts = {
        "slope within the window": decide(median(along[:, within].mean(1)), between(0.7, 1.3), extra={"by lag": lines}),
        "largest beyond": decide(median(np.abs(along[:, task.window + 1 :]).max(1)), at_most(0.2)),
    }
    return with_control(all_of(parts), decide(median(aside[:, within].mean(1)), between(0.7, 1.3)))


def by_lag(frame: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Median R^2 by lag and layer, for pictures."""
    layers = sorted(str(name) for name in frame if str(name).startswith("lag_r2_"))
    tables = {f"layer {name.removeprefix('lag_r2_')}": np.median(values(frame, name), 0) for name in layers}
    count = len(next(iter(tables.values())))
    return {str(lag): {name: float(table[lag]) for name, table in tables.items()} for lag in range(count)}
