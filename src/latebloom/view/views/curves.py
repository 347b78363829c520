"""Every logged quantity of any run over steps: all members, medians and bands. Other views read the same packs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from latebloom.studies.drawing.logged import Logged, shown
from latebloom.view.pack import latest, pack, thinned
from latebloom.view.views.base import VIEWS, Maker, View

MAIN = ("train_loss", "test_loss", "train_accuracy", "test_accuracy")
MOST_BYTES = 1_200_000  # of the first pack: less than 2 MB pass before the first picture


def packs(logged: Logged) -> Mapping[str, Maker]:
    """`curves`: losses and accuracies of the splits; `measures`: every other number."""
    main, others = columns(logged)
    made: dict[str, Maker] = {"curves": lambda: curves_pack(logged, main)}
    if others:
        made["measures"] = lambda: curves_pack(logged, others)
    return made


def columns(logged: Logged) -> tuple[list[str], list[str]]:
    """The logged numbers that the first picture shows, and the others."""
    frame = logged.frame
    given = logged.settings
    numbers = [str(c) for c in frame.columns if c not in given and pd.api.types.is_numeric_dtype(frame[c])]
    main = [name for name in numbers if name in MAIN]
    main = main or [name for name in numbers if name.endswith(("_loss", "_accuracy"))][:4] or numbers[:2]
    return main, [name for name in numbers if name not in main]


def curves_pack(logged: Logged, names: Sequence[str]) -> bytes:
    """Columns [member, step], float32, NaN where a member has no log; columns with equal steps share an axis.

    Losses are in nats where the loss has them. Of a run too large for a first picture, every n-th log is kept.
    """
    tables = {name: logged.table(name) for name in names}
    most = max(16, MOST_BYTES // (4 * max(1, len(names)) * max(1, len(logged.members))))
    axes: list[np.ndarray] = []
    arrays: dict[str, np.ndarray] = {}
    told: dict[str, Any] = {}
    stride = 1.0
    for name, (steps, values) in tables.items():
        chosen = thinned(len(steps), most)
        stride = max(stride, len(steps) / max(1, len(chosen)))
        own = steps[chosen]
        number = next((i for i, axis in enumerate(axes) if np.array_equal(axis, own)), len(axes))
        if number == len(axes):
            axes.append(own)
        told[name] = {"axis": number, "unit": unit(logged, name)}
        arrays[name] = latest(values, chosen).astype(np.float32)
    arrays |= {f"axis{i}": axis.astype(np.float32) for i, axis in enumerate(axes)}
    document = {"columns": told, "stride": round(stride, 2), **heading(logged)}
    return pack(document, arrays)


def heading(logged: Logged) -> dict[str, Any]:
    """What every view says above a run: its members with their settings, arms, the unit of the loss.

    `chance` of a member is what a uniform guess scores, None where targets are real numbers.
    """
    members = [
        {
            "member": int(row["member"]),
            "seed": int(row["seed"]),
            "settings": {str(name): shown(row[name]) for name in logged.axes},
            "diverged": bool(row["diverged"]),
            "done": logged.done[int(row["member"])],
            "chance": _chance(logged, int(row["member"])),
        }
        for row in logged.members.to_dict("records")
    ]
    places = {row["member"]: place for place, row in enumerate(members)}
    return {
        "run": logged.run.label,
        "members": members,
        "arms": [{"label": arm.label, "members": [places[m] for m in arm.members]} for arm in logged.arms],
        "axes": {name: [shown(value) for value in values] for name, values in logged.axes.items()},
        "loss_unit": logged.loss_unit,
        "log_steps": logged.log_steps,
        "last_step": logged.last_step,
    }


def _chance(logged: Logged, member: int) -> float | None:
    return None if logged.specifications[member].task.signature.real_targets else logged.chance(member)


def unit(logged: Logged, name: str) -> str:
    """What an axis of this column is called."""
    if name.endswith("_loss"):
        return logged.loss_unit
    if name.endswith("_accuracy"):
        return "accuracy"
    return name.replace("_", " ").replace("/", " ")


VIEWS.register("curves")(
    View(
        name="curves",
        title="Curves",
        about="Every logged quantity over steps: all members, medians and bands.",
        fits=lambda member: True,
        packs=packs,
    )
)
