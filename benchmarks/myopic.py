"""What cutting the gradient through the past costs: loss and gradient of a myopic decoder beside a vanilla one.

The bound the study sets itself is 1.35 times the cost of vanilla, so a `ratio_to_peer` of at least 0.74.
"""

from collections.abc import Callable

import torch

from benchmarks.measuring import Effort, Row, in_turn
from latebloom.data import Batch, Place, Signature
from latebloom.models import LOSSES, Decoder, initial_parameters
from latebloom.randomness import stream

PLACES = (64, 256)
ROWS = {64: 32, 256: 8}  # sequences a member sees in a step
MEMBERS = 2


def myopic(effort: Effort) -> list[Row]:
    """A two-layer decoder of width 64 on 64 symbols: both cuts, at both lengths."""
    return [row for places in PLACES for row in _rows(places, effort)]


def _rows(places: int, effort: Effort) -> list[Row]:
    signature = Signature(n_inputs=1, n_outputs=64, d_vocab=64, n_ctx=places)
    plain = Decoder(n_layers=2, d_model=64, n_heads=2)
    params = initial_parameters(plain, [plain] * MEMBERS, signature, range(MEMBERS), Place())
    tokens = torch.tensor(stream(0, "benchmark").integers(0, 64, (MEMBERS, ROWS[places], places)))
    batch = Batch(tokens, tokens.roll(-1, 2), torch.ones(tokens.shape))

    def step(past: str) -> Callable[[], object]:
        model, loss = plain.replace({"past": past}), LOSSES["cross_entropy"]

        def once() -> object:
            with torch.no_grad():
                return model.gradient(params, list(params), batch, loss, torch.ones(MEMBERS))

        return once

    found = in_turn({past: step(past) for past in ("whole", "hidden", "keys")}, effort)
    return [
        Row.rate(f"myopic, past = {past}, T = {places}", "gradients/s", found[past], found["whole"])
        for past in ("hidden", "keys")
    ]
