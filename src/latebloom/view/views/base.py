"""What a view is on the side of Python: whether it fits a run, and what it reads of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from latebloom.registry import Registry
from latebloom.runs.run import Run
from latebloom.studies.drawing.logged import Logged
from latebloom.training.experiment import Experiment

Maker = Callable[[], bytes]


@dataclass(frozen=True)
class View:
    """A picture a person can play with.

    To add one: register it in a module of this package, list the module in `views/__init__.py`, and write
    `web/src/views/<name>/index.ts` with `export default { render }`.

    Attributes:
        name: also the name of its folder in web/src/views.
        title: as people read it.
        about: one sentence.
        fits: whether it can show runs of such members; looks at the specification only.
        packs: name -> what makes it, for a run; names are unique over all views (`tables-3`: of member 3).
        opens: the member that it shows unasked, where it chooses one; a site keeps that member's packs first.
        beside: other runs of which packs of this one hold something, where there are such.
    """

    name: str
    title: str
    about: str
    fits: Callable[[Experiment], bool]
    packs: Callable[[Logged], Mapping[str, Maker]]
    opens: Callable[[Logged], int] | None = None
    beside: Callable[[Run], Sequence[Run]] | None = None


VIEWS: Registry[View] = Registry("view")


def views_of(member: Experiment) -> list[View]:
    """The views that can show runs of such members."""
    return [VIEWS[name] for name in VIEWS if VIEWS[name].fits(member)]


def packs_of(logged: Logged) -> dict[str, Maker]:
    """Everything the run's views may ask for, by name."""
    return {name: make for view in _views_of_run(logged) for name, make in view.packs(logged).items()}


def opened_members(logged: Logged) -> list[int]:
    """The members that the run's views show unasked."""
    return list(dict.fromkeys(view.opens(logged) for view in _views_of_run(logged) if view.opens is not None))


def runs_beside(logged: Logged) -> list[Run]:
    """Other runs of which packs of this one hold something."""
    return [other for view in _views_of_run(logged) if view.beside is not None for other in view.beside(logged.run)]


def _views_of_run(logged: Logged) -> list[View]:
    """The views that can show a run; none while it has no member."""
    return views_of(next(iter(logged.specifications.values()))) if len(logged.members) else []
