"""The claim that later softmax layers are almost linear where systems are wide (25)."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from latebloom.claims import Evidence, Finding, Request, all_of, at_least, at_most, claim, decide, with_control
from latebloom.claims.statistics import median
from latebloom.instruments.linearise import Tap, in_place_of, linearise
from latebloom.models.decoder.attend import keyed
from latebloom.randomness import stream
from latebloom.studies.curves import paired_networks
from latebloom.studies.mesa_optimization.claims.networks import FIXED, PAPER, Network, by_seed, half_error
from latebloom.studies.mesa_optimization.experiments.linearised import DIMENSIONS

FIT_ON = 128  # sequences on which linear layers are fitted, never those of the test split
ROUNDS = {"smoke": 3, "laptop": 100, "paper": 300}


def widened(net: Network, layer: int) -> Callable[[Tensor], Tensor]:
    """What a layer's queries and keys read of its input [..., pos, d_model]: the first one's see positions, too."""

    def widen(x: Tensor) -> Tensor:
        flat = x.reshape(1, -1, *x.shape[-2:])
        wide = keyed(net.model, flat, layer)
        return wide.view(*x.shape[:-1], wide.shape[-1])

    return widen


def copied(net: Network, layer: int, rounds: int, shuffled: bool = False) -> Tap:
    """A linear layer fitted to what a layer adds on its own inputs, as a tap that puts it in its place.

    `shuffled` fits it to what the layer adds in other sequences.
    """
    params = net.parameters()
    seen = net.activations(tokens=net.other[0][:FIT_ON])
    inputs, outputs = (seen[f"blocks.{layer}.{name}"] for name in ("hook_resid_pre", "hook_attn_out"))
    if shuffled:
        order = stream(net.specification.seed, "shuffled outputs").permutation(len(outputs))
        outputs = outputs[torch.from_numpy(order)]
    w_q, w_k, w_v, w_o = (params[f"blocks.{layer}.attn.{name}"] for name in ("W_Q", "W_K", "W_V", "W_O"))
    widen = widened(net, layer)
    found = linearise(inputs, outputs, w_q, w_k, w_v, w_o, rounds=rounds, seen=widen(inputs))
    return in_place_of(layer, found.layer, widen=widen)


def cost(net: Network, tap: Tap) -> float:
    """Test loss with a layer replaced, over the network's own."""
    own = {name: value[None] for name, value in net.parameters().items()}
    with torch.no_grad():
        said = net.model.forward(own, net.test[0][None], tap)[0]
    return half_error(said, net.test[2]) / net.loss()


def costs(nets: list[Network], rounds: int) -> np.ndarray:
    """[network, layer] what replacing each layer alone costs."""
    return np.array([[cost(n, copied(n, layer, rounds)) for layer in range(n.model.n_layers)] for n in nets])


@claim(
    id="mesa_optimization.25",
    title="Later softmax layers are almost linear in wide systems",
    statement="Swapping a softmax layer for a fitted linear one costs little for layers after the first, and less in "
    "wide systems.",
    source=f"{PAPER}, figure 5A; released results",
    published="loss ratio at 60 numbers: layer 1 3.56, others 1.03 to 1.15; at 4 numbers 2.07 and 1.12 to 1.58",
    measure="test loss with one layer replaced by its fitted linear copy, over the original; three layers; d = 4, 6, "
    "10, 4 d places",
    rule="at the largest d the median ratio of every layer after the first is at most 1.25 and that of the first at "
    "least 1.5; and the mean over later layers falls from the smallest to the largest d",
    control="a linear layer fitted to shuffled outputs must cost more than twice",
    fixed=FIXED,
    tag="C",
    scales=("laptop", "paper"),
    cost={"laptop": "7 minutes on one core"},
    needs=lambda scale: tuple(Request(f"mesa_optimization.linearised_{d}", scale) for d in DIMENSIONS[scale]),
)
def later_layers_are_linear(evidence: Evidence) -> Finding:
    """Claim 25."""
    groups = paired_networks(*(by_seed(run) for run in evidence.runs))
    rounds = ROUNDS[evidence.scale]
    tables = {nets[0].task.n_seen: costs(nets, rounds) for nets in groups}
    wide, narrow = tables[max(tables)], tables[min(tables)]
    parts = {"layer 1": decide(median(wide[:, 0]), at_least(1.5))}
    for layer in range(1, wide.shape[1]):
        parts[f"layer {layer + 1}"] = decide(median(wide[:, layer]), at_most(1.25))
    change = median(wide[:, 1:].mean(1) - narrow[:, 1:].mean(1))
    parts[f"mean of later layers, d = {max(tables)} minus d = {min(tables)}"] = decide(change, at_most(0.0))
    told = "; ".join(
        f"d = {d}: {', '.join(f'{value:.2f}' for value in np.median(table, 0))}" for d, table in tables.items()
    )
    last = groups[-1]
    shuffled = median([cost(net, copied(net, 1, rounds, shuffled=True)) for net in last])
    loss = ", ".join(f"{np.median([n.loss() for n in nets]):.3f}" for nets in groups)
    control = decide(shuffled, at_most(2.0), measured=f"layer 2 fitted to shuffled outputs {shuffled}")
    checked = with_control(all_of(parts, note=f"Median ratios by layer: {told}. Median test losses: {loss}."), control)
    rows = {
        str(i + 1): {f"d = {d}": float(np.median(t[:, i])) for d, t in tables.items()} for i in range(wide.shape[1])
    }
    return checked.with_rows({"cost by layer": rows})
