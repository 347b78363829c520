"""One look for every figure, and writing it so that equal numbers give equal bytes.

Train is purple and test is green, as in the explorable (Pearce et al. 2023); both hues and all others used here stay
apart for colour-blind readers (ColorBrewer's PRGn and RdBu, Okabe and Ito 2008), and differ in lightness in print.
Drawing needs no screen: figures are made without pyplot, so no global state and no window system is touched.
"""

import textwrap
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from latebloom.runs.files import explained

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Legend = tuple[Sequence[Any], Sequence[str]]  # handles and their labels

TRAIN, TEST = "#762a83", "#2ca25f"
SPLITS = {"train": TRAIN, "test": TEST, "clean": "#0072b2"}
CYCLE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
GUIDE = "#777777"  # chance levels, unit circles, axes through zero
FAINT = "#c8c8c8"
DIVERGING = "RdBu_r"  # weights: red positive, blue negative, white zero
WIDTH = 8.0  # inches; 130 dots each, so 1,040 pixels, made to be read at 800

SETTINGS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "svg.fonttype": "none",  # text stays text: searchable, and a tenth of the size
    "svg.hashsalt": "latebloom",
    "savefig.dpi": 130,
}


def canvas(
    rows: int = 1, columns: int = 1, height: float = 3.0, width: float = WIDTH, **options: Any
) -> tuple["Figure", np.ndarray]:
    """A figure with a grid of axes [rows, columns]; `height` is that of one row, in inches. Use inside `styled`."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    # Wider than the default: the highest tick label reaches above its axes, the lowest axis label below them.
    layout = ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.06, hspace=0.08)
    figure = Figure(figsize=(width, height * rows + 0.5), layout=layout)
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def styled() -> Any:
    """The look as a context in which figures are made and saved."""
    import matplotlib

    settings: Any = SETTINGS
    return matplotlib.rc_context(settings)


def settle(figure: "Figure") -> None:
    """Lays out a figure; twice, because the first pass sees the tick labels of axes that are still too large."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        engine.execute(figure)


def save(figure: "Figure", out: Path, name: str) -> list[Path]:
    """Writes NAME.png and NAME.svg without dates or versions, so that the same picture is the same file."""
    nothing = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None, "Title": name}}
    paths = [out / f"{name}.{kind}" for kind in nothing]
    with explained(out, "name with --out"):
        out.mkdir(parents=True, exist_ok=True)
        settle(figure)  # once for both files: laying out costs more than drawing
        figure.set_layout_engine("none")
        for path, metadata in zip(paths, nothing.values(), strict=True):
            figure.savefig(path, metadata=metadata, facecolor="white")
    return paths


def title(figure: "Figure", heading: str, caption: str = "", legend: Legend | None = None) -> None:
    """A heading above the figure, the legend beneath it, a caption below; wrapped to the figure's width."""
    width = figure.get_figwidth()
    heading = textwrap.fill(heading, int(width * 10.5))
    if legend is None:
        figure.suptitle(heading, fontsize=11, fontweight="bold", x=0.01, ha="left")
    else:
        # A legend's own title is laid out with it: a figure title would lie on top of a legend outside the axes.
        shown = figure.legend(
            *legend,
            title=heading,
            loc="outside upper left",
            alignment="left",
            title_fontproperties={"size": 11, "weight": "bold"},
            ncols=legend_columns(legend[1], width),
            borderaxespad=0.2,
            borderpad=0.2,
        )
        shown.set_in_layout(True)
    lines = [textwrap.fill(line, int(width * 14.5)) for line in caption.splitlines()]
    below = "\n".join(lines).count("\n") + 1 if caption else 0
    figure.set_figheight(figure.get_figheight() + 0.17 * below + (0.3 if legend else 0.0))
    if caption:
        figure.supxlabel("\n".join(lines), fontsize=9, x=0.01, ha="left", color="#444444")


def legend_columns(labels: Collection[str], width: float) -> int:
    """Columns of a legend `width` inches wide: all in one row if they fit, else as many as the longest label allows."""
    room = width * 13
    if sum(len(label) + 7 for label in labels) <= room:
        return max(1, len(labels))
    return max(1, int(room / (max(map(len, labels), default=1) + 7)))


def count_axis(axes: "Axes", which: str = "x", most: int = 5) -> None:
    """Large counts with thousands separated, few ticks."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis = axes.xaxis if which == "x" else axes.yaxis
    if axis.get_scale() == "linear":
        axis.set_major_locator(MaxNLocator(most, integer=True))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def log_axis(axes: "Axes", which: str = "y") -> None:
    """A logarithmic axis with ticks at 1, 2 and 5, or 1 and 3, where few powers of ten are in sight."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    class Few(LogLocator):
        def __call__(self) -> Any:
            assert self.axis is not None
            low, high = sorted(self.axis.get_view_interval())
            self.set_params(subs=(1, 2, 5) if high < 100 * low else (1, 3) if high < 1000 * low else (1,))
            return super().__call__()

    def words(value: float, _: int | None) -> str:
        power = round(np.log10(value))
        short = 1e-3 <= value <= 1e3 or not np.isclose(value, 10.0**power)
        return f"{value:g}" if short else f"$10^{{{power}}}$"

    (axes.set_yscale if which == "y" else axes.set_xscale)("log")
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_locator(Few())
    axis.set_major_formatter(FuncFormatter(words))
    axis.set_minor_formatter(NullFormatter())


def limit(table: Float[np.ndarray, "..."]) -> float:
    """A symmetric colour range: the 99.5th percentile of |value|, so that one outlier does not bleach the rest."""
    finite = np.abs(table[np.isfinite(table)])
    top = float(np.quantile(finite, 0.995)) if finite.size else 0.0
    return top if top > 0 else 1.0


def heatmap(axes: "Axes", table: Float[np.ndarray, "row column"], top: float | None = None) -> Any:
    """A table on the diverging map, zero white; returns the image for `colour_bar`."""
    top = limit(table) if top is None else top
    image = axes.imshow(table, cmap=DIVERGING, vmin=-top, vmax=top, aspect="auto", interpolation="nearest")
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=2)
    return image


def colour_bar(figure: "Figure", image: Any, axes: Any, label: str, pad: float = 0.01) -> None:
    """A narrow bar beside the axes that share an image's colours."""
    bar = figure.colorbar(image, ax=axes, shrink=0.9, aspect=30, pad=pad)
    bar.set_label(label)
    bar.outline.set_visible(False)
