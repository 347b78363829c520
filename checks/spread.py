"""Claim 30 of the mesa study: do trainings differ less than the test batches that published error bars come from?"""

from collections.abc import Mapping, Sequence
from statistics import mean, stdev

import torch
from torch import Tensor

from checks.compare import Line
from checks.deep import PLACES, STEPS, D, said
from checks.dynamics import sequences
from checks.kept import kept, layers

BATCH = 256
NOTHING = 1.68  # what a sequence costs that is answered by 0, about
RUNS = {  # name in the ledger -> experiment, its last step, whether tokens are masked
    "one layer": ("mesa_optimization.one_layer", 3500, True),
    "deepest stack": ("mesa_optimization.deep", STEPS, False),
}


def spread(seeds: int, batches: int = 32) -> list[Line]:
    """Claim 30 with the weights that our runs have kept, on batches of its own."""
    lines = []
    for name, (run, step, masked) in RUNS.items():
        members = [tables for varied, tables in kept(run, step) if varied["seed"] in range(seeds)]
        deepest = max(map(layers, members), default=0)
        source = torch.Generator().manual_seed(83)
        asked = [sequences(BATCH, D, PLACES, source) for _ in range(batches)]
        singly = [by_sequence(tables, asked, masked) for tables in members if layers(tables) == deepest]
        losses = [own.mean(1).tolist() for own in singly]
        found = ratios(losses) if len(losses) > 1 else []
        for own, each in zip(losses, singly, strict=True):
            worse = (
                f"{int((each > NOTHING).sum())} of {each.numel()} worse than saying nothing, at most {each.max():.1f}"
            )
            print(f"  {name}: {mean(own):.4f}, from batch to batch {stdev(own):.4f}; {worse}", flush=True)
        lines.append(Line("mesa_optimization.30", f"{name}: trainings / batches, kept weights", found, 0, 1, name))
    return lines


def by_sequence(tables: Mapping[str, Tensor], batches: Sequence[Tensor], masked: bool) -> Tensor:
    """A network's loss on every sequence [batch, sequence] of batches of states [sequence, place + 1, d]."""
    with torch.no_grad():
        told = [said(tables, states[:, :-1], masked) - states[:, 1:] for states in batches]
    return torch.stack(told).square().sum(-1).mean(-1) / 2


def ratios(losses: Sequence[Sequence[float]]) -> list[float]:
    """Deviation of the mean losses [network][batch] over networks, as a share of each network's over batches."""
    over_networks = stdev(map(mean, losses))
    return [over_networks / stdev(own) for own in losses]
