"""One network on a linear system: its products through training, what probes read, what its first layer binds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latebloom.baselines import chebyshev, solvers
from latebloom.baselines.ridge import ridge
from latebloom.instruments.binding import attention_by_distance, copy_errors
from latebloom.instruments.probes import probe, without_outliers
from latebloom.models import Decoder, run_with_cache
from latebloom.studies.drawing.logged import Logged, shown
from latebloom.studies.mesa_optimization.measures.main import layer_products
from latebloom.tasks import LinearDynamics
from latebloom.training.experiment import Experiment
from latebloom.view.pack import pack, thinned
from latebloom.view.views.mesa_references import PENALTY, Rows, best_rate, scalars, sees_all, shown_rows

MOST_BYTES = 1_500_000  # of one member's products; longer films lose snapshots evenly
PLAYED = 24  # sequences that the page computes with
PROBED, PROBES, PROBED_STEPS = 512, 1e-6, 4  # sequences, ridge of the probes, snapshots
DISTANCES = 8
CHANNELS = {"masked": ("0", "0", "sₜ", "sₜ₋₁"), "constructed": ("said", "sₜ", "sₜ", "sₜ₋₁")}


def on_channels(own: Experiment) -> bool:
    """Whether it works on the theory's channels of a system whose whole state is seen."""
    return sees_all(own) and isinstance(own.model, Decoder) and own.model.read_out == "channels"


def reads_states(own: Experiment) -> bool:
    """Whether it is an attention stack on a linear system, from whose stream states can be probed."""
    return isinstance(own.task, LinearDynamics) and isinstance(own.model, Decoder)


def weights_pack(logged: Logged, member: int) -> bytes:
    """`qk` and `ov` [snapshot, layer, head, d_model, d_model], float16, of which 1 stands for `<kind>_scale`.

    `states` [row, pos + 1, d] are sequences to play with, `ridge` [row, pos, d] what ridge says of them. `movable` in
    the document: all layers are linear, so the products are all that acts and the page can run the network.
    """
    own = logged.specifications[member]
    model, task = _of(own)
    every = logged.run.snapshot_steps(member)
    size = 2 * 2 * model.n_layers * model.n_heads * model.d_model**2
    steps = [every[i] for i in thinned(len(every), max(2, MOST_BYTES // size))]
    films: dict[str, list[np.ndarray]] = {"qk": [], "ov": [], "qk_scale": [], "ov_scale": []}
    for step in steps:
        params = {name: value.double() for name, value in logged.run.parameters(member, step).items()}
        layers = [layer_products(params, layer) for layer in range(model.n_layers)]
        for kind in ("qk", "ov"):
            film = np.stack([getattr(layer, kind).numpy() for layer in layers])
            # Products of small first weights are below what float16 can hold.
            scale = np.maximum(np.abs(film).max((1, 2, 3)), 1e-30)
            films[kind].append((film / scale[:, None, None, None]).astype(np.float16))
            films[f"{kind}_scale"].append(scale.astype(np.float32))
    rows = shown_rows(own, PLAYED)
    document = {
        **_of_member(logged, member),
        "layers": model.n_layers,
        "heads": model.n_heads,
        "width": task.n_seen,
        "tokens": task.tokens,
        "channels": list(CHANNELS[task.tokens]),
        "clip": model.resid_clip,
        "movable": all(model.mixer(layer) == "linear" for layer in range(model.n_layers)),
        "kinds": [model.mixer(layer) for layer in range(model.n_layers)],
        "rate": best_rate(own),
        "film": ["steps", *films],
    }
    states = torch.cat([rows.states, rows.targets[:, -1:]], 1)
    arrays = {
        "steps": np.array(steps, dtype=np.int32),
        **{name: np.stack(film) for name, film in films.items()},
        "states": states.numpy().astype(np.float32),
        "ridge": ridge(rows.states, rows.targets, PENALTY).numpy().astype(np.float16),
    }
    return pack(document, arrays)


def probes_pack(logged: Logged, member: int) -> bytes:
    """`r2` [snapshot, kind, layer, pos], float16: held-out R^2 of probes, layer 0 the input; first snapshot untrained.

    Kinds: the next state; where all is seen, also the state after six solver steps and after the exact inverse.
    """
    own = logged.specifications[member]
    _of(own)
    every = logged.run.snapshot_steps(member)
    steps = [every[i] for i in thinned(len(every), PROBED_STEPS)]
    rows = shown_rows(own, PROBED)
    wanted: dict[str, tuple[Tensor, bool]] = {"next state": (rows.targets, False)}
    if sees_all(own):
        gram = solvers.Gram(rows.states, PENALTY, normalised=False)
        wanted["state, six solver steps"] = (chebyshev.preconditioned(rows.states, scalars(own), PENALTY), True)
        wanted["state, exact inverse"] = (solvers.exact(gram, rows.states), True)
    table = []
    for step in steps:
        streams = torch.stack(_streams(logged, member, step, rows)[0])
        table.append([_r2(streams, target, outliers) for target, outliers in wanted.values()])
    document = {**_of_member(logged, member), "kinds": list(wanted), "sequences": len(rows.states)}
    values = np.clip(np.array(table), -9, 9).astype(np.float16)
    return pack(document, {"steps": np.array(steps, dtype=np.int32), "r2": values})


def binding_pack(logged: Logged, member: int) -> bytes:
    """`unread` [snapshot, distance]: share of variance of earlier states that a probe of the first layer leaves unread.

    `attention` [snapshot, head, distance]: where its heads look, of networks whose first layer is softmax.
    """
    own = logged.specifications[member]
    model, task = _of(own)
    every = logged.run.snapshot_steps(member)
    steps = [every[i] for i in thinned(len(every), PROBED_STEPS)]
    rows = shown_rows(own, PROBED)
    reach = min(DISTANCES, task.length)
    arrays: dict[str, list[np.ndarray]] = {"unread": [], "attention": []}
    for step in steps:
        streams, cache = _streams(logged, member, step, rows)
        arrays["unread"].append(copy_errors(streams[1], rows.states, reach)[1].numpy())
        if model.mixer(0) == "softmax":
            pattern = cache["blocks.0.attn.hook_pattern"][0]
            by = attention_by_distance(pattern, pattern.shape[-1] // 2)[:, :reach]
            arrays["attention"].append(by.numpy())
    kept = {name: np.stack(rows).astype(np.float32) for name, rows in arrays.items() if rows}
    return pack(_of_member(logged, member), {"steps": np.array(steps, dtype=np.int32), **kept})


def _streams(logged: Logged, member: int, step: int, rows: Rows) -> tuple[list[Tensor], Any]:
    """The residual stream before the first layer and after each, float64, and everything else that was seen."""
    model = logged.specifications[member].model
    assert isinstance(model, Decoder)
    params = {name: value[None].double() for name, value in logged.run.parameters(member, step).items()}
    with torch.no_grad():
        _, cache = run_with_cache(model, params, rows.tokens[None])
    names = ["blocks.0.hook_resid_pre", *(f"blocks.{layer}.hook_resid_post" for layer in range(model.n_layers))]
    return [cache[name][0] for name in names], cache


def _r2(streams: Tensor, wanted: Tensor, outliers: bool) -> Sequence[np.ndarray]:
    keep = without_outliers(wanted) if outliers else None
    return [probe(one, wanted, intercept=True, ridge=PROBES, keep=keep).r2.numpy() for one in streams]


def _of(own: Experiment) -> tuple[Decoder, LinearDynamics]:
    assert isinstance(own.model, Decoder) and isinstance(own.task, LinearDynamics)
    return own.model, own.task


def _of_member(logged: Logged, member: int) -> dict[str, Any]:
    row = logged.members.loc[logged.members["member"] == member].iloc[0]
    settings = {str(name): shown(row[name]) for name in logged.axes}
    return {"member": member, "seed": int(row["seed"]), "settings": settings}
