"""Measurements while a network learns: its error after each number of pairs, on every test class."""

from typing import cast

from latebloom.errors import LatebloomError
from latebloom.instruments.icl_curve import normalised_errors
from latebloom.tasks import InContextFunctions
from latebloom.tasks.functions.task import split_name
from latebloom.training.measures import Columns, measure
from latebloom.training.view import View


@measure("model_selection.pairs")
def pairs(view: View) -> Columns:
    """`<split>_by_pairs` [points]: squared error over the class's variance after 0, 1, ... pairs, mean over prompts.

    The variance is that under standard inputs. Where inputs set the query apart (orthant, repeated, orthogonal) only
    the last column is about them.
    """
    if not isinstance(view.population.task, InContextFunctions):
        raise LatebloomError(
            f"model_selection.pairs needs the task in_context_functions, not {view.population.task.kind!r}."
        )
    columns = {}
    # Scalings may differ between members, and with them the variances.
    tasks = [cast(InContextFunctions, member.task) for member in view.population.members]
    for place, component in enumerate(tasks[0].tested.components):
        split = split_name(component.text)
        said = view.logits(split)[:, :, tasks[0].x_places, 0]
        clean = view.splits[split].targets[:, :, tasks[0].x_places, 0]
        found = said.new_empty(len(tasks), said.shape[-1])
        for member, task in enumerate(tasks):
            variance = task.tested.components[place].function.variance
            found[member] = normalised_errors(said[member], clean[member], variance).mean(0)
        columns[f"{split}_by_pairs"] = found
    return columns
