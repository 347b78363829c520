import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latebloom.data import Signature
from latebloom.errors import LatebloomError
from latebloom.instruments import linear_attention as la
from latebloom.models.decoder import Decoder
from latebloom.randomness import stream


def drawn(seed, *shape):
    return torch.from_numpy(stream(seed, "linear attention").normal(size=shape))


def weights(seed, *lead, d=4, k=2, heads=3):
    return [drawn(seed + i, *lead, heads, *dims) for i, dims in enumerate([(d, k)] * 3 + [(k, d)])]


def slow_layer(x, W_Q, W_K, W_V, W_O, masked=True):
    """Sum over places and heads, one number at a time."""
    out = np.zeros_like(x)
    for b in range(x.shape[0]):
        for t in range(x.shape[1]):
            for other in range(t + 1 if masked else x.shape[1]):
                for q, k, v, o in zip(W_Q, W_K, W_V, W_O, strict=True):
                    out[b, t] += ((x[b, t] @ q) @ (x[b, other] @ k)) * (x[b, other] @ v @ o)
    return out


@given(st.integers(0, 50), st.booleans())
def test_a_layer_is_the_written_sum(seed, masked):
    own, x = weights(seed), drawn(seed + 9, 2, 5, 4)
    ours = la.attend(la.products(*own), x, masked)
    np.testing.assert_allclose(ours, slow_layer(x.numpy(), *(w.numpy() for w in own), masked), rtol=1e-9, atol=1e-9)


def test_a_stack_is_the_decoder_with_linear_attention():
    model = Decoder(
        n_layers=2, d_model=6, n_heads=3, d_head=2, d_mlp=0, attention="linear", norm="none", positions="none",
        read_out="channels", channels=2, bias="none", resid_clip=1.5, init="normal", init_std=0.5,
    )  # fmt: skip
    params = {
        name: drawn(i, 2, *shape.dims) * 0.5
        for i, (name, shape) in enumerate(model.shapes(Signature(6, 2, n_ctx=5, real_targets=True)).items())
    }
    x = drawn(99, 2, 4, 5, 6)
    layers = [la.products(*(params[f"blocks.{n}.attn.W_{letter}"] for letter in "QKVO")) for n in range(2)]
    streams = la.run(layers, x, clip=1.5)
    assert len(streams) == 3
    torch.testing.assert_close(streams[-1][..., :2], model.forward(params, x))


def test_queries_may_read_more_than_the_values():
    own, x, seen = weights(1), drawn(2, 2, 5, 4), drawn(3, 2, 5, 7)
    own[0], own[1] = drawn(4, 3, 7, 2), drawn(5, 3, 7, 2)
    layer = la.products(*own)
    scores = torch.einsum("btq,hqk,bsk->bhts", seen, layer.qk, seen).tril()
    expected = torch.einsum("bhts,bsd,hdo->bto", scores, x, layer.ov)
    torch.testing.assert_close(la.attend(layer, x, seen=seen), expected)


def test_interpolation_averages_products_and_is_blind_to_the_factors():
    first, second, x = weights(1), weights(20), drawn(3, 2, 5, 4)
    turn = torch.linalg.qr(drawn(4, 3, 2, 2))[0]
    refactored = [first[0] @ turn, first[1] @ turn, first[2] @ turn, turn.mT @ first[3]]
    half, again = (la.interpolate(la.products(*f), la.products(*second)) for f in (first, refactored))
    torch.testing.assert_close(half.qk, (first[0] @ first[1].mT + second[0] @ second[1].mT) / 2)
    torch.testing.assert_close(la.attend(half, x), la.attend(again, x))
    whole = la.interpolate(la.products(*first), la.products(*second), 1.0)
    torch.testing.assert_close(la.attend(whole, x), la.attend(la.products(*second), x))


@pytest.mark.parametrize("d_head", [2, 4, 6])
def test_factors_give_the_products_back(d_head):
    layer = la.products(*weights(1))
    again = la.factors(layer, d_head)
    assert again[0].shape == (3, 4, d_head)
    assert again[3].shape == (3, d_head, 4)
    for ours, theirs in zip((la.products(*again).qk, la.products(*again).ov), (layer.qk, layer.ov), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_factors_of_too_small_heads_are_refused():
    with pytest.raises(LatebloomError, match=r"A QK product has rank 2: heads need d_head >= 2, not 1"):
        la.factors(la.products(*weights(1)), 1)
