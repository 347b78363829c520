"""A run's logged columns as arrays [member, step], in the units of pictures: losses in nats, times in steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from latebloom.models import LOSSES
from latebloom.runs.run import Run
from latebloom.training.experiment import Experiment
from latebloom.training.presets import PRESETS

BOOKKEEPING = ("member", "population", "index", "ended_at", "diverged")


@dataclass(frozen=True)
class Arm:
    """Members that differ in nothing but their seed."""

    settings: dict[str, Any]  # short field name -> value, of the fields that vary in the run
    members: tuple[int, ...]

    @property
    def label(self) -> str:
        """`weight decay 0.1, hidden 32, not tied`; empty if nothing but the seed varies."""
        return ", ".join(said(name, value) for name, value in self.settings.items())


class Logged:
    """What was measured in a run, read once."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.frame: pd.DataFrame = run.measurements()
        everyone = run.members()
        # Of an unfinished run, only those that have begun.
        self.members: pd.DataFrame = everyone[everyone["member"].isin(self.frame["member"])].reset_index(drop=True)

    @cached_property
    def specifications(self) -> dict[int, Experiment]:
        """By member number."""
        return {int(member): Experiment.parse(self.run.specification(member)) for member in self.members["member"]}

    @cached_property
    def axes(self) -> dict[str, list[Any]]:
        """The fields besides the seed in which members differ, with their values in order of size.

        Without a setting that the experiment, as it is today, tunes for values of the others, as a rate for a width: it
        tells members apart no further.
        """
        names = [str(name) for name in self.members.columns if name not in (*BOOKKEEPING, "seed")]
        tuned = _tuned(self.run.experiment, self.run.scale)
        told = {name: self.members[name].map(repr) for name in names}
        for name in names:
            others = [values for other, values in told.items() if other != name]
            if name.rsplit(".", 1)[-1] in tuned and others and told[name].groupby(others).nunique().max() == 1:
                del told[name]
        return {name: _ordered(self.members[name]) for name in told}

    @property
    def settings(self) -> set[str]:
        """The columns of a row that say who is meant and what it was varied by, not what was measured."""
        names = {"step", *BOOKKEEPING, *map(str, self.members.columns)}
        # Of a field and a measured quantity of one name, the quantity has the name; see `Run.measurements`.
        taken = {name for name in names if f"{name}_setting" in self.frame}
        return names - taken | {f"{name}_setting" for name in taken}

    @cached_property
    def arms(self) -> list[Arm]:
        """Members by everything but the seed, in order of size."""
        groups: dict[tuple[str, ...], list[int]] = {}
        settings: dict[tuple[str, ...], dict[str, Any]] = {}
        for row in self.members.to_dict("records"):
            own = {str(name): row[name] for name in self.axes}
            key = tuple(map(repr, own.values()))
            settings[key] = own
            groups.setdefault(key, []).append(int(row["member"]))
        rank = {name: {repr(value): i for i, value in enumerate(values)} for name, values in self.axes.items()}
        keys = sorted(groups, key=lambda key: [rank[name][part] for name, part in zip(rank, key, strict=True)])
        return [Arm(settings[key], tuple(groups[key])) for key in keys]

    @property
    def all_begun(self) -> bool:
        """Whether everybody has logged something; else some have no specification and no weights yet."""
        return len(self.members) == len(self.run.document["members"])

    @property
    def last_step(self) -> int:
        """The last step anybody logged; 0 for a run without training, or without rows."""
        return int(self.frame["step"].max()) if len(self.frame) else 0

    @property
    def log_steps(self) -> bool:
        """Whether steps were chosen on a logarithmic scale, so that they should be drawn on one."""
        return all(
            member.log.every is None and member.log.per_decade is not None for member in self.specifications.values()
        )

    def table(
        self, column: str, members: Sequence[int] | None = None, hold: bool = False
    ) -> tuple[Float[np.ndarray, "step"], Float[np.ndarray, "member step"]]:
        """Steps at which anybody logged it, and values; NaN where a member has no log.

        The losses of splits come in nats where the loss has them.

        `hold` gives what medians are taken over: see `held`.
        """
        chosen = list(self.members["member"]) if members is None else list(members)
        rows = self.frame[self.frame["member"].isin(chosen)]
        wide = rows.pivot(index="member", columns="step", values=column).reindex(chosen).dropna(axis=1, how="all")
        if hold:
            wide = self.held(wide)
        factors = np.array([self._to_nats(column, member) for member in chosen])[:, None]
        return wide.columns.to_numpy(dtype=float), wide.to_numpy(dtype=float) * factors

    @cached_property
    def done(self) -> dict[int, bool]:
        """By member: whether it trains no further, since it came to its end, met its stopping rule, or diverged."""
        populations = self.run.populations
        return {
            int(row["member"]): bool(pd.notna(row["ended_at"]) or populations[row["population"]].finished)
            for row in self.members.to_dict("records")
        }

    def held(self, wide: pd.DataFrame) -> pd.DataFrame:
        """Of values [member, step] those that count in a median over members; NaN where a member does not.

        One that is done holds its last value, so that a median does not lose those that learned early. One that
        diverged has no value to hold and is left out from the first step on. One that trains counts as far as it has
        come. Of a member alone all counts.
        """
        if len(wide) == 1:
            return wide
        filled = wide.ffill(axis=1)
        come = wide.bfill(axis=1).notna()  # up to a member's last log
        training = [member for member in wide.index if not self.done[member]]
        filled.loc[training] = filled.loc[training].where(come.loc[training])
        filled.loc[[member for member in wide.index if member in self.diverged]] = np.nan
        return filled

    @cached_property
    def diverged(self) -> frozenset[int]:
        """Members whose loss is no number any more."""
        return frozenset(int(member) for member in self.members.loc[self.members["diverged"], "member"])

    def ends(self) -> pd.DataFrame:
        """The last row of every member, in order, with the losses of splits in nats as in `table`."""
        last = self.frame.groupby("member").tail(1).copy()
        for column in [str(name) for name in last.columns if str(name).endswith("_loss")]:
            last[column] *= [self._to_nats(column, member) for member in last["member"]]
        return last

    def unit(self, column: str) -> str:
        """What is put behind the name of a measured number: ` (nats)` for losses that are."""
        return " (nats)" if column.endswith("_loss") and "cross-entropy" in self.loss_unit else ""

    def _to_nats(self, column: str, member: int) -> float:
        """The page's loss is divided by the number of classes; multiplying by it gives nats per example.

        1 for other columns, and for losses that are measured in nats whatever is trained on.
        """
        own = self.specifications[member]
        logged = column.endswith("_loss") and not column.startswith(("restricted", "excluded", "max_excluded"))
        return float(own.task.signature.n_outputs) if logged and LOSSES[own.training.loss].per_class else 1.0

    def source_divisor(self, member: int) -> float:
        """What the explorable divides a loss by, of a member whose loss stands here in nats.

        Of residues it averages cross-entropy over the classes as well; everything it says of those losses is nats over
        p, whatever the member itself was trained on. Of parity, which has one output, and of other losses: 1.
        """
        own = self.specifications[member]
        residues = own.task.kind == "modular" and LOSSES[own.training.loss].core == "cross_entropy"
        return float(own.task.signature.n_outputs) if residues else 1.0

    @property
    def loss_unit(self) -> str:
        """Name and unit of the loss axis."""
        names = {member.training.loss.removesuffix("_per_class") for member in self.specifications.values()}
        known = {
            "cross_entropy": "cross-entropy (nats)",
            "mse": "mean squared error",
            "half_squared_error": "half the squared error",
        }
        return known.get(next(iter(names)), f"{next(iter(names))} loss") if len(names) == 1 else "loss"

    def chance(self, member: int) -> float:
        """Accuracy of guessing: one over the number of classes."""
        return 1 / self.specifications[member].task.signature.n_outputs


def said(name: str, value: Any) -> str:
    """A setting as people say it.

    >>> said("weight_decay", 0.1), said("tied", True), said("tied", False)
    ('weight decay 0.1', 'tied', 'not tied')
    """
    spoken = name.replace("_", " ")
    if isinstance(value, bool | np.bool_):
        return spoken if value else f"not {spoken}"
    return f"{spoken} {shown(value)}"


def shown(value: Any) -> str:
    """A setting's value as people write it."""
    if isinstance(value, list | tuple | np.ndarray):
        return " ".join(shown(part) for part in value)
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def is_number(value: Any) -> bool:
    """Whether a setting's value can stand on a numerical axis."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _ordered(values: pd.Series) -> list[Any]:
    distinct = {repr(value): value for value in values.tolist()}
    if all(is_number(value) for value in distinct.values()):
        return sorted(distinct.values())
    return [distinct[key] for key in sorted(distinct)]


def _tuned(experiment: str, scale: str) -> set[str]:
    """Last parts of the names of the settings that an experiment tunes."""
    tunes = PRESETS[experiment].build(scale).tunes if experiment in PRESETS else set()
    return {path.rsplit(".", 1)[-1] for path in tunes}
