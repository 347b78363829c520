import pytest
import torch

from latebloom.instruments import sensitivity
from latebloom.randomness import stream


def drawn(seed, *shape):
    return torch.from_numpy(stream(seed, "sensitivity").normal(size=shape))


def network(tokens):
    """Nonlinear, causal, with members: each place takes the last two."""
    before = torch.nn.functional.pad(tokens, (0, 0, 1, 0))[..., :-1, :]
    return torch.tanh(tokens @ drawn(0, 3, 2)) + (before @ drawn(1, 3, 2)) ** 2


def test_gradients_agree_with_finite_differences():
    x = drawn(2, 2, 4, 5, 3)
    ours = sensitivity.jacobian(network, x, place=3)
    for t in range(5):
        for i in range(3):
            step = torch.zeros_like(x)
            step[..., t, i] = 1e-5
            difference = (network(x + step) - network(x - step))[..., 3, :] / 2e-5
            torch.testing.assert_close(ours[..., t, i], difference, rtol=1e-5, atol=1e-7)
    assert sensitivity.token_sensitivity(network, x, 3).shape == (2, 5)
    expected = ours.norm(dim=-1).mean((1, 2))
    torch.testing.assert_close(sensitivity.token_sensitivity(network, x, 3), expected)


def test_planted_weights_of_places_are_read():
    weights = torch.tensor([0.0, 0.5, 0.0, 2.0], dtype=torch.float64)
    turn = torch.linalg.qr(drawn(3, 3, 3))[0]

    def planted(tokens):
        mixed = (weights[:, None] * tokens).sum(-2, keepdim=True) @ turn
        return mixed.expand_as(tokens)

    found = sensitivity.token_sensitivity(planted, drawn(4, 6, 4, 3))
    assert found.tolist() == pytest.approx(weights.tolist())


def test_it_works_under_no_grad_and_leaves_tokens_and_weights_alone():
    x, weight = drawn(5, 2, 3, 3), drawn(6, 3, 2).requires_grad_(True)
    with torch.no_grad():
        found = sensitivity.token_sensitivity(lambda tokens: tokens @ weight, x)
    assert not found.requires_grad
    assert not x.requires_grad
    assert weight.grad is None
    assert found[:2].tolist() == [0, 0]


def test_cosine_of_equal_and_of_opposed_sensitivities():
    one = drawn(7, 4, 2, 3, 3)
    assert float(sensitivity.cosine(one, 5 * one)) == pytest.approx(1)
    assert float(sensitivity.cosine(one, -one)) == pytest.approx(-1)
