"""The recipe around an optimiser: learning rates over time, clipping, dropout; each against PyTorch's own."""

import pytest
import torch

from latebloom.errors import LatebloomError
from latebloom.models.base import untapped
from latebloom.randomness import stream
from latebloom.training.clipping import clip
from latebloom.training.dropout import Dropout
from latebloom.training.population import Population
from latebloom.training.rate import rate_factor
from tests.training.build import tiny


def gradients(seed=0):
    noise = stream(seed, "clip test")
    return {"a": torch.tensor(noise.normal(size=(3, 4, 5))), "b": torch.tensor(noise.normal(size=(3, 2)))}


def test_clipping_by_norm_is_torchs_for_each_member():
    grads = gradients()
    limit = torch.tensor([0.5, 3.0, 100.0], dtype=torch.float64)
    expected = []
    for member in range(3):
        own = [torch.nn.Parameter(torch.zeros_like(grad[member])) for grad in grads.values()]
        for parameter, grad in zip(own, grads.values(), strict=True):
            parameter.grad = grad[member].clone()
        torch.nn.utils.clip_grad_norm_(own, float(limit[member]))
        expected.append([parameter.grad for parameter in own])
    clip(grads, limit, "norm")
    for position, grad in enumerate(grads.values()):
        torch.testing.assert_close(grad, torch.stack([own[position] for own in expected]))
    assert torch.equal(grads["a"][2], gradients()["a"][2])  # short enough: not touched


def test_clipping_by_value_bounds_every_element():
    grads, limit = gradients(), torch.tensor([0.5, 1.0, 100.0], dtype=torch.float64)
    clip(grads, limit, "value")
    for name, before in gradients().items():
        for member in range(3):
            assert torch.equal(grads[name][member], before[member].clamp(-limit[member], limit[member]))


@pytest.mark.parametrize("decay", ["linear", "cosine"])
def test_the_rate_is_torchs_schedule(decay):
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([weight], lr=1.0)
    kinds = torch.optim.lr_scheduler
    if decay == "linear":
        schedule = kinds.LinearLR(optimiser, 1.0, 0.1, total_iters=20)
    else:
        schedule = kinds.CosineAnnealingLR(optimiser, T_max=20, eta_min=0.1)
    for step in range(20):
        assert rate_factor(step, 0, decay, 20, 0.1) == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-6)
        optimiser.step()
        schedule.step()
    assert rate_factor(50, 0, decay, 20, 0.1) == pytest.approx(0.1)


def test_the_rate_reaches_the_optimiser():
    still = Population.start([tiny(training__decay="linear", training__decay_steps=3, training__steps=10)])
    for step in range(3):
        still.advance(step)
    before = {name: value.clone() for name, value in still.params.items()}
    still.advance(3)  # the rate has fallen to zero, and decoupled decay is scaled by it
    assert all(torch.equal(value, before[name]) for name, value in still.params.items())


def test_a_clipped_member_moves_less_and_its_neighbour_does_not_notice():
    plain = tiny(training__optimiser="sgd", training__weight_decay=0.0)
    pair = [plain.replace({"training.clip": 1e-12, "seed": 1}), plain.replace({"training.clip": 1e9})]
    start, both, alone = Population.start(pair), Population.start(pair), Population.start([plain])
    for population in (both, alone):
        population.advance(0)
    for name, value in both.params.items():
        torch.testing.assert_close(value[1], alone.params[name][0])
        torch.testing.assert_close(value[0], start.params[name][0], atol=1e-9, rtol=0)


def test_dropout_leaves_out_its_share_and_keeps_the_mean():
    tap = Dropout(0.25, ("hook_post",), [0, 1]).tap(3)
    thinned = tap("blocks.0.mlp.hook_post", torch.ones(2, 100, 200))
    assert float((thinned == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(thinned.mean()) == pytest.approx(1.0, abs=0.02)
    assert not torch.equal(thinned[0], thinned[1])
    other = torch.ones(2, 3)
    assert tap("blocks.0.hook_attn_out", other) is other


def test_dropout_masks_are_a_members_own_and_change_with_step_and_place():
    value = torch.ones(2, 5, 40)
    tap = Dropout(0.5, ("post",), [7, 8]).tap(0)
    first, second = tap("post", value), tap("post", value)
    alone = Dropout(0.5, ("post",), [8]).tap(0)
    assert torch.equal(alone("post", value[:1])[0], first[1])
    assert torch.equal(alone("post", value[:1])[0], second[1])
    assert not torch.equal(first, second)
    assert not torch.equal(Dropout(0.5, ("post",), [7, 8]).tap(1)("post", value), first)
    assert Dropout(0.0, ("post",), [7]).tap(0) is untapped


def test_a_loss_that_does_not_fit_the_targets_is_refused():
    with pytest.raises(LatebloomError, match=r"targets are labels\. Losses that do: cross_entropy"):
        tiny().replace({"training.loss": "huber"})


def test_a_setting_that_joined_later_leaves_old_identities_alone():
    from latebloom.spec import identity

    known = identity(tiny())
    assert "clip" not in known["training"]
    assert "decay" not in known["training"]
    assert identity(tiny(training__clip=1.0))["training"]["clip"] == 1.0
    assert identity(tiny(training__decay="cosine"))["training"]["decay"] == "cosine"


def test_a_tiny_dropout_rate_leaves_nearly_everything():
    tap = Dropout(1e-7, ("x",), [0]).tap(0)
    kept = tap("x", torch.ones(1, 1 << 18))
    assert 0.9999 < kept.mean() < 1.0001
