"""Every family of models: shapes, members that do not see each other, hooks, solutions that solve, initial sizes."""

import itertools

import numpy as np
import pytest
import torch

from latebloom.data import Place, Signature
from latebloom.errors import LatebloomError
from latebloom.models import (
    GRU,
    MLP,
    MODELS,
    CircleSolution,
    Decoder,
    GromovSolution,
    ModularMLP,
    ParitySolution,
    Transformer,
    initial_parameters,
    run_with_cache,
)
from latebloom.models.base import activate
from latebloom.randomness import stream
from latebloom.tasks import ModularArithmetic, SparseParity

DOUBLE = Place(dtype=torch.float64)
MODULAR = ModularArithmetic(p=7).signature
BITS = SparseParity(n=6, n_train=10, n_test=10).signature
SYMBOLS = Signature(n_inputs=1, n_outputs=7, d_vocab=7, n_ctx=5)
VECTORS = Signature(n_inputs=4, n_outputs=3, n_ctx=5, real_targets=True)
CHANNELS = {
    "d_model": 4,
    "d_head": 3,
    "d_mlp": 0,
    "attention": ("linear",),
    "norm": "none",
    "positions": "none",
    "bias": "none",
    "read_out": "channels",
    "channels": 3,
    "resid_clip": 4.0,
}
TABLE = torch.tensor(list(itertools.product(range(7), repeat=2)))
CUBE = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=6)), dtype=torch.float64)
CASES = {
    "modular_mlp": (ModularMLP(d_mlp=4, d_embed=5), MODULAR),
    "modular_mlp, untied": (ModularMLP(d_mlp=4, d_embed=5, tied=False, shared=False, bias=True), MODULAR),
    "modular_mlp, collapsed": (ModularMLP(d_mlp=4, in_product="collapsed", out_product="collapsed"), MODULAR),
    "modular_mlp, circle": (ModularMLP(d_mlp=4, d_embed=2, circle=2), MODULAR),
    "circle_solution": (CircleSolution(frequencies=(1, 2)), MODULAR),
    "gromov_solution": (GromovSolution(d_mlp=9), MODULAR),
    "mlp, one-hot": (MLP(hidden=4, layers=2, bias="all"), MODULAR),
    "mlp, codes": (MLP(hidden=4, encoding="codes", code_bits=4), MODULAR),
    "mlp, numbers": (MLP(hidden=4, single_output=True), BITS),
    "parity_solution": (ParitySolution(), BITS),
    "transformer": (Transformer(n_layers=2, d_model=8, n_heads=2, d_head=4, d_mlp=8), MODULAR),
    "decoder": (Decoder(d_model=6, n_layers=2, d_mlp=5), SYMBOLS),
    "decoder, post-norm": (Decoder(d_model=6, norm="post", positions="sinusoidal", bias="mlp", init="xavier"), SYMBOLS),
    "decoder, tied": (Decoder(d_model=6, norm="none", read_out="tied", bias="none", init="normal"), SYMBOLS),
    "decoder, myopic": (Decoder(d_model=6, past="hidden", past_weight=0.5), SYMBOLS),
    "decoder, no past": (Decoder(d_model=6, past="zeroed", attention=("softmax", "linear")), SYMBOLS),
    "decoder, taught": (Decoder(d_model=6, n_heads=1, past="teacher_keys"), SYMBOLS),
    "decoder, vectors": (Decoder(d_model=6, attention=("softmax", "linear"), positions="first_keys"), VECTORS),
    "decoder, channels": (Decoder(**CHANNELS), VECTORS),
    "decoder, mesa": (Decoder(d_model=6, attention=("softmax", "mesa"), positions="first_keys"), VECTORS),
    "gru": (GRU(d_model=4), SYMBOLS),
    "gru, vectors": (GRU(d_model=4, n_layers=1), VECTORS),
    "transformer, gelu": (Transformer(d_model=8, n_heads=2, d_head=3, d_mlp=5, act_fn="gelu"), MODULAR),
}
each_model = pytest.mark.parametrize(("model", "signature"), CASES.values(), ids=CASES)


def population(model, signature, seeds=(0, 1, 2)):
    return initial_parameters(model, [model] * len(seeds), signature, list(seeds), DOUBLE)


def rows(signature, members=3):
    """Other rows for each member."""
    if signature.n_ctx:
        noise = stream(0, "sequences")
        if signature.d_vocab:
            return torch.tensor(noise.integers(0, signature.d_vocab, (members, 20, signature.n_ctx)))
        return torch.tensor(noise.standard_normal((members, 20, signature.n_ctx, signature.n_inputs)))
    table = TABLE if signature.d_vocab else CUBE
    return torch.stack([table.roll(member, 0)[:20] for member in range(members)])


def test_every_registered_model_has_a_case():
    assert {model.kind for model, _ in CASES.values()} == set(MODELS)


@each_model
def test_parameters_and_outputs_have_the_stated_shapes(model, signature):
    params = population(model, signature)
    assert {name: tuple(value.shape[1:]) for name, value in params.items()} == {
        name: shape.dims for name, shape in model.shapes(signature).items()
    }
    places = (signature.n_ctx,) if signature.n_ctx else ()
    assert model.forward(params, rows(signature)).shape == (3, 20, *places, signature.n_outputs)


@each_model
def test_members_do_not_see_each_other(model, signature):
    params, inputs = population(model, signature), rows(signature)
    together = model.forward(params, inputs)
    order = [2, 0, 1]
    permuted = model.forward({name: value[order] for name, value in params.items()}, inputs[order])
    torch.testing.assert_close(permuted, together[order], rtol=1e-12, atol=1e-13)
    for member in range(3):
        alone = model.forward({k: v[member : member + 1] for k, v in params.items()}, inputs[member : member + 1])
        torch.testing.assert_close(alone[0], together[member], rtol=1e-12, atol=1e-13)


@each_model
def test_one_members_parameters_serve_many_rows_and_one_members_rows_many_members(model, signature):
    params, inputs = population(model, signature), rows(signature)
    one = {name: value[1:2] for name, value in params.items()}
    many = {name: value.expand(3, *value.shape[1:]) for name, value in one.items()}
    torch.testing.assert_close(model.forward(one, inputs), model.forward(many, inputs))
    torch.testing.assert_close(model.forward(params, inputs[1:2]), model.forward(params, inputs[1:2].expand_as(inputs)))


@each_model
def test_initial_values_are_a_members_own(model, signature):
    params, again = population(model, signature, (0, 1, 5)), population(model, signature, (5, 0))
    for name, value in params.items():
        assert torch.equal(value[2], again[name][0])
        assert torch.equal(value[0], again[name][1])
    assert all(torch.isfinite(value).all() for value in params.values())


def test_initial_scale_seed_and_jitter_do_what_they_say():
    base = ModularMLP(d_mlp=4, d_embed=5)
    plain = population(base, MODULAR, (3,))

    def with_(seed=0, **settings):
        return initial_parameters(base, [ModularMLP(d_mlp=4, d_embed=5, **settings)], MODULAR, [seed], DOUBLE)

    scaled, chosen, moved = with_(3, init_scale=2.0), with_(0, init_seed=3), with_(3, jitter=1e-7)
    for name, value in plain.items():
        torch.testing.assert_close(scaled[name], 2 * value)
        assert torch.equal(chosen[name], value)
    assert (moved["W_E"] != plain["W_E"]).sum() == 1
    assert (moved["W_E"] - plain["W_E"]).max().item() == pytest.approx(1e-7)
    assert torch.equal(moved["W_in"], plain["W_in"])


def test_what_is_not_trained_is_not_scaled():
    model = ModularMLP(d_mlp=4, d_embed=2, circle=2)
    large = ModularMLP(d_mlp=4, d_embed=2, circle=2, init_scale=9.0)
    one, other = population(model, MODULAR), initial_parameters(model, [large] * 3, MODULAR, [0, 1, 2], DOUBLE)
    assert torch.equal(one["W_E"], other["W_E"])


def test_the_main_configuration_starts_at_the_published_norm():
    """L2 norm of all weights of twenty seeds: 37.4 to 37.7 (fact sheet, section 1)."""
    signature = ModularArithmetic(p=67, pairs="unordered").signature
    params = population(ModularMLP(), signature, range(20))
    norms = torch.stack([v.flatten(1).square().sum(1) for v in params.values()]).sum(0).sqrt()
    assert norms.min() >= 37.2
    assert norms.max() <= 37.9
    assert 37.4 <= norms.median() <= 37.7


@pytest.mark.parametrize(
    ("name", "model", "std"),
    [
        ("W_E", ModularMLP(d_mlp=200, d_embed=300), (2 / 67) ** 0.5),
        ("W_in", ModularMLP(d_mlp=200, d_embed=300), 0.87962566 / 300**0.5),
        ("W_out", ModularMLP(d_mlp=200, d_embed=300), 0.87962566 / 200**0.5),
        ("in_table", ModularMLP(d_mlp=400, in_product="collapsed", init="cube_root"), 0.5 / 800 ** (1 / 3)),
        ("W_0", MLP(hidden=300), 1 / 134**0.5 / 3**0.5),
        ("blocks.0.mlp.W_in", Transformer(), 128**-0.5),
        ("unembed.W_U", Transformer(), 67**-0.5),
    ],
)
def test_initial_spread(name, model, std):
    weights = population(model, ModularArithmetic(p=67).signature)[name]
    assert weights.std().item() == pytest.approx(std, rel=0.03)
    assert abs(weights.mean().item()) < 4 * std / weights.numel() ** 0.5


def test_biases_start_at_zero():
    for model, name in (
        (MLP(bias="all"), "b_0"),
        (ModularMLP(bias=True), "b_in"),
        (Transformer(), "blocks.0.mlp.b_in"),
    ):
        assert not population(model, MODULAR)[name].any()


def test_random_codes_are_bits_and_no_two_symbols_share_one():
    codes = population(MLP(encoding="codes", code_bits=3), ModularArithmetic(p=8).signature)["codes"]
    assert set(codes.unique().tolist()) == {0.0, 1.0}
    for member in codes:
        assert len({tuple(row.tolist()) for row in member}) == 8


ONE_BLOCK = [
    "hook_resid_pre",
    "attn.hook_q",
    "attn.hook_k",
    "attn.hook_v",
    "attn.hook_attn_scores",
    "attn.hook_pattern",
    "attn.hook_z",
    "hook_attn_out",
    "hook_resid_mid",
    "mlp.hook_pre",
    "mlp.hook_post",
    "hook_mlp_out",
    "hook_resid_post",
]


def test_hook_names_are_transformer_lens():
    model, signature = CASES["transformer"]
    out, cache = run_with_cache(model, population(model, signature), rows(signature))
    blocks = [f"blocks.{layer}.{name}" for layer in (0, 1) for name in ONE_BLOCK]
    assert set(cache) == {"hook_embed", "hook_pos_embed", "hook_logits", *blocks}
    assert torch.equal(cache["hook_logits"], out)
    assert cache["blocks.0.attn.hook_pattern"].shape == (3, 20, 2, 3, 3)
    assert cache["blocks.1.mlp.hook_post"].shape[-1] == 8
    names = set(model.shapes(signature))
    assert {"embed.W_E", "pos_embed.W_pos", "blocks.0.attn.W_Q", "blocks.1.mlp.b_out", "unembed.W_U"} <= names


@each_model
def test_a_tap_that_changes_an_activation_changes_what_follows(model, signature):
    params, inputs = population(model, signature), rows(signature)
    plain, cache = run_with_cache(model, params, inputs)
    point = next(name for name in cache if name.endswith(("hook_post", "hook_z", "hook_resid_post")))
    muted = model.forward(params, inputs, lambda name, x: torch.zeros_like(x) if name == point else x)
    assert not torch.allclose(muted, plain)
    assert torch.equal(model.forward(params, inputs, lambda name, x: x), plain)


def test_attention_looks_back_only():
    model, signature = CASES["transformer"]
    params = population(model, signature)
    inputs = rows(signature)
    changed = inputs.clone()
    changed[..., 1] = (changed[..., 1] + 1) % 7
    _, before = run_with_cache(model, params, inputs)
    _, after = run_with_cache(model, params, changed)
    for name in ("blocks.0.hook_resid_post", "blocks.1.hook_resid_post"):
        assert torch.equal(before[name][:, :, 0], after[name][:, :, 0])  # the first place sees nothing of the second
        assert not torch.allclose(before[name][:, :, 2], after[name][:, :, 2])
    for layer in (0, 1):
        pattern = before[f"blocks.{layer}.attn.hook_pattern"]
        assert not pattern.triu(1).any()
        torch.testing.assert_close(pattern.sum(-1), torch.ones_like(pattern[..., 0]))


def test_transformer_equals_a_slow_one():
    """One member, one row at a time, loops over heads and places, numpy."""
    model, signature = Transformer(d_model=6, n_heads=2, d_head=3, d_mlp=5), MODULAR
    params = {name: value + 0.1 for name, value in population(model, signature).items()}  # biases not zero
    inputs = rows(signature)[:, :4]
    ours = model.forward(params, inputs).numpy()
    for member, row in np.ndindex(3, 4):
        w = {name: value[member].numpy() for name, value in params.items()}
        tokens = [*inputs[member, row].tolist(), 7]
        x = np.array([w["embed.W_E"][t] + w["pos_embed.W_pos"][i] for i, t in enumerate(tokens)])
        added = np.zeros_like(x)
        for head in range(2):
            q, k, v = (x @ w[f"blocks.0.attn.W_{letter}"][head] for letter in "QKV")
            for i in range(3):
                scores = np.array([q[i] @ k[j] / 3**0.5 for j in range(i + 1)])
                shares = np.exp(scores - scores.max())
                z = (shares / shares.sum()) @ v[: i + 1]
                added[i] += z @ w["blocks.0.attn.W_O"][head]
        x = x + added
        hidden = np.maximum(x @ w["blocks.0.mlp.W_in"] + w["blocks.0.mlp.b_in"], 0)
        x = x + hidden @ w["blocks.0.mlp.W_out"] + w["blocks.0.mlp.b_out"]
        np.testing.assert_allclose(ours[member, row], x[-1] @ w["unembed.W_U"], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "bits", list(itertools.product(("factored", "collapsed"), ("factored", "collapsed"), (True, False)))
)
def test_modular_mlp_is_two_tables(bits):
    into, out, tied = bits
    model = ModularMLP(d_mlp=4, d_embed=3, in_product=into, out_product=out, tied=tied, bias=True)
    params = {name: value + 0.1 for name, value in population(model, MODULAR).items()}
    ours = model.forward(params, rows(MODULAR)).numpy()
    for member, row in np.ndindex(3, 20):
        w = {name: value[member].numpy() for name, value in params.items()}
        a, b = rows(MODULAR)[member, row].tolist()
        table = w["in_table"] if into == "collapsed" else w["W_E"] @ w["W_in"]
        last = w["out_table"] if out == "collapsed" else w["W_out"] @ (w["W_E"].T if tied else w["W_U"])
        np.testing.assert_allclose(
            ours[member, row], np.maximum(table[a] + table[b] + w["b_in"], 0) @ last, rtol=1e-10, atol=1e-12
        )


def accuracy(model, task):
    table = torch.from_numpy(task.table())
    params = initial_parameters(model, [model], task.signature, [0], DOUBLE)
    return (model.forward(params, table[None])[0].argmax(-1) == task.answer(table)).double().mean().item()


@pytest.mark.parametrize("p", [7, 23, 67, 113, 117])
@pytest.mark.parametrize("frequency", [1, 2])
def test_five_neurons_on_a_circle_solve_every_odd_p_up_to_117(p, frequency):
    assert accuracy(CircleSolution(neurons=5, frequencies=(frequency,)), ModularArithmetic(p=p)) == 1.0


@pytest.mark.parametrize(
    ("neurons", "p", "published"), [(5, 119, 0.933), (5, 127, 0.748), (5, 197, 0.391), (7, 163, 1.0)]
)
def test_where_circles_start_to_fail_is_as_published(neurons, p, published):
    assert accuracy(CircleSolution(neurons=neurons), ModularArithmetic(p=p)) == pytest.approx(published, abs=0.001)


@pytest.mark.parametrize("neurons", [3, 4])
def test_too_few_directions_fail(neurons):
    assert accuracy(CircleSolution(neurons=neurons), ModularArithmetic(p=23)) < 0.5


def test_neurons_beyond_the_circle_have_no_weights():
    task = ModularArithmetic(p=23)
    assert accuracy(CircleSolution(neurons=5, d_mlp=12), task) == 1.0
    params = initial_parameters(
        CircleSolution(neurons=5, d_mlp=12), [CircleSolution(neurons=5, d_mlp=12)], task.signature, [0], DOUBLE
    )
    assert not params["in_table"][..., 5:].any()


def test_gromovs_phases_solve_and_free_phases_do_not():
    task = ModularArithmetic(p=23)
    assert accuracy(GromovSolution(d_mlp=400), task) == 1.0
    assert accuracy(GromovSolution(d_mlp=400, phases="free"), task) < 0.2


@pytest.mark.parametrize("neurons", [4, 6, 8])
def test_written_down_parity_networks_solve_every_row(neurons):
    model = ParitySolution(hidden=neurons)
    params = initial_parameters(model, [model], BITS, [0], DOUBLE)
    guess = model.forward(params, CUBE[None])[0].argmax(-1)
    product = CUBE[:, :3].prod(1)
    assert torch.equal(guess, (product > 0).long())
    # The label is 1 where an odd number of bits is +1, which for three bits is where their product is +1.
    assert torch.equal(guess, SparseParity(n=6, n_train=1, n_test=1, bits="+-1").answer(CUBE))


def test_one_output_column_is_the_logistic_loss():
    model = MLP(hidden=4, single_output=True)
    logits = model.forward(population(model, BITS), rows(BITS))
    assert not logits[..., 0].any()


@pytest.mark.parametrize(
    ("model", "signature", "told"),
    [
        (ModularMLP(), BITS, r"model\.kind = 'modular_mlp' takes two symbols"),
        (ModularMLP(d_embed=2, circle=14), MODULAR, r"model\.circle = 14 is no frequency modulo 7"),
        (ModularMLP(d_embed=2, circle=1), ModularArithmetic(p=8).signature, r"task\.p = 8 is even"),
        (CircleSolution(frequencies=(1, 4)), MODULAR, r"model\.frequencies = \[4\]: a frequency modulo 7 is 1 to 3"),
        (CircleSolution(frequencies=(0,)), MODULAR, r"model\.frequencies = \[0\]"),
        (MLP(single_output=True), MODULAR, r"model\.single_output gives two classes; this task has 7"),
        (MLP(encoding="codes", code_bits=2), MODULAR, r"gives 4 codes for 7 symbols; at least 3 are needed"),
        (ParitySolution(), Signature(2, 2), r"reads the first three of n numbers"),
        (ParitySolution(), MODULAR, r"reads the first three of n numbers"),
    ],
)
def test_models_that_do_not_fit_are_refused(model, signature, told):
    with pytest.raises(LatebloomError, match=told):
        model.shapes(signature)


@pytest.mark.parametrize(
    ("kind", "settings", "told"),
    [
        ("modular_mlp", {"circle": 1}, r"model\.circle = 1 freezes W_E .* needs model\.d_embed=2 \(now 500\)"),
        ("modular_mlp", {"d_mlp": 0}, r"d_mlp = 0"),
        ("mlp", {"activation": "rleu"}, r"activation = 'rleu'"),
        ("mlp", {"init_scale": 0}, r"init_scale = 0"),
        ("transformer", {"n_head": 2}, r"Unknown field of Transformer 'n_head'\. Did you mean 'n_heads'"),
        ("circle_solution", {"frequencies": ()}, r"frequencies = \(\)"),
    ],
)
def test_refused_settings(kind, settings, told):
    with pytest.raises(LatebloomError, match=told):
        MODELS[kind].parse(settings)


def test_activations():
    x = torch.tensor([-2.0, 3.0])
    assert activate("relu", x).tolist() == [0, 3]
    assert activate("square", x).tolist() == [4, 9]
    assert activate("cube", x).tolist() == [-8, 27]
    assert activate("identity", x).tolist() == [-2, 3]
    torch.testing.assert_close(activate("gelu", x), x * 0.5 * (1 + torch.erf(x / 2**0.5)))
    with pytest.raises(LatebloomError, match="Unknown activation 'rleu'"):
        activate("rleu", x)


@each_model
def test_costs_are_positive_and_grow_with_the_rows(model, signature):
    assert 0 < model.flops(signature, 10) < model.flops(signature, 1000)
    assert 0 < model.activation_bytes(signature, 10, 4) < model.activation_bytes(signature, 10, 8)
