"""Work units: the populations that a run still needs, and the runs it begins from."""

from dataclasses import dataclass
from pathlib import Path

from latebloom.runs.population import PopulationFolder
from latebloom.training.experiment import Experiment


@dataclass(frozen=True)
class Unit:
    """One population to train: the piece of work a worker takes."""

    path: Path
    members: tuple[Experiment, ...]
    hashes: tuple[str, ...]  # of its members
    start: Path | None = None  # the run whose members' weights these begin from

    @property
    def folder(self) -> PopulationFolder:
        """Its folder, freshly opened."""
        return PopulationFolder(self.path)

    @property
    def run(self) -> Path:
        """The run it was laid out for."""
        return self.path.parents[1]

    @property
    def home(self) -> Path:
        """The folder of all runs."""
        return self.path.parents[3]


@dataclass(frozen=True)
class Plan:
    """A run and the units that are still to be trained for it; what begins from a source waits for it."""

    run: Path
    units: tuple[Unit, ...]
    sources: tuple["Plan", ...] = ()

    @property
    def all_units(self) -> list[Unit]:
        """Units of the sources, then its own."""
        return [unit for source in self.sources for unit in source.all_units] + list(self.units)
