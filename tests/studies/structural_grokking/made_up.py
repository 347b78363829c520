"""Made-up runs of the study that agree, or disagree, with its sources."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from latebloom.randomness import stream

STEPS = np.arange(0, 12_001, 250)
SEEDS = 5
AGREEMENT = {"kind": "simple_agreement", "n_types": 120, "n_train": 2000, "n_eval": 1000}


@dataclass(frozen=True)
class FakeRun:
    """A run with a made-up table."""

    table: pd.DataFrame
    hash: str = "aa11"
    seconds: float = 1.0
    path: Path = field(default=Path("runs/aa11"))

    def measurements(self) -> pd.DataFrame:
        return self.table

    def members(self) -> pd.DataFrame:
        """A member that stops before the others diverged."""
        last = self.table.groupby("member", as_index=False).agg(seed=("seed", "first"), ended_at=("step", "max"))
        return last.assign(diverged=last["ended_at"] < self.table["step"].max())

    def specification(self, member: int) -> dict:
        return {"training": {"warmup": 1500}, "task": AGREEMENT}


def noise(*purpose):
    return stream(0, "made up", *purpose)


def ramp(step, first, last):
    return np.clip((step - first) / (last - first), 0, 1)


def generalisation(end, rise=4000.0, swings=0.15):
    """.3 at the start, near 0 when the domain is saturated, later `end` with swings; [step, member]."""
    seeds = np.arange(SEEDS)
    s, rise = STEPS[:, None].astype(float), rise + 500 * seeds[None]
    end = np.asarray(end) + np.zeros(SEEDS)
    curve = np.where(s < 1000, 0.3, 0.03 + (end - 0.03) * ramp(s, rise - 1000, rise))
    wave = np.sin(s / 200 + seeds[None]) * swings * ((s > rise) & (s < 11_000)) * end
    return np.clip(curve + wave - swings * (s > rise) * (s < 11_000), 0, 1)


def columns(held_out, **changes):
    """All that a run of either pair task measures, as published; `held_out` is [step, member]."""
    s = STEPS[:, None].astype(float) + np.zeros(SEEDS)
    known = ramp(s, 0, 1000)
    tree = 0.5 + 0.35 * ramp(s, 0, 12_000) + 0.001 * noise("tree").standard_normal(s.shape)
    found = {
        "val_first_word": known,
        "val_main_verb": known,
        "gen_first_word": held_out,
        "gen_main_verb": held_out,
        "val_all_verbs": known,
        "gen_all_verbs": held_out,
        "gen_first_word_any": held_out,
        "gen_inflected": held_out,
        "gen_choice": held_out,
        "gen_first_auxiliary": 1 - held_out,
        "train_loss": 1.5 + 3 * np.exp(-s / 150) + 0.001 * noise("loss").standard_normal(s.shape),
        "weight_norm": 50 + s / 1000,
        "weight_norm_per_root_layer": 20 + s / 1000,
        "weight_rms": 0.1 + s / 1e6,
        "weight_norm_per_layer": 10 + s / 1000,
        "sparsity": -1.3 + s / 20_000,
        "sparsity_released": -14 + s / 10_000,
        "t_score": tree,
        "t_score_released": tree,
        "greedy_gap": 0.03 * tree,
        "greedy_equal": 0 * s,
        "chart_left_branching": 0 * s + 1,
        "t_parseval": 0.3 + 0.38 * ramp(s, 0, 6000) + 0.002 * noise("f1").standard_normal(SEEDS),
        "t_parseval_gen": 0.4 + 0 * s,
        "right_branching": 0.66 + 0 * s,
        "right_branching_gen": 0.37 + 0 * s,
    }
    return found | {name: change(found[name], s) for name, change in changes.items()}


def frame(*arms):
    """A table of several arms: (fields, columns) each."""
    rows = []
    for number, (fields, values) in enumerate(arms):
        for seed in range(SEEDS):
            own = {name: value[:, seed] for name, value in values.items()}
            rows.append(pd.DataFrame({"step": STEPS, "member": SEEDS * number + seed, "seed": seed, **fields, **own}))
    return pd.concat(rows, ignore_index=True)


def single(end=0.97, rise=4000.0, **changes):
    """One arm."""
    return frame(({}, columns(generalisation(end, rise), **changes)))


ENDS = {2: 0.02, 4: 0.5, 6: 0.95, 8: 0.6, 10: 0.2}
TENSE_ENDS = {2: 0.02, 4: 0.9, 6: 0.3}


def depths(ends=ENDS, best=6, **changes):
    """Arms by depth; norms and sparsity largest for the shallowest, the tree score for the published best."""
    arms = []
    for depth, end in ends.items():
        values = columns(generalisation(end), **changes)
        values["weight_norm_per_layer"] = values["weight_norm_per_layer"] + 20 / depth
        values["sparsity"] = values["sparsity"] + 0.1 / depth
        if "t_score_released" not in changes:
            values["t_score_released"] = values["t_score_released"] + 0.1 * (depth == best) * (STEPS[:, None] > 0)
        arms.append(({"n_layers": depth}, values))
    return frame(*arms)


def tense_depths(**changes):
    """Arms of Tense Inflection, whose trees beat right-branching ones."""
    table = depths(TENSE_ENDS, 4, **changes)
    return table.assign(right_branching=0.5)


def variants(name, ends):
    """Arms by a field: value -> generalisation at the end."""
    return frame(*(({name: value}, columns(generalisation(end))) for value, end in ends.items()))


def dyck(left=0.001):
    """Two splits; the gap falls from .05 to `left`."""
    s = STEPS[:, None].astype(float) + np.zeros(SEEDS)
    gap = left + (0.05 - left) * np.exp(-s / 3000)
    known = 1 - 0.9 * np.exp(-s / 200)
    values = {"val_closing_any": known, "gen_closing_any": known - gap}
    return frame(({"split": "component"}, values), ({"split": "length_matched"}, values))
