"""What looking at a population costs, in training steps."""

from benchmarks.contestants import advancing
from benchmarks.measuring import Effort, Row, in_turn
from latebloom import studies
from latebloom.training.measures import take
from latebloom.training.population import Population
from latebloom.training.presets import PRESETS
from latebloom.training.view import View


def observing(effort: Effort) -> list[Row]:
    """Every measurement of the two hot paths' experiments, one at a time and with what it needs."""
    studies.load()
    rows = []
    for name in ("grokking.modular_addition", "grokking.parity_sweep"):
        experiment = PRESETS[name].build("laptop").experiment
        count = max(effort.members[:2])
        members = [experiment.model_copy(update={"seed": seed}) for seed in range(count)]
        ours = Population.start(members)
        due = {"the log": [m.name for m in experiment.measure if m.when is None]}
        due |= {m.name: [m.name] for m in experiment.measure if m.when is not None}
        looks = {label: lambda names=names, ours=ours: take(names, View(ours, 0)) for label, names in due.items()}
        found = in_turn({"step": advancing(experiment, count), **looks}, effort)
        rows += [Row.cost(f"{name}, {label}, E = {count}", "steps", found["step"] / found[label]) for label in due]
    return rows
