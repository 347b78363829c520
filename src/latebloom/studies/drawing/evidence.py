"""What a verdict rests on: intervals of its estimates, and panels for the rows and values its judge kept."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from latebloom.claims import Entry
from latebloom.studies.drawing.logged import is_number
from latebloom.studies.drawing.style import CYCLE, GUIDE, TEST, WIDTH, canvas, legend_columns, log_axis, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = 6
COUNTED = {"uses"}  # lists that count something for 1, 2, 3, ...: drawn in that order
COURSES = (  # no power laws: plain lines
    "by place",
    "by step",
    "by steps",
    "by solver steps",
    "by layer",
    "by distance",
    "by functions in the pool",
    "by states seen",
    "by pairs",
    "by pairs seen",
    "by share",
    "by non-zero weights",
    "by frequency",
    "by amplitude",
    "by scale of inputs",
)
UNITS = {"x": "ratio"}  # what stands on an axis for a unit that is read after a number only
ALONG = {"bars", "lines", "curves", "groups"}  # kinds whose x axis is what the name says behind "by"
MANY = 24  # from here on a histogram says more than single dots


@dataclass(frozen=True)
class Panel:
    """One thing to draw: its name, the kind of picture, the values."""

    name: str
    kind: str  # intervals, dots, histogram, bars, lines, curves, groups, pairs
    values: Any


def panels(entry: Entry) -> list[Panel]:
    """Pictures for an entry's estimates (one for each unit) and for its extra values, at most six."""
    found = [
        Panel(UNITS.get(unit, unit) or "estimates", "intervals", group)
        for unit, group in _by_unit(entry.estimates).items()
    ]
    return [*found, *_walk("", entry.extra)][:PANELS]


def _by_unit(estimates: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for name, estimate in estimates.items():
        if _known(estimate):
            groups.setdefault(estimate["unit"], {})[name] = estimate
    return groups


def _known(estimate: Mapping[str, Any]) -> bool:
    """Whether an estimate has a value, or at least an end: that of an event not reached is "later than"."""
    return estimate["value"] is not None or estimate["interval"][0] is not None


def _walk(name: str, value: Any) -> Iterator[Panel]:
    """Recognises the shapes in which judges keep numbers; what fits none is passed over."""
    if isinstance(value, Mapping):
        if set(value) >= {"value", "interval", "n"}:
            if _known(value):
                yield Panel(name, "intervals", {name: value})
        elif {"predicted", "observed"} <= set(value) and _numbers(value["predicted"]):
            yield Panel(
                "predicted and observed", "pairs", list(zip(value["predicted"], value["observed"], strict=True))
            )
            rest = {key: item for key, item in value.items() if key not in ("predicted", "observed")}
            yield from _walk(name, rest)
        elif len(value) > 1 and _numbers(list(value.values())):
            yield Panel(name, "bars", value)
        elif len(value) > 1 and all(
            isinstance(item, Mapping) and _numbers(list(item.values())) for item in value.values()
        ):
            yield Panel(name, "curves" if name.endswith(COURSES) else "lines", value)
        elif len(value) > 1 and name and all(_numbers(item) for item in value.values()):
            yield Panel(name, "groups", value)
        else:
            for key, item in value.items():
                yield from _walk(f"{name}: {key}" if name else str(key), item)
    elif _numbers(value) and name.split(": ")[-1] in COUNTED:
        yield Panel(name, "bars", {str(place + 1): count for place, count in enumerate(value)})
    elif _numbers(value):
        kind = "histogram" if sum(item is not None for item in value) >= MANY else "dots"
        yield Panel(name, kind, value)
    elif _listed(value) and all(_numbers(item, 2) and len(item) == 2 for item in value):
        yield Panel(name, "pairs", value)


def _listed(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 0


def _numbers(value: Any, least: int = 1) -> bool:
    """A list of numbers, some of which may be unknown (None)."""
    return (
        _listed(value)
        and all(item is None or is_number(item) for item in value)
        and sum(item is not None for item in value) >= least
    )


def draw_evidence(entry: Entry, heading: str, caption: str) -> "Figure | None":
    """All panels of an entry; None if it kept no numbers."""
    found = panels(entry)
    if not found:
        return None
    across = 1 if len(found) == 1 else 2
    listed = max((_listed_below(panel.values, WIDTH / across) for panel in found if panel.kind == "curves"), default=0)
    figure, axes = canvas(-(-len(found) // across), across, height=2.9 + 0.2 * max(0, listed - 3))
    for number, place in enumerate(axes.flat):
        if number >= len(found):
            place.axis("off")
            continue
        panel = found[number]
        DRAW[panel.kind](place, panel.values)
        place.set_title(panel.name, loc="left", fontsize=9)
        if panel.kind in ALONG and " by " in panel.name:
            place.set_xlabel(panel.name.rsplit(" by ", 1)[1], loc="right")
    title(figure, heading, caption)
    return figure


def _intervals(axes: "Axes", values: Mapping[str, Any]) -> None:
    """Estimates with their 95 % intervals; an end that is not known is an arrow."""
    for row, estimate in enumerate(values.values()):
        low, high = estimate["interval"]
        middle = low if estimate["value"] is None else estimate["value"]
        ends = middle if low is None else low, middle if high is None else high
        axes.plot(ends, (row, row), color=TEST, linewidth=3, solid_capstyle="butt")
        if estimate["value"] is not None:
            axes.plot(middle, row, "o", color="black", markersize=5)
        for end, sign in ((low, "<"), (high, ">")):
            if end is None:
                axes.plot(middle, row, sign, color=TEST, markersize=9, zorder=0)
    # Beyond six rows there is no room for a second line.
    between = "\n" if len(values) <= 6 else ", "
    names = [f"{textwrap.fill(name, 26)}{between}n = {estimate['n']}" for name, estimate in values.items()]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    numbers = [n for estimate in values.values() for n in (estimate["value"], *estimate["interval"]) if n is not None]
    _log_if_wide(axes, "x", numbers)
    if min(numbers) < 0 < max(numbers):
        axes.axvline(0, color=GUIDE, linewidth=1, zorder=0)  # the side on which a difference lies
    axes.grid(axis="x", color="#e6e6e6")
    if len({estimate["unit"] for estimate in values.values()}) == 1:
        unit = next(iter(values.values()))["unit"]
        axes.set_xlabel(UNITS.get(unit, unit))


def _dots(axes: "Axes", values: Sequence[float | None]) -> None:
    """Each value a dot, in order of size, with the median; what is unknown (not reached) is counted in words."""
    known = np.sort([value for value in values if value is not None])
    axes.plot(range(1, len(known) + 1), known, "o", color=CYCLE[0], markersize=5)
    axes.axhline(float(np.median(known)), color=GUIDE, linestyle=(0, (2, 2)), label="median")
    missing = len(values) - len(known)
    axes.set_xlabel("rank" + (f" ({missing} not reached)" if missing else ""))
    axes.margins(x=0.1)
    axes.legend(loc="best")
    _log_if_wide(axes, "y", known)
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def _histogram(axes: "Axes", values: Sequence[float | None]) -> None:
    """How often each value occurs: whole numbers one by one, others in a dozen bins."""
    known = np.array([value for value in values if value is not None], dtype=float)
    if np.all(known == known.round()) and np.ptp(known) <= 40:
        sizes, counts = np.unique(known, return_counts=True)
        axes.bar(sizes, counts, width=0.8, color=CYCLE[0])
    else:
        axes.hist(known, bins=12, color=CYCLE[0], edgecolor="white")
        axes.axvline(float(np.median(known)), color="black", linestyle=(0, (2, 2)), label="median")
        axes.legend(loc="best")
    axes.set_ylabel("count")


def _bars(axes: "Axes", values: Mapping[str, float | None]) -> None:
    """A bar for each name, in order of size where the names are numbers."""
    names = _by_number(values)
    heights = {place: value for place, name in enumerate(names) if (value := values[name]) is not None}
    axes.bar(list(heights), list(heights.values()), color=CYCLE[0])
    every = max(1, len(names) // 12)
    shown = range(0, len(names), every)
    long = max(len(name) for name in names) > 7
    axes.set_xticks(
        list(shown), [names[i] for i in shown], rotation=35 if long else 0, ha="right" if long else "center"
    )


def _lines(axes: "Axes", values: Mapping[str, Mapping[str, float | None]]) -> None:
    """One line for each inner name over the outer names; logarithmic in both where the numbers ask for it."""
    names = _by_number(values)
    numeric = all(_as_number(name) is not None for name in names)
    x = np.array([_as_number(name) for name in names] if numeric else range(len(names)), dtype=float)
    kinds = dict.fromkeys(kind for row in values.values() for kind in row)
    for kind, colour in zip(kinds, CYCLE, strict=False):
        y = np.array([values[name].get(kind) for name in names], dtype=float)
        known = np.isfinite(y)
        axes.plot(x[known], y[known], "o-", color=colour, label=kind, markersize=4)
        if numeric:
            _power_law(axes, x[known], y[known], colour)
    if numeric:
        _log_if_wide(axes, "x", x)
    else:
        axes.set_xticks(range(len(names)), names, rotation=20, ha="right")
    _log_if_wide(axes, "y", [item for row in values.values() for item in row.values() if item is not None])
    axes.legend(loc="best")


def _curves(axes: "Axes", values: Mapping[str, Mapping[str, float | None]]) -> None:
    """A plain line for each inner name over the course that the outer names count; the legend below, clear of lines.

    Along a logarithmic axis where every name is at least twice the one before.
    """
    names = _by_number(values)
    x = np.array([_as_number(name) for name in names], dtype=float)
    kinds = dict.fromkeys(kind for row in values.values() for kind in row)
    for kind, colour in zip(kinds, CYCLE, strict=False):
        y = np.array([values[name].get(kind) for name in names], dtype=float)
        known = np.isfinite(y)
        axes.plot(x[known], y[known], color=colour, label=kind, linewidth=1.5)
    _log_if_wide(axes, "y", [item for row in values.values() for item in row.values() if item is not None])
    from matplotlib.ticker import MaxNLocator
    from matplotlib.transforms import offset_copy

    if x[0] > 0 and len(x) > 2 and np.all(x[1:] >= 2 * x[:-1]):
        log_axis(axes, "x")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=bool(np.all(x == x.round()))))
    # Below the numbers and the name of the axis.
    below = offset_copy(axes.transAxes, axes.get_figure(root=True), y=-30, units="points")
    grid = axes.get_gridspec()
    columns = legend_columns(kinds, WIDTH / (grid.ncols if grid else 1))
    axes.legend(
        loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=below, borderaxespad=0, ncols=columns, fontsize=8
    )


def _listed_below(values: Mapping[str, Mapping[str, float | None]], width: float) -> int:
    """Lines that the legend under a panel of curves takes, if it is so wide."""
    kinds = {kind for row in values.values() for kind in row}
    return -(-len(kinds) // legend_columns(kinds, width))


def _power_law(axes: "Axes", x: np.ndarray, y: np.ndarray, colour: str) -> None:
    """The straight line of log y over log x, where there are three points over a factor of ten or more."""
    if len(x) < 3 or min(x.min(), y.min()) <= 0 or x.max() < 10 * x.min():
        return
    slope, offset = np.polyfit(np.log(x), np.log(y), 1)
    line = np.exp(offset + slope * np.log(x))
    axes.plot(x, line, color=colour, linewidth=1, linestyle=(0, (2, 2)), label=f"slope {slope:.2f}")


def _groups(axes: "Axes", values: Mapping[str, Sequence[float | None]]) -> None:
    """A column of dots for each name."""
    names = _by_number(values)[:40]
    for place, name in enumerate(names):
        known = [value for value in values[name] if value is not None]
        axes.plot([place] * len(known), known, "o", color=CYCLE[0], alpha=0.4, markersize=4)
        if known:
            axes.plot([place - 0.3, place + 0.3], [np.median(known)] * 2, color="black")
    every = max(1, len(names) // 12)
    axes.set_xticks(range(0, len(names), every), names[::every])
    _log_if_wide(axes, "y", [value for row in values.values() for value in row if value is not None])


def _pairs(axes: "Axes", values: Sequence[Sequence[float | None]]) -> None:
    """Second number against first, with the line where they are equal."""
    known = np.array([(a, b) for a, b in values if a is not None and b is not None], dtype=float).reshape(-1, 2)
    axes.plot(known[:, 0], known[:, 1], "o", color=CYCLE[0], alpha=0.7, markersize=5)
    if len(known):
        ends = [float(known.min()), float(known.max())]
        axes.plot(ends, ends, color=GUIDE, linestyle=(0, (2, 2)), label="equal")
        axes.legend(loc="best")
    axes.set(xlabel="first", ylabel="second")


DRAW: dict[str, Callable[["Axes", Any], None]] = {
    "intervals": _intervals,
    "dots": _dots,
    "histogram": _histogram,
    "bars": _bars,
    "lines": _lines,
    "curves": _curves,
    "groups": _groups,
    "pairs": _pairs,
}


def _as_number(name: str) -> float | None:
    try:
        return float(name)
    except ValueError:
        return None


def _by_number(values: Mapping[str, Any]) -> list[str]:
    numeric = all(_as_number(name) is not None for name in values)
    return sorted(values, key=float) if numeric else list(values)


def _log_if_wide(axes: "Axes", which: str, values: Any) -> None:
    known = np.array([value for value in values if value is not None], dtype=float)
    if known.size and (known > 0).all() and known.max() > 50 * known.min():
        log_axis(axes, which)
