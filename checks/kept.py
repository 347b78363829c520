"""Weights that a run of the house has kept, as tables of numbers: what was trained there, to be measured here.

Read as files are: `run.json` says who is who, safetensors hold the numbers.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor


def kept(experiment: str, step: int) -> list[tuple[dict[str, object], dict[str, Tensor]]]:
    """Each member of the newest run at scale laptop below `$LATEBLOOM_HOME`: what it was varied by, and its weights.

    In order of seeds, so that arms that share them can be paired one by one.
    Empty, with a word about it, where there is no such run, or none that kept the step.
    """
    home = Path(os.environ.get("LATEBLOOM_HOME", "runs"))
    runs = sorted((home / experiment).glob("laptop-*/run.json"), key=lambda path: path.stat().st_mtime)
    if not runs:
        print(f"  no run of {experiment} at scale laptop below {home}: its weights are not measured", flush=True)
        return []
    told = json.loads(runs[-1].read_text())
    folders = [runs[-1].parent / "populations" / name for name in told["populations"]]
    tables = [_tables(folder, step) for folder in folders]
    if not any(tables):
        print(f"  {runs[-1].parent} has kept no weights of step {step}: they are not measured", flush=True)
    return [
        (
            member["varied"],
            {name: table[member["index"]] for name, table in tables[member["population"]].items()},
        )
        for member in sorted(told["members"], key=lambda member: member["varied"].get("seed", 0))
        if tables[member["population"]]
    ]


def layers(tables: Mapping[str, Tensor]) -> int:
    """How many blocks a network's tables name."""
    return len({name.split(".")[1] for name in tables if name.startswith("blocks.")})


def _tables(folder: Path, step: int) -> dict[str, Tensor]:
    """All members' tables at a step, from a snapshot or else from a checkpoint; none if there is neither."""
    snapshot, checkpoint = (folder / kind / f"{step:09d}.safetensors" for kind in ("snapshots", "checkpoints"))
    if snapshot.is_file():
        return dict(load_file(snapshot))
    if not checkpoint.is_file():
        return {}
    found = load_file(checkpoint)
    return {name.removeprefix("params/"): table for name, table in found.items() if name.startswith("params/")}
