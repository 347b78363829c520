"""What became of every member of a sweep, under two rules beside each other; and end values over a swept setting."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from latebloom.instruments.outcome import RATIO_LABELS, TIME_LABELS, outcome_by_ratio, outcome_by_time
from latebloom.studies.drawing.curves import scalar_columns, some_of, spans_decades
from latebloom.studies.drawing.logged import Arm, Logged, is_number, shown
from latebloom.studies.drawing.style import CYCLE, Legend, canvas, log_axis, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# As in the explorable: grey, white, blue and yellow; what its rule cannot tell apart gets hues of its own.
COLOURS = {
    "nothing": "#8c8c8c",
    "memorise_only": "#ffffff",
    "semi": "#cc79a7",
    "together": "#56b4e9",
    "grok": "#f0c300",
    "lost": "#d55e00",
    "regained": "#009e73",
}
PANELS = 6
LINES = "-", (0, (4, 2)), (0, (1, 1.5))  # lines that lie on each other stay visible


def min_delay(logged: Logged) -> float:
    """The time-based rule asks for 1,000 steps between fitting and generalising; short runs for a tenth of theirs."""
    return min(1000.0, logged.last_step / 10)


def labels(logged: Logged) -> dict[str, list[str]]:
    """Each member's label by rule; empty for a run without curves of train and test."""
    if logged.last_step == 0 or not {"train_accuracy", "test_accuracy"} <= set(logged.frame.columns):
        return {}
    steps, train = logged.table("train_accuracy")
    _, test = logged.table("test_accuracy")
    chance = np.array([logged.chance(member) for member in logged.members["member"]])
    by_time = outcome_by_time(steps, train, test, chance=chance, min_delay=min_delay(logged))
    divisors = np.array([logged.source_divisor(member) for member in logged.members["member"]])[:, None]
    by_ratio = outcome_by_ratio(logged.table("train_loss")[1] / divisors, logged.table("test_loss")[1] / divisors)
    return {"by lowest losses and their ratio": list(by_ratio.label), "by times": list(by_time.label)}


def draw_outcomes(logged: Logged, heading: str, caption: str = "") -> "Figure | None":
    """The grid of outcomes, a block of seeds in each cell; None for a run without a swept setting or without curves."""
    found = labels(logged)
    if not found or not logged.axes:
        return None
    across, down, panel = _places(logged)
    panels = [None] if panel is None else [arm.settings[panel] for arm in _values(logged, panel)]
    height = 0.9 + 0.45 * max(2, len(logged.axes[down]) if down else 1)
    if panel is None:
        figure, axes = canvas(1, 2, height=max(height, 2.0))
        places = axes.reshape(2, 1)
    else:
        figure, places = canvas(2, len(panels), height=max(height, 1.8), sharex=True, sharey=True)
    for row, (rule, told) in enumerate(found.items()):
        for column, value in enumerate(panels):
            axis = places[row, column]
            _dots(axis, logged, told, across, down, (panel, value))
            words = [f"{panel.replace('_', ' ')} {shown(value)}"] if panel else [rule]
            axis.set_title("\n".join(words), loc="left", fontsize=9)
            if panel is not None and column == 0:
                axis.set_ylabel(f"{rule}\n{down.replace('_', ' ') if down else ''}", fontsize=9)
            if panel is not None and row == 0:
                axis.set_xlabel("")
    used = [name for name in TIME_LABELS if any(name in told for told in found.values())]
    title(figure, heading, f"{_rules(logged)}\n{caption}".strip(), _legend(used))
    return figure


def _rules(logged: Logged) -> str:
    divisors = sorted({logged.source_divisor(member) for member in logged.members["member"]})
    unit = "nats" if divisors == [1.0] else f"nats over {' or '.join(shown(value) for value in divisors)}"
    return (
        f"Ratio rule (explorable): both losses reach 1e-5 {unit}, and test loss is 5e4 times train loss at some step. "
        f"Time rule: test accuracy 95 % at least {min_delay(logged):,.0f} steps later than, and at twice the time of, "
        "train accuracy 99 %. Labels only one rule knows: "
        + ", ".join(sorted(set(TIME_LABELS) - set(RATIO_LABELS)))
        + "."
    )


def _places(logged: Logged) -> tuple[str, str | None, str | None]:
    """Which swept fields go across, down and into panels; with more than three the rest shares a cell."""
    names = sorted(logged.axes, key=lambda name: -len(logged.axes[name]))[:3]
    panel = None
    if len(names) == 3:
        panel = "weight_decay" if "weight_decay" in names else names[-1]
        names.remove(panel)
    names.sort(key=list(logged.axes).index)
    return names[0], names[1] if len(names) > 1 else None, panel


def _values(logged: Logged, field: str) -> list[Arm]:
    return some_of([Arm({field: value}, ()) for value in logged.axes[field]], PANELS)


def _dots(
    axes: "Axes", logged: Logged, told: list[str], across: str, down: str | None, panel: tuple[str | None, Any]
) -> None:
    """One square a member; members of a cell fill a block from its upper left."""
    cells: dict[tuple[int, int], list[int]] = {}
    for position, row in enumerate(logged.members.to_dict("records")):
        if panel[0] is not None and repr(row[panel[0]]) != repr(panel[1]):
            continue
        x = _index(logged.axes[across], row[across])
        y = _index(logged.axes[down], row[down]) if down else 0
        cells.setdefault((x, y), []).append(position)
    side = math.ceil(math.sqrt(max((len(cell) for cell in cells.values()), default=1)))
    size = 0.86 / side
    from matplotlib.patches import Rectangle

    for (x, y), positions in cells.items():
        for number, position in enumerate(positions):
            corner = x - 0.43 + size * (number % side), y + 0.43 - size * (number // side + 1)
            box = Rectangle(
                corner, size * 0.9, size * 0.9, facecolor=COLOURS[told[position]], edgecolor="#555555", linewidth=0.5
            )
            axes.add_patch(box)
    rows = logged.axes[down] if down else [""]
    axes.set(xlim=(-0.6, len(logged.axes[across]) - 0.4), ylim=(-0.6, len(rows) - 0.4))
    _ticks(axes, "x", [shown(value) for value in logged.axes[across]])
    _ticks(axes, "y", [shown(value) for value in rows] if down else [])
    axes.set_xlabel(across.replace("_", " "))
    if panel[0] is None and down:
        axes.set_ylabel(down.replace("_", " "))
    axes.tick_params(length=0)
    for edge in axes.spines.values():
        edge.set_visible(False)


def _ticks(axes: "Axes", which: str, names: list[str]) -> None:
    """A tick for each value, thinned where they would run into each other."""
    every = max(1, math.ceil(sum(len(name) + 1 for name in names) / 34)) if which == "x" else 1
    places = list(range(0, len(names), every))
    chosen = [names[place] for place in places]
    if which == "x":
        axes.set_xticks(places, chosen)
    else:
        axes.set_yticks(places, chosen)


def _index(values: list[Any], value: Any) -> int:
    return [repr(known) for known in values].index(repr(value))


def _legend(used: list[str]) -> Legend:
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=COLOURS[name], edgecolor="#555555", linewidth=0.5) for name in used]
    return handles, [name.replace("_", " ") for name in used]


def draw_end_values(logged: Logged, heading: str, caption: str = "") -> "Figure | None":
    """Every measured number at a member's end over the longest swept axis, a second axis as colour; None without."""
    numeric = [name for name, values in logged.axes.items() if all(is_number(value) for value in values)]
    if not numeric or not len(logged.frame):
        return None
    across = max(numeric, key=lambda name: len(logged.axes[name]))
    others = [name for name in logged.axes if name != across and len(logged.axes[name]) <= len(CYCLE)]
    hue = max(others, key=lambda name: len(logged.axes[name]), default=None)
    last = logged.ends()
    columns = [name for name in scalar_columns(logged) if last[name].nunique() > 1][:6]
    if not columns:
        return None
    from matplotlib.ticker import MaxNLocator

    wide = min(3, len(columns))
    figure, axes = canvas(-(-len(columns) // wide), wide, height=2.6)
    for number, place in enumerate(axes.flat):
        if number >= len(columns):
            place.axis("off")
            continue
        for number_of, (value, colour) in enumerate(zip(logged.axes[hue] if hue else [None], CYCLE, strict=False)):
            rows = last if hue is None else last[[repr(v) == repr(value) for v in last[hue]]]
            middle = rows.groupby(across)[columns[number]].median()
            place.plot(rows[across], rows[columns[number]], ".", color=colour, alpha=0.5, markersize=5)
            name = "" if hue is None else f"{hue.replace('_', ' ')} {shown(value)}"
            style = LINES[number_of % len(LINES)]
            place.plot(middle.index, middle, color=colour, linewidth=1.5, linestyle=style, label=name)
        place.set_title(columns[number].replace("_", " ") + logged.unit(columns[number]), loc="left", fontsize=9)
        place.set_xlabel(across.replace("_", " "))
        if spans_decades(last[columns[number]]):
            log_axis(place)
        if min(logged.axes[across]) > 0 and max(logged.axes[across]) >= 20 * min(logged.axes[across]):
            log_axis(place, "x")
        elif all(isinstance(value, int) for value in logged.axes[across]):
            place.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    title(figure, heading, caption, axes.flat[0].get_legend_handles_labels() if hue else None)
    return figure
