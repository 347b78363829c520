"""Which pictures a run gets: decided by what it holds (curves, swept settings, kind of network), not by its name."""

from pathlib import Path

import torch

from latebloom.models import ModularMLP
from latebloom.runs.run import Run
from latebloom.studies.drawing import curves, outcomes
from latebloom.studies.drawing.logged import Logged, said
from latebloom.studies.drawing.pictures import Named, draw_pictures
from latebloom.studies.grokking.figures import modular, parity
from latebloom.studies.grokking.figures.tables import has_tables, memorised_step, read_tables
from latebloom.tasks import SparseParity
from latebloom.wording import counted


def draw_run(run: Run, out: Path, member: int = 0) -> list[Path]:
    """Every picture that fits the run, as PNG and SVG; weights are those of one member: see `draw_pictures`."""
    return draw_pictures(run, out, member, _pictures)


def _pictures(run: Run, logged: Logged, member: int) -> Named:
    yield from _of_all(run, logged)
    yield from _of_member(run, logged, member)


def _of_all(run: Run, logged: Logged) -> Named:
    """Curves, outcomes and end values over all members."""
    who = f"{run.experiment}, {counted(len(logged.members), 'member')}, scale {run.scale}"
    lines = "Faint: one seed. Bold: median. Band: middle half." if any(len(a.members) > 1 for a in logged.arms) else ""
    command = f"Run: {run.label}"
    if logged.last_step:
        yield "curves", curves.draw_learning(logged, who, f"{lines}\n{command}".strip())
        if norms := curves.norm_columns(logged):
            yield "norms", curves.draw_columns(logged, norms, f"{who}: weight norms", f"{lines}\n{command}".strip())
        if others := curves.other_columns(logged):
            yield "measures", curves.draw_columns(logged, others, f"{who}: measured", f"{lines}\n{command}".strip())
    if logged.axes:
        yield "outcomes", outcomes.draw_outcomes(logged, f"{who}: outcomes under two rules", command)
        yield "end_values", outcomes.draw_end_values(logged, f"{who}: values at the end", command)


def _of_member(run: Run, logged: Logged, member: int) -> Named:
    """Weights of one member."""
    specification = logged.specifications[member]
    if not run.snapshot_steps(member):
        return
    settings = {"seed": specification.seed} | {
        name: logged.members.loc[logged.members["member"] == member, name].item() for name in logged.axes
    }
    told = ", ".join(said(name, value) for name, value in settings.items())
    who, command = f"{run.experiment}, member {member} ({told})", f"Run: {run.label}"
    if has_tables(specification):
        late = read_tables(run, logged, member)
        early = read_tables(run, logged, member, memorised_step(run, logged, member))
        if isinstance(specification.model, ModularMLP) and specification.model.circle is not None:
            yield "plane", modular.draw_plane(late, f"{who}: step {late.step:,}", _STAR + command)
        yield "weights", modular.draw_weights(early, late, f"{who}: weights", command)
        yield "fourier", modular.draw_fourier(early, late, f"{who}: Fourier transform of the weights", command)
        yield "waves", modular.draw_waves(late, f"{who}: neurons as waves, step {late.step:,}", command)
        yield "stars", modular.draw_stars(late, f"{who}: neurons by angle, step {late.step:,}", _STAR + command)
        a, b = (value % late.p for value in modular.PAIR)
        answer = int(specification.task.answer(torch.tensor([a, b])))
        heading = f"{who}: logits for a = {a}, b = {b}, step {late.step:,}"
        yield "logits", modular.draw_logits(late, answer, (a, b), heading, command)
    if isinstance(specification.task, SparseParity) and parity.is_parity_net(specification):
        k = specification.task.k
        yield "trajectories", parity.draw_trajectories(run, member, k, f"{who}: input weights", command)
        yield "weights", parity.draw_parity_weights(run, member, k, f"{who}: weights", command)


_STAR = "Neurons are joined in the order of their input angle; the dashed circle has their mean radius.\n"
