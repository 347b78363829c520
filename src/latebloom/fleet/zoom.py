"""Zooming into a finished run: exact replay of a window from the checkpoint before it."""

from latebloom.errors import LatebloomError
from latebloom.fleet.interrupt import Interrupt
from latebloom.runs.lock import writing
from latebloom.runs.run import Run
from latebloom.training.device import training_arithmetic
from latebloom.training.experiment import Experiment
from latebloom.training.loop import Report, zoom
from latebloom.training.population import Population


class _Watcher:
    """Listens for Ctrl-C."""

    def __init__(self, interrupt: Interrupt) -> None:
        self.interrupt = interrupt

    def report(self, report: Report) -> None:
        """Shows nothing; a window is short."""

    def stopping(self) -> bool:
        return self.interrupt.asked.is_set()


def check_window(window: tuple[int, int, int], name: str, steps: int) -> None:
    """Refuses a window (first, last, stride) that does not lie in a run of so many steps."""
    first, last, stride = window
    if not (0 <= first < last <= steps and stride >= 1):
        raise LatebloomError(
            f"--zoom {first}:{last}:{stride} is no window of {name}: it has steps 0 to {steps}; "
            "START must be below END and the stride at least 1."
        )


def zoom_run(run: Run, first: int, last: int, stride: int = 1) -> bool:
    """Measures every population of a run at steps first, first + stride, ... up to last, and keeps it with the run.

    Returns whether all of them were; a population that was interrupted keeps nothing of the window.

    Raises `LatebloomError` for a window outside the run, or one of its populations, and for a run that is not finished:
    when its members end is not known yet.
    """
    if not run.finished:
        raise LatebloomError(f"{run.label} is not finished, and a window is replayed when it is: {run.command}")
    steps = min(int(folder.header["members"][0]["training"]["steps"]) for folder in run.populations)
    check_window((first, last, stride), run.label, steps)
    with Interrupt().listening() as interrupt:
        for folder in run.populations:
            members = tuple(Experiment.parse(member) for member in folder.header["members"])
            with writing(folder.path), training_arithmetic():
                folder.reread()
                population = Population.start(members, folder.snapshot(0))
                if not zoom(population, folder, first, last, stride, _Watcher(interrupt)):
                    return False
    return True
