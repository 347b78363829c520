"""The second opinion on deep stacks of linear attention: what they say, and how it is compared."""

import pytest
import torch

from checks import __main__ as command
from checks import deep
from checks.compare import told
from checks.deep import PLACES, D, drawn, said, tokens
from checks.dynamics import sequences
from checks.spread import by_sequence, ratios
from latebloom.models import Decoder
from latebloom.studies.mesa_optimization.experiments.deep import depths
from latebloom.tasks import LinearDynamics


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def random_tables(count, size, seed=0):
    """Weights of so many layers, large enough to matter."""
    draws = source(seed)
    own = {name: weight.shape for name, weight in drawn(0).items() if _in(name, count)}
    return {name: size * torch.randn(shape, generator=draws) for name, shape in own.items()}


def _in(name, count):
    return int(name.split(".")[1]) < count


def test_a_token_holds_a_state_twice_and_the_one_before():
    x = torch.arange(1.0, 7.0).reshape(1, 3, 2)
    assert tokens(x)[0].tolist() == [[0, 0, 1, 2, 1, 2, 0, 0], [0, 0, 3, 4, 3, 4, 1, 2], [0, 0, 5, 6, 5, 6, 3, 4]]


def test_tokens_are_the_packages():
    task = LinearDynamics(n_seen=D, length=PLACES, tokens="constructed")
    s = sequences(3, D, PLACES, source())

    class Made:
        seen = s.numpy()

    theirs, targets, _ = task.rows(Made())
    assert (tokens(s[:, :-1]).numpy() == theirs).all() and (s[:, 1:].numpy() == targets).all()


@pytest.mark.parametrize("size", [0.03, 0.4])  # the second reaches the bound on the stream
def test_a_stack_says_what_ours_says(size):
    model = Decoder.parse(
        {
            "n_layers": 3,
            "d_model": 4 * D,
            "n_heads": 4,
            "d_head": 2 * D,
            "d_mlp": 0,
            "attention": ("linear",),
            "norm": "none",
        }
        | {"positions": "none", "read_out": "channels", "channels": D, "bias": "none", "resid_clip": 4.0}
    )
    tables = random_tables(3, size)
    assert model.shapes(LinearDynamics(n_seen=D, length=PLACES, tokens="constructed").signature).keys() == tables.keys()
    x = sequences(4, D, PLACES, source(1))[:, :-1]
    params = {name: table[None].double() for name, table in tables.items()}
    ours = model.forward(params, tokens(x)[None])[0]
    torch.testing.assert_close(said(tables, x), ours)
    assert bool((ours.abs() == 4).any()) == (size == 0.4)
    turned = {**tables, "blocks.1.attn.W_K": tables["blocks.1.attn.W_K"].flip(0)}
    assert (said(turned, x) - ours).abs().max() > 1e-3


def test_what_comes_later_is_not_seen():
    x = sequences(2, D, PLACES, source(2))[:, :-1]
    changed = x.clone()
    changed[:, 10:] += 1
    own, other = (said(random_tables(2, 0.1), states) for states in (x, changed))
    torch.testing.assert_close(own[:, :10], other[:, :10])
    assert (own[:, 10] - other[:, 10]).abs().max() > 1e-6


def test_one_gradient_step_by_hand():
    # Layer 1 of Proposition 1: keys are states before, queries states, values minus states, eta = 0.1.
    tables = {name: torch.zeros_like(weight).detach() for name, weight in drawn(0).items() if _in(name, 1)}
    part = [slice(D * i, D * i + D) for i in range(4)]
    eye = torch.eye(D)
    tables["blocks.0.attn.W_Q"][0, part[2], :D] = eye
    tables["blocks.0.attn.W_K"][0, part[3], :D] = eye
    tables["blocks.0.attn.W_V"][0, part[2], :D] = eye
    tables["blocks.0.attn.W_O"][0, :D, part[0]] = 0.1 * eye
    x = sequences(2, D, PLACES, source(3))[:, :-1]
    matrix = 0.1 * x[0, 1:9].T @ x[0, :8]
    torch.testing.assert_close(said(tables, x)[0, 8], matrix @ x[0, 8])


def members(experiment, step):
    """One layer and six, two seeds each."""
    return [({"seed": seed}, random_tables(count, 0.01, seed)) for count in (1, 6) for seed in (0, 1)]


def test_kept_weights_are_measured(monkeypatch):
    monkeypatch.setattr(deep, "kept", members)
    found = command.deep(2, 16, 3)
    assert [len(line.values) for line in found] == [2, 2, 2]
    for line in found:
        assert line.estimate is None or told(line.claim, line.estimate) is not None
    assert [len(line.values) for line in command.deep(1, 16, 3)] == [1, 1, 1]


def test_a_stack_as_good_as_the_solver_agrees_with_the_ledger_and_one_that_says_nothing_does_not(monkeypatch):
    monkeypatch.setattr(deep, "kept", members)
    numbers = {}

    def fitted(x, y, lagged, rounds):
        numbers[lagged] = torch.stack([torch.ones(6), torch.zeros(6)]).double()
        return numbers[lagged]

    def solved(tables, x):
        states = torch.cat([x, torch.zeros_like(x[:, :1])], 1)
        return deep.six_steps(x, states[:, 1:], numbers[False], False)  # what is said at a place needs pairs before it

    monkeypatch.setattr(deep, "fitted", fitted)
    for told_by, good in ((solved, True), (lambda tables, x: torch.zeros_like(x), False)):
        monkeypatch.setattr(deep, "said", told_by)
        line = command.deep(2, 16, 3)[0]
        assert (line.values == pytest.approx([1.0, 1.0])) is good
        assert line.agrees(told(line.claim, line.estimate)[0]) is good


@pytest.mark.parametrize("kind", ["constructed", "masked"])
def test_a_batch_costs_what_it_costs_by_our_network(kind):
    task = LinearDynamics(n_seen=D, length=PLACES, tokens=kind)
    model = Decoder.parse(
        {
            "n_layers": 2,
            "d_model": 4 * D,
            "n_heads": 4,
            "d_head": 2 * D,
            "d_mlp": 0,
            "attention": "linear",
            "norm": "none",
        }
        | {"positions": "none", "read_out": "channels", "channels": D, "bias": "none", "resid_clip": 4.0}
    )
    tables = {name: table.double() for name, table in random_tables(2, 0.1).items()}
    batches = [sequences(6, D, PLACES, source(seed)) for seed in (1, 2)]
    theirs = []
    for states in batches:

        class Made:
            seen = states.numpy()

        inputs, targets, _ = task.rows(Made())
        out = model.forward({n: t[None] for n, t in tables.items()}, torch.from_numpy(inputs)[None])[0]
        theirs.append(float((out - torch.from_numpy(targets)).square().sum(-1).mean() / 2))
    ours, other = (by_sequence(tables, batches, (kind == "masked") is same).mean(1).tolist() for same in (True, False))
    assert ours == pytest.approx(theirs, rel=1e-12) and other != pytest.approx(theirs, rel=1e-2)


def test_trainings_beside_batches_by_hand():
    """Means 2 and 2.2 lie 0.2 apart, batches 2 and 1: deviations are these over the root of 2."""
    assert ratios([[1.0, 3.0], [1.7, 2.7]]) == pytest.approx([0.1, 0.2])


def test_the_plain_training_is_that_of_the_experiment():
    """What `deep_trained` does is written there in numbers; these are the experiment's."""
    experiment = depths("laptop").experiment
    training, task = experiment.training, experiment.task
    assert (training.steps, training.lr, training.weight_decay) == (deep.STEPS, deep.RATE, deep.DECAY)
    assert (training.beta1, training.beta2, training.clip, training.clip_by) == (0.9, 0.999, deep.NORM, "norm")
    assert (training.warmup, training.decay, training.decay_to) == (0, "cosine", 0.1)
    assert (task.n_seen, task.length, task.batch_size) == (deep.D, deep.PLACES, deep.BATCH)


def test_the_check_runs_from_random_weights_and_they_say_next_to_nothing(capsys):
    (fair, lagged) = command.deep_trained(1, 2, 4, 16, 3)
    assert fair.values[0] > 3 and lagged.values[0] > 3
    assert "step 2:" in capsys.readouterr().out
    assert float(drawn(0)["blocks.5.attn.W_O"].detach().std()) == pytest.approx(2e-4, rel=0.1)


@pytest.mark.parametrize("there", [False, True])
def test_where_no_six_layers_are_kept_the_command_that_makes_them_is_told(there, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LATEBLOOM_HOME", str(tmp_path))
    if there:
        monkeypatch.setattr(deep, "kept", lambda experiment, step: [({"seed": 0}, random_tables(1, 0.01))])
    assert command.deep(1, 8, 3) == []
    assert "`latebloom run mesa_optimization.deep --scale laptop`" in capsys.readouterr().out
