"""Future tokens: what not looking ahead costs, where, and what layers hold; vanilla and myopic arms of any run."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from latebloom.models import Decoder
from latebloom.studies.drawing.logged import Arm, Logged
from latebloom.studies.future_tokens.figures.arms import NAMES, by_rest, name_of, past_of
from latebloom.tasks import Majority
from latebloom.training.experiment import Experiment
from latebloom.view.pack import pack
from latebloom.view.views.base import VIEWS, Maker, View
from latebloom.view.views.future_tokens_sample import Pairing, losses_by_place, pairings, sample_pack, test_rows

STUDY = "future_tokens."
BY_PLACE = {"loss_by_place": "nats", "sums_by_place": "Huber's loss where the sum is asked for"}
PUSHES = ("push_0", "push_1", "push_random")
AHEAD = re.compile(r"lens_(\d+)")


def fits(member: Experiment) -> bool:
    """Runs of decoders that measure what this study measures."""
    return isinstance(member.model, Decoder) and any(measure.name.startswith(STUDY) for measure in member.measure)


def packs(logged: Logged) -> Mapping[str, Maker]:
    """`future`: everything by arm; `sample-<n>`: what the arms of one seed say of the same sequences."""
    pairs = pairings(logged)
    made: dict[str, Maker] = {"future": lambda: future_pack(logged, pairs)}
    for number, pairing in enumerate(pairs):
        made[f"sample-{number}"] = partial(sample_pack, logged, pairing)
    return made


def future_pack(logged: Logged, pairs: Sequence[Pairing]) -> bytes:
    """Arms, and lists over places, layers and lags at every step they were measured at; NaN where they were not.

    `by_place` [step, member, pos]; `lags` and `lens` [step, member, layer, column]; `push` [step, member, way, lag];
    each with its own `<name>_steps`. `best` [pos] is the least loss there can be, where that is known.
    """
    first = next(iter(logged.specifications.values()))
    arrays: dict[str, np.ndarray] = {}
    document: dict[str, Any] = {
        "groups": _groups(logged),
        "samples": [{"pack": f"sample-{i}", "label": pair.label, "group": pair.group} for i, pair in enumerate(pairs)],
        "window": getattr(first.task, "window", None),
        "maps": {},
        "place_unit": None,
    }
    for column, unit in BY_PLACE.items():
        if (found := lists(logged, [column])) is not None:
            arrays["by_place_steps"], arrays["by_place"] = found[0], found[1][:, :, 0]
            document["place_unit"] = unit
    if document["place_unit"] is None and (kept := losses_by_place(logged)) is not None:
        arrays["by_place_steps"], arrays["by_place"] = kept
        document["place_unit"] = "nats"
    if (best := _best(first)) is not None and document["place_unit"] == "nats":
        arrays["best"] = best
    for name, found_map in (("lags", _lags(logged)), ("lens", _lens(logged))):
        if found_map is not None:
            document["maps"][name], arrays[f"{name}_steps"], arrays[name] = found_map
    if (found := lists(logged, PUSHES)) is not None:
        arrays["push_steps"], arrays["push"] = found[0], np.clip(found[1], -9, 9).astype(np.float16)
    return pack(document, arrays)


def _groups(logged: Logged) -> list[dict[str, Any]]:
    """Arms that differ in their past alone stand together; where none do, all arms are one group."""
    places = {int(member): place for place, member in enumerate(logged.members["member"])}

    def told(arm: Arm, name: str) -> dict[str, Any]:
        return {
            "past": past_of(logged, arm),
            "name": name,
            "members": [places[member] for member in arm.members],
            "seeds": [logged.specifications[member].seed for member in arm.members],
        }

    groups = by_rest(logged)
    if len(groups) > 1 and all(len(arms) == 1 for arms in groups.values()):
        return [{"label": "", "arms": [told(arm, name_of(arm.settings) or NAMES["whole"]) for arm in logged.arms]}]
    return [
        {"label": rest, "arms": [told(arm, NAMES[past_of(logged, arm)]) for arm in arms]}
        for rest, arms in groups.items()
    ]


def lists(logged: Logged, columns: Sequence[str]) -> tuple[np.ndarray, np.ndarray] | None:
    """Steps [step], and [step, member, column, entry] in float32; None where not all columns were measured."""
    if not set(columns) <= set(map(str, logged.frame.columns)):
        return None
    rows = logged.frame[logged.frame[columns[0]].notna()]
    if not len(rows):
        return None
    steps = np.sort(rows["step"].unique())
    width = int(rows[columns[0]].map(len).max())  # members' sequences may differ in length
    at = {step: i for i, step in enumerate(steps)}
    places = {member: place for place, member in enumerate(logged.members["member"])}
    table = np.full((len(steps), len(places), len(columns), width), np.nan, dtype=np.float32)
    for row in rows[["member", "step", *columns]].to_dict("records"):
        for number, column in enumerate(columns):
            table[at[row["step"]], places[row["member"]], number, : len(row[column])] = row[column]
    return steps.astype(np.int32), table


def _layers(count: int) -> list[str]:
    return ["embedding", *(f"after block {i}" for i in range(1, count))]


def _lags(logged: Logged) -> tuple[dict[str, Any], np.ndarray, np.ndarray] | None:
    """R^2 of probes for sin(b x_{n-i}), layer by lag; the last column is the sum over the window."""
    count = sum(str(name).startswith("lag_r2_") for name in logged.frame.columns)
    if not count or (found := lists(logged, [f"lag_r2_{layer}" for layer in range(count)])) is None:
        return None
    steps, table = found
    sums = [logged.frame.pivot(index="step", columns="member", values=f"sum_r2_{i}") for i in range(count)]
    order = list(logged.members["member"])
    total = np.stack([own.reindex(index=steps, columns=order).to_numpy(dtype=np.float32) for own in sums], -1)
    told = {
        "title": "R² of linear probes for sin(b xₙ₋ᵢ), on other sequences",
        "rows": _layers(count),
        "columns": [*map(str, range(table.shape[-1])), "sum"],
        "axis": "lag i",
        "measure": "R²",
    }
    return told, steps, np.concatenate([table, total[..., None]], -1).clip(-9, 9).astype(np.float16)


def _lens(logged: Logged) -> tuple[dict[str, Any], np.ndarray, np.ndarray] | None:
    """Precision@1 of Future Lens probes, layer by tokens ahead; two tables of pairs as the last rows."""
    ahead = sorted(int(match[1]) for name in map(str, logged.frame.columns) if (match := AHEAD.fullmatch(name)))
    if not ahead or (found := lists(logged, [f"lens_{n}" for n in ahead])) is None:
        return None
    steps, table = found
    order = list(logged.members["member"])
    rows = [table.swapaxes(-1, -2)]
    for kind in ("bigram", "chain"):
        own = [logged.frame.pivot(index="step", columns="member", values=f"lens_{kind}_{n}") for n in ahead]
        values = [one.reindex(index=steps, columns=order).to_numpy(dtype=np.float32) for one in own]
        rows.append(np.stack(values, -1)[:, :, None])
    told = {
        "title": "Share of the network's own later choices that a linear probe foretells",
        "rows": [*_layers(table.shape[-1]), "pairs from here", "pairs, chained"],
        "columns": ["next" if n == 0 else f"+{n}" for n in ahead],
        "axis": "tokens ahead",
        "measure": "precision@1",
    }
    return told, steps, np.concatenate(rows, 2).astype(np.float16)


def _best(first: Experiment) -> np.ndarray | None:
    """The least expected loss at each place in nats, NaN where none counts: of tasks whose optimum is known."""
    if not isinstance(first.task, Majority):
        return None
    inputs, targets, weight = (part[0] for part in test_rows(first, 256))
    said = first.task.optimum(inputs).gather(-1, targets[..., None].long())[..., 0]
    mean = -said.clamp(min=1e-12).log().mean(0).numpy()
    return np.where(weight[0].numpy() > 0, mean, np.nan).astype(np.float32)


VIEWS.register("future_tokens")(
    View(
        name="future_tokens",
        title="Future tokens",
        about="What it costs not to look ahead: loss by place, probes, the gradient's two parts, texts in colour.",
        fits=fits,
        packs=packs,
    )
)
