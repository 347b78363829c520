"""Mesa-optimization: weights as blocks, the way from network to algorithm, probes, loss by length of the context."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from latebloom.models import Decoder
from latebloom.studies.drawing.logged import Arm, Logged
from latebloom.studies.mesa_optimization.claims.networks import Network, of_linear_systems, on_channels, sees_all
from latebloom.studies.mesa_optimization.figures.context import LOSS
from latebloom.training.experiment import Experiment
from latebloom.view.pack import pack
from latebloom.view.views.base import VIEWS, Maker, View
from latebloom.view.views.future_tokens import lists
from latebloom.view.views.mesa_networks import binding_pack, probes_pack, weights_pack
from latebloom.view.views.mesa_references import references, solver_losses
from latebloom.wording import counted

STUDY = "mesa_optimization."
SHOWN = 256  # test sequences of the first member on which references are asked


def fits(member: Experiment) -> bool:
    """Runs of decoders that measure what this study measures."""
    return isinstance(member.model, Decoder) and any(measure.name.startswith(STUDY) for measure in member.measure)


def packs(logged: Logged) -> Mapping[str, Maker]:
    """`mesa`: losses by place beside every reference; of members whose weights were kept `weights-`, `probes-`,
    `binding-<member>`, as far as they apply.
    """
    made: dict[str, Maker] = {"mesa": lambda: mesa_pack(logged)}
    for member, own in logged.specifications.items():
        if not logged.run.snapshot_steps(member):
            continue
        if on_channels(own):
            made[f"weights-{member}"] = partial(weights_pack, logged, member)
        if of_linear_systems(own):
            made[f"probes-{member}"] = partial(probes_pack, logged, member)
            if not on_channels(own):
                made[f"binding-{member}"] = partial(binding_pack, logged, member)
    return made


def opens(logged: Logged) -> int:
    """The first of the deepest networks: it has most to show."""
    depths = {member: getattr(own.model, "n_layers", 0) for member, own in logged.specifications.items()}
    return max(depths, key=lambda member: (depths[member], -member))


def mesa_pack(logged: Logged) -> bytes:
    """`by_place` [step, member, pos] with `by_place_steps`; `references` [reference, pos]; losses of solver steps.

    References are computed on some of the first member's test sequences, their numbers fitted on others; those that
    read several states at once, of partly seen systems, read `window`. `opens` is the member that is shown unasked.
    """
    member, first = next(iter(logged.specifications.items()))
    arrays: dict[str, np.ndarray] = {}
    document: dict[str, Any] = {
        "opens": opens(logged),
        "groups": [{"label": "", "arms": [_arm(logged, arm) for arm in logged.arms]}],
        "unit": "nats" if not first.task.signature.real_targets else LOSS,
        "references": [],
        "window": 1,
        "solver": None,
    }
    if (found := lists(logged, ["loss_by_place"])) is not None:
        arrays["by_place_steps"], arrays["by_place"] = found[0], found[1][:, :, 0]
    if of_linear_systems(first):
        net = Network(logged.run, member, SHOWN)
        told, document["window"] = references(net)
        document["references"] = list(told)
        width = found[1].shape[-1] if found is not None else first.task.signature.n_ctx
        arrays["references"] = np.full((len(told), width), np.nan, dtype=np.float32)
        for row, losses in zip(arrays["references"], told.values(), strict=True):
            row[: len(losses)] = losses
        if sees_all(first) and len({arm["layers"] for arm in document["groups"][0]["arms"]}) > 1:
            document["solver"] = solver_losses(net)
    return pack(document, arrays)


def _arm(logged: Logged, arm: Arm) -> dict[str, Any]:
    model = logged.specifications[arm.members[0]].model
    assert isinstance(model, Decoder)
    places = {int(member): place for place, member in enumerate(logged.members["member"])}
    kinds = " and ".join(dict.fromkeys(model.mixer(layer) for layer in range(model.n_layers)))
    name = counted(model.n_layers, f"{kinds} layer")
    rest = Arm({key: value for key, value in arm.settings.items() if not key.endswith("n_layers")}, arm.members).label
    return {
        "past": f"depth {model.n_layers}",
        "name": f"{name}, {rest}" if rest else name,
        "layers": model.n_layers,
        "members": [places[member] for member in arm.members],
        "seeds": [logged.specifications[member].seed for member in arm.members],
    }


VIEWS.register("mesa_optimization")(
    View(
        name="mesa_optimization",
        title="Mesa-optimization",
        about="Weights as blocks, a slider from network to algorithm, probes, loss by length of the context.",
        fits=fits,
        packs=packs,
        opens=opens,
    )
)
