import pytest
import torch
from torch.func import functional_call

from latebloom.errors import LatebloomError
from latebloom.instruments.saturation import saturation
from tests.instruments.tiny_encoders import TinyEncoder


def test_a_homogeneous_network_is_saturated():
    x = torch.rand(4, 3, 5, generator=torch.Generator().manual_seed(0))
    tables = {"in": torch.ones(5, 6) - torch.eye(5, 6), "out": torch.eye(6, 2) + 0.3}
    assert float(saturation(lambda t: torch.relu(x @ t["in"]) @ t["out"], tables)) == pytest.approx(1)


def test_a_planted_angle():
    """f(x) = (w, 1): enlarged it points along the first axis, so the cosine is w / sqrt(w^2 + 1)."""

    def outputs(tables):
        w = tables["w"]  # [member]
        return torch.stack([w, torch.ones_like(w)], dim=-1)[:, None, None, :].expand(-1, 2, 3, 2)

    found = saturation(outputs, {"w": torch.tensor([1.0, 3.0])}, factor=1e6)
    assert found.tolist() == pytest.approx([2**-0.5, 3 / 10**0.5], rel=1e-4)


def test_only_places_that_count():
    def outputs(tables):  # at the first place the angle turns by 45 degrees, at the second it stays
        return torch.stack([torch.cat([tables["w"], torch.ones(1)]), tables["w"].expand(2)])[None]

    tables = {"w": torch.ones(1)}
    assert float(saturation(outputs, tables, 1e6)) == pytest.approx((2**-0.5 + 1) / 2, rel=1e-4)
    assert float(saturation(outputs, tables, 1e6, torch.tensor([[False, True]]))) == pytest.approx(1)


def test_sharper_attention_is_more_saturated():
    model, tokens = TinyEncoder(causal=True), torch.tensor([[0, 3, 8, 5, 9], [0, 2, 2, 7, 1]])

    def outputs(tables):
        return functional_call(model, dict(tables), (tokens,)).last_hidden_state

    def at(factor):
        return {name: factor * table.detach() for name, table in model.named_parameters()}

    small, large, huge = (float(saturation(outputs, at(factor))) for factor in (1, 4, 500))
    assert small < large < huge
    assert huge == pytest.approx(1, abs=1e-6)


def test_an_overflow_is_named():
    with pytest.raises(LatebloomError, match="at 1000 times the weights are not finite: take a smaller factor"):
        saturation(lambda t: (t["w"] ** 20).expand(1, 1, 1), {"w": torch.ones(1)})
