"""MesaAttention in somebody's PyTorch model."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

import latebloom.models
from latebloom.errors import LatebloomError
from latebloom.models.mesa import MesaAttention, mesa_attention
from latebloom.randomness import stream


def draws(*shape, dtype=torch.float32):
    return torch.from_numpy(stream(0, "layer inputs").standard_normal(shape)).to(dtype)


def test_it_is_exported():
    assert latebloom.models.MesaAttention is MesaAttention


def test_the_output_is_heads_of_mesa_attention_put_together():
    layer = MesaAttention(6, n_heads=2, d_head=4, d_value=3, lam=0.5, seed=0, dtype=torch.float64)
    x = draws(5, 9, 6, dtype=torch.float64)
    heads = []
    for head in range(2):
        q, k = (x @ w.weight[4 * head : 4 * head + 4].T for w in (layer.W_Q, layer.W_K))
        v = x @ layer.W_V.weight[3 * head : 3 * head + 3].T
        heads.append(mesa_attention(q, k, v, 0.5, form="direct")[0])
    torch.testing.assert_close(layer(x), torch.cat(heads, -1) @ layer.W_O.weight.T)


SETTINGS = [
    {"regulariser": regulariser, "parametrisation": parametrisation, "forget": forget, "normalise": normalise}
    for regulariser, parametrisation, forget, normalise in itertools.product(
        ("decaying", "static"), ("softplus", "free"), (False, True), ("none", "l2")
    )
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: " ".join(map(str, s.values())))
def test_every_setting_trains_decodes_and_looks_only_back(settings):
    layer = MesaAttention(8, n_heads=2, seed=1, **settings)
    x = draws(2, 3, 40, 8)
    y = layer(x)
    assert y.shape == x.shape
    y.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.abs().sum() > 0 for p in layer.parameters())

    changed = x.clone()
    changed[..., 25:, :] += 1
    torch.testing.assert_close(layer(changed)[..., :25, :], y[..., :25, :])
    with torch.no_grad():
        _, state = layer.prefill(x[..., :30, :])
        for t in range(30, 40):
            out, state = layer.step(x[..., t, :], state)
            torch.testing.assert_close(out, y[..., t, :], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(layer.step(x[..., 0, :])[0], y[..., 0, :], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", ["conjugate", "recursive", "direct"])
def test_the_forms_agree(form):
    x = draws(2, 40, 8)
    right = MesaAttention(8, 2, seed=3)(x)
    torch.testing.assert_close(MesaAttention(8, 2, seed=3, form=form)(x), right, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("regulariser", ["decaying", "static"])
@pytest.mark.parametrize("parametrisation", ["softplus", "free"])
def test_lambda_starts_where_asked(regulariser, parametrisation):
    layer = MesaAttention(4, 2, lam=0.8, regulariser=regulariser, parametrisation=parametrisation)
    torch.testing.assert_close(layer.ridge, torch.full((2, 2), 1.25))
    shared = parametrisation == "free" or regulariser == "decaying"
    assert layer.regularisation.shape == ((2,) if shared else (2, 2))


def test_the_softplus_keeps_lambda_bounded_and_the_free_one_is_refused_below_zero():
    bounded = MesaAttention(4, lam=1.0, ridge_min=0.1)
    free = MesaAttention(4, parametrisation="free")
    with torch.no_grad():
        bounded.regularisation.fill_(-1e9)
        free.regularisation.fill_(-0.1)
    assert float(bounded.ridge.detach().min()) == pytest.approx(0.1)
    bounded(draws(7, 4))
    with pytest.raises(LatebloomError, match=r"lambda of head = -0\.1 at \(0,\), but it must be positive"):
        free(draws(7, 4))


def test_weights_come_from_the_seed_alone():
    one, two, other = (MesaAttention(8, 2, seed=seed, forget=True) for seed in (5, 5, 6))
    for (name, a), (_, b), (_, c) in zip(*(m.named_parameters() for m in (one, two, other)), strict=True):
        assert torch.equal(a, b)
        if name.endswith("weight"):
            assert not torch.equal(a, c)
            assert 0 < float(a.detach().abs().max()) <= a.shape[1] ** -0.5


def test_state_dict_and_copy_restore_it():
    layer, other = MesaAttention(8, 2, seed=0, forget=True), MesaAttention(8, 2, seed=1, forget=True)
    other.load_state_dict(layer.state_dict())
    x = draws(7, 8)
    torch.testing.assert_close(other(x), layer(x), rtol=0, atol=0)


def test_it_lives_in_a_sequential_model_and_moves_with_it():
    model = nn.Sequential(nn.Linear(3, 8), MesaAttention(8, 2), nn.Linear(8, 3)).double()
    assert model(draws(2, 5, 3, dtype=torch.float64)).dtype == torch.float64
    assert "n_heads=2, d_head=4, form='chunked', regulariser='decaying'" in repr(model)


def test_half_precision_is_computed_in_float32():
    layer = MesaAttention(8, 2, seed=0)
    x = draws(2, 50, 8)
    right = layer(x).detach()
    with torch.autocast("cpu", torch.bfloat16):
        mixed = layer(x)
        mixed.float().square().mean().backward()
    assert mixed.dtype == torch.bfloat16
    assert all(p.grad.isfinite().all() for p in layer.parameters())
    whole = layer.bfloat16()(x.bfloat16())
    assert whole.dtype == torch.bfloat16
    for found in (mixed, whole):
        assert float((found.detach().float() - right).norm() / right.norm()) < 0.1


def test_a_longer_sequence_than_it_was_made_for_is_refused_with_the_way_out():
    layer = MesaAttention(4, n_ctx=10, seed=0)
    x = draws(12, 4)
    with pytest.raises(LatebloomError, match=r"has 12 places, but this mesa layer was made for n_ctx = 10.*n_ctx = 12"):
        layer(x)
    _, state = layer.prefill(x[:10])
    with pytest.raises(LatebloomError, match="has 11 places"):
        layer.step(x[10], state)
    layer.n_ctx = 12
    assert layer(x).shape == x.shape


def test_inputs_that_do_not_fit_are_refused():
    layer = MesaAttention(4, seed=0)
    with pytest.raises(LatebloomError, match=r"has shape \(2, 7, 5\); .* takes \[\.\.\., pos, d_model = 4\]"):
        layer(torch.ones(2, 7, 5))
    with pytest.raises(LatebloomError, match=r"has shape \(4,\); this mesa layer takes"):
        layer(torch.ones(4))
    with pytest.raises(LatebloomError, match=r"input is float16 and the weights .* float32.*torch\.autocast"):
        layer(torch.ones(2, 7, 4).half())
    with pytest.raises(LatebloomError, match="input is int64"):
        layer.step(torch.ones(4, dtype=torch.long))


def test_numbers_of_numpy_are_numbers():
    sizes = {"lam": np.float32(0.5), "ridge_min": np.float64(0.01), "tolerance": np.float32(0.1)}
    assert MesaAttention(np.int64(4), np.int64(2), **sizes)(torch.ones(3, 4)).shape == (3, 4)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"d_head": 0}, "d_head = 0, but a mesa layer needs at least 1"),
        ({"n_heads": 5}, "d_model = 4 shared by n_heads = 5 leaves d_head = 0, but.*use fewer heads"),
        ({"n_heads": 0}, "n_heads = 0, but"),
        ({"lam": 0.0}, "lambda = 0, but it must be positive"),
        ({"lam": 200.0}, "lam = 200: .* so lam must be below 100"),
        ({"lam": 4.0, "regulariser": "static"}, "lam must be below 4"),
        ({"ridge_min": -1.0}, "ridge_min = -1: a lower bound of Lambda must be finite, at least 0"),
        ({"backward": "revers"}, "Unknown backward pass of the recursive form 'revers'. Did you mean 'reverse'"),
        ({"n_ctx": 0}, "n_ctx = 0, but a mesa layer needs at least 1"),
        ({"d_head": 2.5}, "d_head = 2.5, but a mesa layer needs a whole number"),
        ({"n_heads": 2.0}, "n_heads = 2.0, but a mesa layer needs a whole number"),
        ({"n_heads": True}, "n_heads = True, but a mesa layer needs a whole number"),
        ({"lam": "1"}, "lambda = '1', but a mesa layer needs a number"),
        ({"ridge_min": "1"}, "ridge_min = '1', but a mesa layer needs a number"),
        ({"tolerance": "1"}, "tolerance = '1', but a mesa layer needs a number"),
        ({"form": None}, "Unknown form of the mesa layer 'None'"),
        ({"form": "recursive", "regulariser": "static", "forget": True}, "The recursive form cannot forget"),
        ({"form": "fast"}, "Unknown form of the mesa layer 'fast'"),
        ({"parametrisation": "exp"}, "Unknown parametrisation 'exp'. Known: free, softplus"),
        ({"normalise": "L2"}, "Unknown normalise 'L2'. Known: l2, none"),
    ],
)
def test_bad_settings_are_refused(settings, text):
    with pytest.raises(LatebloomError, match=text):
        MesaAttention(4, **settings)


@pytest.mark.parametrize("form", ["chunked", "conjugate", "direct"])
def test_a_gate_that_is_shut_forgets_all_instead_of_stopping_the_training(form):
    """Below -104 the sigmoid is 0 in float32: the place then sees itself alone, o = v (k . q) / (|k|^2 + 1)."""
    layer = MesaAttention(4, regulariser="static", forget=True, form=form, seed=0)
    with torch.no_grad():
        layer.W_gate.weight.zero_()
        layer.W_gate.bias.fill_(-200.0)
    x = draws(2, 40, 4).requires_grad_()
    y = layer(x)
    q, k, v = layer.W_Q(x), layer.W_K(x), layer.W_V(x)
    alone = layer.W_O(v * (k * q).sum(-1, keepdim=True) / (k.square().sum(-1, keepdim=True) + 1))
    torch.testing.assert_close(y, alone)
    y.sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in layer.parameters())
    with torch.no_grad():
        torch.testing.assert_close(layer.step(x[:, 1], layer.prefill(x[:, :1])[1])[0], y[:, 1])


def test_a_gate_that_is_shut_leaves_a_decaying_regulariser_nothing():
    layer = MesaAttention(4, forget=True, seed=0)
    with torch.no_grad():
        layer.W_gate.bias.fill_(-200.0)
    with pytest.raises(LatebloomError, match=r"decaying regulariser has died out.*Use regulariser='static'"):
        layer(draws(2, 40, 4))


@pytest.mark.parametrize("way", ["step", "prefill"])
def test_a_state_that_is_not_the_layers_is_refused(way):
    layer = MesaAttention(8, 2, regulariser="decaying")
    x = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0))
    more = x if way == "prefill" else x[:, 0]
    _, other = MesaAttention(8, 2, regulariser="static").prefill(x)
    _, wide = MesaAttention(8, 2).double().prefill(x.double())
    for state, words in (
        (other, "comes from regulariser='static' and cannot go on with 'decaying'"),
        (wide, r"The state is in torch.float64, the layer computes in torch.float32"),
        ((1, 2), r"state = \(1, 2\) is none: give what `prefill` or `step` returned last"),
    ):
        with pytest.raises(LatebloomError, match=words):
            getattr(layer, way)(more, state)
