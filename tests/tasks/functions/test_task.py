"""The task: shares of a mixture, layouts, what counts, fixed and fresh prompts, curriculum, and what it refuses."""

import numpy as np
import pytest
import torch

from latebloom.baselines.least_squares import LeastSquares
from latebloom.baselines.mixture_posterior import dense_and_sparse
from latebloom.data import Place
from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from latebloom.tasks import TASKS
from latebloom.tasks.functions import InContextFunctions, draw_prompts, parse_mixture
from latebloom.training.experiment import Experiment, Training
from latebloom.training.population import Population

WIDE = Place(dtype=torch.float64)


def parse(**settings):
    return InContextFunctions.parse({"d": 5, "points": 7, "n_test": 40, "batch_size": 16} | settings)


def drawn(text, n=4000, points=3, d=4, **more):
    return draw_prompts(parse_mixture(text, {"d": d}), stream(0, "drawn", text), n, points, **more)


@pytest.mark.parametrize(("text", "share"), [("dense+sparse", 0.5), ("0.9*dense + 0.1*sparse", 0.9)])
def test_classes_come_in_their_shares(text, share):
    prompts = drawn(text)
    assert abs((prompts.which == 0).mean() - share) < 4 * (share * (1 - share) / 4000) ** 0.5


def test_each_sequence_is_of_the_class_it_says():
    prompts = drawn("dense+sparse:nonzeros=1", points=6)
    w = np.linalg.pinv(prompts.x) @ prompts.clean[..., None]
    nonzeros = (np.abs(w[..., 0]) > 1e-8).sum(1)
    np.testing.assert_array_equal(nonzeros, np.where(prompts.which == 0, 4, 1))


def test_a_batch_of_its_own_class_and_classes_by_turns():
    mixture = parse_mixture("0.7*dense+0.3*sparse", {"d": 4})
    found = [draw_prompts(mixture, stream(seed, "per batch"), 5, 2, per="batch").which.tolist() for seed in range(400)]
    assert all(len(set(own)) == 1 for own in found)
    assert abs(np.mean([own[0] == 0 for own in found]) - 0.7) < 4 * (0.21 / 400) ** 0.5
    turns = [drawn("dense+sparse+relu", n=2, per="step", step=step).which[0] for step in range(6)]
    assert turns == [0, 1, 2, 0, 1, 2]


def test_noise_has_its_variance_and_leaves_the_clean_values_alone():
    prompts = drawn("dense:noise_variance=0.25+sparse")
    noise = prompts.y - prompts.clean
    assert abs(noise[prompts.which == 0].var() - 0.25) < 0.03
    assert (noise[prompts.which == 1] == 0).all()


@pytest.mark.parametrize("layout", ["garg", "raventos", "paired"])
@pytest.mark.parametrize("name_class", [False, True])
def test_a_sequence_is_its_pairs_and_predictions_are_asked_where_x_is(layout, name_class):
    task = parse(layout=layout, name_class=name_class, noise_variance=0.1)
    batch = task.data([task], [3], WIDE).batch(0)
    places, wide = 14 + name_class, 5 + (layout != "garg")
    assert batch.inputs.shape == (1, 16, places, wide)
    assert batch.targets.shape == (1, 16, places, 1)
    assert (task.signature.n_inputs, task.signature.n_outputs, task.signature.n_ctx) == (wide, 1, places)
    x, y = task.pairs(batch.inputs)
    assert x.shape == (1, 16, 7, 5)
    counted = torch.zeros(places)
    counted[name_class::2] = 1
    assert torch.equal(batch.weight, counted.expand(1, 16, -1).to(batch.weight))
    torch.testing.assert_close(batch.targets[..., task.x_places, 0], y)
    torch.testing.assert_close(task.answer(batch.inputs) * batch.weight[..., None], batch.targets)
    label = None
    if name_class:
        label = batch.inputs[0, :, 0].argmax(-1).numpy()
        assert set(batch.inputs[0, :, 0].sum(-1).tolist()) == {1.0}
    again = task.sequences(x[0].numpy(), y[0].numpy(), label)
    np.testing.assert_array_equal(again, batch.inputs[0].numpy())


def test_a_task_trains_on_the_functions_of_its_pool_whatever_the_seed():
    task = parse(mixture="pool:functions=3", tests="dense")
    known = task.trained.components[0].function
    for seed in (0, 7):
        x, y = (torch.from_numpy(part) for part in task.pairs(task.batch(seed, 4)[0]))
        misfit = ((x @ torch.from_numpy(known.weights.T.copy()) / 5**0.5) - y[..., None]).abs().amax(1)
        assert (misfit.amin(1) < 1e-9).all()
        assert len(set(misfit.argmin(1).tolist())) == 3


def test_a_linear_predictor_reads_the_task():
    """From d pairs on least squares is exact on clean linear prompts: pairs and targets are in their places."""
    task = parse(tests="dense+sparse")
    for split, batch in task.data([task], [0], WIDE).splits.items():
        assert split in ("test_dense", "test_sparse")
        x, y = task.pairs(batch.inputs)
        guessed = LeastSquares().prefixes(x, y)
        torch.testing.assert_close(guessed[..., 5:], batch.targets[..., task.x_places, 0][..., 5:], atol=1e-6, rtol=0)


def test_the_optimum_of_the_mixture_knows_the_class_named_by_the_first_token():
    task = parse(name_class=True, noise_variance=0.01, n_test=300, points=9)
    for number, batch in enumerate(task.data([task], [0], WIDE).splits.values()):
        assert bool((batch.inputs[:, :, 0, number] == 1).all())
        x, y = task.pairs(batch.inputs)
        assert float(dense_and_sparse(5, 2).posterior(x, y).classes[..., -1, number].mean()) > 0.8


def test_test_targets_are_clean_and_training_targets_are_the_labels():
    task = parse(mixture="dense", noise_variance=1.0)
    data = task.data([task], [0], WIDE)
    test = data.splits["test_dense"]
    gap = test.targets - task.answer(test.inputs)
    assert abs(float(gap[:, :, task.x_places].var()) - 1) < 0.4
    train = data.batch(0)
    torch.testing.assert_close(train.targets, task.answer(train.inputs))


def test_only_the_query_counts_where_inputs_set_it_apart():
    task = parse(tests="dense@repeated+dense@subspace+dense@orthogonal", points=5)
    splits = task.data([task], [0], WIDE).splits
    assert list(splits) == ["test_dense_repeated", "test_dense_subspace", "test_dense_orthogonal"]
    assert splits["test_dense_repeated"].weight.sum(2).unique().tolist() == [1]
    assert splits["test_dense_repeated"].weight[0, 0, -2] == 1
    assert splits["test_dense_subspace"].weight.sum(2).unique().tolist() == [5]


def test_data_do_not_depend_on_who_else_trains_or_when_they_are_asked_for():
    settings = [parse(mixture="dense"), parse(), parse(mixture="0.1*dense+0.9*sparse", noise_variance=0.5)]
    together = parse().data(settings, [4, 5, 6], Place())
    alone = settings[1].data([settings[1]], [5], Place())
    for step in (7, 0, 3):
        assert torch.equal(together.batch(step).inputs[1], alone.batch(step).inputs[0])
    for name, split in alone.splits.items():
        assert torch.equal(split.inputs[0], together.splits[name].inputs[1])
    assert not torch.equal(alone.batch(0).inputs, alone.batch(1).inputs)
    assert not torch.equal(together.batch(0).inputs[0], together.batch(0).inputs[1])


def test_a_split_seed_gives_arms_the_same_test_prompts():
    arms = [parse(mixture=mixture, split_seed=9) for mixture in ("dense", "sparse")]
    split = arms[0].data(arms, [0, 1], Place()).splits["test_sparse"]
    assert torch.equal(split.inputs[0], split.inputs[1])


def test_a_curriculum_narrows_training_and_never_the_tests():
    task = parse(curriculum={"every": 10, "dims": 2, "points": 3})
    data = task.data([task], [0], WIDE)
    early, late = data.batch(9), data.batch(1000)
    assert (early.inputs.shape[2], late.inputs.shape[2]) == (6, 14)
    assert not early.inputs[..., ::2, 2:].any()
    assert bool(early.inputs[..., ::2, :2].all())
    assert bool(data.splits["test_dense"].inputs[..., ::2, :].all())
    assert bool(late.inputs[..., ::2, :].all())


def test_a_decoder_trains_on_it_also_while_prompts_are_short():
    """Arms with mixtures of their own are one population; a decoder takes shorter sequences than its longest."""
    assert TASKS["in_context_functions"] is InContextFunctions
    model = {"kind": "decoder", "n_layers": 1, "d_model": 16, "n_heads": 2}
    task = {"kind": "in_context_functions", "d": 2, "points": 5, "n_test": 16, "tests": "dense+sparse:nonzeros=1"}
    task |= {"curriculum": {"every": 4, "dims": 1, "points": 2}, "nonzeros": 1}
    arms = [
        Experiment.parse(
            {"name": "arm", "task": task | {"mixture": mixture}, "model": model, "seed": 0}
            | {"training": Training(loss="squared_error", lr=1e-2)}
        )
        for mixture in ("dense", "dense+sparse")
    ]
    population = Population.start(arms)
    losses = torch.stack([population.advance(step) for step in range(12)])
    assert losses.shape == (12, 2)
    assert bool(torch.isfinite(losses).all())


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"nonzeros": 6}, r"nonzeros = 6 weights cannot be chosen from d = 5 dimensions"),
        ({"noise_variance": -1}, r"noise_variance = -1"),
        (
            {"mixture": "0.5*dense+0.4*sparse"},
            r"weights of the mixture .* sum to 0\.9: they must be at least 0",
        ),
        ({"mixture": "1.5*dense+-0.5*sparse"}, r"must be at least 0"),
        ({"mixture": "0.5*dense+sparse"}, "gives weights to some classes: give one to each, or to none"),
        ({"mixture": "half*dense"}, r"'half' in 'half\*dense' is no weight"),
        ({"mixture": "dens"}, "Did you mean 'dense'"),
        ({"mixture": "dense:d=4+sparse"}, r"'dense:d=4' takes inputs of 4 numbers, the task has 5: leave d out"),
        ({"tests": "dense:d=4"}, r"task\.tests = .*: leave d out and set task\.d"),
        ({"tests": "dense+dense"}, "names one split twice"),
        ({"mixture": "0.9*dense+0.1*sparse", "per": "step"}, "by turns, so their weights must be equal"),
        ({"curriculum": {"every": 5, "dims": 1}}, r"dims = 1 active coordinates are too few .* at least 2"),
        ({"name_class": True, "mixture": "dense+tree"}, "'tree' is not there"),
        ({"name_class": True, "d": 2, "tests": "dense+sparse+relu"}, "3 classes do not fit a token of 2 numbers"),
        ({"d": 1}, r"task\.tests = 'dense\+sparse': sparse: nonzeros = 2|task\.mixture = 'dense\+sparse'"),
        ({"tests": "dense@orthogonal"}, r"task\.tests = 'dense@orthogonal': .* use at most 5 points"),
        ({"mixture": "dense@subspace:dims=6"}, r"task\.mixture = .*: subspace: dims = 6 must be at most d = 5"),
        (
            {"mixture": "dense@repeated", "curriculum": {"every": 5, "dims": 5, "points": 1}},
            r"task\.mixture = .*: repeated: a prompt of 1 points",
        ),
        ({"layout": "gpt"}, "layout = 'gpt'"),
        ({"point": 4}, r"Unknown field of InContextFunctions 'point'"),
    ],
)
def test_refused_settings_are_told_in_a_sentence(settings, told):
    with pytest.raises(LatebloomError, match=told):
        parse(**settings)


def test_prompts_of_ones_own_must_fit():
    task, x = parse(), np.zeros((2, 8, 5))
    with pytest.raises(LatebloomError, match=r"8 pairs is longer than the 7 trained on \(task\.points\)"):
        task.sequences(x, x[..., 0])
    with pytest.raises(LatebloomError, match=r"they must be \[n, points, 5\]"):
        task.sequences(x[..., :4], x[..., 0])
    with pytest.raises(LatebloomError, match="say which class each prompt is of"):
        parse(name_class=True).sequences(x[:, :3], x[:, :3, 0])
