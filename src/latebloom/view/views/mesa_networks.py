"""One network on a linear system: its products through training, what probes read, what its first layer binds."""

import numpy as np
import torch
from torch import Tensor

from latebloom.baselines import chebyshev, solvers
from latebloom.instruments.binding import attention_by_distance, copy_errors
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.mesa_optimization.claims.deep_probes import r2
from latebloom.studies.mesa_optimization.claims.networks import PENALTY, Network, one_step_rate, ridge_of, sees_all
from latebloom.view.pack import pack, thinned
from latebloom.view.views.mesa_references import scalars

MOST_BYTES = 1_500_000  # of one member's products; longer films lose snapshots evenly
PLAYED = 24  # sequences that the page computes with
PROBED, PROBES, PROBED_STEPS = 512, 1e-6, 4  # sequences, ridge of the probes, snapshots
DISTANCES = 8
CHANNELS = {"masked": ("0", "0", "sₜ", "sₜ₋₁"), "constructed": ("said", "sₜ", "sₜ", "sₜ₋₁")}


def weights_pack(logged: Logged, member: int) -> bytes:
    """`qk` and `ov` [snapshot, layer, head, d_model, d_model], float16, of which 1 stands for `<kind>_scale`.

    `states` [row, pos + 1, d] are sequences to play with, `ridge` [row, pos, d] what ridge says of them. `movable` in
    the document: all layers are linear, so the products are all that acts and the page can run the network.
    """
    net = Network(logged.run, member, PLAYED)
    model, task = net.model, net.task
    every = net.steps
    size = 2 * 2 * model.n_layers * model.n_heads * model.d_model**2
    steps = [every[i] for i in thinned(len(every), max(2, MOST_BYTES // size))]
    films: dict[str, list[np.ndarray]] = {"qk": [], "ov": [], "qk_scale": [], "ov_scale": []}
    for step in steps:
        layers = net.layers(step)
        for kind in ("qk", "ov"):
            film = np.stack([getattr(layer, kind).numpy() for layer in layers])
            # Products of small first weights are below what float16 can hold.
            scale = np.maximum(np.abs(film).max((1, 2, 3)), 1e-30)
            films[kind].append((film / scale[:, None, None, None]).astype(np.float16))
            films[f"{kind}_scale"].append(scale.astype(np.float32))
    document = {
        "layers": model.n_layers,
        "heads": model.n_heads,
        "width": task.n_seen,
        "tokens": task.tokens,
        "channels": list(CHANNELS[task.tokens]),
        "clip": model.resid_clip,
        "movable": all(model.mixer(layer) == "linear" for layer in range(model.n_layers)),
        "kinds": [model.mixer(layer) for layer in range(model.n_layers)],
        "rate": one_step_rate(net),
        "film": ["steps", *films],
    }
    _, seen, following = net.test
    states = torch.cat([seen, following[:, -1:]], 1)
    arrays = {
        "steps": np.array(steps, dtype=np.int32),
        **{name: np.stack(film) for name, film in films.items()},
        "states": states.numpy().astype(np.float32),
        "ridge": ridge_of(net).numpy().astype(np.float16),
    }
    return pack(document, arrays)


def probes_pack(logged: Logged, member: int) -> bytes:
    """`r2` [snapshot, kind, layer, pos], float16: held-out R^2 of probes, layer 0 the input; first snapshot untrained.

    Kinds: the next state; where all is seen, also the state after six solver steps and after the exact inverse.
    """
    net = Network(logged.run, member, PROBED)
    steps = _probed(net)
    _, states, targets = net.test
    wanted: dict[str, tuple[Tensor, bool]] = {"next state": (targets, False)}
    if sees_all(net.specification):
        gram = solvers.Gram(states, PENALTY, normalised=False)
        wanted["state, six solver steps"] = (chebyshev.preconditioned(states, scalars(net.task), PENALTY), True)
        wanted["state, exact inverse"] = (solvers.exact(gram, states), True)
    table = []
    for step in steps:
        streams = torch.stack(net.streams(step))
        table.append([r2(streams, target, outliers, PROBES) for target, outliers in wanted.values()])
    values = np.clip(np.array(table), -9, 9).astype(np.float16)
    return pack({"kinds": list(wanted)}, {"steps": np.array(steps, dtype=np.int32), "r2": values})


def binding_pack(logged: Logged, member: int) -> bytes:
    """`unread` [snapshot, distance]: share of variance of earlier states that a probe of the first layer leaves unread.

    `attention` [snapshot, head, distance]: where its heads look, of networks whose first layer is softmax.
    """
    net = Network(logged.run, member, PROBED)
    steps = _probed(net)
    reach = min(DISTANCES, net.task.length)
    arrays: dict[str, list[np.ndarray]] = {"unread": [], "attention": []}
    for step in steps:
        seen = net.activations(step)
        arrays["unread"].append(copy_errors(seen["blocks.0.hook_resid_post"], net.test[1], reach)[1].numpy())
        if net.model.mixer(0) == "softmax":
            pattern = seen["blocks.0.attn.hook_pattern"]
            by = attention_by_distance(pattern, pattern.shape[-1] // 2)[:, :reach]
            arrays["attention"].append(by.numpy())
    kept = {name: np.stack(rows).astype(np.float32) for name, rows in arrays.items() if rows}
    return pack({}, {"steps": np.array(steps, dtype=np.int32), **kept})


def _probed(net: Network) -> list[int]:
    """A few of the steps at which weights were kept, the first and the last among them."""
    return [net.steps[i] for i in thinned(len(net.steps), PROBED_STEPS)]
