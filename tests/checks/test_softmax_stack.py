"""The second opinion on softmax stacks: a plain stack says what ours says, and is compared with the ledger."""

import pytest
import torch

from checks import __main__ as command
from checks import softmax_stack
from checks.compare import told
from checks.dynamics import sequences
from checks.softmax_stack import PUBLISHED, RELEASED, holding, published
from latebloom.baselines import chebyshev
from latebloom.studies.mesa_optimization.experiments import plain
from latebloom.tasks import LinearDynamics

TASK = LinearDynamics(n_seen=10, length=50, tokens="plain")


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def stack_of(count):
    return plain.softmax("laptop").experiment.model.replace({"n_layers": count})


def random_tables(count, size=0.4, seed=0):
    """Weights of so many layers, large enough for attention to choose."""
    draws = source(seed)
    shapes = stack_of(count).shapes(TASK.signature)
    return {name: size * torch.randn(shape.dims, generator=draws) for name, shape in shapes.items()}


@pytest.mark.parametrize("count", [2, 7])
def test_a_stack_says_what_ours_says(count):
    tables, x = random_tables(count), sequences(4, 10, 50, source(1))[:, :-1]
    ours = stack_of(count).forward({name: table[None].double() for name, table in tables.items()}, x[None])[0]
    with torch.no_grad():
        torch.testing.assert_close(holding(tables)(x), ours, rtol=1e-9, atol=1e-9)
        for name in ("blocks.0.attn.W_Q", "blocks.1.attn.W_V", "unembed.W_U"):
            turned = {**tables, name: tables[name].flip(-1)}
            assert (holding(turned)(x) - ours).abs().max() > 1e-3


def members(experiment, step):
    """Two layers and seven, two seeds each."""
    assert (experiment, step) == ("mesa_optimization.softmax", 2000)
    return [({"seed": seed}, random_tables(count, 0.05, seed)) for count in (2, 7) for seed in (0, 1)]


def test_kept_weights_are_measured(monkeypatch):
    monkeypatch.setattr(softmax_stack, "kept", members)
    found = command.softmax(2, 16, 3)
    assert [len(line.values) for line in found] == [2, 2, 2, 2, 2]
    judged = [line for line in found if line.estimate]
    assert len(judged) == 2 and all(told(line.claim, line.estimate) for line in judged)
    assert [len(line.values) for line in command.softmax(1, 16, 3)] == [1] * 5


def test_without_a_run_the_published_numbers_remain(monkeypatch, capsys):
    monkeypatch.setattr(softmax_stack, "kept", lambda experiment, step: [])
    assert [line.quantity.split()[0] for line in command.softmax(1, 16, 3)] == ["published", "published"]
    assert "latebloom run mesa_optimization.softmax" in capsys.readouterr().out


def test_a_stack_as_good_as_the_solver_would_not_agree_with_the_ledger():
    solver = softmax_stack.Solver(64, 3)
    rows = [dict.fromkeys(solver.losses, 1.0)] * 2
    line = softmax_stack.solver_lines(softmax_stack.CLAIM, rows, "two layers", [])[0]
    assert line.agrees(told(line.claim, line.estimate)[0]) is False
    same = softmax_stack.solver_lines(softmax_stack.CLAIM, [{"fair": 1.3, "lagged": 1.09}], "two layers", [])[0]
    assert same.agrees(told(same.claim, same.estimate)[0]) is True


def test_the_published_loss_is_over_the_released_control():
    """The release's numbers, typed twice, and ratios by the package's solver on the same sequences."""
    assert tuple(map(tuple, RELEASED)) == (chebyshev.PUBLISHED["full_6"].alpha, chebyshev.PUBLISHED["full_6"].beta)
    fair, lagged = published(1, 64)
    s = sequences(64, 10, 50, source(190))
    for line, behind in ((fair, False), (lagged, True)):
        said = chebyshev.chebyshev(s[:, :-1], s[:, 1:], chebyshev.PUBLISHED["full_6"], lagged=behind)
        loss = float((said - s[:, 1:]).square().sum(-1).mean() / 2)
        assert line.values == pytest.approx([PUBLISHED / loss])


def test_the_plain_training_is_that_of_the_experiment():
    """What `checks.dynamics.train` does is written there in numbers; these are the experiment's."""
    experiment = plain.softmax("laptop").experiment
    training, task = experiment.training, experiment.task
    assert (training.steps, training.lr, training.weight_decay) == (softmax_stack.STEPS, softmax_stack.RATE, 0.05)
    assert (training.beta1, training.beta2, training.clip, training.clip_by) == (0.9, 0.999, 1.0, "value")
    assert (training.warmup, training.decay, training.decay_to) == (200, "cosine", 0.05)
    assert (task.n_seen, task.length, task.batch_size) == (softmax_stack.D, softmax_stack.PLACES, softmax_stack.BATCH)


def test_a_training_of_a_few_steps_is_measured():
    found = command.softmax_trained(1, 3, 8, 16, 3)
    assert [len(line.values) for line in found] == [1, 1, 1]
    assert found[0].value > 2  # it has learned nothing yet
