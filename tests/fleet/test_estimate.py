"""What `plan` predicts is what training holds."""

from pathlib import Path

import pytest

from latebloom import studies
from latebloom.fleet import estimate
from latebloom.fleet.estimate import costs, population_bytes, work_of
from latebloom.fleet.unit import Unit
from latebloom.training import measures
from latebloom.training.experiment import Measure
from latebloom.training.optimisers import OPTIMISERS
from latebloom.training.population import Population
from latebloom.training.presets import members_of
from latebloom.training.schedule import Schedule
from tests.training.build import parity, run, tiny


@pytest.mark.parametrize("optimiser", list(OPTIMISERS))
def test_the_buffers_of_every_optimiser_are_counted(optimiser):
    """What a member needs beyond gradient descent is what its state is larger, whatever the rest of the estimate."""
    members = [tiny(training__optimiser=name, training__window=9) for name in (optimiser, "sgd")]
    states = [Population.start([member]).state.values() for member in members]
    held = [sum(tensor.numel() * tensor.element_size() for tensor in state) for state in states]
    predicted = [population_bytes(member, 1) for member in members]
    assert predicted[0] - predicted[1] == held[0] - held[1]


def test_every_kind_is_timed_once_and_many_share_a_minute(monkeypatch):
    probes, told = [], []

    def timed(group, probe):
        probes.append((len(group), probe))
        return len(group) / 100

    monkeypatch.setattr(estimate, "seconds_to_train", timed)
    monkeypatch.setattr(estimate, "ALL_PROBES_SECONDS", 0.5)
    one, wide = tiny(seed=0), tiny(seed=0, model__d_mlp=7)
    found = costs([[one], [wide, wide], [tiny(seed=1)], [one, one]], tick=lambda *state: told.append(state))
    assert probes == [(1, 0.5 / 3), (2, 0.5 / 3), (2, 0.5 / 3)]
    assert told == [(0, 3), (1, 3), (2, 3)]
    assert [cost.members for cost in found] == [1, 2, 1, 2]
    assert found[0] is found[2] and found[1].parameters != found[3].parameters


@pytest.mark.parametrize("order", [1, -1])
def test_members_with_few_rows_cost_what_the_one_with_most_does(order):
    """All are padded to as many rows, whoever comes first."""
    few, many = (parity(task__n_train=rows, task__batch_size=None) for rows in (4, 200))
    together, alone = costs([(few, many)[::order], [many, many]], timed=False)
    assert (together.memory, together.flops_per_step) == (alone.memory, alone.flops_per_step)
    apart = costs([[few], [many]][::order], timed=False)[::order]
    assert apart[0].memory < apart[1].memory and apart[0].flops_per_step < apart[1].flops_per_step
    units = [Unit(Path(), members, ()) for members in ((few, many)[::order], (many, many))]
    assert work_of(units[0]) == work_of(units[1])


@pytest.mark.parametrize(("width", "measured"), [(32, 25.6 / 52.0), (16, 16.6 / 52.0)])
def test_narrow_networks_take_longer_than_their_arithmetic(width, measured):
    """Milliseconds a step of members of `model_selection.widths`, beside those of width 64, as they were timed."""
    studies.load()
    wide = members_of("model_selection.widths", "laptop")[0]
    units = [Unit(Path(), (wide.replace({"model.d_model": size}),), ()) for size in (width, 64)]
    work, flops = (
        [value(unit) for unit in units]
        for value in (work_of, lambda unit: unit.members[0].model.flops(wide.task.signature, wide.task.batch_size))
    )
    assert work[0] / work[1] == pytest.approx(measured, rel=1 / 3)
    assert flops[0] / flops[1] < 0.75 * measured


def test_a_plan_measures_as_often_as_a_run_does(monkeypatch, tmp_path):
    """The seconds of each look, here made up from what is measured at it, add up to those of a whole run."""
    price = {"norms": 1.0, "stability": 100.0}
    spent, take = [], measures.take

    def priced(names, view):
        spent.append(1 + sum(price[name] for name in names))
        return take(names, view)

    member = tiny(
        training__steps=40,
        log=Schedule(every=10),
        measure=(Measure(name="norms"), Measure(name="stability", when=Schedule(at=(7, 10)))),
    )
    monkeypatch.setattr(measures, "take", priced)
    run([member], tmp_path / "population")
    monkeypatch.setattr(estimate, "_seconds_to_measure", lambda names, _: 1 + sum(price[name] for name in names))
    assert len(spent) == 6
    assert estimate.measuring_seconds(Population.start([member])) == sum(spent) > 200


@pytest.mark.parametrize(("each", "looked_at"), [(30.0, [1]), (0.01, [1, 1, 3, 3])])
def test_where_one_network_is_long_to_measure_the_others_are_reckoned(each, looked_at, monkeypatch):
    population, clock, seen = Population.start([tiny(seed=seed) for seed in range(3)]), [0.0], []
    first = Population.start(population.members[:1])

    def take(names, view):
        seen.append(len(view.population.members))
        clock[0] += each * seen[-1]

    monkeypatch.setattr(estimate.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(measures, "take", take)
    assert estimate._seconds_to_measure_all(["norms"], population, first) == pytest.approx(3 * each)
    assert seen == looked_at


def test_a_short_measurement_is_timed_twice_and_a_long_one_once(monkeypatch):
    """The first look of short ones prepares what later ones share, and is not what the others cost."""
    population, clock, taken = Population.start([tiny()]), [0.0], []

    def at(seconds):
        def take(names, view):
            taken.append(names)
            clock[0] += seconds[len(taken) - 1]

        return take

    monkeypatch.setattr(estimate.time, "perf_counter", lambda: clock[0])
    for seconds, looks, expected in (((0.5, 0.25), 2, 0.25), ((4.0,), 1, 4.0)):
        taken.clear()
        monkeypatch.setattr(measures, "take", at(seconds))
        assert estimate._seconds_to_measure(["norms"], population) == expected
        assert len(taken) == looks
