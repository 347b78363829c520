"""A population and its members: what is the same alone, and what an ended member does to the others (nothing)."""

import numpy as np
import pytest
import torch

from latebloom.errors import LatebloomError
from latebloom.models import LOSSES, MLP, CircleSolution, ModularMLP, Transformer
from latebloom.models.mesa import MesaWarning
from latebloom.tasks import ModularArithmetic
from latebloom.training.experiment import Experiment, Training
from latebloom.training.members import populations
from latebloom.training.population import Population, clamp_norm
from tests.training.build import assert_same_tensors, parity, rows_of, run, seeds, sequences, tiny

# Batched products of another number of members may round otherwise. Twenty steps at float64 stay within this; what is
# made from hashes (data, initial weights) is equal bit for bit.
SOLO = {"rtol": 1e-9, "atol": 1e-11}
MODELS = {
    "modular_mlp": ModularMLP(d_mlp=4, d_embed=5),
    "untied": ModularMLP(d_mlp=4, d_embed=5, tied=False, shared=False, bias=True),
    "mlp": MLP(hidden=6, layers=2, bias="all"),
    "codes": MLP(hidden=6, encoding="codes", code_bits=4),
    "transformer": Transformer(d_model=8, n_heads=2, d_head=4, d_mlp=8),
}


def mixed(model="modular_mlp", count=3, **changes):
    """Members that differ in everything that may differ."""
    base = Experiment(
        name="mixed",
        task=ModularArithmetic(p=7),
        model=MODELS[model],
        training=Training(steps=20, precision="float64", beta2=0.99),
    ).replace({name.replace("__", "."): value for name, value in changes.items()})
    return seeds(
        base,
        count,
        training__lr=(0.01, 0.03, 0.002),
        training__weight_decay=(0.0, 1.0, 0.1),
        training__beta1=(0.9, 0.5, 0.9),
        training__logit_scale=(1.0, 2.0, 0.5),
        model__init_scale=(1.0, 0.5, 2.0),
        task__train_fraction=(0.3, 0.5, 0.8),
    )


def advanced(members, steps=20):
    population = Population.start(members)
    for step in range(steps):
        population.advance(step)
    return population


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("batch_size", [None, 6])
def test_a_member_is_the_same_alone(model, batch_size):
    members = mixed(model, task__batch_size=batch_size)
    together = advanced(members)
    for number, member in enumerate(members):
        alone = advanced([member])
        for name, value in alone.params.items():
            torch.testing.assert_close(value[0], together.params[name][number], msg=name, **SOLO)


def test_a_member_is_the_same_with_other_neighbours_in_another_order():
    members = mixed()
    there, back = advanced(members), advanced(members[::-1])
    for name, value in there.params.items():
        torch.testing.assert_close(value.flip(0), back.params[name], **SOLO)


def test_the_first_bits_are_the_members_own():
    members = mixed()
    together = Population.start(members)
    for number, member in enumerate(members):
        alone = Population.start([member])
        assert_same_tensors(
            {k: v[0] for k, v in alone.params.items()}, {k: v[number] for k, v in together.params.items()}
        )
        own, all_of = alone.data.batch(0), together.data.batch(0)
        rows = own.inputs.shape[1]
        assert torch.equal(own.inputs[0], all_of.inputs[number, :rows])
        assert torch.equal(own.targets[0], all_of.targets[number, :rows])
        assert not all_of.weight[number, rows:].any()


def test_the_tolerance_of_solo_notices_a_wrong_neighbour():
    members = mixed()
    together = advanced(members)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(advanced([members[1]]).params["W_E"][0], together.params["W_E"][0], **SOLO)


@pytest.mark.parametrize("optimiser", ["adamw", "egd", "muon", "grokfast_ma", "orthograd_sgd", "sgd"])
def test_a_diverging_member_is_frozen_and_the_others_do_not_notice(tmp_path, optimiser):
    """The others are compared, bit for bit, with a population in which their neighbour stays well."""
    base = tiny(training__optimiser=optimiser, training__lr_rest=0.01, training__momentum=0.5)
    wild = 1e30 if optimiser in ("adamw", "grokfast_ma", "muon") else 1e20
    bad, good = (seeds(base, 3, training__lr=(0.01, lr, 0.02)) for lr in (wild, 0.015))
    broken, whole = run(bad, tmp_path / "bad"), run(good, tmp_path / "good")
    assert broken.progress["diverged"] == [False, True, False]
    assert whole.progress["diverged"] == [False, False, False]
    for member in (0, 2):
        assert rows_of(broken, member) == rows_of(whole, member)
        for step in broken.snapshot_steps:
            assert_same_tensors(
                {k: v[member] for k, v in broken.snapshot(step).items()},
                {k: v[member] for k, v in whole.snapshot(step).items()},
            )
    ended = broken.progress["ended_at"][1]
    assert max(row["step"] for row in rows_of(broken, 1)) <= ended
    late = [step for step in broken.snapshot_steps if step >= ended]
    assert_same_tensors(
        {k: v[1] for k, v in broken.snapshot(late[0]).items()}, {k: v[1] for k, v in broken.snapshot(late[-1]).items()}
    )


def test_where_no_loss_is_a_number_nothing_is_read_from_the_outputs(tmp_path):
    """The largest of outputs that are NaN has a place, so that an accuracy could be counted; weights are weights."""
    measured = [{"name": "norms"}, {"name": "stability"}, {"name": "grokking.mirror"}]
    base = tiny(training__optimiser="sgd", log__every=1, measure=measured)
    folder = run(seeds(base, 3, training__lr=(0.01, 1e12, 0.02)), tmp_path)
    lost = [row for row in rows_of(folder, 1) if not np.isfinite(row["train_loss"])]
    assert [row["step"] for row in lost] == [folder.progress["ended_at"][1]]
    weights = ("step", "member", "l1_norm", "l2_norm")
    for name, value in lost[0].items():
        assert name.startswith(weights) or np.isnan(value) or name == "train_loss", name
    assert lost[0]["l2_norm"] > 1e10
    for member in (0, 2):
        assert all(
            np.isfinite(row["test_accuracy"]) and np.isfinite(row["zero_loss"]) for row in rows_of(folder, member)
        )


def test_a_rule_that_asks_for_little_does_not_take_a_diverged_member_for_done(tmp_path):
    rule = {"metric": "test_accuracy", "at_least": None, "at_most": 1.0, "logs": 2}  # met by every number
    base = tiny(training__optimiser="sgd", log__every=1, training__stop=rule)
    folder = run(seeds(base, 2, training__lr=(0.01, 1e12)), tmp_path)
    assert folder.progress["diverged"] == [False, True]


def test_a_learning_rate_of_a_million_with_weight_decay_diverges(tmp_path):
    folder = run(seeds(tiny(training__steps=40), 2, training__lr=(0.01, 1e6)), tmp_path)
    assert folder.progress["diverged"] == [False, True]
    assert folder.progress["ended_at"][0] is None


def test_a_diverging_mesa_layer_leaves_the_others_alone(tmp_path):
    changed = {"model__attention": ("softmax", "mesa"), "model__n_layers": 2, "model__dropout": 0.0}
    base = sequences(training__clip=None, training__warmup=0, **changed)
    bad, good = (seeds(base, 3, training__lr=(0.01, lr, 0.02)) for lr in (1e30, 0.015))
    broken, whole = run(bad, tmp_path / "bad"), run(good, tmp_path / "good")
    assert broken.progress["diverged"] == [False, True, False]
    for member in (0, 2):
        assert rows_of(broken, member) == rows_of(whole, member)


def test_a_mesa_layer_that_cannot_be_solved_ends_its_member_alone(tmp_path):
    """Its numbers are finite: keys so large that the regulariser is lost beside them."""
    changed = {"model__attention": ("softmax", "mesa"), "model__n_layers": 2, "model__dropout": 0.0}
    base = sequences(training__clip=None, training__warmup=0, **changed)
    bad, good = (seeds(base, 3, training__lr=(0.01, lr, 0.02)) for lr in (100.0, 0.015))
    whole = run(good, tmp_path / "good")
    with pytest.warns(MesaWarning, match="blocks.1.attn: The mesa layer cannot solve"):
        broken = run(bad, tmp_path / "bad")
    assert broken.progress["diverged"] == [False, True, False]
    assert all(bool(value[1].isfinite().all()) for value in broken.snapshot(24).values())
    for member in (0, 2):
        assert rows_of(broken, member) == rows_of(whole, member)


def test_a_population_of_diverged_members_ends_early(tmp_path):
    folder = run(seeds(tiny(training__optimiser="sgd"), 2, training__lr=(1e20, 1e20)), tmp_path)
    assert all(folder.progress["diverged"])
    assert folder.snapshot_steps[-1] < 24
    assert max(folder.measurements()["step"].to_pylist()) <= folder.snapshot_steps[-1]


def test_the_stopping_rule_ends_a_member_after_enough_logs_in_a_row_and_with_it_its_rows(tmp_path):
    rule = {"metric": "train_accuracy", "at_least": 0.0, "logs": 3}  # always met
    folder = run(seeds(tiny(training__stop=rule, training__steps=40), 2), tmp_path)
    assert folder.progress["ended_at"] == [10, 10]
    assert [row["step"] for row in rows_of(folder, 0)] == [0, 5, 10]
    assert folder.snapshot_steps == [0, 10]
    assert folder.progress["diverged"] == [False, False]


def test_a_member_the_rule_has_ended_keeps_its_weights_and_the_others_do_not_notice(tmp_path):
    rule = {"metric": "l2_norm", "at_least": None, "at_most": 3.0, "logs": 1}
    scales = {"model__init_scale": (1.0, 0.3, 1.0)}
    folder = run(seeds(tiny(training__stop=rule, log={"every": 4}), 3, **scales), tmp_path / "a")
    free = run(seeds(tiny(log={"every": 4}), 3, **scales), tmp_path / "b")
    assert folder.progress["ended_at"] == [None, 0, None]
    first, last = folder.snapshot(0), folder.snapshot(24)
    assert_same_tensors({k: v[1] for k, v in first.items()}, {k: v[1] for k, v in last.items()})
    for member in (0, 2):
        assert rows_of(folder, member) == rows_of(free, member)


def test_what_is_not_trained_never_changes_and_the_rest_does():
    circle = ModularMLP(d_mlp=4, d_embed=2, circle=2)
    for model, frozen in ((circle, {"W_E"}), (MODELS["codes"], {"codes"})):
        members = [
            Experiment(name="x", task=ModularArithmetic(p=7), model=model, training=Training(clamp_norm=1.0), seed=s)
            for s in range(2)
        ]
        before = {name: value.clone() for name, value in Population.start(members).params.items()}
        after = advanced(members, 5).params
        assert {name for name in before if torch.equal(before[name], after[name])} == frozen


def test_clamped_members_have_their_norm_after_every_step():
    members = seeds(tiny(), 3, training__clamp_norm=(1.0, 2.0, 5.0))
    population = advanced(members, 3)
    norms = torch.stack([v.flatten(1).square().sum(1) for v in population.params.values()]).sum(0).sqrt()
    torch.testing.assert_close(norms, torch.tensor([1.0, 2.0, 5.0]))


def test_clamp_norm_keeps_the_direction():
    weights = {"a": torch.tensor([[3.0, 0.0]]), "b": torch.tensor([[[4.0]]])}
    clamp_norm(weights, torch.tensor([10.0]))
    torch.testing.assert_close(weights, {"a": torch.tensor([[6.0, 0.0]]), "b": torch.tensor([[[8.0]]])})


def test_warm_up_rises_linearly():
    """SGD without momentum moves by lr times the gradient: the first step of ten is a tenth of a full one."""
    plain = tiny(training__optimiser="sgd", training__precision="float64", training__weight_decay=0.0)
    start = Population.start([plain]).params["W_in"].detach()
    moved = advanced([plain], 1).params["W_in"] - start
    slow = advanced([plain.replace({"training.warmup": 10})], 1).params["W_in"] - start
    torch.testing.assert_close(slow, moved / 10, rtol=1e-9, atol=1e-15)
    # After the warm-up a step is a whole one.
    shares = [Population.start([plain.replace({"training.warmup": 4})])._rated(s)["lr"].item() / 0.02 for s in range(6)]
    assert shares == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])


def test_logit_scale_divides_the_temperature():
    member = tiny(training__logit_scale=3.0, training__precision="float64")
    population = Population.start([member])
    batch = population.data.batch(0)
    logits = population.model.forward(population.params, batch.inputs)
    expected = LOSSES["cross_entropy"].rows(3 * logits, batch.targets).mean()
    torch.testing.assert_close(population.advance(0)[0], expected.detach())


def test_given_weights_are_taken_and_what_does_not_fit_is_refused():
    members = seeds(tiny(), 2)
    given = {name: value + 1 for name, value in Population.start(members).params.items()}
    assert_same_tensors(Population.start(members, given).params, given)
    with pytest.raises(LatebloomError, match=r"start: this network has no place for W_more"):
        Population.start(members, given | {"W_more": given["W_E"]})
    with pytest.raises(LatebloomError, match=r"start: the parameter W_E needs shape \(2, 7, 5\).*have nothing"):
        Population.start(members, {"W_in": given["W_in"]})
    with pytest.raises(LatebloomError, match=r"needs shape \(2, 7, 5\), the given weights have \(1, 7, 5\)"):
        Population.start(members, {**given, "W_E": given["W_E"][:1]})


def test_members_of_two_shapes_are_no_population():
    with pytest.raises(LatebloomError, match="sort them with `populations`"):
        Population.start([tiny(), tiny(model__d_mlp=5)])


def test_members_sort_by_shape_and_fill_populations_in_order():
    members = [tiny(model__d_mlp=width, seed=seed, population=2) for width in (4, 5) for seed in range(3)]
    groups = populations(members)
    assert [[(m.model.d_mlp, m.seed) for m in group] for group in groups] == [
        [(4, 0), (4, 1)],
        [(4, 2)],
        [(5, 0), (5, 1)],
        [(5, 2)],
    ]


VARYING = {
    "training__lr": 0.5,
    "training__weight_decay": 0.5,
    "training__beta1": 0.5,
    "training__logit_scale": 0.5,
    "task__train_fraction": 0.25,
    "task__n_train": 5,
    "task__label_noise": 0.5,
    "task__split_seed": 5,
    "model__init_scale": 0.5,
    "model__init_seed": 5,
    "seed": 5,
}
SHAPING = {
    "training__optimiser": "sgd",
    "training__loss": "mse",
    "training__steps": 5,
    "training__clamp_norm": 1.0,
    "training__precision": "float64",
    "task__p": 5,
    "task__batch_size": 3,
    "model__d_mlp": 5,
    "model__tied": False,
    "log": {"every": 3},
}


@pytest.mark.parametrize("change", [*VARYING, *SHAPING])
def test_what_may_vary_shares_a_population_and_what_shapes_does_not(change):
    pair = [tiny(), tiny(**{change: (VARYING | SHAPING)[change]})]
    assert len(populations(pair)) == (1 if change in VARYING else 2)
    for group in populations(pair):
        Population.start(group).advance(0)


def test_frozen_circles_of_several_sizes_share_a_population():
    base = Experiment(name="x", task=ModularArithmetic(p=11), model=CircleSolution(d_mlp=9))
    members = [base.replace({"model.neurons": n}) for n in (3, 5, 9)]
    (group,) = populations(members)
    population = Population.start(group)
    used = (population.params["in_table"] != 0).any(1).sum(1)
    assert used.tolist() == [3, 5, 9]


def test_losses_and_accuracies_count_a_members_own_rows(tmp_path):
    members = seeds(parity(training__steps=0), 2, task__n_train=(10, 40))
    row = run(members, tmp_path).measurements().to_pylist()[0]
    population = Population.start([members[0]])
    logits = population.model.forward(population.params, population.data.splits["train"].inputs)[0]
    targets = population.data.splits["train"].targets[0]
    assert row["train_accuracy"] == pytest.approx((logits.argmax(1) == targets).double().mean().item())
    slow = np.mean([-torch.log_softmax(x, 0)[y].item() for x, y in zip(logits.double(), targets, strict=True)])
    assert row["train_loss"] == pytest.approx(slow, rel=1e-5)


def test_a_member_that_its_last_update_destroys_is_marked(tmp_path):
    folder = run(seeds(tiny(training__steps=1), 2, training__lr=(0.01, 1e38)), tmp_path)
    assert folder.progress["diverged"] == [False, True]
    assert folder.progress["ended_at"] == [None, 1]
