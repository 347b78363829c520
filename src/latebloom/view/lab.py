"""The documents behind the pages: the index, a run, a claim. The server and the exported site show the same ones."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from latebloom import __version__, studies
from latebloom.claims import Claim, Ledger, Standing, all_claims
from latebloom.claims.claim import TAGS
from latebloom.errors import LatebloomError
from latebloom.runs.home import run_folders
from latebloom.runs.run import Run
from latebloom.studies import STUDIES, study_names
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.reproduce import standing
from latebloom.training.experiment import Experiment
from latebloom.training.presets import PRESETS
from latebloom.view.pictures import Pictures
from latebloom.view.views import Maker, opened_members, packs_of, runs_beside, views_of

RUN_ID = re.compile(r"[0-9a-f]{12,64}")


@dataclass
class Lab:
    """Everything there is to show: the runs of a home and the verdicts of a ledger.

    `only` names the studies that are shown; none: all. `still`: nothing changes while it is read, as in an export, so
    runs are looked up once.
    """

    home: Path
    ledger: Path
    only: Sequence[str] = ()
    still: bool = False
    _opened: dict[str, tuple[int, Logged]] = field(default_factory=dict, repr=False)
    _standings: tuple[Any, tuple[Standing, ...]] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        studies.load()

    def index(self) -> dict[str, Any]:
        """Studies with their experiments, runs, and a row for every claim."""
        shown = [name for name in study_names() if not self.only or name in self.only]
        return {
            "version": __version__,
            "studies": [self._study(name) for name in shown],
            "runs": [row for run in self.runs().values() if (row := self.run_row(run)) and row["study"] in shown],
            "claims": [_claim_row(row) for row in self.standings],
        }

    @cached_property
    def claims(self) -> dict[str, Claim]:
        """The claims of the studies shown, by id."""
        return {claim.id: claim for claim in all_claims() if not self.only or claim.study in self.only}

    @property
    def standings(self) -> tuple[Standing, ...]:
        """The ledger as it stands; computed again only when one of its files has changed, since it takes seconds."""
        files = sorted(self.ledger.glob("*.json")) if self.ledger.is_dir() else []
        stamp = tuple((path.name, path.stat().st_mtime_ns) for path in files)
        if self._standings is None or self._standings[0] != stamp:
            rows = standing(list(self.claims.values()), self.ledger) if self.claims else ()
            self._standings = stamp, rows
        return self._standings[1]

    def standing_of(self, claim: Claim) -> Standing:
        """One claim's row."""
        return next(row for row in self.standings if row.entry.id == claim.id)

    def runs(self) -> dict[str, Run]:
        """The readable runs by id (the digits of their hash); looked up anew, since runs come while one looks.

        Of runs that hold the same members, under other names or scales, it is the first that is finished, if any is.
        """
        return self._runs if self.still else self._look_up()

    @cached_property
    def _runs(self) -> dict[str, Run]:
        return self._look_up()

    def _look_up(self) -> dict[str, Run]:
        found: dict[str, Run] = {}
        for path in run_folders(self.home):
            try:
                run = Run(path)
                if run.hash not in found or (run.finished and not found[run.hash].finished):
                    found[run.hash] = run
            except (LatebloomError, KeyError, TypeError):  # one damaged run must not hide the others
                continue
        return {key: run for key, run in found.items() if RUN_ID.fullmatch(key)}

    def run_row(self, run: Run) -> dict[str, Any] | None:
        """What a list says of a run; None for one that cannot be read."""
        try:
            first = Experiment.parse(_begun(run))
            return {
                "id": run.hash,
                "label": run.label,
                "study": run.experiment.split(".")[0],
                "experiment": run.experiment,
                "scale": run.scale,
                "members": len(run.document["members"]),
                "steps": first.training.steps,
                "status": run.status,
                "finished": run.finished,
                "seconds": round(run.seconds, 1),
                "stamp": self.stamp(run),
                "task": first.task.kind,
                "model": first.model.kind,
                "views": [view.name for view in views_of(first)],
            }
        except (LatebloomError, KeyError, OSError):
            return None

    def run(self, run: Run) -> dict[str, Any]:
        """A run's page: settings, members, the views that fit, the packs they may ask for."""
        stamp = self.stamp(run)  # before anything is read: what is committed meanwhile is still news
        logged = self.logged(run)
        row = self.run_row(run)
        if row is None:
            raise LatebloomError(f"{run.label} cannot be read.")
        first = Experiment.parse(_begun(run))
        return {
            **row,
            "stamp": stamp,
            "command": run.command,
            "title": PRESETS[run.experiment].title if run.experiment in PRESETS else "",
            "specification": _begun(run),
            "versions": run.document.get("versions", {}),
            "hardware": run.document.get("hardware", {}),
            "views": [{"name": view.name, "title": view.title, "about": view.about} for view in views_of(first)],
            "packs": sorted(packs_of(logged)),
            "claims": [row.entry.id for row in self.standings if run.hash in row.entry.runs],
        }

    def packs(self, run: Run) -> dict[str, Maker]:
        """What the run's views may ask for."""
        return packs_of(self.logged(run))

    def origin(self, run: Run) -> tuple[tuple[str, int], ...]:
        """What the run's packs are made from: the run and those beside it, each with its stamp."""
        own = self.stamp(run)  # before anything is read: what is committed meanwhile is still news
        return (run.hash, own), *((other.hash, self.stamp(other)) for other in runs_beside(self.logged(run)))

    def claim(self, claim: Claim) -> dict[str, Any]:
        """A claim's page: what the source says, the rule, what was measured at every scale, and the commands."""
        row = self.standing_of(claim)
        here = self.runs()
        entries = Ledger.load(self.ledger).of(claim.id)
        return {
            **row.to_json(),
            "was": str(row.entry.verdict),
            "measure": claim.measure,
            "trust": [TAGS[letter] for letter in claim.tag],
            "scales": list(claim.scales),
            "cost": dict(claim.cost),
            "why": claim.why,
            "needs": [need.command for need in claim.requests(row.entry.scale)],
            "entries": [entry.to_json() for entry in entries],
            "here": {digest: here[digest].label for digest in row.entry.runs if digest in here},
            "drawn": bool(row.entry.judged_at),
        }

    def pictures(self, claim: Claim) -> list[bytes]:
        """The claim's pictures, WebP; none for one that was not judged. Drawn once, then kept in the home."""
        entry = self.standing_of(claim).entry
        return self._pictures.of(claim, entry, self.drawn_runs(claim)) if entry.judged_at else []

    def drawn_runs(self, claim: Claim) -> list[Run]:
        """The runs that the claim's pictures show: of those that it rests on, what is here and finished."""
        here = self.runs()
        keys = dict.fromkeys(self.standing_of(claim).entry.runs)
        return [here[key] for key in keys if key in here and here[key].finished]

    def forget_pictures(self) -> None:
        """Removes kept pictures that were not asked for in two months."""
        self._pictures.forget_unused()

    @cached_property
    def _pictures(self) -> Pictures:
        return Pictures(self.home / ".pictures")

    def opens(self, run: Run) -> list[int]:
        """The members that the run's views show without being asked for one."""
        return opened_members(self.logged(run))

    def logged(self, run: Run) -> Logged:
        """A run's measurements, read again when the run has moved on."""
        stamp = self.stamp(run)
        if run.hash not in self._opened or self._opened[run.hash][0] != stamp:
            if len(self._opened) >= 8:
                self._opened.pop(next(iter(self._opened)))
            self._opened[run.hash] = stamp, Logged(run)
        return self._opened[run.hash][1]

    @staticmethod
    def stamp(run: Run) -> int:
        """Changes whenever something was committed to the run: milliseconds, of its newest manifest or header."""
        places = [folder.path / name for folder in run.populations for name in ("manifest.json", "population.json")]
        return max((place.stat().st_mtime_ns for place in places if place.exists()), default=0) // 1_000_000

    def _study(self, name: str) -> dict[str, Any]:
        experiments = [{"name": key, "title": PRESETS[key].title} for key in PRESETS if key.startswith(f"{name}.")]
        return {"name": name, "about": _about(name), "experiments": experiments}


def _begun(run: Run) -> dict[str, Any]:
    """The specification of the first member that has begun to train: it need not be the first of the run.

    Raises `LatebloomError` where none has.
    """
    for member in run.document["members"]:
        folder = run.populations[member["population"]]
        if (folder.path / "population.json").exists():
            specification: dict[str, Any] = folder.header["members"][member["index"]]
            return specification
    raise LatebloomError(f"{run.label} has not begun: {run.command}")


def _claim_row(row: Standing) -> dict[str, Any]:
    entry = row.entry
    return {
        "id": entry.id,
        "study": entry.study,
        "title": entry.title,
        "verdict": "stale" if row.stale else str(entry.verdict),
        "scale": entry.scale,
        "seeds": entry.seeds,
        "seconds": entry.seconds,
        "published": entry.published,
        "measured": entry.measured if entry.judged_at else entry.note,
        "runs": list(entry.runs),
    }


def _about(study: str) -> str:
    """The first paragraph of a study's docstring."""
    import importlib

    if study not in STUDIES:
        return "Written outside Latebloom."
    module: Any = importlib.import_module(f"latebloom.studies.{study}")
    return " ".join((module.__doc__ or "").split("\n\n")[0].split())
