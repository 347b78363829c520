import numpy as np
import pytest
import torch

from latebloom.data import Signature
from latebloom.instruments import linearise as lin
from latebloom.instruments.linear_attention import attend, products
from latebloom.models.decoder import Decoder
from latebloom.randomness import stream


def drawn(seed, *shape):
    return torch.from_numpy(stream(seed, "linearise").normal(size=shape))


def weights(seed, heads=2, d=4, k=2, seen=None):
    return [drawn(seed + i, heads, *dims) for i, dims in enumerate([(seen or d, k)] * 2 + [(d, k), (k, d)])]


@pytest.mark.parametrize("seen", [None, 6])
def test_a_linear_layer_is_recovered_from_what_it_does(seen):
    truth, x = products(*weights(0, seen=seen)), drawn(9, 30, 6, 4)
    read = None if seen is None else drawn(10, 30, 6, seen)
    start = [w + 0.2 * drawn(20 + i, *w.shape) for i, w in enumerate(weights(0, seen=seen))]
    found = lin.linearise(x, attend(truth, x, seen=read), *start, seen=read)
    assert found.unexplained < 1e-4
    other = drawn(11, 5, 6, 4)
    other_read = None if seen is None else drawn(12, 5, 6, seen)
    ours, theirs = (attend(layer, other, seen=other_read) for layer in (found.layer, truth))
    assert float((ours - theirs).norm() / theirs.norm()) < 0.05


def test_unexplained_is_the_share_of_squares_that_is_left():
    x, y = drawn(0, 10, 5, 4), drawn(1, 10, 5, 4)
    found = lin.linearise(x, y, *weights(2), rounds=20)
    left = float((attend(found.layer, x) - y).square().sum() / y.square().sum())
    assert found.unexplained == pytest.approx(left)
    assert 0 < left < 1


MODEL = Decoder(
    n_layers=2, d_model=4, n_heads=2, d_head=2, d_mlp=0, attention=("softmax", "softmax"), norm="none",
    positions="first_keys", read_out="channels", channels=4, bias="none",
)  # fmt: skip


def network():
    shapes = MODEL.shapes(Signature(4, 4, n_ctx=6, real_targets=True))
    params = {name: 0.7 * drawn(i, 1, *shape.dims) for i, (name, shape) in enumerate(shapes.items())}
    return params, drawn(50, 1, 20, 6, 4)


def test_a_replaced_layer_is_really_replaced():
    params, x = network()
    linear = products(*weights(3))
    kept = {}

    def both(name, value):
        kept[name] = replaced(name, value)
        return kept[name]

    replaced = lin.in_place_of(1, linear)
    said = MODEL.forward(params, x, both)
    middle = kept["blocks.1.hook_resid_pre"]
    torch.testing.assert_close(said, middle + attend(linear, middle))


def test_positions_can_be_given_to_queries_and_keys():
    params, x = network()
    linear = products(*weights(3, seen=8))
    widen = lambda value: torch.cat([value, 2 * value], -1)  # noqa: E731
    kept = {}

    def both(name, value):
        kept[name] = replaced(name, value)
        return kept[name]

    replaced = lin.in_place_of(0, linear, widen=widen)
    MODEL.forward(params, x, both)
    torch.testing.assert_close(kept["blocks.0.hook_attn_out"], attend(linear, x, seen=widen(x)))


def test_the_cost_is_one_for_a_layer_that_was_linear_and_more_for_a_wrong_one():
    params, x = network()
    own = [params[f"blocks.1.attn.W_{letter}"][0] for letter in "QKVO"]
    model = MODEL.replace({"attention": ("softmax", "linear")})
    target = model.forward(params, x) + 0.1 * drawn(60, 1, 20, 6, 4)

    def loss(tap):
        return (model.forward(params, x, tap) - target).square().sum(-1).mean((1, 2)) / 2

    assert lin.cost_ratio(loss, lin.in_place_of(1, products(*own))).tolist() == pytest.approx([1.0])
    wrong = lin.in_place_of(1, products(*[np.sqrt(1.5) * w for w in own]))
    assert float(lin.cost_ratio(loss, wrong)[0]) > 2
