"""Names and colours of the arms, and one arm's last list column in every picture of the study."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from latebloom.studies.drawing.logged import Arm, Logged

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


def past_of(logged: Logged, arm: Arm) -> str:
    """What the past of an arm's members is."""
    return str(getattr(logged.specifications[arm.members[0]].model, "past", "whole"))


def rest_of(arm: Arm) -> str:
    """What an arm is called besides its past."""
    return Arm({name: value for name, value in arm.settings.items() if name != "past"}, arm.members).label


def by_rest(logged: Logged) -> Mapping[str, list[Arm]]:
    """Arms that differ in nothing but their past, vanilla first, by what else they are called."""
    groups: dict[str, list[Arm]] = {}
    for arm in sorted(logged.arms, key=lambda arm: list(NAMES).index(past_of(logged, arm))):
        groups.setdefault(rest_of(arm), []).append(arm)
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
