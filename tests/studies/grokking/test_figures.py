"""Every kind of picture draws on real (smoke) runs, equal runs give equal bytes, and no text lies on other text."""

import itertools
import math
from dataclasses import replace
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

import latebloom
from latebloom import studies
from latebloom.claims import Entry, Verdict, all_claims
from latebloom.errors import LatebloomError
from latebloom.instruments.fourier import fourier_transform
from latebloom.models import MLP
from latebloom.studies.drawing import curves, evidence
from latebloom.studies.drawing.claims import describe, draw_claim, runs_of
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.outcomes import draw_end_values, draw_outcomes, labels
from latebloom.studies.drawing.style import canvas, save, settle, styled, title
from latebloom.studies.grokking.figures import draw_run
from latebloom.studies.grokking.figures.modular import draw_logits
from latebloom.studies.grokking.figures.tables import memorised_step, read_tables
from latebloom.training.population import Population
from latebloom.training.presets import members_of

SMOKE = {
    "modular": ("grokking.modular_addition", "seed=0:2"),
    "five": ("grokking.five_neurons", "seed=0:2"),
    "sweep": (
        "grokking.parity_sweep",
        "hidden=8",
        "n_train=100,200",
        "weight_decay=0.1,1",
        "seed=0:2",
        "snapshots.every=50",
    ),
    "written": ("grokking.constructed", "task.p=11", "model.neurons=3:6", "model.activation=relu"),
}
EXPECTED = {
    "modular": {"curves", "norms", "measures", "weights", "fourier", "waves", "stars", "logits"},
    "five": {"curves", "norms", "plane", "weights", "fourier", "waves", "stars", "logits"},
    "sweep": {"curves", "outcomes", "end_values", "trajectories", "weights"},
    "written": {"end_values", "weights", "fourier", "waves", "stars", "logits"},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def runs(home):
    """One smoke run of each kind."""
    return {kind: latebloom.run(*words, scale="smoke", home=home, workers=1) for kind, words in SMOKE.items()}


def test_a_member_that_is_not_there_is_refused(runs, tmp_path):
    with pytest.raises(LatebloomError, match="has members 0 to 1; there is no 2"):
        draw_run(runs["modular"], tmp_path, 2)


def test_equal_numbers_give_equal_bytes(runs, tmp_path):
    def drawn(name):
        with styled():
            return [p.read_bytes() for p in save(curves.draw_learning(Logged(runs["five"]), "x"), tmp_path / name, "x")]

    first, second = drawn("a"), drawn("b")
    assert first == second
    assert b"date" not in first[1].lower()


# --- no text on text --------------------------------------------------------------------------------------------------


def boxes(figure):
    """Every visible text with its box in pixels, after layout; tick labels outside the axis limits are not drawn."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    settle(figure)
    figure.draw_without_rendering()  # legends put their texts in place only when they are drawn
    found = []
    for text in figure.findobj(matplotlib.text.Text):
        if text.get_visible() and text.get_text().strip():
            box = text.get_window_extent(renderer)
            if box.width and figure.bbox.contains(box.x0 + box.width / 2, box.y0 + box.height / 2):
                found.append((text, box))
    return found


def drawn_ticks(figure):
    """Tick labels that are drawn: those within their axis' limits."""
    kept = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            for tick in axis._update_ticks():
                kept |= {tick.label1, tick.label2}
    return kept


def overlaps(figure):
    """Pairs of texts whose boxes share more than a sliver."""
    found = boxes(figure)  # first: laying out decides which ticks there are
    ticks = drawn_ticks(figure)
    every_tick = {
        label
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for t in [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        for label in (t.label1, t.label2)
    }
    texts = [(text, box) for text, box in found if text not in every_tick or text in ticks]
    pairs = []
    for (one, a), (other, b) in itertools.combinations(texts, 2):
        across, down = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        if across > 2 and down > 2:
            pairs.append((one.get_text(), other.get_text()))
    return pairs


def test_overlapping_text_is_noticed():
    with styled():
        figure, axes = canvas()
        axes[0, 0].text(0.5, 0.5, "one text")
        axes[0, 0].text(0.52, 0.5, "another")
        assert overlaps(figure) == [("one text", "another")]


@pytest.mark.parametrize("kind", SMOKE)
def test_a_run_gets_the_pictures_that_fit_it_and_no_text_lies_on_other_text(kind, runs, tmp_path, monkeypatch):
    crowded = {}

    def watched(figure, out, name):
        crowded[name] = overlaps(figure)
        return save(figure, out, name)

    monkeypatch.setattr("latebloom.studies.drawing.pictures.save", watched)
    written = draw_run(runs[kind], tmp_path, 1)
    names = EXPECTED[kind]
    assert {path.name for path in written} == {f"{name}.{end}" for name in names for end in ("png", "svg")}
    assert sorted(tmp_path.iterdir()) == sorted(written)
    for path in written:
        head = path.read_bytes()[:8]
        assert head == b"\x89PNG\r\n\x1a\n" if path.suffix == ".png" else head.startswith(b"<?xml")
    assert {name: found for name, found in crowded.items() if found} == {}


# --- what is drawn ----------------------------------------------------------------------------------------------------


def test_losses_are_drawn_in_nats(runs):
    logged = Logged(runs["modular"])
    steps, values = logged.table("train_loss")
    frame = runs["modular"].measurements()
    first = frame[(frame["member"] == 0) & (frame["step"] == 0)]["train_loss"].item()
    assert steps[0] == 0 and values[0, 0] == pytest.approx(67 * first)
    # An untrained network guesses nearly uniformly.
    assert values[0, 0] == pytest.approx(math.log(67), rel=0.2)
    assert logged.loss_unit == "cross-entropy (nats)"


def test_values_at_the_end_of_losses_divided_by_classes_are_drawn_in_nats(home):
    words = ("grokking.architectures", "weight_decay=0.1,1", "in_product=factored", "out_product=factored", "seed=0")
    run = latebloom.run(*words, scale="smoke", home=home, workers=1)
    with styled():
        figure = draw_end_values(Logged(run), "x")
    panel = next(axes for axes in figure.axes if axes.get_title(loc="left").startswith("train loss"))
    assert panel.get_title(loc="left") == "train loss (nats)"
    frame = run.measurements()
    raw = frame[frame["step"] == frame["step"].max()]["train_loss"].to_numpy()
    np.testing.assert_allclose(panel.lines[0].get_ydata(), 67 * raw)


def test_a_member_that_ended_keeps_its_last_value_in_medians_only(runs):
    logged = Logged(runs["modular"])
    ended = (logged.frame["member"] == 1) & (logged.frame["step"] > 100)
    logged.frame = logged.frame[~ended]
    steps, values = logged.table("test_accuracy")
    _, held = logged.table("test_accuracy", hold=True)
    last = np.flatnonzero(steps == 100)[0]
    assert np.isnan(values[1, -1]) and held[1, -1] == values[1, last]


def test_medians_leave_out_who_diverged_and_follow_who_trains_as_far_as_it_came(runs):
    logged = Logged(runs["modular"])
    logged.frame = logged.frame[~((logged.frame["member"] == 1) & (logged.frame["step"] > 100))]
    logged.done = {member: member != 1 for member in logged.members["member"]}
    steps, values = logged.table("test_accuracy")
    _, held = logged.table("test_accuracy", hold=True)
    np.testing.assert_array_equal(np.isnan(held[1]), steps > 100)
    np.testing.assert_array_equal(held[1, steps <= 100], values[1, steps <= 100])
    logged.diverged = frozenset({1})
    _, held = logged.table("test_accuracy", hold=True)
    assert np.isnan(held[1]).all() and np.isfinite(held[0]).all()
    _, alone = logged.table("test_accuracy", [1], hold=True)
    np.testing.assert_array_equal(alone[0], values[1, steps <= 100])


def test_arms_are_members_that_differ_in_the_seed_alone(runs):
    arms = Logged(runs["sweep"]).arms
    assert [arm.settings for arm in arms] == [
        {"n_train": n, "weight_decay": wd} for n in (100, 200) for wd in (0.1, 1)
    ] or [arm.settings for arm in arms] == [{"weight_decay": wd, "n_train": n} for wd in (0.1, 1) for n in (100, 200)]
    assert all(len(arm.members) == 2 for arm in arms)
    assert sorted(member for arm in arms for member in arm.members) == list(range(8))


def test_every_member_of_a_sweep_is_a_square_of_its_label(runs):
    logged = Logged(runs["sweep"])
    told = labels(logged)
    with styled():
        figure = draw_outcomes(logged, "x")
    for axes, names in zip(figure.axes, told.values(), strict=True):
        assert len(axes.patches) == len(names) == 8
        corners = {(round(patch.get_x(), 6), round(patch.get_y(), 6)) for patch in axes.patches}
        assert len(corners) == 8


def test_the_ratio_rule_is_drawn_in_the_unit_of_its_source(runs, monkeypatch):
    """Losses of residues that the explorable would log as 0.9e-5 are 67 times that in nats: they count as learned."""
    logged = Logged(runs["modular"])
    p = logged.specifications[0].task.p
    table = logged.table
    low = lambda column, **words: (table(column)[0], 0.9e-5 * p * np.ones_like(table(column)[1]))  # noqa: E731
    monkeypatch.setattr(logged, "table", lambda column, **words: (low if column.endswith("_loss") else table)(column))
    assert set(labels(logged)["by lowest losses and their ratio"]) == {"together"}
    monkeypatch.setattr(Logged, "source_divisor", lambda self, member: 1.0)
    assert set(labels(logged)["by lowest losses and their ratio"]) == {"nothing"}


def test_tables_are_the_network(runs):
    run = runs["modular"]
    tables, network = read_tables(run, Logged(run), 1), latebloom.network(run, 1)
    rows = network.task.table()[::97]
    hidden = torch.relu(tables.first[rows[:, 0]] + tables.second[rows[:, 1]])
    assert torch.allclose(hidden @ tables.out.T, network(rows).double(), atol=1e-4)


def test_logits_are_drawn_with_the_bias_of_the_output(home):
    """The bars of all neurons and of the output's bias add up to the logits of the network itself."""
    words = ("grokking.complexity_one_layer", "task.p=11", "seed=0", "measure=None", "steps=5")
    member = members_of(*words[:1], "smoke", words[1:])[0].model_copy(
        update={"model": MLP(hidden=8, layers=1, bias="all")}
    )
    population = Population.start([member])
    population.params["b_out"] += torch.arange(11.0)
    params = {name: value[0] for name, value in population.params.items()}
    logged = SimpleNamespace(specifications={0: member})
    run = SimpleNamespace(snapshot_steps=lambda number: [0], parameters=lambda number, step: params)
    with styled():
        figure = draw_logits(read_tables(run, logged, 0), 3, (1, 2), "x")
    bars = {axes.get_ylabel(): [bar.get_height() for bar in axes.patches] for axes in figure.axes}
    logits = member.model.forward(population.params, torch.tensor([[[1, 2]]]))[0, 0]
    np.testing.assert_allclose(bars["all"], logits.numpy(), atol=1e-5)
    np.testing.assert_allclose(bars["output\nbias"], np.arange(11.0))


def test_neurons_of_a_written_solution_are_all_drawn_in_order(runs):
    tables = read_tables(runs["written"], Logged(runs["written"]), 2)  # five neurons on frequency 1
    assert tables.main_frequencies() == [1]
    neurons = tables.members_of(1)
    assert len(neurons) == 5
    cosine, sine = fourier_transform(tables.first)[1:3, neurons]
    assert bool((torch.atan2(sine, cosine).diff() > 0).all())


def test_the_memorised_step_is_one_that_was_kept(runs):
    run = runs["modular"]
    assert memorised_step(run, Logged(run), 0) in run.snapshot_steps(0)


# --- claims -----------------------------------------------------------------------------------------------------------


def entry_of(claim, **changes):
    empty = Entry(
        **{name: getattr(claim, name) for name in ("id", "study", "title", "statement", "source", "tag", "published")},
        measured="28,000 [24,500, 33,100] steps",
        interval=(24_500, None),
        verdict=Verdict.REPRODUCED,
        scale="quick",
        seeds=9,
        runs=(),
        seconds=1.0,
        command="latebloom reproduce",
        rule=claim.rule,
        fixed=claim.fixed,
        changes=(),
        control="",
        note="",
        judged_at="2026-01-31T00:00:00+00:00",
        fingerprint="",
    )
    return replace(empty, **changes)


@pytest.fixture(scope="module")
def claim():
    studies.load()
    return all_claims()[0]


def test_a_claim_shows_evidence_and_the_curves_of_its_runs(claim, runs, home, tmp_path):
    entry = entry_of(claim, runs=(runs["five"].hash, runs["written"].hash), extra={"onset": [3.0, 1.0, 2.0, None]})
    assert [run.hash for run in runs_of(entry, home)] == list(entry.runs)
    names = {path.stem for path in draw_claim(claim, entry, home, tmp_path)}
    stem = f"{claim.id.replace('.', '_')}_quick"
    assert names == {
        f"{stem}_evidence",
        f"{stem}_five_neurons_{runs['five'].hash[:6]}",
        f"{stem}_constructed_{runs['written'].hash[:6]}",
    }


@pytest.mark.parametrize(
    ("places", "scale"), [((4, 16, 64, 512), "log"), ((1, 2, 3, 4), "linear"), ((0, 100, 1000), "linear")]
)
def test_a_course_that_grows_by_factors_has_a_logarithmic_axis_and_no_power_law(claim, places, scale):
    rows = {"distance by functions in the pool": {str(x): {"a": 1 / (x + 1), "b": 0.5} for x in places}}
    figure = evidence.draw_evidence(entry_of(claim, extra=rows), "heading", "caption")
    (axes,) = (own for own in figure.axes if own.get_title(loc="left") == "distance by functions in the pool")
    assert axes.get_xscale() == scale and len(axes.lines) == 2
    assert overlaps(figure) == []


def test_a_claim_without_numbers_or_runs_still_has_a_picture(claim, tmp_path):
    written = draw_claim(claim, entry_of(claim), tmp_path, tmp_path)
    assert [path.suffix for path in written] == [".png", ".svg"]
    assert "Verdict: reproduced" in written[1].read_text()


def test_an_interval_stands_in_a_caption_only_where_it_is_that_of_the_number_told(claim):
    told = {"measured": "one 0.4, other 1.7", "interval": (0.3, 0.5)}
    one = {"value": 0.4, "interval": [0.3, 0.5], "n": 5, "unit": ""}
    assert "0.4, other 1.7 (95 %: 0.3 to 0.5)" in describe(entry_of(claim, **told, estimates={"one": one}))
    assert "95 %" not in describe(entry_of(claim, **told, estimates={"one": one, "other": one}))
    assert "95 %" not in describe(entry_of(claim, measured="off by 2.7e-15", interval=(2.7e-15, 2.7e-15)))


ESTIMATE = {"value": 1.5, "interval": [1.0, None], "n": 9, "unit": "nats"}


@pytest.mark.parametrize(
    ("extra", "kinds"),
    [
        ({"onset": [1.0, 2.0, None]}, ["dots"]),
        ({"sizes": list(range(40))}, ["histogram"]),
        ({"uses": [3, 0, 4]}, ["bars"]),
        ({"sizes": {"5": 435, "6": 352}}, ["bars"]),
        ({"share": {"23": [0.4, 0.5], "47": [0.3, None]}}, ["groups"]),
        ({"0.1": {"test": 900, "train": 10}, "1": {"test": 90, "train": None}}, ["lines"]),
        (
            {"error by share": {"0": {"network": 0.1, "optimum": 0.2}, "1": {"network": 0.4, "optimum": 0.1}}},
            ["curves"],
        ),
        ({"gap by width": {"16": {"gap": 0.1}, "96": {"gap": 0.2}}}, ["lines"]),
        ({"predicted": [1.0, 2.0], "observed": [1.1, None], "other": [3.0]}, ["pairs", "dots"]),
        ({"groups": [[1.0, 2.0], [3.0, 4.0]]}, ["pairs"]),
        ({"ratio": ESTIMATE}, ["intervals"]),
        ({"not reached": {**ESTIMATE, "value": None}}, ["intervals"]),
        ({"part": {"deep": {"onset": [1.0]}}, "words": "none", "nothing": []}, ["dots"]),
    ],
)
def test_evidence_is_recognised_and_drawn_without_overlap(extra, kinds, claim):
    entry = entry_of(claim, extra=extra)
    assert [panel.kind for panel in evidence.panels(entry)] == kinds
    with styled():
        assert overlaps(evidence.draw_evidence(entry, "heading", "caption")) == []


def test_an_axis_is_named_by_what_the_panel_says_behind_by(claim):
    values = {"error by share": {"0": {"network": 0.1}, "1": {"network": 0.4}}, "sizes": {"5": 435, "6": 352}}
    figure = evidence.draw_evidence(entry_of(claim, extra=values), "heading", "caption")
    assert [axes.get_xlabel() for axes in figure.axes] == ["share", ""]


def test_long_names_under_panels_side_by_side_leave_the_panels_their_room(claim):
    """Legends in two columns ran into one another and squeezed their panels to a third of the width."""
    row = {f"network, share of prompts above {n}": 0.1 * n for n in range(6)}
    values = {f"width {n}, error by share": {"0": row, "1": row} for n in (16, 32)}
    with styled():
        figure = evidence.draw_evidence(entry_of(claim, extra=values), "heading", "caption")
        boxes(figure)  # lays it out
        renderer = figure.canvas.get_renderer()
        legends = [axes.get_legend().get_window_extent(renderer) for axes in figure.axes]
        assert legends[0].x1 < legends[1].x0 and legends[1].x1 < figure.bbox.x1
        for axes in figure.axes:
            box = axes.get_window_extent(renderer)
            assert box.width > 0.35 * figure.bbox.width
            assert box.height > 100


@pytest.mark.parametrize(("low", "lines"), [(-1.0, 1), (1.0, 0)])
def test_differences_on_both_sides_of_nothing_have_a_line_there(claim, low, lines):
    values = {"a": {**ESTIMATE, "interval": [1.0, 2.0]}, "b": {**ESTIMATE, "value": low, "interval": [low, 1.6]}}
    figure = evidence.draw_evidence(entry_of(claim, estimates=values), "heading", "caption")
    assert sum(list(line.get_xdata()) == [0, 0] for line in figure.axes[0].lines) == lines


def test_estimates_stand_together_by_unit(claim):
    entry = entry_of(claim, estimates={"a": ESTIMATE, "b": ESTIMATE, "c": {**ESTIMATE, "unit": "steps"}})
    found = evidence.panels(entry)
    assert [(panel.name, list(panel.values)) for panel in found] == [("nats", ["a", "b"]), ("steps", ["c"])]


def test_a_long_heading_is_wrapped_above_its_legend():
    with styled():
        figure, axes = canvas()
        lines = axes[0, 0].plot([0, 1], [0, 1])
        title(figure, "a heading that goes on " * 12, "a caption that goes on " * 20, (lines, ["line"]))
        assert overlaps(figure) == []
        renderer = figure.canvas.get_renderer()
        assert all(figure.bbox.x1 + 1 >= box.x1 for _, box in boxes(figure))
        assert figure.legends[0].get_window_extent(renderer).y0 > axes[0, 0].get_window_extent(renderer).y1 - 1
