"""`python -m checks NAME [--seeds N]`: contradicted claims measured again by plain code, beside the ledger."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence

import torch

from checks.agreement import agreement, agreement_trained
from checks.binding import binding
from checks.compare import Line, row
from checks.data import data, decay
from checks.deep import deep, deep_trained
from checks.depths import depths
from checks.examples import examples
from checks.fewer_pairs import fewer_pairs
from checks.folds import folds
from checks.future_tokens import ladder, short, text
from checks.inputs import codes, mirror
from checks.lines import lines
from checks.mixtures import beginning, mixtures
from checks.muon import muon
from checks.norm import norm
from checks.parity import floor, switch
from checks.pools import pools
from checks.products import products, products_trained
from checks.push import push
from checks.shares import noises, rare
from checks.softmax_stack import softmax, softmax_trained
from checks.splits import splits
from checks.spread import spread
from checks.swapped import swapped
from checks.tense import tense, tense_trained
from checks.tree_depths import tree_depths
from checks.written_down import solver, steps

CHECKS: dict[str, tuple[Callable[[int], list[Line]], int]] = {  # and how many seeds tell
    "floor": (floor, 3),  # grokking 23
    "switch": (switch, 5),  # 26
    "data": (data, 5),  # 34
    "decay": (decay, 3),  # 35
    "norm": (norm, 3),  # 36
    "fewer_pairs": (fewer_pairs, 3),  # 38, 39
    "muon": (muon, 3),  # 49
    "codes": (codes, 3),  # 51
    "mirror": (mirror, 3),  # 52
    "folds": (folds, 3),  # 53
    "text": (text, 5),  # future_tokens 14, 21, 23
    "text_short": (short, 1),  # 14, 21
    "ladder": (ladder, 5),  # 16, 17
    "products": (products, 5),  # 19
    "products_trained": (products_trained, 1),  # 19
    "push": (push, 5),  # 31
    "stacked": (steps, 1),  # mesa_optimization 3
    "solver": (solver, 1),  # 13
    "deep": (deep, 5),  # 13
    "deep_trained": (deep_trained, 1),  # 13
    "softmax": (softmax, 5),  # 19
    "softmax_trained": (softmax_trained, 1),  # 19
    "spread": (spread, 5),  # 30
    "binding": (binding, 1),  # 18
    "swapped": (swapped, 1),  # 25
    "examples": (examples, 1),  # 27
    "mixtures": (mixtures, 5),  # model_selection 8, 28, 29
    "mixtures_short": (beginning, 1),  # 28, 29
    "rare": (rare, 5),  # 10
    "noises": (noises, 5),  # 27
    "pools": (pools, 5),  # 26
    "lines": (lines, 5),  # 13, 15, 16, 25
    "tense": (tense, 5),  # structural_grokking 6, 7
    "tense_trained": (tense_trained, 1),  # 7
    "depths": (depths, 5),  # 12
    "tree_depths": (tree_depths, 5),  # 19
    "splits": (splits, 5),  # 22
    "agreement": (agreement, 5),  # 33
    "agreement_trained": (agreement_trained, 1),  # 33
}
HEADINGS = ["claim", "quantity", "asked", "ledger", "here", ""]


def table(lines: Sequence[Line]) -> str:
    """Aligned text."""
    cells = [HEADINGS, *(row(line) for line in lines)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def main(words: Sequence[str] | None = None) -> int:
    """Runs one check or all and prints its table; 1 if a number falls on another side of its rule than the ledger's."""
    parser = argparse.ArgumentParser(prog="python -m checks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=sorted(CHECKS), help="one check; all of them if left out")
    parser.add_argument("--seeds", type=int, help="how many seeds instead of as many as tell")
    asked = parser.parse_args(words)
    if asked.seeds is not None and asked.seeds < 1:
        parser.error(f"--seeds {asked.seeds}: at least 1.")
    lines: list[Line] = []
    for name in [asked.name] if asked.name else list(CHECKS):
        check, seeds = CHECKS[name]
        begun = time.process_time()
        print(f"{name}: {(check.__doc__ or '').strip()}", flush=True)
        lines += check(asked.seeds or seeds)
        print(f"  {time.process_time() - begun:.0f} s", flush=True)
    print(table(lines))
    return int(any(row(line)[-1].isupper() for line in lines))


if __name__ == "__main__":
    torch.set_num_threads(1)
    # A network that memorises fills its softmax with numbers too small to be ordinary, which are ten times as slow.
    torch.set_flush_denormal(True)
    sys.exit(main())
