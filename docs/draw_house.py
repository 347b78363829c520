"""Draws the two pictures of architecture.md: the floors of the house and the path of the data.

The floors are read from the import contract in pyproject.toml, so the picture shows what is enforced.
Run `python docs/draw_house.py` after a change; a test notices when the committed pictures are stale.
"""

import tomllib
from html import escape
from itertools import pairwise
from pathlib import Path

DOCS = Path(__file__).parent
MEANING = {
    "cli": "how people call it",
    "api": "how programs call it",
    "view": "what people look at",
    "studies": "question, experiments, claims, figures",
    "claims": "what we believe",
    "fleet": "where it runs",
    "training": "how it learns",
    "runs": "what is kept",
    "instruments": "what we measure",
    "models": "what learns",
    "tasks": "what is learned",
    "baselines": "what we compare with",
    "data": "what tasks give to models",
    "registry": "tables of named parts",
    "spec": "frozen settings",
    "errors": "errors that teach",
    "file_digest": "what files hold",
    "randomness": "hashed streams",
    "wording": "words in common",
}
INK, SOFT, EDGE, PAPER, LINE = "#1f2a37", "#5b6775", "#9fb3a5", "#fbfaf5", "#7a8794"
FLOORS = ["#e9f1e4", "#e3eeea", "#e2ecf3", "#eae8f4", "#f4ece2", "#f5eee9", "#f2f0ec"]
WIDTH = 860


def box(x, y, width, height, title, lines, fill):
    """A rounded box with a bold title and smaller lines below it."""
    middle = x + width / 2
    top = y + height / 2 - 8 * len(lines) + 5
    text = f'<text x="{middle:g}" y="{top:g}" class="title">{escape(title)}</text>'
    for i, line in enumerate(lines, start=1):
        text += f'<text x="{middle:g}" y="{top + 17 * i:g}" class="line">{escape(line)}</text>'
    frame = f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="7" fill="{fill}" stroke="{EDGE}"/>'
    return frame + text


def arrow(x1, y1, x2, y2):
    """A straight arrow between two points."""
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" class="arrow" marker-end="url(#head)"/>'


def label(x, y, text):
    """Small free text, centred."""
    return f'<text x="{x:g}" y="{y:g}" class="line">{escape(text)}</text>'


def picture(height, title, parts):
    """The parts on a sheet of paper, as one SVG file with a title for screen readers."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img" '
        f'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" text-anchor="middle">\n'
        f"<title>{escape(title)}</title>\n"
        f"<style>.title{{font-weight:600;font-size:15px;fill:{INK}}}.line{{font-size:12.5px;fill:{SOFT}}}"
        f".arrow{{stroke:{LINE};stroke-width:1.6}}</style>\n"
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0L10 5L0 10z" fill="{LINE}"/></marker></defs>\n'
        f'<rect width="{WIDTH}" height="{height:g}" rx="10" fill="{PAPER}"/>\n'
    )
    return head + "\n".join(parts) + "\n</svg>\n"


def floors(pyproject):
    """The layers of the import contract, top first, each a list of names."""
    contracts = pyproject["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    rows = [[name.strip(" ()") for name in layer.replace("|", ":").split(":")] for layer in layers]
    if unexplained := {name for row in rows for name in row} - MEANING.keys():
        raise SystemExit(f"The import contract names {', '.join(sorted(unexplained))}: say in MEANING what it is for.")
    return rows


def house(layers):
    """One row a floor; imports go along the arrow."""
    left, right, tall, gap = 64, WIDTH - 20, 58, 16
    height = 20 + len(layers) * (tall + gap) + 4
    parts = [arrow(34, 24, 34, height - 24)]
    parts.append(f'<text transform="translate(24 {height / 2:g}) rotate(-90)" class="line">may import</text>')
    for row, names in enumerate(layers):
        wide = (right - left - gap * (len(names) - 1)) / len(names)
        for column, name in enumerate(names):
            place = (left + column * (wide + gap), 20 + row * (tall + gap), wide, tall)
            parts.append(box(*place, name, [MEANING[name]], FLOORS[row % len(FLOORS)]))
    return picture(height, "The floors of the house; a floor may import only floors below it", parts)


def data_path():
    """From an experiment to a verdict: everything right of the run folder reads run folders only."""
    top, tall = 24, 84
    steps = [
        (20, 150, "experiment", ["task, model, recipe,", "members, measures"], FLOORS[2]),
        (236, 160, "training", ["draws batches, steps", "all members at once"], FLOORS[3]),
        (470, 150, "run folder", ["run.json, Parquet,", "safetensors"], FLOORS[4]),
        (692, 148, "claims", ["measure, pass rule,", "verdict"], FLOORS[1]),
    ]
    parts = [box(x, top, wide, tall, name, lines, fill) for x, wide, name, lines, fill in steps]
    middle = top + tall / 2
    for (x, wide, *_), (following, *_) in pairwise(steps):
        parts.append(arrow(x + wide + 3, middle, following - 3, middle))
    low = 178
    parts += [
        box(236, low, 160, 62, "instruments", ["what is inside now?"], FLOORS[2]),
        arrow(290, top + tall + 3, 290, low - 3),
        arrow(342, low - 3, 342, top + tall + 3),
        label(252, 146, "population"),
        label(398, 146, "measurements"),
        box(692, low, 148, 62, "ledger", ["always computed"], FLOORS[1]),
        arrow(766, top + tall + 3, 766, low - 3),
        box(470, low, 150, 62, "figures, views", ["drawn again any time"], FLOORS[0]),
        arrow(545, top + tall + 3, 545, low - 3),
        arrow(689, low + 31, 623, low + 31),
    ]
    return picture(260, "The path of the data from an experiment to a verdict and a picture", parts)


def pictures():
    """Every picture by file name."""
    pyproject = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())
    return {"house.svg": house(floors(pyproject)), "data_path.svg": data_path()}


if __name__ == "__main__":
    for name, svg in pictures().items():
        (DOCS / "_static" / name).write_text(svg)
