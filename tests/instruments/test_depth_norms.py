import math

import pytest
import torch

from latebloom.errors import LatebloomError
from latebloom.instruments.depth_norms import depth_norms, trained_tables
from latebloom.randomness import stream


def test_four_ways_to_write_one_norm():
    tables = {"W": torch.full((2, 3, 4), 2.0), "b": torch.full((2, 4), 2.0)}  # two members, 16 weights of 2
    found = depth_norms(tables, n_layers=4)
    assert found.norm.tolist() == [8, 8]
    assert found.per_layer.tolist() == [2, 2]
    assert found.per_root_layer.tolist() == [4, 4]
    assert found.rms.tolist() == [2, 2]


@pytest.mark.parametrize(("layers", "with_stack", "without"), [(2, 122.33, 53.2), (6, 47.72, 30.5)])
def test_the_dead_stack_in_the_published_figure(layers, with_stack, without):
    """An unused stack of norm 220.3 explains where the published curves begin (122.33 and 47.71 off the figure)."""
    stack = torch.full((100, 100), 220.3 / 100)
    rest = torch.full((10, 10), without * layers / 10)
    tables = {"decoder": stack, "encoder": rest}
    assert float(depth_norms(tables, layers, lead=0).per_layer) == pytest.approx(with_stack, abs=0.15)
    assert float(depth_norms(tables, layers, trained=["encoder"], lead=0).per_layer) == pytest.approx(without)


def test_equal_layers_rank_by_depth_only_per_layer():
    def network(layers):
        rng = stream(layers, "layers")
        return {f"W_{i}": torch.from_numpy(rng.standard_normal((1, 40, 40))) for i in range(layers)}

    shallow, deep = (depth_norms(network(layers), layers) for layers in (2, 8))
    assert float(shallow.per_layer / deep.per_layer) == pytest.approx(2, rel=0.03)
    assert float(shallow.per_root_layer / deep.per_root_layer) == pytest.approx(1, rel=0.03)
    assert float(shallow.rms) == pytest.approx(1, rel=0.03) == pytest.approx(float(deep.rms), rel=0.06)
    assert float(shallow.norm) == pytest.approx(math.sqrt(3200), rel=0.03)


def test_dead_weight_is_what_training_leaves_alone():
    before = {"a": torch.zeros(2, 3), "b": torch.ones(2, 3), "c": torch.ones(2)}
    after = before | {"a": torch.tensor([[0.0, 0, 0], [0, 0, 1e-9]]), "c": torch.tensor([1.0, 2.0])}
    assert trained_tables(before, after) == ["a", "c"]


def test_errors_say_what_would_be_right():
    tables = {"W": torch.ones(1, 2)}
    with pytest.raises(LatebloomError, match="'V' is not among the tables: W"):
        depth_norms(tables, 1, trained=["V"])
    with pytest.raises(LatebloomError, match="at least 1"):
        depth_norms(tables, 0)
    with pytest.raises(LatebloomError, match="only one has: V"):
        trained_tables(tables, tables | {"V": torch.ones(1)})
