"""The class probe on activations that hold the posterior, and on activations that do not."""

import pytest
import torch

from latebloom.errors import LatebloomError
from latebloom.instruments.class_probe import class_posterior_probe
from latebloom.randomness import stream


def planted(n, classes, seed, noise=0.0):
    """Activations that contain the log-odds along some directions, among others."""
    draw = stream(seed, "planted posterior")
    logits = torch.from_numpy(draw.normal(size=(n, classes))) * 2
    mixing = torch.from_numpy(stream(0, "mixing").normal(size=(classes + 5, 12)))
    other = torch.from_numpy(draw.normal(size=(n, 5)))
    inputs = torch.cat([logits, other], -1) @ mixing
    return inputs + noise * torch.from_numpy(draw.normal(size=inputs.shape)), logits.softmax(-1)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_planted_posterior_is_read_off(classes):
    probe = class_posterior_probe(*planted(800, classes, 1), *planted(400, classes, 2), penalty=1e-9)
    assert probe.explained > 0.999
    assert probe.divergence < 1e-3 < probe.prior_divergence
    assert probe.agreement > 0.98
    inputs, posterior = planted(50, classes, 3)
    torch.testing.assert_close(probe(inputs), posterior, atol=0.01, rtol=0)


def test_activations_that_know_nothing_are_no_better_than_the_mean():
    draw = stream(5, "nothing")
    blind = [torch.from_numpy(draw.normal(size=(n, 12))) for n in (800, 400)]
    probe = class_posterior_probe(blind[0], planted(800, 2, 1)[1], blind[1], planted(400, 2, 2)[1])
    assert abs(probe.explained) < 0.1
    assert abs(probe.agreement - 0.5) < 0.1
    assert probe.divergence > 0.9 * probe.prior_divergence


def test_a_posterior_that_is_sure_does_not_break_the_fit():
    inputs, posterior = planted(300, 2, 1)
    sure = torch.nn.functional.one_hot(posterior.argmax(-1), 2).double()
    probe = class_posterior_probe(inputs, sure, inputs, sure)
    assert probe.agreement > 0.9


def test_rows_must_pair_up_and_probabilities_sum_to_one():
    inputs, posterior = planted(30, 2, 1)
    with pytest.raises(LatebloomError, match="29 rows of activations and 30 of probabilities must pair up"):
        class_posterior_probe(inputs[1:], posterior, inputs, posterior)
    with pytest.raises(LatebloomError, match="must sum to 1"):
        class_posterior_probe(inputs, posterior, inputs, 2 * posterior)
