"""Which pictures a run gets: decided by its networks (depth, kind of attention, tokens), not by its name."""

from pathlib import Path

from latebloom.runs.run import Run
from latebloom.studies.drawing import curves
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.pictures import Named, draw_pictures
from latebloom.studies.mesa_optimization.claims.networks import (
    Network,
    networks,
    of_linear_systems,
    on_channels,
    sees_all,
)
from latebloom.studies.mesa_optimization.figures.binding import draw_binding
from latebloom.studies.mesa_optimization.figures.context import draw_context, draw_depth
from latebloom.studies.mesa_optimization.figures.probes import draw_probes
from latebloom.studies.mesa_optimization.figures.weights import HALFWAY_ON, draw_blocks, draw_halfway
from latebloom.wording import counted

SNAPSHOTS = 3  # from here on a curve over snapshots says something


def draw_run(run: Run, out: Path, member: int = 0) -> list[Path]:
    """Every picture that fits the run, as PNG and SVG; weights and probes are of one member: see `draw_pictures`."""
    return draw_pictures(run, out, member, _pictures)


def _pictures(run: Run, logged: Logged, member: int) -> Named:
    yield from _curves(run, logged)
    if logged.all_begun:
        yield from _of_all(run)
    yield from _of_member(run, member)


def _curves(run: Run, logged: Logged) -> Named:
    """What was logged while the networks learned."""
    who = f"{run.experiment}, {len(logged.members)} members, scale {run.scale}"
    caption = f"Faint: one seed. Bold: median. Band: middle half. Run: {run.label}"
    if logged.last_step:
        yield "curves", curves.draw_learning(logged, who, caption)
        if others := curves.other_columns(logged):
            yield "measures", curves.draw_columns(logged, others, f"{who}: measured", caption)


def _of_all(run: Run) -> Named:
    """Binding, losses by place and by depth, and half-way to the compressed weights, over all members."""
    plain = [net for net in networks(run) if _reads_plain(net)]
    if plain:
        most = max(net.model.n_layers for net in plain)
        own = [net for net in plain if net.model.n_layers == most]
        yield (
            "binding",
            draw_binding(own, f"{run.experiment} ({counted(most, 'layer')}): binding", f"Faint: one seed. {run.label}"),
        )
    nets = [net for net in networks(run) if sees_all(net.specification)]
    who, caption = f"{run.experiment}, scale {run.scale}", f"Run: {run.label}"
    if by_context := nets or [net for net in networks(run) if of_linear_systems(net.specification)]:
        yield (
            "context",
            draw_context(by_context, f"{who}: loss by length of the context", f"Faint: one seed. {caption}"),
        )
    if not nets:
        return
    depths = sorted({net.model.n_layers for net in nets})
    if len(depths) > 1:
        yield "depth", draw_depth(nets, f"{who}: loss by depth", caption)
    deepest = [net for net in nets if net.model.n_layers == depths[-1]]
    if on_channels(deepest[0].specification) and _linear(deepest[0]) and len(deepest[0].steps) >= SNAPSHOTS:
        told = f"Averaged with products compressed late; {HALFWAY_ON} test sequences. Faint: one seed. {caption}"
        yield "halfway", draw_halfway(deepest, f"{who}: {counted(depths[-1], 'layer')}, half-way to numbers", told)


def _of_member(run: Run, member: int) -> Named:
    """Weights of one member's first layer, before and after training, and what probes read of its layers."""
    net = Network(run, member)
    if not on_channels(net.specification) or not net.steps:
        return
    before = {"blocks_before": net.steps[0]} if len(net.steps) > 1 else {}
    for name, step in (before | {"blocks": net.steps[-1]}).items():
        caption = f"Step {step:,}. Run: {run.label}"
        yield name, draw_blocks(net, 0, f"{_who(net)}: products of the first layer", caption, step)
    probed = _with_layers(run, net)
    if probed.model.n_layers > 1:
        yield "probes", draw_probes(probed, f"{_who(probed)}: what probes read", f"Run: {run.label}")


def _who(net: Network) -> str:
    return f"{net.run.experiment}, member {net.member} ({counted(net.model.n_layers, 'layer')})"


def _with_layers(run: Run, net: Network) -> Network:
    """The network, or, where it has one layer alone, the first of the deepest beside it: probes compare layers."""
    if net.model.n_layers > 1:
        return net
    others = [own for own in networks(run) if own.steps and on_channels(own.specification)]
    return max([net, *others], key=lambda own: own.model.n_layers)


def _reads_plain(net: Network) -> bool:
    """Whether it reads states as they are, so that its first layer, of softmax attention, has to bind them."""
    if not of_linear_systems(net.specification) or not net.steps:
        return False
    return net.task.tokens == "plain" and net.model.mixer(0) == "softmax"


def _linear(net: Network) -> bool:
    return all(net.model.mixer(layer) == "linear" for layer in range(net.model.n_layers))
