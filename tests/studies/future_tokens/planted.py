"""Made-up runs of the study that agree, or disagree, with its sources."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from latebloom.claims import Evidence, get
from latebloom.randomness import stream
from latebloom.training.presets import members_of

SEEDS = 5
ZERO, FLOOR = 0.88, 0.37  # losses of saying 0 and of knowing four terms, b = 5, window 6, 32 places
STEPS = (0, 10, 20, 50, 100, 400, 700, 1000)


@dataclass(frozen=True, eq=False)
class FakeRun:
    """A table of measurements, and the settings of each member."""

    table: pd.DataFrame
    settings: dict = field(default_factory=dict)  # member -> specification; others have the first's
    hash: str = "aa11"
    seconds: float = 1.0
    path: Path = Path("runs/aa11")
    lost: tuple = ()

    def members(self):
        numbers = sorted(set(self.table["member"]))
        return pd.DataFrame({"member": numbers, "diverged": [number in self.lost for number in numbers]})

    def measurements(self):
        return self.table

    def specification(self, member):
        return self.settings.get(member, self.settings.get(0))


def specification(name, **overrides):
    words = [f"{key}={value}" for key, value in overrides.items()]
    return members_of(f"future_tokens.{name}", "laptop", words)[0].model_dump()


def near(value, size=0.002, *purpose):
    """One value a seed, a little apart."""
    return np.asarray(value) + size * stream(0, "planted", *purpose).standard_normal((SEEDS, *np.shape(value)))


def table(*arms, begun=None):
    """Rows of several arms (fields, columns [seed, ...]) at the end, and `begun` columns at step 0."""
    rows = []
    for number, (fields, columns) in enumerate(arms):
        for seed in range(SEEDS):
            own = {"member": SEEDS * number + seed, "seed": seed, **fields}
            if begun is not None:
                rows.append({**own, "step": 0, **{name: value[seed] for name, value in begun.items()}})
            rows.append({**own, "step": 1000, **{name: value[seed] for name, value in columns.items()}})
    return pd.DataFrame(rows)


def series(*arms):
    """Rows of several arms (fields, columns [seed, step]) at STEPS."""
    rows = []
    for number, (fields, columns) in enumerate(arms):
        for seed in range(SEEDS):
            for place, step in enumerate(STEPS):
                own = {name: value[seed][place] for name, value in columns.items()}
                rows.append({"member": SEEDS * number + seed, "seed": seed, **fields, "step": step, **own})
    return pd.DataFrame(rows)


def r2(by_lag, lags=13):
    """R^2 by lag, 0 but where said."""
    full = np.zeros(lags)
    for lag, value in by_lag.items():
        full[lag] = value
    return near(full, 0.001)


WINDOW = dict.fromkeys(range(1, 7), 0.16)
UNTRAINED = {"sums": near(0.88), "lag_r2_1": r2({}), "lag_r2_2": r2({}), "sum_r2_2": near(0.0)}
ADDED, ASIDE = {"push_0": r2(dict.fromkeys(range(1, 7), 0.95))}, {"push_random": r2({})}
SOLVED = {
    **ADDED,
    **ASIDE,
    "sums": near(0.08),
    "lag_r2_1": r2({0: 0.92}),
    "lag_r2_2": r2(WINDOW),
    "sum_r2_2": near(0.9),
}
STUCK = {
    "push_0": r2({}),
    **ASIDE,
    "sums": near(0.59),
    "lag_r2_1": r2({0: 0.05}),
    "lag_r2_2": r2({}),
    "sum_r2_2": near(0.2),
}
NOTHING = {**STUCK, "sums": near(0.88)}
LED = {
    "push_0": r2({}),
    **ASIDE,
    "sums": near(0.15),
    "lag_r2_1": r2({1: 0.9}),
    "lag_r2_2": r2(WINDOW),
    "sum_r2_2": near(0.9),
}


def sine(whole=SOLVED, hidden=STUCK, **fields):
    """Both arms of the sine task."""
    arms = (({"past": "whole", **fields}, whole), ({"past": "hidden", **fields}, hidden))
    return FakeRun(table(*arms, begun=UNTRAINED), {0: specification("sine")})


def grown(hidden=LED, whole=LED):
    """The led networks, both arms."""
    arms = (({"past": "hidden"}, hidden), ({"past": "whole"}, whole))
    return FakeRun(table(*arms, begun=UNTRAINED), {0: specification("grown")})


def from_scratch(hidden):
    """The network of the last stage from random weights: one arm."""
    return FakeRun(table(({}, hidden), begun=UNTRAINED), {0: specification("from_scratch")})


def text(gap=0.1, keys=0.15, zeroed=1.2, by_place=None, lens=None, myopic_lens=None):
    """Four arms of the text with their losses, losses by place and probes."""
    places = np.arange(64)
    shape = 0.12 * (1 - np.exp(-places / 20)) - 0.02 if by_place is None else by_place
    lens = {1: 0.45, 2: 0.35, 3: 0.3} if lens is None else lens
    noise = near(0.0, 0.01, "seed")  # what a seed adds to all its arms

    def probes(precision):
        columns = {}
        for ahead in range(4):
            peak = precision.get(ahead, 0.6)
            columns[f"lens_{ahead}"] = near(np.array([0.3, peak - 0.05, peak, peak - 0.03]))
            columns[f"lens_bigram_{ahead}"] = columns[f"lens_chain_{ahead}"] = near(0.3)
        return columns

    arms = []
    for past, cost in (("whole", 0.0), ("hidden", gap), ("keys", keys), ("zeroed", zeroed)):
        curve = 2 + shape * (past == "hidden") + zeroed * (past == "zeroed")
        columns = {"test_loss": 1.6 + cost + noise + near(0.0, 0.001, past), "loss_by_place": near(curve, 0.001, past)}
        arms.append(({"past": past}, columns | probes(myopic_lens or lens if past == "hidden" else lens)))
    return FakeRun(table(*arms), {0: specification("text")})


def rates():
    """Three rates for each arm, the middle one best."""
    cost = {4e-3: 0.05, 8e-3: 0.0, 16e-3: 0.03}
    arms = [({"past": past, "lr": lr}, {"test_loss": near(1.6 + more + 0.1 * (past == "hidden"))})
            for past in ("whole", "hidden") for lr, more in cost.items()]  # fmt: skip
    return FakeRun(table(*arms))


def two(column, field_name, values):
    """Arms of one column by the value of a field."""
    return FakeRun(table(*(({field_name: value}, {column: near(own)}) for value, own in values.items())))


def ladder(gaps):
    """Widths 16, 32 and 96 with their gaps."""
    arms, settings = [], {}
    for width, gap in gaps.items():
        for past in ("whole", "hidden"):
            settings |= {SEEDS * len(arms) + s: specification("text_ladder", d_model=width) for s in range(SEEDS)}
            arms.append(({"d_model": width, "past": past}, {"test_loss": near(1.7 + gap * (past == "hidden"), 0.001)}))
    return FakeRun(table(*arms), settings)


def gradients(ratio, cosine):
    """Both parts of the gradient of the vanilla arm by step; the other arm says otherwise."""
    own = {"future_over_diagonal": near(np.array(ratio)), "gradient_cosine": near(np.array(cosine))}
    other = {"future_over_diagonal": near(np.full(8, 9.0)), "gradient_cosine": near(np.full(8, 0.9))}
    return FakeRun(series(({"past": "whole"}, own), ({"past": "hidden"}, other)))


def products(narrow, wide, narrow_cut, wide_cut):
    """Exact match by width and arm."""
    cells = {(2, "whole"): narrow, (4, "whole"): wide, (2, "hidden"): narrow_cut, (4, "hidden"): wide_cut}
    return FakeRun(
        table(*(({"width": w, "past": past}, {"exact_match": near(own)}) for (w, past), own in cells.items()))
    )


def majority(cost, plain=0.0):
    """Excess by arm, conditioned or not."""
    cells = {
        (True, "whole"): 0.01,
        (True, "hidden"): 0.01 + cost,
        (False, "whole"): 0.01,
        (False, "hidden"): 0.01 + plain,
    }
    return FakeRun(
        table(*(({"conditioned": c, "past": past}, {"excess": near(own, 0.001)}) for (c, past), own in cells.items()))
    )


def judged(number, *runs, scale="laptop"):
    return get(f"future_tokens.{number}").judge(Evidence(scale, tuple(runs)))
