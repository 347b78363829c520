"""The decoder against PyTorch's own layers and against slow loops; what may be seen; what is refused."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from latebloom.data import Batch, Place, Signature
from latebloom.errors import LatebloomError
from latebloom.models import LOSSES, Decoder, initial_parameters, run_with_cache
from latebloom.models.decoder.attention import scores_of
from latebloom.models.decoder.layers import sinusoids
from latebloom.models.decoder.linear_attention import causal_linear_attention
from latebloom.randomness import stream
from latebloom.training.dropout import Dropout

DOUBLE = Place(dtype=torch.float64)
SYMBOLS = Signature(n_inputs=1, n_outputs=9, d_vocab=9, n_ctx=6)
VECTORS = Signature(n_inputs=4, n_outputs=4, n_ctx=6, real_targets=True)


def population(model, signature, members=2):
    """Random values for every parameter, biases and norms too."""
    noise = stream(3, "decoder test")
    params = initial_parameters(model, [model] * members, signature, range(members), DOUBLE)
    return {name: value + 0.1 * torch.tensor(noise.standard_normal(value.shape)) for name, value in params.items()}


def tokens(members=2, batch=3):
    return torch.tensor(stream(4, "decoder test").integers(0, 9, (members, batch, 6)))


def vectors(members=2, batch=3, places=6):
    return torch.tensor(stream(5, "decoder test").standard_normal((members, batch, places, 4)))


def flat(weight):
    """[head, d_in, d_head] as a matrix [d_in, head * d_head]."""
    return weight.transpose(0, 1).flatten(1)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_equals_torchs_encoder_layers_under_a_causal_mask(norm):
    model = Decoder(n_layers=2, d_model=8, n_heads=2, d_mlp=12, norm=norm, act_fn="relu", positions="none")
    params, inputs = population(model, SYMBOLS), tokens()
    found = model.forward(params, inputs)
    mask = nn.Transformer.generate_square_subsequent_mask(6, dtype=torch.float64)
    for member in range(2):
        own = {name: value[member] for name, value in params.items()}
        x = own["embed.W_E"][inputs[member]]
        for layer in range(2):
            theirs = nn.TransformerEncoderLayer(8, 2, 12, 0.0, batch_first=True, norm_first=norm == "pre").double()
            b = {k.removeprefix(f"blocks.{layer}."): v for k, v in own.items()}
            state = {
                "self_attn.in_proj_weight": torch.cat([flat(b[f"attn.W_{c}"]).T for c in "QKV"]),
                "self_attn.in_proj_bias": torch.cat([b[f"attn.b_{c}"].flatten() for c in "QKV"]),
                "self_attn.out_proj.weight": b["attn.W_O"].flatten(0, 1).T,
                "self_attn.out_proj.bias": b["attn.b_O"],
                "linear1.weight": b["mlp.W_in"].T,
                "linear1.bias": b["mlp.b_in"],
                "linear2.weight": b["mlp.W_out"].T,
                "linear2.bias": b["mlp.b_out"],
                "norm1.weight": b["ln1.w"],
                "norm1.bias": b["ln1.b"],
                "norm2.weight": b["ln2.w"],
                "norm2.bias": b["ln2.b"],
            }
            theirs.load_state_dict(state)
            x = theirs(x, src_mask=mask, is_causal=True)
        if norm == "pre":
            x = nn.functional.layer_norm(x, (8,), own["ln_final.w"], own["ln_final.b"])
        torch.testing.assert_close(found[member], x @ own["unembed.W_U"] + own["unembed.b_U"])


def test_linear_attention_equals_a_loop_over_places():
    settings = {"bias": "none", "norm": "none", "positions": "none", "d_mlp": 0, "read_out": "channels", "channels": 4}
    model = Decoder(n_layers=2, d_model=4, n_heads=2, d_head=3, attention="linear", **settings)
    params, inputs = population(model, VECTORS), vectors()
    found = model.forward(params, inputs)
    for member in range(2):
        x = inputs[member].clone()
        for layer in range(2):
            own = {name[-3:]: value[member] for name, value in params.items() if name.startswith(f"blocks.{layer}.")}
            new = x.clone()
            for t in range(6):
                for head in range(2):
                    q, k, v, o = (own[f"W_{c}"][head] for c in "QKVO")
                    for s in range(t + 1):
                        score = ((x[:, t] @ q) * (x[:, s] @ k)).sum(-1, keepdim=True)
                        new[:, t] += score * (x[:, s] @ v @ o)
            x = new
        torch.testing.assert_close(found[member], x)


@pytest.mark.parametrize("settings", [{}, {"norm": "post"}, {"attention": "linear"}, {"positions": "first_keys"}])
def test_no_place_sees_what_comes_after_it(settings):
    model = Decoder(n_layers=2, d_model=8, n_heads=2, **settings)
    params, inputs = population(model, VECTORS), vectors()
    later = inputs.clone()
    later[:, :, 4:] += 1.0
    before, after = model.forward(params, inputs), model.forward(params, later)
    torch.testing.assert_close(before[:, :, :4], after[:, :, :4], rtol=0, atol=1e-12)
    assert (before[:, :, 4:] - after[:, :, 4:]).abs().min() > 1e-9


@pytest.mark.parametrize("piece_bytes", [1, 1 << 19])
def test_linear_attention_in_pieces_has_autograds_gradient(monkeypatch, piece_bytes):
    monkeypatch.setattr("latebloom.models.decoder.linear_attention.PIECE_BYTES", piece_bytes)
    noise = stream(6, "decoder test")
    q, k = (torch.tensor(noise.standard_normal((2, 3, 5, 2, 4)), requires_grad=True) for _ in range(2))
    v = torch.tensor(noise.standard_normal((2, 3, 5, 2, 6)), requires_grad=True)
    slow = (scores_of(q, k)).tril() @ v.transpose(2, 3)
    torch.testing.assert_close(causal_linear_attention(q, k, v), slow.transpose(2, 3))
    torch.autograd.gradcheck(causal_linear_attention, (q, k, v))


@pytest.mark.parametrize(
    "settings", [{}, {"norm": "post", "positions": "sinusoidal", "embed_scale": True}, {"attention": "linear"}]
)
def test_what_a_tap_sees_is_what_is_computed(settings):
    """With a tap the attention pattern is formed; without, a fused kernel gives the same numbers."""
    model = Decoder(n_layers=2, d_model=8, n_heads=2, **settings)
    params, inputs = population(model, SYMBOLS), tokens()
    out, cache = run_with_cache(model, params, inputs)
    torch.testing.assert_close(out, model.forward(params, inputs))
    pattern = cache["blocks.1.attn.hook_pattern"]
    assert pattern.shape == (2, 3, 2, 6, 6)
    if "attention" not in settings:
        torch.testing.assert_close(pattern.sum(-1), torch.ones(2, 3, 2, 6, dtype=torch.float64))
    assert pattern.triu(1).abs().max() == 0
    assert {"hook_embed", "blocks.0.hook_resid_pre", "blocks.1.mlp.hook_post", "blocks.1.hook_resid_post"} <= set(cache)


def test_positions_beside_the_first_keys_reach_only_queries_and_keys():
    model = Decoder(n_layers=1, d_model=4, n_heads=1, d_mlp=0, norm="none", bias="none", positions="first_keys")
    params, inputs = population(model, VECTORS), vectors()
    _, cache = run_with_cache(model, params, inputs)
    x, table = cache["blocks.0.hook_resid_pre"], sinusoids(6, 4, inputs)
    seen = torch.cat([x, table.expand_as(x)], -1)
    torch.testing.assert_close(cache["blocks.0.attn.hook_q"][0, :, :, 0], seen[0] @ params["blocks.0.attn.W_Q"][0, 0])
    torch.testing.assert_close(cache["blocks.0.attn.hook_v"][0, :, :, 0], x[0] @ params["blocks.0.attn.W_V"][0, 0])


def test_sinusoids_are_the_formula():
    table = sinusoids(7, 6, torch.zeros((), dtype=torch.float64))
    for place in range(7):
        for pair in range(3):
            angle = place / 10_000 ** (2 * pair / 6)
            assert table[place, 2 * pair].item() == pytest.approx(math.sin(angle), abs=1e-12)
            assert table[place, 2 * pair + 1].item() == pytest.approx(math.cos(angle), abs=1e-12)


def test_queries_and_keys_of_length_one_and_a_bounded_stream():
    model = Decoder(n_layers=2, d_model=4, n_heads=1, qk_norm="later", resid_clip=0.5, norm="none")
    params = {name: 3 * value for name, value in population(model, VECTORS).items()}
    _, cache = run_with_cache(model, params, vectors())
    assert cache["blocks.1.hook_resid_post"].abs().max() == 0.5
    lengths = cache["blocks.1.attn.hook_k"].norm(dim=-1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))
    assert cache["blocks.0.attn.hook_k"].norm(dim=-1).std() > 0.1


@pytest.mark.parametrize(
    ("init", "name", "std"),
    [
        ("gpt2", "blocks.0.attn.W_Q", 0.02),
        ("gpt2", "blocks.1.attn.W_O", 0.02 / 4),
        ("gpt2", "blocks.3.mlp.W_out", 0.02 / 4),
        ("gpt2", "unembed.W_U", 0.02),
        ("normal", "blocks.1.attn.W_O", 0.02),
        ("xavier", "blocks.0.attn.W_V", (6 / 128 / 3) ** 0.5),
        ("xavier", "blocks.0.attn.W_O", (6 / 128 / 3) ** 0.5),
        ("xavier", "blocks.0.mlp.W_in", (2 * 6 / 320 / 3) ** 0.5),
        ("xavier", "blocks.0.mlp.W_out", (6 / 320 / 3) ** 0.5),
        ("xavier", "embed.W_E", (6 / 264 / 3) ** 0.5),
        ("xavier_joint", "blocks.0.attn.W_Q", (6 / 256 / 3) ** 0.5),
        ("xavier_joint", "blocks.0.attn.W_V", (6 / 256 / 3) ** 0.5),
        ("xavier_joint", "blocks.0.attn.W_O", (6 / 128 / 3) ** 0.5),
        ("xavier_joint", "blocks.0.mlp.W_in", (6 / 320 / 3) ** 0.5),
        ("xavier_joint", "embed.W_E", (6 / 264 / 3) ** 0.5),
    ],
)
def test_initial_spread(init, name, std):
    model = Decoder(n_layers=8, d_model=64, n_heads=4, init=init)
    signature = Signature(n_inputs=1, n_outputs=200, d_vocab=200, n_ctx=6)
    value = initial_parameters(model, [model], signature, [0], DOUBLE)[name]
    assert float(value.std()) == pytest.approx(std, rel=0.05)
    assert float(initial_parameters(model, [model], signature, [0], DOUBLE)["blocks.0.ln1.w"].min()) == 1.0


def test_published_size_of_the_structural_study():
    """One layer of width 512 with 8 heads: 3,150,336 parameters (fact sheet, 3.2)."""
    model = Decoder(n_layers=1, d_model=512, n_heads=8, norm="post", positions="sinusoidal", bias="mlp")
    shapes = model.shapes(SYMBOLS)
    assert sum(int(np.prod(s.dims)) for name, s in shapes.items() if name.startswith("blocks")) == 3_150_336


def test_dropout_thins_five_places_and_measuring_does_not_see_it():
    model = Decoder(n_layers=2, d_model=8, n_heads=2, dropout=0.5)
    params, inputs = population(model, SYMBOLS), tokens()
    weight = torch.ones(2, 3, 6, dtype=torch.float64)
    batch, scale = Batch(inputs, inputs, weight), torch.ones(2, dtype=torch.float64)
    seen = []

    def count(name, value):
        thinned = Dropout(model.dropout_rate, model.dropout_at, [0, 1]).tap(0)(name, value)
        if thinned is not value:
            seen.append(name)
        return thinned

    model.loss(params, batch, LOSSES["cross_entropy"], scale, count)
    parts = ["attn.hook_pattern", "hook_attn_out", "mlp.hook_post", "hook_mlp_out"]
    assert seen == ["blocks.0.hook_resid_pre"] + [f"blocks.{layer}.{part}" for layer in range(2) for part in parts]
    assert torch.equal(model.forward(params, inputs), model.forward(params, inputs))


@pytest.mark.parametrize(
    ("settings", "signature", "told"),
    [
        ({"d_model": 5, "n_heads": 2}, SYMBOLS, r"d_model = 5 cannot be shared by model\.n_heads = 2"),
        ({"attention": ("softmax", "linear", "linear")}, SYMBOLS, "names 3 layers"),
        ({}, Signature(2, 7, 7), "reads sequences"),
        ({"read_out": "channels", "channels": 4}, VECTORS, r"takes vectors of model\.d_model = 64"),
        ({"read_out": "channels", "d_model": 4, "channels": 3}, VECTORS, "the task asks for 4 a place"),
        ({"read_out": "tied"}, VECTORS, "same symbols"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, signature, told):
    with pytest.raises(LatebloomError, match=told):
        Decoder.parse(settings).shapes(signature)


def test_a_sequence_longer_than_the_learned_positions_is_refused():
    model = Decoder(d_model=4)
    with pytest.raises(LatebloomError, match="has 8 places; this network learned positions for 6"):
        model.forward(population(model, VECTORS), vectors(places=8))


@pytest.mark.parametrize("settings", [{}, {"read_out": "channels", "d_model": 3, "channels": 3}])
def test_vectors_of_another_width_are_refused(settings):
    model = Decoder.parse({"d_model": 3, "n_heads": 1, "positions": "none", "norm": "none", "bias": "none"} | settings)
    signature = Signature(n_inputs=3, n_outputs=3, n_ctx=6, real_targets=True)
    with pytest.raises(LatebloomError, match=r"vectors of 5 numbers; this network was made for vectors of 3"):
        model.forward(population(model, signature), torch.ones(2, 2, 6, 5).double())


@pytest.mark.parametrize("positions", ["learned", "sinusoidal"])
def test_told_positions_are_those_of_the_whole_sequence(positions):
    """The end of a sequence, told where it stands, is given what the whole one is given there; without, it is not."""
    model = Decoder(n_layers=2, d_model=8, n_heads=2, positions=positions, norm="post", embed_scale=True)
    params, inputs = population(model, SYMBOLS), tokens()
    whole = model.embed(params, inputs, lambda name, value: value)
    for told in (torch.arange(2, 6), torch.arange(2, 6).expand(3, -1)):
        end = model.embed(params, inputs[:, :, 2:], lambda name, value: value, told)
        assert torch.equal(end, whole[:, :, 2:])
    assert (model.embed(params, inputs[:, :, 2:], lambda name, value: value) - whole[:, :, 2:]).abs().max() > 0.1
    counted = torch.arange(6)
    assert torch.equal(model.forward(params, inputs, positions=counted), model.forward(params, inputs))
    rows = torch.stack([counted, counted.flip(0), counted])
    mixed_up = model.forward(params, inputs, positions=rows)
    torch.testing.assert_close(mixed_up[:, 0], model.forward(params, inputs)[:, 0])
    torch.testing.assert_close(mixed_up[:, 1], model.forward(params, inputs[:, 1:2], positions=counted.flip(0))[:, 0])


def test_positions_that_do_not_fit_are_refused():
    model, inputs = Decoder(d_model=8), tokens()
    params = population(model, SYMBOLS)
    with pytest.raises(LatebloomError, match=r"positions of shape \(5,\) do not fit .* \[pos\] = \[6\]"):
        model.forward(params, inputs, positions=torch.arange(5))
    with pytest.raises(LatebloomError, match="counted from 0; the smallest here is -1"):
        model.forward(params, inputs, positions=torch.arange(6) - 1)
    with pytest.raises(LatebloomError, match="has 9 places; this network learned positions for 6"):
        model.forward(params, inputs, positions=torch.arange(3, 9))
    keyed = Decoder(d_model=8, positions="first_keys")
    with pytest.raises(LatebloomError, match="'first_keys' counts places by itself"):
        keyed.forward(population(keyed, SYMBOLS), inputs, positions=torch.arange(6))


def test_states_are_what_the_outputs_are_read_from():
    for norm in ("pre", "post"):
        model = Decoder(n_layers=2, d_model=8, n_heads=2, norm=norm)
        params, inputs = population(model, SYMBOLS), tokens()
        states = model.states(params, inputs)
        assert states.shape == (2, 3, 6, 8)
        assert torch.equal(model.read(params, states), model.forward(params, inputs))


def test_a_source_is_read_both_ways_and_what_follows_one_way():
    """Rows end their source with symbol 8; the fused kernel and the formed pattern agree."""
    model = Decoder(n_layers=2, d_model=8, n_heads=2, source_ends=(7, 8))
    params = population(model, SYMBOLS)
    rows = torch.tensor([[[1, 2, 8, 3, 4, 5], [6, 3, 2, 1, 7, 4]]])
    before = model.forward(params, rows)
    out, cache = run_with_cache(model, params, rows)
    torch.testing.assert_close(before, out)
    pattern = cache["blocks.0.attn.hook_pattern"]  # [member, batch, head, query, key]
    assert (pattern[:, 0, :, :3, :3] > 0).all()
    assert (pattern[:, 1, :, :5, :5] > 0).all()
    assert (pattern[:, 0, :, :3, 3:] == 0).all()
    assert (pattern[:, 0, :, 3, 4:] == 0).all()

    def changed(place):
        other = rows.clone()
        other[0, 0, place] = 0
        return (model.forward(params, other) - before)[:, 0].abs().amax(-1) > 1e-9

    assert changed(1).all()  # a word of the source is seen from everywhere
    assert changed(4).tolist() == [[False] * 4 + [True] * 2] * 2  # a word behind it only from there on


def test_a_row_without_a_source_is_read_one_way():
    plain = Decoder(n_layers=2, d_model=8, n_heads=2)
    both = plain.replace({"source_ends": (8,)})
    params, inputs = population(plain, SYMBOLS), tokens() % 8
    torch.testing.assert_close(both.forward(params, inputs), plain.forward(params, inputs))


def test_sources_and_cut_pasts_do_not_go_together():
    with pytest.raises(LatebloomError, match=r"model.source_ends .* here model.attention = .* model.past = 'keys'"):
        Decoder.parse({"source_ends": [3], "past": "keys"})


def test_without_sources_or_positions_the_fused_kernel_is_used(monkeypatch):
    seen = []
    real = nn.functional.scaled_dot_product_attention

    def counted(*arguments, **options):
        seen.append(options)
        return real(*arguments, **options)

    monkeypatch.setattr(nn.functional, "scaled_dot_product_attention", counted)
    model = Decoder(n_layers=2, d_model=8, n_heads=2, norm="post", positions="sinusoidal")
    model.forward(population(model, SYMBOLS), tokens())
    assert seen == [{"is_causal": True}] * 2


def test_seen_says_what_each_place_sees():
    """The causal mask by hand changes nothing; a place that sees itself alone answers as in a sequence of its own."""
    model = Decoder(n_layers=2, d_model=8, n_heads=2, positions="none")
    signature = Signature(3, 1, n_ctx=5, real_targets=True)
    params = initial_parameters(model, [model], signature, [0], Place())
    x = torch.from_numpy(stream(0, "seen").standard_normal((1, 4, 5, 3))).float()
    causal = torch.ones(5, 5, dtype=torch.bool).tril().expand(1, 4, 5, 5)
    torch.testing.assert_close(model.forward(params, x, seen=causal), model.forward(params, x))
    alone = torch.eye(5, dtype=torch.bool).expand(1, 4, 5, 5)
    torch.testing.assert_close(
        model.forward(params, x, seen=alone)[:, :, 3], model.forward(params, x[:, :, 3:4])[:, :, 0]
    )
    linear = Decoder(n_layers=2, d_model=8, n_heads=2, attention=("linear",))
    with pytest.raises(LatebloomError, match="`seen` is for softmax attention"):
        linear.forward(initial_parameters(linear, [linear], signature, [0], Place()), x, seen=causal)
