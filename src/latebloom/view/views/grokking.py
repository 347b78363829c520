"""The grokking explorable on any run: what its pictures read of networks for residues and for parity, and of sweeps."""

from collections.abc import Mapping
from functools import partial

from latebloom.studies.drawing.logged import Logged
from latebloom.studies.grokking.figures.parity import is_parity_net
from latebloom.studies.grokking.figures.tables import has_tables
from latebloom.training.experiment import Experiment
from latebloom.view.pack import unpack
from latebloom.view.views.base import VIEWS, Maker, View
from latebloom.view.views.curves import packs as curve_packs
from latebloom.view.views.grokking_networks import gallery_pack, parity_pack, tables_pack
from latebloom.view.views.grokking_outcomes import outcomes_pack


def fits(member: Experiment) -> bool:
    """Runs of networks for residues or for parity."""
    return member.task.kind in ("modular", "parity")


def packs(logged: Logged) -> Mapping[str, Maker]:
    """Curves; `tables-<member>` or `parity-<member>` where weights were kept; `gallery`; `outcomes`."""
    made = dict(curve_packs(logged))
    kept = [member for member in logged.specifications if logged.run.snapshot_steps(member)]
    modular = [member for member in kept if has_tables(logged.specifications[member])]
    for member in modular:
        made[f"tables-{member}"] = partial(tables_pack, logged, member)
    for member in kept:
        if is_parity_net(logged.specifications[member]):
            made[f"parity-{member}"] = partial(parity_pack, logged, member)
    if len(modular) > 1:
        made["gallery"] = partial(gallery_pack, logged, modular)
    if logged.last_step and {"train_accuracy", "test_accuracy", "test_loss"} <= set(logged.frame.columns):
        made["outcomes"] = partial(outcomes_pack, logged)
    return made


def opens(logged: Logged) -> int:
    """The member that the outcomes name; the first, where there are none."""
    if "outcomes" not in packs(logged):
        return int(logged.members["member"].iloc[0])
    return int(unpack(outcomes_pack(logged))[0]["opens"])


VIEWS.register("grokking")(
    View(
        name="grokking",
        title="Grokking explorable",
        about="Scrub any curve: weights, waves, Fourier transforms, stars, logits and parity weights follow.",
        fits=fits,
        packs=packs,
        opens=opens,
    )
)
