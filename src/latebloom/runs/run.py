"""Reading a run: its members, measurements and snapshots, whatever populations they were trained in."""

from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor

from latebloom.errors import LatebloomError, StoreError
from latebloom.runs.files import read_json
from latebloom.runs.population import PopulationFolder, check_format

# What tables of runs call their own; a field of such a name that varies is written in full.
OWN_COLUMNS = frozenset(
    ["member", "population", "index", "step", "ended_at", "diverged", "run", "experiment", "scale", "hash"]
)

AGAIN = "restore it from a copy or delete its folder"


class Run:
    """A run folder, opened for reading."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.document: dict[str, Any] = read_json(self.path / "run.json")
        needed = ("hash", "experiment", "scale", "command", "populations", "members")
        check_format(self.path / "run.json", self.document, *needed)
        _check_layout(self.path / "run.json", self.document)

    def __repr__(self) -> str:
        return f"Run({self.label}, {len(self.document['members'])} members, {self.status})"

    @property
    def label(self) -> str:
        """`experiment/scale-hash`, as listed."""
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def hash(self) -> str:
        """The run's identity: a digest of all its members' specifications and part versions."""
        return str(self.document["hash"])

    @property
    def experiment(self) -> str:
        """Name of the experiment."""
        return str(self.document["experiment"])

    @property
    def scale(self) -> str:
        """smoke, quick, laptop or paper."""
        return str(self.document["scale"])

    @property
    def command(self) -> str:
        """The command that makes or continues this run."""
        return str(self.document["command"])

    @cached_property
    def populations(self) -> list[PopulationFolder]:
        """The populations its members were trained in."""
        return [PopulationFolder(self.path / "populations" / name) for name in self.document["populations"]]

    def check(self) -> None:
        """Raises `StoreError` where the header or the manifest of a population cannot be read."""
        for folder in self.populations:
            _ = folder.finished, folder.manifest
            folder.reread()  # a run that trains goes on

    @property
    def status(self) -> str:
        """`finished`, or how many populations are."""
        done = sum(folder.finished for folder in self.populations)
        return (
            "finished" if done == len(self.populations) else f"{done} of {len(self.populations)} populations finished"
        )

    @property
    def finished(self) -> bool:
        """Whether every population reached its end."""
        return all(folder.finished for folder in self.populations)

    @property
    def seconds(self) -> float:
        """Training time spent on its populations, summed over them."""
        return float(
            sum(f.header.get("seconds", 0.0) for f in self.populations if (f.path / "population.json").exists())
        )

    def members(self) -> pd.DataFrame:
        """One row a member: number, where it lives, every varied field, and whether and when it ended early."""
        rows = []
        for number, member in enumerate(self.document["members"]):
            progress = self.populations[member["population"]].progress
            index = member["index"]
            rows.append(
                {
                    "member": number,
                    "population": member["population"],
                    "index": index,
                    **member["varied"],
                    "ended_at": progress["ended_at"][index] if progress else None,
                    "diverged": bool(progress["diverged"][index]) if progress else False,
                }
            )
        return pd.DataFrame(rows)

    def measurements(self, zooms: bool = False) -> pd.DataFrame:
        """One row a member and step: every measured quantity, and the fields that vary between members.

        A field with the name of a measured quantity is `<name>_setting`.
        """
        members = self.members().drop(columns=["ended_at", "diverged"])
        tables = []
        for number, folder in enumerate(self.populations):
            table = folder.measurements(zooms).to_pandas().rename(columns={"member": "index"})
            own = members[members["population"] == number]
            tables.append(own.merge(table, on="index", suffixes=("_setting", "")).drop(columns=["population", "index"]))
        frame = pd.concat(tables, ignore_index=True)
        return frame.sort_values(["member", "step"], ignore_index=True).drop_duplicates(["member", "step"], keep="last")

    def specification(self, member: int) -> dict[str, Any]:
        """The resolved specification of one member."""
        place = self._place(member)
        specification: dict[str, Any] = self.populations[place["population"]].header["members"][place["index"]]
        return specification

    def snapshot_steps(self, member: int = 0) -> list[int]:
        """Steps at which a member's parameters were kept."""
        return self.populations[self._place(member)["population"]].snapshot_steps

    def _place(self, member: int) -> dict[str, Any]:
        """Where a member lives; a number that is no member's is refused."""
        members: list[dict[str, Any]] = self.document["members"]
        if not 0 <= member < len(members):
            raise LatebloomError(f"{self.label} has members 0 to {len(members) - 1}; there is no {member}.")
        return members[member]

    def parameters(self, member: int, step: int | None = None) -> dict[str, Tensor]:
        """One member's parameters at a kept step, without member axis; None: the last kept step."""
        place = self._place(member)
        folder = self.populations[place["population"]]
        if not folder.snapshot_steps:
            raise StoreError(f"{folder.path} has kept no parameters yet. Continue the run: {self.command}")
        tensors = folder.snapshot(folder.snapshot_steps[-1] if step is None else step)
        return {name: value[place["index"]] for name, value in tensors.items()}


def _check_layout(path: Path, document: dict[str, Any]) -> None:
    """Refuses names of populations and places of members that are none."""
    names, members = document["populations"], document["members"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise StoreError(f"{path}: its populations are no list of names; {AGAIN}.")
    if not isinstance(members, list):
        raise StoreError(f"{path}: its members are no list; {AGAIN}.")
    for number, member in enumerate(members):
        place = member if isinstance(member, dict) else {}
        population, index = place.get("population"), place.get("index")
        known = isinstance(population, int) and 0 <= population < len(names) and isinstance(index, int) and index >= 0
        if not (known and isinstance(place.get("varied"), dict)):
            raise StoreError(f"{path}: its member {number} has no place in one of its populations; {AGAIN}.")
