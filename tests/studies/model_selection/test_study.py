"""Experiments and figures of the study on real (smoke) runs, the table of its claims, and words for bad input."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import latebloom
from latebloom import studies
from latebloom.claims import Verdict
from latebloom.claims.registry import of_study
from latebloom.cli import main
from latebloom.errors import LatebloomError
from latebloom.fleet.estimate import cost
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.style import canvas
from latebloom.studies.model_selection.claims.networks import arms, curve, prompts
from latebloom.studies.model_selection.figures import draw_run
from latebloom.studies.model_selection.figures.icl import TOP, draw_icl, told_if_cut
from latebloom.studies.model_selection.figures.pick import _by_arm
from latebloom.studies.reproduce import reproduce, select
from latebloom.training.experiment import SCALES
from latebloom.training.measures import MEASURES
from latebloom.training.members import populations
from latebloom.training.population import Population
from latebloom.training.presets import PRESETS, members_of
from latebloom.training.view import View

studies.load()
OWN = [name for name in PRESETS if name.startswith("model_selection.")]
UNJUDGED = {"testbed_specialists"}  # drawn, not judged: fewer seeds
MAIN = {"linear", "testbed"}


def test_the_sheets_claims_are_there_and_ours_behind_them():
    claims = of_study("model_selection")
    assert [claim.id for claim in claims] == [f"model_selection.{number:02}" for number in range(1, 35)]
    assert [claim.id for claim in claims if claim.judge is None] == []
    for claim in claims:
        assert claim.cost, claim.id
        assert claim.control, claim.id


def test_what_is_only_recalled_is_not_shown_as_a_number():
    """Claims tagged R alone quote nothing; numbers of others come from sources that were read, or say "computed"."""
    for claim in of_study("model_selection"):
        if set(claim.tag) == {"R"}:
            assert not re.search(r"\d", claim.published), claim.id
        if "E" in claim.tag and claim.published.startswith("none") and re.search(r"\d", claim.published):
            assert re.search("computed|derived", claim.published), claim.id


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", OWN)
def test_every_experiment_is_priced_at_every_scale(name, scale):
    members = members_of(name, scale)
    judged = scale in ("laptop", "paper") and name.split(".")[1] not in UNJUDGED
    least = 1 if not judged else 5 if scale == "paper" or name.split(".")[1] in MAIN else 3
    assert len({member.seed for member in members}) >= least
    for group in populations(members):
        assert cost(group, timed=False).flops_per_step > 0


def test_the_mixture_and_its_specialists_are_one_population():
    members = members_of("model_selection.linear", "laptop")
    assert {member.task.mixture for member in populations(members)[0]} >= {"dense+sparse", "sparse"}
    assert len(populations(members)) == 2


def test_the_published_size():
    member = members_of("model_selection.linear", "paper")[0]
    weights = sum(int(np.prod(shape.dims)) for shape in member.model.shapes(member.task.signature).values())
    assert weights == pytest.approx(9.5e6, rel=0.01)
    assert (member.task.d, member.task.nonzeros, member.task.points) == (20, 2, 41)
    assert (member.training.lr, member.training.clip, member.training.decay) == (1e-4, None, "none")


@pytest.mark.parametrize("name", ["linear", "weights", "named", "published_scaling"])
def test_linear_functions_have_the_printed_curriculum_at_the_published_size(name):
    """Garg et al. 2022: 5 of 20 coordinates and 11 of 41 pairs, one and two more every 2,000 steps."""
    for member in members_of(f"model_selection.{name}", "paper"):
        task = member.task
        stages = [task.curriculum.at(step, task.d, task.points) for step in (0, 1999, 2000, 29_999, 30_000, 499_999)]
        assert stages == [(5, 11), (5, 11), (6, 13), (19, 39), (20, 41), (20, 41)]


def test_nothing_else_has_a_curriculum_at_the_published_size():
    for name in ("testbed", "testbed_specialists", "widths", "noise", "plateau", "pool"):
        assert {member.task.curriculum.every for member in members_of(f"model_selection.{name}", "paper")} == {0}


def test_the_published_pools():
    """Raventos et al. 2023: 4 layers of width 64, 16 pairs of 8 numbers, noise 0.25 on labels of variance 8."""
    members = members_of("model_selection.pool", "paper")
    for member in members:
        task, recipe = member.task, member.training
        assert (task.d, task.points, task.noise_variance, task.layout) == (8, 16, 0.25 / 8, "raventos")
        assert (member.model.n_layers, member.model.d_model, member.model.n_heads) == (4, 64, 2)
        assert (recipe.optimiser, recipe.steps, recipe.warmup, recipe.decay, recipe.decay_to) == (
            "adamw",
            500_000,
            250_000,
            "linear",
            0,
        )
    sizes = {member.task.trained.components[0].function.functions for member in members}
    assert (min(sizes), max(sizes), len(sizes)) == (2**6, 2**16, 7)


def test_prompts_grow_with_the_printed_curriculum():
    """What is drawn at two stages: coordinates beyond the active ones are 0, and so many pairs are there."""
    task = members_of("model_selection.linear", "paper")[0].task
    for step, active, pairs in ((0, 5, 11), (4000, 7, 15)):
        inputs, _, weight = task.batch(0, step)
        x = inputs[:, 0::2]
        assert inputs.shape == (64, 2 * pairs, 20) and weight.sum(1).tolist() == [pairs] * 64
        assert (x[..., :active] != 0).all() and not x[..., active:].any()


@pytest.mark.parametrize("scale", ["laptop", "paper"])
def test_claims_ask_for_experiments_that_exist(scale):
    asked = {need.experiment for claim in of_study("model_selection") for need in claim.needs(scale)}
    assert asked == set(OWN) - {f"model_selection.{name}" for name in UNJUDGED}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


def run(name, home):
    return latebloom.run(f"model_selection.{name}", scale="smoke", home=home, workers=1)


def test_networks_are_read_back_as_they_were_measured(home):
    found = run("linear", home)
    frame = found.measurements()
    for mixture, nets in arms(found).items():
        for net in nets:
            rows = frame[(frame["mixture"] == mixture) & (frame["seed"] == net.seed)]
            for split in ("dense", "sparse"):
                inputs, targets, _ = net.task.test(("dense", "sparse").index(split), net.seed)
                x, y = (torch.from_numpy(part.copy()) for part in net.task.pairs(inputs))
                clean = torch.from_numpy(targets[:, net.task.x_places, 0].copy())
                by_pairs = (net.says(x, y) - clean).square().mean(0).numpy()
                assert by_pairs.mean() == pytest.approx(rows.iloc[-1][f"test_{split}_loss"], rel=1e-4)
                np.testing.assert_allclose(rows.iloc[-1][f"test_{split}_by_pairs"], by_pairs, rtol=1e-4)


def test_errors_while_learning_are_over_the_variance_of_the_class():
    view = View(Population.start(members_of("model_selection.published_scaling", "smoke")[:1]), 0)
    found = MEASURES["model_selection.pairs"].measure(view)["test_dense_by_pairs"]
    raw = view.losses("test_dense")[:, :, ::2].mean(1)
    torch.testing.assert_close(found, raw / 3)  # three weights of variance 1
    other = View(Population.start(members_of("grokking.modular_addition", "smoke")[:1]), 0)
    with pytest.raises(LatebloomError, match="needs the task in_context_functions"):
        MEASURES["model_selection.pairs"].measure(other)


def test_prompts_are_the_same_at_every_call_and_of_the_class(home):
    task = next(iter(arms(run("linear", home)).values()))[0].task
    first, again = prompts(task, "sparse", 50), prompts(task, "sparse", 50)
    assert torch.equal(first.x, again.x)
    wide = prompts(task, "dense@gaussian:scale=3", 2000)
    assert wide.variance == pytest.approx(9)
    assert float(wide.clean.square().mean()) == pytest.approx(9, rel=0.15)
    assert curve(lambda x, y: torch.zeros_like(y), wide).mean() == pytest.approx(1, rel=0.15)


def test_where_only_the_query_is_as_it_should_be_nothing_else_counts(home):
    task = next(iter(arms(run("linear", home)).values()))[0].task.replace({"noise_variance": 0.0})
    asked = prompts(task, "dense@repeated", 2000)
    assert asked.y.isfinite().all()  # without noise labels are clean values, and these are not all asked about
    found = curve(lambda x, y: torch.zeros_like(y), asked)
    assert np.isnan(found[:-1]).all()
    assert found[-1] == pytest.approx(1, rel=0.15)


def test_every_judge_runs_end_to_end_at_smoke(home, tmp_path):
    chosen = [claim.id for claim in of_study("model_selection") if claim.judge and not claim.deterministic]
    outcome = reproduce(select(chosen), "smoke", home, tmp_path / "ledger", workers=1)
    assert outcome.failures == ()
    assert [entry.verdict for entry in outcome.entries] == [Verdict.NOT_RUN] * len(chosen)


EXPECTED = {
    "linear": {"curves", "icl", "nonzeros", "probe"},
    "testbed": {"curves", "icl", "shares", "extremes", "gallery", "probe"},
    "testbed_specialists": {"curves", "icl"},
    "named": {"curves", "icl"},
    "widths": {"curves", "icl", "probe"},
    "noise": {"curves", "icl"},
    "plateau": {"curves", "icl", "probe"},
    "pool": {"curves", "icl"},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_pictures_of_a_run(home, tmp_path, name):
    written = draw_run(run(name, home), tmp_path)
    assert {path.stem for path in written} == EXPECTED[name]
    assert all(path.stat().st_size > 2000 for path in written)


def test_widths_are_not_drawn_as_seeds_of_one_network(home):
    logged = Logged(run("widths", home))
    groups = _by_arm(dict(arms(logged.run)), logged)
    assert [{network.width for network in group} for group in groups.values()] == [{8}, {16}]
    drawn = draw_icl(groups, "", "").axes[0].get_legend_handles_labels()[1]
    assert drawn[:2] == ["trained on line+sinusoid, d model 8", "trained on line+sinusoid, d model 16"]
    alone = Logged(run("linear", home))
    assert list(_by_arm(dict(arms(alone.run)), alone)) == list(arms(alone.run))


def test_curves_that_leave_a_picture_are_told_below_it():
    axes = canvas(1, 2)[1]
    axes[0, 0].plot([0.5, TOP])
    axes[0, 1].plot([0.5, 9.0])  # another scale
    axes[0, 0].set_ylim(0, TOP)
    assert told_if_cut(axes, "Run: a/b") == "Run: a/b"
    axes[0, 0].plot([np.nan, TOP + 0.01])
    assert told_if_cut(axes, "Run: a/b") == "Errors above 1.25 are cut off. Run: a/b"
    assert told_if_cut(axes, "") == "Errors above 1.25 are cut off."


def test_a_member_that_is_not_there_is_refused(home, tmp_path):
    with pytest.raises(LatebloomError, match="has members 0 to 5; there is no 9"):
        draw_run(run("linear", home), tmp_path, 9)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("task.nonzeros=9", "nonzeros = 9 weights cannot be chosen from d = 5 dimensions"),
        ("task.noise_variance=-0.1", "noise_variance = -0.1"),
        ("task.mixture=0.5*dense+0.4*sparse", "sum to 0.9: they must be at least 0 and sum to 1"),
        ("task.mixture=dens+sparse", "Did you mean 'dense'"),
    ],
)
def test_bad_settings_are_answered_by_a_sentence(words, told, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("LATEBLOOM_HOME", str(tmp_path))
    assert main(["run", "model_selection.linear", "--scale", "laptop", words]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert told in said
    assert "Traceback" not in said


def test_a_context_longer_than_trained_is_answered_by_a_sentence(home):
    net = arms(run("linear", home))["dense"][0]
    with pytest.raises(LatebloomError, match="6 pairs is longer than the 5 trained on"):
        net.says(torch.zeros(1, 6, 3), torch.zeros(1, 6))


def test_documents_name_every_experiment():
    text = (Path(__file__).parents[3] / "docs/studies/model_selection/index.md").read_text()
    for name in OWN:
        assert f"`{name.split('.')[1]}`" in text or f"`{name}`" in text, name
