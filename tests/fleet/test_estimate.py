"""What `plan` predicts is what training holds."""

import pytest

from latebloom.fleet import estimate
from latebloom.fleet.estimate import costs, population_bytes
from latebloom.training.optimisers import OPTIMISERS
from latebloom.training.population import Population
from tests.training.build import tiny


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

    monkeypatch.setattr(estimate, "seconds_per_step", timed)
    monkeypatch.setattr(estimate, "ALL_PROBES_SECONDS", 0.5)
    one, wide = tiny(seed=0), tiny(seed=0, model__d_mlp=7)
    found = costs([[one], [wide, wide], [tiny(seed=1)], [one, one]], tick=lambda *state: told.append(state))
    assert probes == [(1, 0.5 / 3), (2, 0.5 / 3), (2, 0.5 / 3)]
    assert told == [(0, 3), (1, 3), (2, 3)]
    assert [cost.members for cost in found] == [1, 2, 1, 2]
    assert found[0] is found[2] and found[1].parameters != found[3].parameters
