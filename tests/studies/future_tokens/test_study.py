"""Experiments, measures and figures of the study on real (smoke) runs."""

import itertools
import json
import shutil
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from matplotlib.text import Text
from safetensors.torch import load_file, save_file

import latebloom
from latebloom import studies
from latebloom.data import Place, Signature
from latebloom.errors import LatebloomError
from latebloom.fleet.plan import plan
from latebloom.instruments.huber import huber_by_coin
from latebloom.models import LOSSES, Decoder, initial_parameters
from latebloom.randomness import stream
from latebloom.spec import identity
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.future_tokens.figures import draw_run
from latebloom.studies.future_tokens.figures.arms import by_rest, name_of, rest_of
from latebloom.studies.future_tokens.figures.sample import draw_sample, gains
from latebloom.studies.future_tokens.measures import lens
from latebloom.tasks import HubText
from latebloom.tasks.hub_text import _passages
from latebloom.tasks.text_tokens import Characters
from latebloom.training.experiment import SCALES, Experiment, Start
from latebloom.training.measures import MEASURES
from latebloom.training.population import Population
from latebloom.training.presets import PRESETS, members_of
from latebloom.training.view import View
from latebloom.view.views.curves import columns
from tests.models import others

studies.load()
OWN = [name for name in PRESETS if name.startswith("future_tokens.")]


@pytest.mark.parametrize(("name", "scale"), [(name, scale) for name in OWN for scale in SCALES])
def test_every_experiment_exists_at_every_scale_and_arms_share_all_but_cut_and_rate(name, scale):
    members = members_of(name, scale)
    seeds = {member.seed for member in members}
    assert len(seeds) >= (2 if name.endswith("rates") or scale in ("smoke", "quick") else 5)
    recipes = {member.training.model_dump_json(exclude={"lr"}) for member in members}
    assert len(recipes) == 1
    shapes = {member.model.model_dump_json(exclude={"past", "past_weight", "d_model"}) for member in members}
    assert len(shapes) == 1


def test_each_arm_of_the_ladder_has_its_rate_unless_another_is_said():
    def rates(*words):
        members = members_of("future_tokens.text_ladder", "laptop", words)
        return {(member.model.d_model, member.model.past): member.training.lr for member in members}

    tuned, plain = rates(), members_of("future_tokens.text", "laptop")[0].training.lr
    assert tuned == {
        (16, "whole"): 0.016,
        (16, "hidden"): plain,
        (32, "whole"): 0.016,
        (32, "hidden"): plain,
        (96, "whole"): 0.004,
        (96, "hidden"): 0.004,
    }
    assert rates("model.d_model=16,48", "model.past=whole") == {(16, "whole"): 0.016, (48, "whole"): plain}
    assert rates("lr=0.001") == dict.fromkeys(tuned, 0.001)


@pytest.mark.parametrize(
    ("name", "rates"),
    [("sine", {"whole": 1e-3, "hidden": 2e-3}), ("majority", {"whole": 4e-3, "hidden": 1e-3})],
)
def test_arms_have_rates_of_their_own_at_laptop_alone(name, rates):
    members = members_of(f"future_tokens.{name}", "laptop")
    assert {(member.model.past, member.training.lr) for member in members} == set(rates.items())
    assert len({member.training.lr for member in members_of(f"future_tokens.{name}", "quick")}) == 1


def test_arms_stand_side_by_side_though_their_rates_differ(tmp_path):
    """In a ladder with rates of its own a width is one group, and the rate is told where it was asked for."""
    small = ("training.steps=2", "task.n_test=8", "task.batch_size=4", "task.places=8", "model.n_layers=1")
    words = (*small, "model.n_heads=2", "seed=0", "model.d_model=16,96")
    run = latebloom.run("future_tokens.text_ladder", *words, scale="laptop", home=tmp_path, workers=1)
    groups = by_rest(Logged(run))
    assert {rest: [arm.settings["past"] for arm in arms] for rest, arms in groups.items()} == {
        "d model 16": ["whole", "hidden"],
        "d model 96": ["whole", "hidden"],
    }
    drawn = {path.stem for path in draw_run(run, tmp_path / "pictures")}
    assert {"places_0", "places_1"} <= drawn
    assert "measures" not in drawn  # a rate is no measurement
    assert "lr" not in itertools.chain(*columns(Logged(run)))
    asked = ("model.d_model=16", "training.lr=0.001,0.01")
    run = latebloom.run("future_tokens.text_ladder", *words[:-1], *asked, scale="laptop", home=tmp_path, workers=1)
    assert set(by_rest(Logged(run))) == {"lr 0.001", "lr 0.01"}


def test_products_are_learned_by_gpt_2_small_at_paper():
    """Twelve layers of width 768 and twelve heads, GELU by a hyperbolic tangent, an output matrix that is W_E."""
    member = members_of("future_tokens.multiplication", "paper")[0]
    shapes = member.model.shapes(member.task.signature)
    assert "unembed.W_U" not in shapes and shapes["blocks.11.mlp.W_in"].dims == (768, 3072)
    assert (member.model.n_heads, member.model.act_fn, member.model.dropout) == (12, "gelu_new", 0.1)
    assert members_of("future_tokens.multiplication", "laptop")[0].model.read_out == "linear"


def test_majorities_have_the_network_and_the_rate_of_the_sines_at_paper():
    """Two blocks of width 128 with two heads, 1e-3, 3,000 steps of 256 sequences; 32 wide on a laptop."""
    own, sines = (members_of(f"future_tokens.{name}", "paper")[0] for name in ("majority", "sine"))
    assert own.model == sines.model and own.model.d_model == 128
    assert (own.training.steps, own.training.lr, own.task.batch_size) == (3000, sines.training.lr, 256)
    assert {member.model.d_model for member in members_of("future_tokens.majority", "laptop")} == {32}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A smoke run of each kind of task."""
    home = tmp_path_factory.mktemp("home")
    names = ("sine", "sine_p", "grown", "from_scratch", "text", "text_on", "text_ladder", "multiplication", "majority")
    return {name: latebloom.run(f"future_tokens.{name}", scale="smoke", home=home, workers=1) for name in names}


def view_of(name, member=0):
    return View(Population.start([members_of(f"future_tokens.{name}", "smoke")[member]]), 0)


def test_losses_by_coin_are_those_of_the_instrument():
    view = view_of("sine")
    found = MEASURES["future_tokens.huber"].measure(view)
    batch = view.splits["test"]
    said = view.population.model.forward(view.params, batch.inputs)
    right = huber_by_coin(said[..., 0], batch.targets[..., 0], batch.inputs[..., 1], 0.3)
    torch.testing.assert_close(found["sums"], right.sums)
    torch.testing.assert_close(found["normalised"], right.normalised)


def test_the_last_layer_of_a_network_that_copies_is_read_at_lag_zero():
    """Only the embedding of a network without weights holds x; the sine of it cannot be read from it in a line."""
    view = view_of("sine")
    found = MEASURES["future_tokens.lags"].measure(view)
    assert {name for name in found if name.startswith("lag")} == {"lag_r2_0", "lag_r2_1", "lag_r2_2"}
    assert all(value.shape == (1, 7) for name, value in found.items() if name.startswith("lag"))
    assert max(float(found["lag_r2_0"][0, lag]) for lag in range(1, 7)) < 0.2


def test_pushes_move_what_the_second_block_reads_and_nothing_before():
    """A network whose second block copies what stands along one direction of the state i places before."""
    view = view_of("sine")
    found = MEASURES["future_tokens.push"].measure(view)
    assert set(found) == {"push_0", "push_1", "push_random"}
    params = {name: value.clone() for name, value in view.params.items()}
    deaf = {name: 0 * value if name.startswith("blocks.1.attn.W_O") else value for name, value in params.items()}
    view.params = deaf
    silent = MEASURES["future_tokens.push"].measure(view)["push_random"]
    assert float(silent[0, 1:].abs().max()) < 1e-5  # without attention nothing comes from earlier places
    assert float(silent[0, 0].abs()) > 1e-4
    assert MEASURES["future_tokens.push"].measure(view_of("curriculum_1")) == {}


def test_a_member_is_pushed_alike_alone_and_among_others():
    members = members_of("future_tokens.sine", "smoke")[:2]
    together = MEASURES["future_tokens.push"].measure(View(Population.start(members), 0))
    for number, member in enumerate(members):
        alone = MEASURES["future_tokens.push"].measure(View(Population.start([member]), 0))
        for name, value in alone.items():
            torch.testing.assert_close(value[0], together[name][number], rtol=1e-3, atol=1e-6, msg=name)


def test_the_lens_of_a_diverged_member_is_nan_and_the_others_keep_theirs():
    population = Population.start(members_of("future_tokens.text", "smoke")[:2])
    whole = MEASURES["future_tokens.lens"].measure(View(population, 0))
    population.params["embed.W_E"][1] = torch.nan
    broken = MEASURES["future_tokens.lens"].measure(View(population, 0))
    assert whole.keys() == broken.keys()
    for name, value in whole.items():
        assert value.shape == broken[name].shape
        assert torch.equal(value[0], broken[name][0]), name
        assert bool(broken[name][1].isnan().all()), name


def test_the_two_parts_of_a_gradient_are_those_of_four_batches():
    view = view_of("text")
    found = MEASURES["future_tokens.gradients"].measure(view)
    population, total = view.population, {}
    for past in ("whole", "hidden"):
        model = population.model.replace({"past": past})
        flat = []
        for step in range(4):
            leaves = {name: value.clone().requires_grad_(True) for name, value in view.params.items()}
            batch = population.data.batch(step)
            loss = batch.mean(LOSSES["cross_entropy"].rows(model.forward(leaves, batch.inputs), batch.targets)).sum()
            slopes = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))
            kept = [name for name in leaves if name.startswith(("blocks", "ln_final"))]
            flat.append(torch.cat([slopes[name].flatten() for name in kept]))
        total[past] = torch.stack(flat).mean(0)
    later = total["whole"] - total["hidden"]
    assert float(found["gradient_diagonal"]) == pytest.approx(float(total["hidden"].norm()), rel=1e-4)
    assert float(found["gradient_future"]) == pytest.approx(float(later.norm()), rel=1e-3)
    cosine = float(torch.nn.functional.cosine_similarity(later, total["hidden"], dim=0))
    assert float(found["gradient_cosine"]) == pytest.approx(cosine, abs=1e-3)


def test_a_network_without_past_has_no_two_parts():
    zeroed = next(
        number for number, own in enumerate(members_of("future_tokens.text", "smoke")) if own.model.past == "zeroed"
    )
    assert MEASURES["future_tokens.gradients"].measure(view_of("text", zeroed)) == {}


def test_one_state_foretells_the_next_choice_best_at_the_last_layer():
    found = MEASURES["future_tokens.lens"].measure(view_of("text"))
    assert float(found["lens_0"][0, -1]) > 0.9
    assert all(0 <= float(found[f"lens_bigram_{ahead}"]) <= 1 for ahead in range(4))


def test_the_table_of_pairs_is_a_plain_count_and_needs_no_room_for_pairs_that_never_come():
    noise = stream(0, "pairs")
    sign, chosen = (torch.tensor(noise.integers(0, 5, (40, 9))) for _ in range(2))
    fitted, held = slice(0, 30), slice(30, None)
    seen: dict[int, Counter[int]] = {}
    for row in range(30):
        for place in range(7):
            seen.setdefault(int(sign[row, place]), Counter())[int(chosen[row, place + 2])] += 1
    best = {first: min(own, key=lambda second, own=own: (-own[second], second)) for first, own in seen.items()}
    right = [best[int(sign[r, n])] == int(chosen[r, n + 2]) for r in range(30, 40) for n in range(7)]
    for d_vocab in (5, 1_000_000):
        assert float(lens._table(sign, chosen, fitted, held, 2, d_vocab)) == pytest.approx(np.mean(right), rel=1e-6)


@pytest.fixture
def passages(tmp_path, monkeypatch):
    """A local copy of a data set; what would fetch one is missing."""
    monkeypatch.setitem(sys.modules, "datasets", None)
    lines = [f"passage {n} speaks of {'abcdefgh'[n % 8] * (60 + n % 5)} at some length" for n in range(60)]
    folder = tmp_path / "copy"
    folder.mkdir()
    (folder / "a.txt").write_text("\n".join(lines))
    return (f"task.dataset={folder}", "task.tokenizer=characters")


def test_the_published_text_can_be_read_from_a_local_copy_by_the_words_of_a_command(passages):
    for name in ("text", "text_rates", "text_on", "text_softened", "text_ladder"):
        own = members_of(f"future_tokens.{name}", "paper", passages)[0]
        assert own.task.signature.d_vocab == len(own.task.passages[1].symbols)
    with pytest.raises(LatebloomError, match="does not fit the task"):
        members_of("future_tokens.text", "paper", [*passages, "training.loss=huber"])


def test_a_data_set_that_cannot_be_fetched_is_told_before_a_run_is_laid_out(passages, tmp_path, monkeypatch):
    assert members_of("future_tokens.text", "paper")[0].task.dataset == "microsoft/ms_marco"
    with pytest.raises(LatebloomError, match="needs the package `datasets`"):
        plan("future_tokens.text", "paper", passages[1:], tmp_path / "home")
    monkeypatch.setattr("latebloom.tasks.hub_text._named", lambda name: Characters("a tokenizer that the hub gives"))
    with pytest.raises(LatebloomError, match="needs the package `datasets`"):
        plan("future_tokens.text", "paper", (), tmp_path / "home")
    assert not (tmp_path / "home").exists()
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    for place in (str(tmp_path / "nowhere"), "./nowhere"):
        with pytest.raises(LatebloomError, match=r"task\.dataset = .* is no folder here"):
            plan("future_tokens.text", "paper", [f"task.dataset={place}"], tmp_path / "home")


@pytest.fixture
def small_gpt2(passages, tmp_path):
    """A GPT-2 of one block in a folder, as published ones are, for the characters of the passages."""
    letters = members_of("future_tokens.text", "paper", passages)[0].task.signature.d_vocab
    config = {"model_type": "gpt2", "vocab_size": letters, "n_positions": 70, "n_embd": 8, "n_layer": 1, "n_head": 2}
    theirs, noise = (
        others.GPT2(others.settings(n_layer=1, n_positions=70, vocab_size=letters)),
        stream(0, "small GPT-2"),
    )
    with torch.no_grad():
        for value in theirs.parameters():
            value.copy_(torch.tensor(noise.standard_normal(value.shape)))
    folder = tmp_path / "gpt2"
    folder.mkdir()
    save_file(theirs.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_published_weights_are_trained_on_in_both_arms(passages, small_gpt2, tmp_path):
    """The same words as at full size; the first weights are the folder's, of places as many as the task has."""
    sizes = ("model.n_layers=1", "model.d_model=8", "model.n_heads=2", "model.dropout=0", "training.steps=2")
    words = (*passages, *sizes, f"model.weights={small_gpt2}", "task.batch_size=4", "task.n_test=8", "seed=0")
    run = latebloom.run("future_tokens.text_finetuned", *words, scale="paper", home=tmp_path / "home", workers=1)
    stored = load_file(small_gpt2 / "model.safetensors")
    assert len(run.members()) == 2
    for member in (0, 1):
        first, last = run.parameters(member, 0), run.parameters(member)
        torch.testing.assert_close(first["embed.W_E"], stored["wte.weight"])
        torch.testing.assert_close(first["pos_embed.W_pos"], stored["wpe.weight"][: len(first["pos_embed.W_pos"])])
        assert not first["pos_embed.W_pos"].equal(last["pos_embed.W_pos"])
        queries = stored["h.0.attn.c_attn.weight"][:, :8].view(8, 2, 4).transpose(0, 1)
        torch.testing.assert_close(first["blocks.0.attn.W_Q"], queries)
        torch.testing.assert_close(first["blocks.0.mlp.W_out"], stored["h.0.mlp.c_proj.weight"])
    start = run.measurements().query("step == 0")["test_loss"]
    assert start.nunique() == 1  # one network, asked the same, before the arms part


def test_published_weights_that_do_not_fit_are_told_before_anything_is_laid_out(passages, small_gpt2, tmp_path):
    sizes = ["model.n_layers=1", "model.d_model=8", "model.n_heads=2", f"model.weights={small_gpt2}"]

    def refused(match, *words):
        with pytest.raises(LatebloomError, match=match):
            plan("future_tokens.text_finetuned", "paper", [*passages, *words], tmp_path / "home")

    refused(r"a network with n_layers = 1 \(here 2\): set these", "model.n_layers=2", *sizes[1:])
    refused(
        r"would begin with the weights of .* and with those of future_tokens\.text",
        *sizes,
        "start.experiment=future_tokens.text",
    )
    refused(r"has 70 places, the task 99: take shorter", *sizes, "task.tokens=100")
    config = small_gpt2 / "config.json"
    config.write_text(config.read_text().replace('"vocab_size": ', '"vocab_size": 9'))
    refused(r"has embeddings for 9\d+ tokens, the task has \d+\. Use the tokenizer", *sizes)
    assert not (tmp_path / "home").exists()


def test_weights_in_a_folder_are_known_by_what_they_are(small_gpt2):
    words = {"kind": "decoder", "n_layers": 1, "d_model": 8, "n_heads": 2, "weights": str(small_gpt2)}
    asked = Signature(n_inputs=1, n_outputs=97, d_vocab=97, n_ctx=8)
    before = Decoder.parse(words)
    assert Decoder.parse(before.model_dump()) == before
    file = small_gpt2 / "model.safetensors"
    save_file({name: 2 * value for name, value in load_file(file).items()}, file)
    after = Decoder.parse(words)
    assert identity(after) != identity(before), "other weights of the same name are another network"
    for look in (lambda: before.reach(asked), lambda: initial_parameters(before, [before], asked, [0], Place())):
        with pytest.raises(LatebloomError, match=r"is no longer the network it was.*run the same command again"):
            look()
    assert before.replace({"n_heads": 1}) == before.model_copy(update={"n_heads": 1})
    assert before.replace({"weights": str(small_gpt2)}) == after
    assert identity(before.replace({"weights": None})) == identity(Decoder.parse({**words, "weights": None}))
    file.unlink()
    with pytest.raises(LatebloomError, match=r"is no longer the network it was"):
        before.reach(asked)
    assert "weights_digest" not in str(identity(Decoder.parse({**words, "weights": "openai-community/gpt2"})))


def test_a_run_can_be_read_when_its_texts_have_gone(passages, tmp_path, monkeypatch):
    sizes = ("model.n_layers=1", "model.d_model=8", "model.n_heads=2", "model.dropout=0", "training.steps=2")
    words = (*passages, *sizes, "task.batch_size=4", "task.n_test=8", "seed=0", "model.past=whole")
    run = latebloom.run("future_tokens.text", *words, scale="paper", home=tmp_path / "home", workers=1)
    shutil.rmtree(tmp_path / "copy")
    _passages.cache_clear()
    assert Experiment.parse(run.specification(0)).task.dataset == str(tmp_path / "copy")
    with pytest.raises(LatebloomError, match="is no folder here"):
        Experiment.parse(run.specification(0)).task.signature  # noqa: B018
    monkeypatch.setattr("latebloom.tasks.hub_text._named", lambda name: Characters("a tokenizer that the hub gives"))
    gone = HubText(dataset=str(tmp_path / "copy"), tokenizer="a name on the hub")
    assert gone.signature.d_vocab == len(set("a tokenizer that the hub gives"))  # a network is shaped without its texts


@pytest.mark.parametrize("word", ["training.optimiser=adamx", "training.loss=hubber"])
def test_names_are_looked_up_also_where_the_text_is_yet_to_be_fetched(word):
    with pytest.raises(LatebloomError, match="Unknown"):
        members_of("future_tokens.text", "paper", [word])


def test_a_network_that_is_taught_must_be_told_by_whom(tmp_path):
    words = ["model.past=teacher_hidden", "seed=0"]
    with pytest.raises(LatebloomError, match=r"is taught must be told by whom: write start\.experiment=NAME"):
        plan("future_tokens.text", "smoke", words, tmp_path)
    assert list(tmp_path.iterdir()) == []
    told = ["start.experiment=future_tokens.text", 'start.overrides=["model.past=whole"]']
    assert len(plan("future_tokens.text", "smoke", [*words, *told], tmp_path).sources) == 1


def test_a_small_network_learns_a_local_copy_by_the_published_words_and_its_sample_can_be_read(passages, tmp_path):
    sizes = ("n_layers=1", "d_model=8", "n_heads=1", "batch_size=4", "n_test=8", "tokens=20", "steps=2", "lr=1e-3")
    run = latebloom.run("future_tokens.text_rates", *passages, *sizes, "seed=0", scale="paper", home=tmp_path / "home")
    figure = draw_sample(run, Logged(run), "passages")
    assert figure is not None
    assert "speaks of" in "".join(text.get_text() for text in figure.axes[0].texts)
    assert any("Networks: seed 0." in text.get_text() for text in figure.findobj(Text))


def test_measures_refuse_what_they_cannot_read():
    rows = View(Population.start(members_of("grokking.modular_addition", "smoke")[:1]), 0)
    for name, words in {
        "huber": "needs the task sine_sum",
        "lags": "needs the task sine_sum",
        "push": "needs the task sine_sum",
        "places": "needs sequences",
        "answers": "needs sequences of symbols",
        "excess": "needs the task majority",
        "lens": "reads decoders",
    }.items():
        with pytest.raises(LatebloomError, match=words):
            MEASURES[f"future_tokens.{name}"].measure(rows)


def test_a_network_that_grows_begins_with_the_block_it_had(runs):
    run = runs["grown"]
    own = Experiment.parse(run.specification(0))
    assert own.start == Start(experiment="future_tokens.curriculum_4", grow=True)
    begun = run.parameters(0, 0)
    source = latebloom.run(own.start.experiment, f"seed={own.seed}", scale="smoke", home=run.path.parent.parent)
    for name, value in source.parameters(0).items():
        torch.testing.assert_close(begun[name], value, rtol=0, atol=0)
    assert "blocks.1.attn.W_Q" in begun
    assert "blocks.1.attn.W_Q" not in source.parameters(0)


def test_a_network_cannot_shrink_or_change_its_width():
    small = Population.start(members_of("future_tokens.curriculum_1", "smoke")[:1]).params
    grown = members_of("future_tokens.grown", "smoke")[0]
    large = Population.start([grown]).params
    back = members_of("future_tokens.curriculum_2", "smoke")[0].replace({"start.grow": True})
    with pytest.raises(LatebloomError, match="has no place for"):
        Population.start([back], large)
    wide = grown.replace({"model.d_model": 16})
    with pytest.raises(LatebloomError, match="needs shape"):
        Population.start([wide], small)


def test_students_begin_at_their_teacher(runs):
    run = runs["text_on"]
    members = run.members()
    taught = int(members[members["past"] == "teacher_hidden"]["member"].iloc[0])
    begun = run.parameters(taught, 0)
    for name, value in begun.items():
        if not name.startswith("teacher."):
            assert torch.equal(value, begun[f"teacher.{name}"])
    assert torch.equal(run.parameters(taught)["teacher.embed.W_E"], begun["teacher.embed.W_E"])
    assert not torch.equal(run.parameters(taught)["embed.W_E"], begun["embed.W_E"])


def test_gains_of_a_sample_are_differences_of_losses(runs):
    run = runs["text"]
    frame = run.measurements()
    ends = {row["past"]: row for row in frame[(frame["step"] == 12) & (frame["seed"] == 0)].to_dict("records")}
    _, _, gain = gains(run, ends["whole"]["member"], ends["hidden"]["member"], rows=16)
    by_place = np.asarray(ends["hidden"]["loss_by_place"]) - np.asarray(ends["whole"]["loss_by_place"])
    np.testing.assert_allclose(gain.mean(0).numpy(), by_place, atol=2e-5)


EXPECTED = {
    "sine": {"curves", "measures", "lags", "pushes"},
    "sine_p": {"curves", "measures", "lags", "shares"},
    "grown": {"curves", "measures", "lags"},
    "from_scratch": {"curves", "measures", "lags"},
    "text": {"curves", "measures", "places", "gradients", "sample"},
    "text_on": {"curves"},
    "text_ladder": {"curves", "places", "sample"},
    "multiplication": {"curves", "measures"},
    "majority": {"curves", "measures", "places_0", "places_1"},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_pictures_of_a_run(runs, name, tmp_path):
    written = draw_run(runs[name], tmp_path)
    assert {path.stem for path in written} >= EXPECTED[name]
    assert all(path.stat().st_size > 2000 for path in written)
    shutil.rmtree(tmp_path)


def test_settings_whose_last_parts_are_the_same_keep_apart_what_differs():
    one, other = ({"task.width": width, "model.width": 8, "model.past": "hidden"} for width in (2, 4))
    assert rest_of(one) != rest_of(other)
    assert name_of({"task.width": 2, "model.d_model": 8}) == "width 2, d model 8"


def test_a_member_that_is_not_there_is_refused(runs, tmp_path):
    with pytest.raises(LatebloomError, match="has members 0 to 3; there is no 7"):
        draw_run(runs["sine"], tmp_path, 7)
