"""What `plan` predicts is what training holds."""

import pytest

from latebloom.fleet.estimate import population_bytes
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
