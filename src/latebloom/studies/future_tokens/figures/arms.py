"""Names and colours of the arms, and one arm's last list column in every picture of the study."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from latebloom.studies.drawing.logged import Arm, Logged, said

NAMES = {
    "whole": "vanilla",
    "hidden": "myopic, states cut",
    "keys": "myopic, keys cut",
    "zeroed": "no past",
    "teacher_hidden": "present alone, past frozen",
    "teacher_keys": "present alone, keys frozen",
}
COLOURS = {
    "whole": "#0072b2",
    "hidden": "#d55e00",
    "keys": "#cc79a7",
    "zeroed": "#777777",
    "teacher_hidden": "#009e73",
    "teacher_keys": "#009e73",
}
MAJORITIES = {False: "majority", True: "conditioned majority"}  # by `task.conditioned`


def past_of(logged: Logged, arm: Arm) -> str:
    """What the past of an arm's members is."""
    return str(getattr(logged.specifications[arm.members[0]].model, "past", "whole"))


def name_of(settings: Mapping[str, Any]) -> str:
    """What networks with these settings are called; empty without any.

    >>> name_of({"conditioned": True, "d_model": 64}), name_of({"conditioned": False})
    ('conditioned majority, d model 64', 'majority')
    """
    last = [name.rsplit(".", 1)[-1] for name in settings]
    own = {
        (short if last.count(short) == 1 else name): value
        for (name, value), short in zip(settings.items(), last, strict=True)
    }
    tasks = [MAJORITIES[bool(own.pop("conditioned"))]] if "conditioned" in own else []
    return ", ".join(tasks + [said(name, value) for name, value in own.items()])


def rest_of(settings: Mapping[str, Any]) -> str:
    """What networks with these settings are called besides their past."""
    return name_of({name: value for name, value in settings.items() if name.rsplit(".", 1)[-1] != "past"})


def by_rest(logged: Logged) -> Mapping[str, list[Arm]]:
    """Arms that differ in nothing but their past, vanilla first, by what else they are called."""
    groups: dict[str, list[Arm]] = {}
    for arm in sorted(logged.arms, key=lambda arm: list(NAMES).index(past_of(logged, arm))):
        groups.setdefault(rest_of(arm.settings), []).append(arm)
    return groups


def seeds_of(logged: Logged, members: Sequence[int]) -> list[int]:
    """The seed of each member."""
    return [logged.specifications[member].seed for member in members]


def last_lists(logged: Logged, members: Sequence[int], column: str) -> Float[np.ndarray, "member place"] | None:
    """A list column at each member's last measurement of it; None if it was not measured of all."""
    if column not in logged.frame:
        return None
    rows = []
    for member in members:
        own = logged.frame[(logged.frame["member"] == member) & logged.frame[column].notna()].sort_values("step")
        if not len(own):
            return None
        rows.append(np.asarray(own[column].iloc[-1], dtype=np.float64))
    return np.stack(rows)
