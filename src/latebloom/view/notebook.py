"""The views in Jupyter, marimo and VS Code: the same built files as in the page, linked to Python through anywidget.

view = GrokkingView(run)
view            # shows it
view.step       # where the reader is; `view.step = 5000` takes them there
"""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from latebloom import api, studies
from latebloom.errors import LatebloomError
from latebloom.runs.run import Run
from latebloom.studies.drawing.logged import Logged
from latebloom.view.assets import Assets, built
from latebloom.view.views import packs_of, views_of

if importlib.util.find_spec("anywidget") is None:
    raise LatebloomError("Views in a notebook need anywidget: pip install 'latebloom[view]'.")

import anywidget
import traitlets


@cache
def _assets() -> Assets:
    return built(quiet=True)


def module_text(name: str) -> str:
    """A built view as an ES module: the file that the page loads, with its export appended."""
    return _assets().text(f"view-{name}.js") + f"\nexport default latebloom_view_{name}.default;\n"


class _OnRun(anywidget.AnyWidget):
    """A view of a run: hands over packs when the front end asks for them."""

    document = traitlets.Dict().tag(sync=True)
    step = traitlets.Int(allow_none=True, default_value=None).tag(sync=True)
    _name = ""

    def __init__(self, run: Run | Path | str, **traits: Any) -> None:
        studies.load()
        opened = run if isinstance(run, Run) else api.load(run)
        self._logged = Logged(opened)
        specifications = self._logged.specifications
        if not specifications:
            raise LatebloomError(f"{opened.label} has measured nothing yet: {opened.command}")
        fitting = [view.name for view in views_of(next(iter(specifications.values())))]
        if self._name not in fitting:
            raise LatebloomError(
                f"{type(self).__name__} cannot show {opened.label}, a run of {opened.experiment}. "
                f"Views that can: {', '.join(fitting)}."
            )
        self._packs = packs_of(self._logged)
        document = {"id": opened.hash, "label": opened.label, "packs": sorted(self._packs)}
        self._esm = module_text(self._name)
        self._css = _assets().text("style.css")
        # Unasked the front end begins at the end: reading the step tells so before anybody has scrubbed.
        super().__init__(document=document, **{"step": self._logged.last_step, **traits})
        self.on_msg(self._answer)

    def _answer(self, widget: Any, content: Any, buffers: Any) -> None:
        name = content.get("need") if isinstance(content, dict) else None
        if not isinstance(name, str):
            return
        if name not in self._packs:
            self.send({"miss": name, "why": f"{self._logged.run.label} has no {name}."})
            return
        try:
            content = self._packs[name]()
        except LatebloomError as error:  # the front end waits for an answer
            self.send({"miss": name, "why": str(error)})
        else:
            self.send({"have": name}, buffers=[content])


class GrokkingView(_OnRun):
    """The grokking explorable on a run.

    Args:
        run: a run, or what `latebloom.load` takes.
        step: where to begin; unasked: the end.
        member: whose network is shown; None: the first that generalised late, if any did.
        a: first summand of the logit bars.
        b: second summand.

    `step`, `member`, `a` and `b` follow the reader and can be set. Raises `LatebloomError` for a run without such
    networks.
    """

    _name = "grokking"
    member = traitlets.Int(allow_none=True, default_value=None).tag(sync=True)
    a = traitlets.Int(13).tag(sync=True)
    b = traitlets.Int(19).tag(sync=True)


class CurvesView(_OnRun):
    """Every logged quantity of any run.

    `step` and `arm`, the setting whose members alone are shown (empty: all), follow the reader and can be set.
    """

    _name = "curves"
    arm = traitlets.Unicode("").tag(sync=True)


class ModelSelectionView(_OnRun):
    """Points that the reader moves, and what networks and references make of them.

    `points`, pairs of x and y, follow the reader and can be set, as `step` and `seed`, whose networks are shown, can;
    so can `blend` (which pair of functions, from 3 on; share of the line; points), which is empty where points were put
    by hand.
    """

    _name = "model_selection"
    points: Any = traitlets.List().tag(sync=True)
    blend: Any = traitlets.List().tag(sync=True)
    seed = traitlets.Int(allow_none=True, default_value=None).tag(sync=True)


class StructuralGrokkingView(_OnRun):
    """Curves with stopping points, and one sentence as a network reads it over training.

    `sentence`, `step` and `member` follow the reader and can be set.
    """

    _name = "structural_grokking"
    member = traitlets.Int(allow_none=True, default_value=None).tag(sync=True)
    sentence = traitlets.Unicode("").tag(sync=True)


class FutureTokensView(_OnRun):
    """What not looking ahead costs, by place, layer and symbol; `step` follows the reader and can be set."""

    _name = "future_tokens"


class MesaView(_OnRun):
    """Weights as blocks, the way from network to algorithm, probes, baselines.

    `step`, `member` and `share` (of the way from the network, 0, to its compressed form, 1) follow the reader and can
    be set.
    """

    _name = "mesa_optimization"
    member = traitlets.Int(allow_none=True, default_value=None).tag(sync=True)
    share = traitlets.Float(0.0).tag(sync=True)


class _Alone(anywidget.AnyWidget):
    """A view that needs no run."""

    _name = ""

    def __init__(self, **traits: Any) -> None:
        self._esm = module_text(self._name)
        self._css = _assets().text("style.css")
        super().__init__(**traits)


class ConstructedView(_Alone):
    """Solutions for modular addition written down: modulus and neurons can be changed."""

    _name = "constructed"
    p = traitlets.Int(67).tag(sync=True)
    neurons = traitlets.Int(5).tag(sync=True)


class TrainView(_Alone):
    """A network that is trained in the page.

    `settings` takes any of p, hidden, embed, lr, weightDecay, fraction, seed.
    """

    _name = "train"
    settings = traitlets.Dict().tag(sync=True)
    steps = traitlets.Int(2000).tag(sync=True)
