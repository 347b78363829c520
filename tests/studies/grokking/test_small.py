"""Written-down solutions, small networks, unusual inputs: experiments and measures."""

import math

import numpy as np
import pytest
import torch

import latebloom
from latebloom import studies
from latebloom.errors import LatebloomError
from latebloom.instruments.complexity import local_complexity, orthonormal_frames
from latebloom.models import MLP, CircleSolution, GromovSolution, ModularMLP, ParitySolution
from latebloom.studies.grokking.experiments.small import frequency_sets
from latebloom.studies.grokking.measures.small import DIRECTIONS, PROBES, RADIUS
from latebloom.tasks import ModularArithmetic, SparseParity
from latebloom.training.experiment import Experiment, Training
from latebloom.training.measures import MEASURES
from latebloom.training.population import Population
from latebloom.training.presets import members_of
from latebloom.training.view import View

studies.load()

PRESETS = (
    "architectures",
    "codes",
    "complexity",
    "complexity_one_layer",
    "constructed",
    "constructed_frequencies",
    "five_neurons",
    "gromov_constructed",
    "mirror",
    "mirror_transformer",
    "regained",
    "reverse",
)


def view(model, task, seeds=(0,), precision="float64"):
    members = [
        Experiment(name="test", task=task, model=m, seed=seed, training=Training(steps=0, precision=precision))
        for m in (model if isinstance(model, list) else [model])
        for seed in seeds
    ]
    return View(Population.start(members), 0)


def measured(name, *args, **kwargs):
    columns = MEASURES[f"grokking.{name}"].measure(view(*args, **kwargs))
    return {key: value.tolist() for key, value in columns.items()}


@pytest.mark.parametrize("name", PRESETS)
def test_presets_build_at_every_scale_and_run_at_smoke(name, runs_home):
    for scale in ("quick", "laptop", "paper"):
        assert members_of(f"grokking.{name}", scale)
    run = latebloom.run(f"grokking.{name}", scale="smoke", workers=1)
    assert run.finished
    frame = run.measurements()
    wanted = {m["name"] for m in run.specification(0)["measure"]}
    assert {"train_loss", "test_accuracy"} <= set(frame.columns)
    if "grokking.whole_table" in wanted:
        assert "unit_margin" in frame.columns


def test_sets_of_frequencies_start_at_one_and_do_not_repeat():
    sets = frequency_sets(11, 4, 3)
    assert sets[:5] == [(1,), (1, 2), (1, 3), (1, 4), (1, 5)]
    assert len(set(sets)) == len(sets)
    assert all(len(set(chosen)) == len(chosen) and max(chosen) <= 5 for chosen in sets)
    assert {len(chosen) for chosen in sets} == {1, 2, 3, 4}


# --- the whole table -------------------------------------------------------------------------------------------------


def formula(p, neurons, activation, frequencies=(1,)):
    """Logits of the appendix, one pair and class at a time: an independent, slow way."""
    out = np.zeros((p, p, p))
    for a in range(p):
        for b in range(p):
            for c in range(p):
                for f in frequencies:
                    w = 2 * math.pi * f / p
                    for i in range(neurons):
                        t = 2 * math.pi * i / neurons
                        x = math.cos(w * a - t) + math.cos(w * b - t)
                        out[a, b, c] += (max(x, 0) if activation == "relu" else x * x) * math.cos(w * c - 2 * t)
    return out


@pytest.mark.parametrize(
    ("p", "neurons", "activation", "frequencies"),
    [
        (7, 5, "relu", (1,)),
        (8, 5, "square", (1,)),
        (8, 5, "relu", (3,)),
        (11, 6, "relu", (1, 2)),
        (9, 4, "square", (1,)),
    ],
)
def test_the_whole_table_agrees_with_the_formula(p, neurons, activation, frequencies):
    table = formula(p, neurons, activation, frequencies)
    rows = np.array([(a, b) for a in range(p) for b in range(p)])
    answer = rows.sum(1) % p
    logits = table.reshape(p * p, p)
    right = logits[np.arange(p * p), answer]
    others = logits.copy()
    others[np.arange(p * p), answer] = -np.inf
    margin = right - others.max(1)
    half = (rows[:, 0] - rows[:, 1]) % p == p / 2
    model = CircleSolution(neurons=neurons, activation=activation, frequencies=frequencies, d_mlp=16)
    found = measured("whole_table", model, ModularArithmetic(p=p))
    norm = math.sqrt(2 * sum(neurons * p / 2 for _ in frequencies)) if neurons > 4 else None
    assert found["table_accuracy"] == pytest.approx([np.mean(margin > 1e-9)])
    assert found["undecided"] == [int((np.abs(margin) < 1e-9).sum())]
    assert found["undecided_half"] == [int(((np.abs(margin) < 1e-9) & half).sum())]
    assert found["table_margin"] == pytest.approx([margin.min()], abs=1e-12)
    if norm is not None:
        assert found["unit_margin"] == pytest.approx(
            [margin.min() / norm ** (2 if activation == "relu" else 3)], abs=1e-12
        )


def test_scaling_the_weights_changes_the_margin_and_not_the_unit_margin():
    models = [CircleSolution(neurons=5), CircleSolution(neurons=5, init_scale=3.0)]
    found = measured("whole_table", models, ModularArithmetic(p=13))
    assert found["table_margin"][1] == pytest.approx(9 * found["table_margin"][0])
    assert found["unit_margin"][1] == pytest.approx(found["unit_margin"][0])


def test_the_angle_of_five_directions_is_the_published_one_and_odd_n_equals_2n():
    models = [CircleSolution(neurons=n, d_mlp=10) for n in (5, 10, 6)]
    angle = measured("answer_angle", models, ModularArithmetic(p=67))["answer_angle"]
    assert angle[0] == pytest.approx(1.519, abs=0.002)  # 67 points of the curve miss its top by a little
    assert angle[1] == pytest.approx(angle[0], abs=1e-9)
    assert angle[2] == pytest.approx(8.81, abs=0.01)


def test_the_angle_is_asked_of_written_down_circles_only():
    with pytest.raises(LatebloomError, match=r"measures model\.kind=circle_solution; here it is 'gromov_solution'"):
        measured("answer_angle", GromovSolution(d_mlp=4), ModularArithmetic(p=7))


def test_measures_of_pairs_refuse_other_tasks():
    with pytest.raises(LatebloomError, match=r"task.kind should be 'modular', not 'parity'"):
        measured("mirror", ParitySolution(), SparseParity(n=8, n_train=20, n_test=30))


# --- periodic tables, mirrored pairs, local complexity ---------------------------------------------------------------


def test_periodicity_is_one_for_waves_and_small_for_noise():
    task = ModularArithmetic(p=31)
    assert measured("periodicity", CircleSolution(neurons=5, frequencies=(2, 7)), task)["in_share"] == pytest.approx(
        [1]
    )
    assert measured("periodicity", ModularMLP(d_mlp=40, d_embed=8), task)["in_share"][0] < 0.45


@pytest.mark.parametrize("pairs", ["ordered", "unordered"])
def test_mirrored_pairs_are_counted_as_by_hand(pairs):
    task = ModularArithmetic(p=11, pairs=pairs, train_fraction=0.4)
    seen = view(ModularMLP(d_mlp=8, d_embed=6), task, seeds=(0, 1))
    found = MEASURES["grokking.mirror"].measure(seen)
    for member in range(2):
        train = {tuple(row) for row in seen.splits["train"].inputs[member].tolist()}
        test = [tuple(row) for row in seen.splits["test"].inputs[member].tolist()]
        mirrored = np.array([(b, a) in train for a, b in test])
        right = (seen.logits("test")[member].argmax(-1) == seen.splits["test"].targets[member]).numpy()
        assert found["mirror_share"][member].item() == pytest.approx(mirrored.mean())
        assert found["unmirrored_accuracy"][member].item() == pytest.approx(right[~mirrored].mean())
        if pairs == "unordered":
            assert not mirrored.any()
            assert math.isnan(found["mirrored_accuracy"][member].item())
        else:
            assert found["mirrored_accuracy"][member].item() == pytest.approx(right[mirrored].mean())


def test_a_network_that_is_right_everywhere_is_right_on_both_kinds_of_pairs():
    found = measured("mirror", CircleSolution(neurons=5), ModularArithmetic(p=67, train_fraction=0.4))
    assert found["mirrored_accuracy"] == found["unmirrored_accuracy"] == [1.0]
    assert 0.3 < found["mirror_share"][0] < 0.5


@pytest.mark.parametrize(
    "model", [ModularMLP(shared=False, d_mlp=16, d_embed=8), ModularMLP(d_mlp=16, d_embed=8), MLP(hidden=12, layers=2)]
)
def test_local_complexity_probes_the_network_itself(model):
    """The same instrument on pre-activations written out once more, from one-hot rows."""
    p = 13
    seen = view(model, ModularArithmetic(p=p, train_fraction=0.5), seeds=(0, 1))
    params = seen.params

    def by_hand(rows):
        if isinstance(model, ModularMLP):
            a, b = rows[..., :p], rows[..., p:]
            first, last = (params["W_E"] @ params["W_in" + s] for s in (("_a", "_b") if not model.shared else ("", "")))
            return [a @ first + b @ last]
        first = rows @ params["W_0"] + params["b_0"][:, None]
        return [first, torch.relu(first) @ params["W_1"]]

    pairs = seen.splits["train"].inputs[:, :PROBES]
    points = torch.nn.functional.one_hot(pairs, p).flatten(2).double()
    frames = orthonormal_frames(0, PROBES, 2 * p, min(DIRECTIONS, 2 * p))[: points.shape[1]]
    wanted = local_complexity(by_hand, points, frames, RADIUS).sum(-1).double().mean(-1)
    found = MEASURES["grokking.local_complexity"].measure(seen)
    assert found["complexity_train"].tolist() == pytest.approx(wanted.tolist())
    assert set(found) == {"complexity_train", "complexity_test", "complexity_random"}


def test_local_complexity_is_a_members_own_where_neighbours_have_other_numbers_of_rows():
    members = members_of("grokking.complexity", "smoke", ["seed=0", "n_train=100,300,2100"])
    together = MEASURES["grokking.local_complexity"].measure(View(Population.start(members), 0))
    for number, member in enumerate(members):
        alone = MEASURES["grokking.local_complexity"].measure(View(Population.start([member]), 0))
        for name, value in alone.items():
            assert together[name][number].item() == pytest.approx(value.item()), (number, name)


def test_digits_are_the_numbers_in_base_two():
    task = ModularArithmetic(p=11)
    seen = view(MLP(hidden=4, encoding="digits", code_bits=5), task)
    codes = seen.params["codes"][0]
    assert (codes @ (2.0 ** torch.arange(5, dtype=codes.dtype))).tolist() == list(range(11))
