"""Gradients with the past cut: against a slow copy with detached pasts, untied parameters, and what must be 0."""

import pytest
import torch

from latebloom.data import Batch, Place, Signature
from latebloom.errors import LatebloomError
from latebloom.models import LOSSES, Decoder, initial_parameters, run_with_cache
from latebloom.models.base import untapped
from latebloom.models.decoder import cut_attention as fused
from latebloom.models.decoder import with_teacher
from latebloom.models.decoder.past import attend_past
from latebloom.models.decoder.untied import untie, untied_forward
from latebloom.randomness import stream
from latebloom.spec import identity
from latebloom.tasks.majority import Majority
from latebloom.training.dropout import Dropout
from latebloom.training.experiment import Experiment, Training
from latebloom.training.population import Population

DOUBLE = Place(dtype=torch.float64)
SYMBOLS = Signature(n_inputs=1, n_outputs=9, d_vocab=9, n_ctx=6)
VECTORS = Signature(n_inputs=4, n_outputs=9, n_ctx=6)
SHAPES = {
    "gpt2": {},
    "post": {"norm": "post", "positions": "sinusoidal", "act_fn": "gelu"},
    "linear": {"attention": "linear", "norm": "none", "bias": "none"},
    "first keys": {"positions": "first_keys", "qk_norm": "all", "attention": ("softmax", "linear"), "norm": "none"},
    "later": {"qk_norm": "later", "resid_clip": 1.5, "read_out": "tied", "positions": "none"},
}
each_shape = pytest.mark.parametrize("settings", SHAPES.values(), ids=SHAPES)
each_cut = pytest.mark.parametrize("past", ["hidden", "keys"])


def decoder(past="whole", weight=0.0, layers=2, **settings):
    fields = {"n_layers": layers, "d_model": 8, "n_heads": 2, "d_mlp": 10} | settings
    return Decoder.parse(fields | {"past": past, "past_weight": weight})


def signature(model):
    return VECTORS if model.positions == "first_keys" else SYMBOLS


def population(model, members=2, place=DOUBLE):
    """Random values for every parameter, biases and norms too, large enough that attention is not flat."""
    plain = model.model_copy(update={"past": "whole", "past_weight": 0.0})
    params = initial_parameters(plain, [plain] * members, signature(plain), range(members), place)
    noise = stream(3, "myopic test")
    return {
        name: value + 0.5 * torch.tensor(noise.standard_normal(value.shape)).to(value) for name, value in params.items()
    }


def batch(model, members=2, rows=3, places=6, place=DOUBLE):
    noise = stream(4, "myopic test")
    inputs = torch.tensor(noise.integers(0, 9, (members, rows, places)))
    targets = inputs.roll(-1, 2)
    if signature(model) is VECTORS:
        inputs = torch.tensor(noise.standard_normal((members, rows, places, 4))).to(place.dtype)
    weight = torch.tensor(noise.random((members, rows, places)) + 0.5).to(place.dtype)
    return Batch(inputs, targets, weight)


def gradient(model, params, rows, tap=untapped):
    """By every parameter that the model itself trains."""
    trained = [name for name in params if not name.startswith("teacher.")]
    scale = torch.ones(rows.inputs.shape[0], dtype=rows.weight.dtype)
    return model.gradient(params, trained, rows, LOSSES["cross_entropy"], scale, tap)[1]


def test_keys_and_values_of_the_past_ask_for_their_gradients_apart():
    """Adapters may train the values and leave the keys alone, or the other way round."""
    noise = stream(5, "myopic test")
    q, k, v = (torch.tensor(noise.standard_normal((2, 3, 5, 4))) for _ in range(3))
    for trained in ([False, True], [True, False], [True, True]):
        past = [value.clone().requires_grad_(asked) for value, asked in zip((k, v), trained, strict=True)]
        whole = [value.clone().requires_grad_(asked) for value, asked in zip((k, v), trained, strict=True)]
        own = [value.clone().requires_grad_(asked) for value, asked in zip((k, v), trained, strict=True)]
        fused.cut_attention(q, *own, *past).square().sum().backward()
        torch.nn.functional.scaled_dot_product_attention(q, *whole, is_causal=True).square().sum().backward()
        for asked, mine, lent, all_of_it in zip(trained, own, past, whole, strict=True):
            if asked:
                torch.testing.assert_close(mine.grad + lent.grad, all_of_it.grad)
            else:
                assert mine.grad is None and lent.grad is None


def look(name, value):
    """A tap that changes nothing, but makes the pattern appear."""
    return value


def assert_same(found, expected, rtol=1e-9):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        largest = max(float(value.abs().max()), 1e-3)
        torch.testing.assert_close(
            found[name], value, rtol=rtol, atol=rtol * largest, msg=lambda m, n=name: f"{n}: {m}"
        )


def slow_forward(model, params, inputs, past, weight):
    """GPT-2's block for one member at a time, by loops over places; past states or keys are written out, detached."""
    outputs = []
    for member in range(inputs.shape[0]):
        own = {name: value[member] for name, value in params.items()}
        x = own["embed.W_E"][inputs[member]] + own["pos_embed.W_pos"][: inputs.shape[2]]
        for layer in range(model.n_layers):
            b = {name.removeprefix(f"blocks.{layer}."): value for name, value in own.items()}
            h = torch.nn.functional.layer_norm(x, x.shape[-1:], b["ln1.w"], b["ln1.b"])
            x = x + slow_attention(b, h, past, weight)
            h = torch.nn.functional.layer_norm(x, x.shape[-1:], b["ln2.w"], b["ln2.b"])
            x = x + torch.relu(h @ b["mlp.W_in"] + b["mlp.b_in"]) @ b["mlp.W_out"] + b["mlp.b_out"]
        x = torch.nn.functional.layer_norm(x, x.shape[-1:], own["ln_final.w"], own["ln_final.b"])
        outputs.append(x @ own["unembed.W_U"] + own["unembed.b_U"])
    return torch.stack(outputs)


def slow_attention(b, h, past, weight):
    def soft(value):
        return weight * value + (1 - weight) * value.detach()

    total = torch.zeros_like(h) + b["attn.b_O"]
    for head in range(b["attn.W_Q"].shape[0]):
        w = {letter: b[f"attn.W_{letter}"][head] for letter in "QKVO"}
        c = {letter: b[f"attn.b_{letter}"][head] for letter in "QKV"}
        rows = []
        for i in range(h.shape[1]):
            lent = h[:, :i] if past == "keys" else soft(h[:, :i])
            k, v = lent @ w["K"] + c["K"], lent @ w["V"] + c["V"]
            if past == "keys":
                k, v = soft(k), soft(v)
            if past == "zeroed":
                k, v = 0 * k, 0 * v
            here = h[:, i : i + 1]
            k, v = torch.cat([k, here @ w["K"] + c["K"]], 1), torch.cat([v, here @ w["V"] + c["V"]], 1)
            q = here @ w["Q"] + c["Q"]
            rows.append(torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, -1) @ v @ w["O"])
        total = total + torch.cat(rows, 1)
    return total


@pytest.mark.parametrize("tap", [untapped, look], ids=["fused", "pattern"])
@pytest.mark.parametrize(
    ("past", "weight"), [("hidden", 0), ("keys", 0), ("hidden", 0.3), ("keys", 0.3), ("zeroed", 0)]
)
def test_gradients_are_those_of_a_slow_copy_with_detached_pasts(past, weight, tap):
    model = decoder(past, weight)
    params, rows = population(model), batch(model)
    leaves = {name: value.clone().requires_grad_(True) for name, value in params.items()}
    slow = slow_forward(model, leaves, rows.inputs, past, weight)
    torch.testing.assert_close(model.forward(params, rows.inputs, tap), slow.detach(), rtol=1e-10, atol=1e-11)
    loss = rows.mean(LOSSES["cross_entropy"].rows(slow, rows.targets)).sum()
    assert_same(
        gradient(model, params, rows, tap), dict(zip(leaves, torch.autograd.grad(loss, leaves.values()), strict=True))
    )


@each_shape
@each_cut
def test_gradients_are_the_diagonal_of_the_untied_network(past, settings):
    """Every place with parameters of its own: sum of all entries is vanilla's gradient, the diagonal the myopic one."""
    model = decoder(past, **settings)
    params, rows = population(model, members=1), batch(model, members=1)
    copies = {name: value.requires_grad_(True) for name, value in untie(params, 6).items()}
    out = untied_forward(model, copies, rows.inputs, past)[:, :, 0].transpose(0, 1)[None]
    losses = (LOSSES["cross_entropy"].rows(out, rows.targets) * rows.share).sum((0, 1))
    triangle = [torch.autograd.grad(loss, copies.values(), retain_graph=True) for loss in losses]
    for i, later in enumerate(triangle):  # nothing reaches a place from an earlier loss
        assert all(float(value[i + 1 :].abs().sum()) == 0 for value in later)
    whole = {name: sum(row[n].sum(0, keepdim=True) for row in triangle) for n, name in enumerate(copies)}
    diagonal = {name: sum(row[n][i : i + 1] for i, row in enumerate(triangle)) for n, name in enumerate(copies)}
    assert_same(gradient(decoder(**settings), params, rows), whole, rtol=1e-8)
    assert_same(gradient(model, params, rows), diagonal, rtol=1e-8)
    with pytest.raises(AssertionError):
        assert_same(gradient(model, params, rows), whole, rtol=1e-8)


@each_shape
@each_cut
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_outputs_are_vanillas_to_the_last_bit(past, settings, dtype):
    place = Place(dtype=dtype)
    model, plain = decoder(past, **settings), decoder(**settings)
    params, inputs = population(model, place=place), batch(model, place=place).inputs
    leaves = {name: value.clone().requires_grad_(True) for name, value in params.items()}
    assert torch.equal(model.forward(leaves, inputs), plain.forward(params, inputs))
    assert torch.equal(model.forward(leaves, inputs, look), plain.forward(params, inputs, look))
    with torch.no_grad():
        assert torch.equal(model.forward(params, inputs), plain.forward(params, inputs))


@each_shape
@each_cut
def test_a_later_loss_does_not_reach_an_earlier_place(past, settings):
    model, plain = decoder(past, **settings), decoder(**settings)
    params, inputs = population(model, members=1), batch(model, members=1).inputs
    for subject, reached in ((model, False), (plain, True)):
        states = {}

        def keep(name, value, states=states):
            if name == "hook_embed":
                value = value.detach().requires_grad_(True)
                states[name] = value
            return value

        out = subject.forward(params, inputs, keep)
        (found,) = torch.autograd.grad(out[:, :, 4].square().sum(), states["hook_embed"])
        assert float(found[:, :, 5].abs().max()) == 0
        assert float(found[:, :, 4].abs().max()) > 1e-6
        assert bool(found[:, :, :4].abs().amax((0, 1, 3)).gt(1e-9).all()) == reached
        assert reached or float(found[:, :, :4].abs().max()) == 0


def test_one_layer_with_hidden_states_cut_loses_only_what_comes_before_its_matrices():
    model, plain = decoder("hidden", layers=1), decoder(layers=1)
    params, rows = population(model), batch(model)
    found, whole = gradient(model, params, rows), gradient(plain, params, rows)
    before = {"embed.W_E", "pos_embed.W_pos", "blocks.0.ln1.w", "blocks.0.ln1.b"}
    assert_same(*({k: v for k, v in table.items() if k not in before} for table in (found, whole)))
    assert all(float((found[name] - whole[name]).abs().max()) > 1e-6 for name in before)


@each_cut
def test_a_sequence_of_one_place_has_no_past(past):
    model = decoder(past)
    params, rows = population(model), batch(model, places=1)
    assert_same(gradient(model, params, rows), gradient(decoder(), params, rows))


@each_cut
def test_softened_cuts_lead_from_myopic_to_vanilla(past):
    """With one layer the gradient is a straight line in the weight of the past; with all of it, vanilla's."""
    params, rows = population(decoder()), batch(decoder())
    assert_same(gradient(decoder(past, 1.0), params, rows), gradient(decoder(), params, rows))
    one = {w: gradient(decoder(past, w, layers=1), params_of_one(params), rows) for w in (0.0, 0.25, 1.0)}
    line = {name: 0.75 * one[0.0][name] + 0.25 * one[1.0][name] for name in one[0.0]}
    assert_same(one[0.25], line)


def params_of_one(params):
    return {name: value for name, value in params.items() if not name.startswith("blocks.1.")}


@each_shape
@each_cut
def test_looking_on_does_not_change_the_gradient(past, settings):
    model = decoder(past, 0.4, **settings)
    params, rows = population(model), batch(model)
    assert_same(gradient(model, params, rows, look), gradient(model, params, rows))


@each_cut
def test_a_device_without_the_fused_kernels_denominators_gets_the_same(past, monkeypatch):
    model = decoder(past, 0.4)
    params, rows = population(model), batch(model)
    expected = gradient(model, params, rows)
    monkeypatch.setattr(fused, "_tells_denominators", lambda q, v: False)
    monkeypatch.setattr(fused, "BLOCK", 4)
    assert_same(gradient(model, params, rows), expected)


def test_own_and_past_gradients_add_up_to_all_of_it():
    noise = stream(5, "myopic test")
    q, k, v, g = (torch.tensor(noise.standard_normal((3, 2, 70, 4))) for _ in range(4))
    leaves = [value.clone().requires_grad_(True) for value in (q, k, v, k, v)]
    parts = torch.autograd.grad(fused.cut_attention(*leaves), leaves, g)
    plain = [value.clone().requires_grad_(True) for value in (q, k, v)]
    whole = torch.autograd.grad(torch.nn.functional.scaled_dot_product_attention(*plain, is_causal=True), plain, g)
    for found, expected in zip((parts[0], parts[1] + parts[3], parts[2] + parts[4]), whole, strict=True):
        torch.testing.assert_close(found, expected)
    lse = torch.logsumexp((q @ k.mT / 2).masked_fill(torch.ones(70, 70).triu(1) > 0, -torch.inf), -1)
    torch.testing.assert_close(fused.denominators(q, k), lse)


@pytest.mark.parametrize(("name", "tolerance"), [("float64", 1e-12), ("float32", 1e-5), ("bfloat16", 0.05)])
def test_numbers_may_lie_in_memory_in_any_order(name, tolerance):
    """Vectors spread over memory, and a gradient that is one number everywhere."""
    fast, dtype = torch.nn.functional.scaled_dot_product_attention, getattr(torch, name)
    spread = torch.tensor(stream(6, "myopic test").standard_normal((2, 3, 4, 7))).to(dtype).mT.requires_grad_(True)
    for g in (torch.ones(2, 3, 1, 1, dtype=dtype).expand(2, 3, 7, 4), spread.detach()):
        found, expected = fused.cut_attention(*[spread] * 5), fast(spread, spread, spread, is_causal=True)
        torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
        gradients = (torch.autograd.grad(out, spread, g)[0] for out in (found, expected))
        torch.testing.assert_close(*gradients, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.parametrize("fused_kernel", [True, False])
def test_half_precision_has_the_gradients_of_single_precision_rounded(name, fused_kernel, monkeypatch):
    """Products of queries and keys beyond 65,504, where half precision ends, as they come in trained networks."""
    monkeypatch.setattr(fused, "_tells_denominators", lambda q, v: fused_kernel)
    noise = stream(7, "myopic test")
    q, k, v, g = (torch.tensor(noise.standard_normal((1, 2, 5, 64)) * by) for by in (40.0, 40.0, 1.0, 1.0))
    q[..., 2, :] = k[..., 2, :] = 40.0  # a place that is sure of itself: a score of 12,800
    half = getattr(torch, name)
    parts = []
    for dtype in (half, torch.float32):
        leaves = [value.to(half).to(dtype).requires_grad_(True) for value in (q, k, v, k, v)]
        parts.append(torch.autograd.grad(fused.cut_attention(*leaves), leaves, g.to(half).to(dtype)))
    rounding = torch.finfo(half).eps
    for found, expected in zip(*parts, strict=True):
        torch.testing.assert_close(found.float(), expected, rtol=0, atol=8 * rounding * float(expected.abs().max() + 1))


@pytest.mark.parametrize("fused_kernel", [True, False])
def test_a_graph_that_is_kept_can_be_walked_twice(fused_kernel, monkeypatch):
    monkeypatch.setattr(fused, "_tells_denominators", lambda q, v: fused_kernel)
    noise = stream(8, "myopic test")
    q, k, v, g = (torch.tensor(noise.standard_normal((2, 2, 6, 4))) for _ in range(4))
    leaves = [value.clone().requires_grad_(True) for value in (q, k, v, k, v)]
    out = fused.cut_attention(*leaves)
    once, again = (torch.autograd.grad(out, leaves, g, retain_graph=True) for _ in range(2))
    for first, second in zip(once, again, strict=True):
        assert torch.equal(first, second)


@each_cut
def test_dropout_uses_one_mask_for_the_past_and_for_the_present(past):
    """With the whole gradient let through, myopic and vanilla agree under dropout only if they see the same masks."""
    params, rows = population(decoder()), batch(decoder())
    thin = Dropout(0.5, Decoder.dropout_at, [0, 1])
    whole = gradient(decoder(), params, rows, thin.tap(7))
    assert_same(gradient(decoder(past, 1.0), params, rows, thin.tap(7)), whole)
    other = gradient(decoder(past, 1.0), params, rows, thin.tap(8))
    assert float((other["blocks.0.attn.W_V"] - whole["blocks.0.attn.W_V"]).abs().max()) > 1e-6


@each_cut
@pytest.mark.parametrize("attention", ["softmax", "linear"])
@pytest.mark.parametrize("tap", [untapped, look], ids=["fused", "pattern"])
def test_no_more_is_kept_of_size_places_by_places_than_in_vanilla_training(past, attention, tap):
    def kept(model):
        sizes = {}

        def pack(value):
            if value.shape[-2:] == (37, 37):
                sizes[value.data_ptr()] = value.numel()
            return value

        signature = Signature(n_inputs=1, n_outputs=9, d_vocab=9, n_ctx=37)
        params = {
            k: v.requires_grad_(True) for k, v in initial_parameters(model, [model], signature, [0], DOUBLE).items()
        }
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
            out = model.forward(params, torch.zeros(1, 2, 37, dtype=torch.int64), tap)
        assert out.requires_grad
        return sum(sizes.values())

    plain = kept(decoder(attention=attention))
    assert kept(decoder(past, attention=attention)) <= plain
    assert (plain == 0) == (tap is untapped)


def test_a_tap_that_changes_keys_changes_them_for_later_places_too():
    """Keys replaced by constants: outputs are vanilla's under the same tap, and W_K learns nothing."""

    def patch(name, value):
        return torch.ones_like(value) if name.endswith("hook_k") else value

    for past in ("hidden", "keys"):
        params, rows = population(decoder()), batch(decoder())
        leaves = {name: value.clone().requires_grad_(True) for name, value in params.items()}
        out = decoder(past).forward(leaves, rows.inputs, patch)
        torch.testing.assert_close(out, decoder().forward(params, rows.inputs, patch))
        assert float(gradient_or_zero(out, leaves["blocks.0.attn.W_K"]).abs().max()) == 0
        assert float(gradient_or_zero(out, leaves["blocks.0.attn.W_V"]).abs().max()) > 1e-6


def gradient_or_zero(out, leaf):
    found = torch.autograd.grad(out.square().sum(), leaf, retain_graph=True, allow_unused=True)[0]
    return torch.zeros_like(leaf) if found is None else found


@pytest.mark.parametrize("attention", ["softmax", "linear"])
def test_a_network_without_a_past_sees_one_place_and_how_many_came_before(attention):
    model = decoder("zeroed", attention=attention)
    params, rows = population(model), batch(model)
    out, cache = run_with_cache(model, params, rows.inputs)
    torch.testing.assert_close(out, model.forward(params, rows.inputs))
    other = rows.inputs.clone()
    other[:, :, :5] = (other[:, :, :5] + 1) % 9
    torch.testing.assert_close(model.forward(params, other)[:, :, 5], out[:, :, 5])
    if attention == "softmax":  # attention still falls on the zeroed slots, equally on each
        pattern = cache["blocks.0.attn.hook_pattern"][..., 5, :]
        torch.testing.assert_close(pattern.sum(-1), torch.ones_like(pattern.sum(-1)))
        torch.testing.assert_close(pattern[..., :5], pattern[..., :1].expand_as(pattern[..., :5]))


@each_shape
@each_cut
def test_a_student_that_is_its_teacher_has_the_teachers_outputs_and_myopic_gradients(past, settings):
    model, plain = decoder(f"teacher_{past}", **settings), decoder(**settings)
    params, rows = population(plain), batch(plain)
    both = with_teacher(params, params)
    torch.testing.assert_close(model.forward(both, rows.inputs), plain.forward(params, rows.inputs))
    assert_same(gradient(model, both, rows), gradient(decoder(past, **settings), params, rows))


def test_a_student_reads_the_teachers_past_and_computes_its_own_present():
    model, plain = decoder("teacher_keys", layers=1), decoder(layers=1)
    student, teacher = params_of_one(population(plain)), params_of_one(population(plain, members=4))
    teacher = {name: value[2:] for name, value in teacher.items()}
    inputs = batch(plain).inputs
    out = model.forward(with_teacher(student, teacher), inputs)
    _, theirs = run_with_cache(plain, teacher, inputs)
    _, own = run_with_cache(plain, student, inputs)
    q, k, v = (own[f"blocks.0.attn.hook_{letter}"] for letter in "qkv")
    tk, tv = (theirs[f"blocks.0.attn.hook_{letter}"] for letter in "kv")
    i = 4
    mixed_k, mixed_v = (torch.cat([t[:, :, :i], o[:, :, i : i + 1]], 2).transpose(2, 3) for t, o in ((tk, k), (tv, v)))
    z = torch.softmax(q[:, :, i : i + 1].transpose(2, 3) @ mixed_k.mT / 2, -1) @ mixed_v
    _, seen = run_with_cache(model, with_teacher(student, teacher), inputs)
    torch.testing.assert_close(seen["blocks.0.attn.hook_z"][:, :, i : i + 1], z.transpose(2, 3))
    assert float((out - plain.forward(student, inputs)).abs().max()) > 1e-3
    torch.testing.assert_close(out[:, :, 0], plain.forward(student, inputs)[:, :, 0])  # the first place has no past


def test_a_teacher_is_part_of_the_shapes_and_not_trained():
    model = decoder("teacher_hidden")
    shapes = model.shapes(SYMBOLS)
    assert {name for name, shape in shapes.items() if not shape.trained} == {
        f"teacher.{n}" for n in decoder().shapes(SYMBOLS)
    }
    assert model.flops(SYMBOLS, 3) == 2 * decoder().flops(SYMBOLS, 3)  # the teacher runs too
    params = initial_parameters(model, [model], SYMBOLS, [0], DOUBLE)
    assert model.forward(params, batch(model, members=1).inputs).shape == (1, 3, 6, 9)
    with pytest.raises(LatebloomError, match=r"only one side has: pos_embed\.W_pos"):
        with_teacher({"pos_embed.W_pos": torch.zeros(1)}, {})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"past": "hiden"}, "'hidden'"),
        ({"past": "zeroed", "past_weight": 0.5}, r"past_weight = 0\.5 softens a cut; model\.past = 'zeroed' cuts no"),
        ({"past_weight": 0.5}, r"model\.past = 'whole'"),
        ({"past": "hidden", "past_weight": 1.5}, r"past_weight = 1\.5"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, told):
    with pytest.raises(LatebloomError, match=told):
        Decoder.parse(settings)


def test_an_attention_of_another_kind_is_not_cut_silently():
    with pytest.raises(LatebloomError, match=r"model\.attention = 'mesa' mixes places in a way of its own"):
        attend_past(torch.zeros(1, 1, 1, 2, 2), None, None, "mesa", True, "", untapped)


def test_training_changes_the_student_and_leaves_its_teacher():
    task = Majority(n_seen=4, n_said=3, batch_size=5, n_test=4)
    experiment = Experiment(name="local", task=task, model=decoder("teacher_hidden"), training=Training(steps=3))
    teacher = initial_parameters(decoder(), [decoder()], task.signature, [7], Place())
    ours = Population.start([experiment], with_teacher(teacher, teacher))
    for step in range(3):
        ours.advance(step)
    assert all(torch.equal(ours.params[f"teacher.{name}"], value) for name, value in teacher.items())
    assert all(not torch.equal(ours.params[name], value) for name, value in teacher.items())


def test_a_decoder_with_a_whole_past_is_known_by_what_it_was_known_by():
    assert not {"past", "past_weight"} & identity(decoder()).keys()
    assert identity(decoder("hidden"))["past"] == "hidden"


def test_a_network_that_is_given_becomes_its_own_teacher():
    plain = Decoder(n_layers=1, d_model=4, n_heads=1)
    signature = Signature(n_inputs=1, n_outputs=5, d_vocab=5, n_ctx=4)
    given = initial_parameters(plain, [plain], signature, [0], Place())
    pupil = plain.replace({"past": "teacher_keys"})
    begun = pupil.begin(given)
    assert set(begun) == set(pupil.shapes(signature))
    assert all(torch.equal(begun[f"teacher.{name}"], value) for name, value in given.items())
    assert pupil.begin(begun) is begun
    assert plain.begin(given) is given
    assert plain.begin(begun).keys() == given.keys()
    assert all(plain.begin(begun)[name] is begun[name] for name in given)
