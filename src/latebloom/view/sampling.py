"""What of a run goes into a site of limited size: its curves, and films of as many networks as there is room for."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from latebloom.view.pack import latest, pack, thinned, unpack
from latebloom.view.views import Maker

FEWEST = 12  # snapshots that a film keeps however little room there is
CURVES = 120_000  # bytes of a run's curves, before they are compressed
MEMBERS = 6  # networks of a run whose weights are shown, at most
OF_A_MEMBER = re.compile(r"(.+?)-(\d+)(?:-\d+)?")  # kind, member, and step where there is one


def ranked(packs: Mapping[str, Maker], opens: Sequence[int] = ()) -> list[list[str]]:
    """Names by rank: first what is one a run, then those of the first member, of the second, ... (`tables-0`, ...).

    Members in `opens`, which the views show without being asked for one, come first; else what a view offers first.
    Where the number is that of a step (`weights-0-500`), those of a member begin at its rank, in the view's order: of
    members that are not kept there are none.
    """
    whole: list[str] = []
    films: dict[str, dict[int, list[str]]] = {}
    for name in packs:
        if found := OF_A_MEMBER.fullmatch(name):
            films.setdefault(found[1], {}).setdefault(int(found[2]), []).append(name)
        else:
            whole.append(name)
    order = {member: place - len(opens) for place, member in enumerate(opens)}
    ranks: list[list[str]] = [[] for _ in range(MEMBERS)]
    for members in films.values():
        for first, member in enumerate(sorted(members, key=lambda one: order.get(one, 0))):
            for rank, name in zip(range(first, MEMBERS), members[member], strict=False):
                ranks[rank].append(name)
    return [whole, *filter(None, ranks)]


def sampled(content: bytes, snapshots: int, most: int | None = None) -> bytes:
    """The pack with at most so many snapshots of a film, and of `most` bytes; first and last stay. Others as they are.

    A film has an array `steps`; its document may name the arrays that have an entry for each of them (`film`), else all
    do. Of curves, every n-th log is kept.
    """
    document, arrays = unpack(content)
    if "columns" in (document or {}):
        return _thinned_curves(document, arrays, CURVES if most is None else min(CURVES, most), content)
    steps = arrays.get("steps")
    if steps is None:
        return content
    film = document.get("film", list(arrays))
    each = sum(arrays[name].nbytes for name in film) / len(steps)
    count = snapshots if most is None else min(snapshots, max(FEWEST, int(most / each)))
    if len(steps) <= count:
        return content
    chosen = thinned(len(steps), count)
    cut = {name: np.ascontiguousarray(a[chosen]) if name in film else a for name, a in arrays.items()}
    return pack(document, cut)


def water_level(sizes: Sequence[int], room: float) -> float:
    """The limit at which things cut to it fill the room just so: small ones stay whole, the large share what is left.

    >>> water_level([10, 50, 100], 110), water_level([10, 50, 100], 500)
    (50.0, inf)
    """
    left = room
    for place, size in enumerate(sorted(sizes)):
        share = left / (len(sizes) - place)
        if size > share:
            return share
        left -= size
    return float("inf")


def _thinned_curves(document: dict[str, Any], arrays: dict[str, np.ndarray], most: int, content: bytes) -> bytes:
    total = sum(array.nbytes for array in arrays.values())
    if total <= most:
        return content
    stride = 1.0
    cut = dict(arrays)
    for number in range(sum(name.startswith("axis") for name in arrays)):
        axis = arrays[f"axis{number}"]
        chosen = thinned(len(axis), max(24, int(len(axis) * most / total)))
        stride = max(stride, len(axis) / len(chosen))
        cut[f"axis{number}"] = axis[chosen]
        for name, column in document["columns"].items():
            if column["axis"] == number:
                cut[name] = latest(arrays[name], chosen)
    return pack({**document, "stride": round(document.get("stride", 1.0) * stride, 2)}, cut)
