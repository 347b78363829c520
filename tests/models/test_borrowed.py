"""Myopic training of models that are not ours, on two small ones behind the same attention interface."""

import json
import sys
import types

import pytest
import torch
from safetensors.torch import load_file, save_file

from latebloom.data import Place
from latebloom.errors import LatebloomError
from latebloom.models import Decoder
from latebloom.models.borrowed import NAME, _Cutter, myopically
from latebloom.models.decoder.pretrained import pretrained_gpt2
from latebloom.models.decoder.published import from_gpt2, settings_of
from latebloom.randomness import stream
from tests.models import others

CONFIG = {"model_type": "gpt2", "n_embd": 8, "n_head": 2, "n_layer": 2, "n_positions": 7, "vocab_size": 9}
MODELS = {"gpt2": others.GPT2, "neox": others.GPTNeoX}
each_model = pytest.mark.parametrize("kind", MODELS)
each_cut = pytest.mark.parametrize("past", ["hidden", "keys"])


def made(kind="gpt2", dtype=torch.float64, **changes):
    model = MODELS[kind](others.settings(**changes)).to(dtype)
    noise = stream(0, "borrowed")
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(0.4 * torch.tensor(noise.standard_normal(value.shape)) + float("norm" in name or "ln_" in name))
    return model


def registry(model):
    return next(module.config for module in model.modules() if hasattr(module, "config")).registry.register


def tokens(rows=3):
    return torch.tensor(stream(1, "borrowed").integers(0, 9, (rows, 6)))


def gradients(model, **kwargs):
    out = model(tokens(), **kwargs)
    loss = torch.nn.functional.cross_entropy(out.flatten(0, 1), tokens().roll(-1, 1).flatten())
    found = torch.autograd.grad(loss, list(model.parameters()))
    return dict(zip(dict(model.named_parameters()), found, strict=True))


def assert_same(found, expected):
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-12, msg=f"{name}: {{}}".format)


@pytest.mark.parametrize("weight", [0.0, 0.3])
@each_cut
def test_a_borrowed_gpt2_gets_the_gradients_of_our_decoder(past, weight):
    model = made()
    ours = Decoder.parse(settings_of(CONFIG, "a folder")).replace({"past": past, "past_weight": weight})
    params = from_gpt2({name: value.detach() for name, value in model.named_parameters()}, ours)
    leaves = {name: value[None].clone().requires_grad_(True) for name, value in params.items()}
    out = ours.forward(leaves, tokens()[None])
    torch.testing.assert_close(out[0], model(tokens()))
    loss = torch.nn.functional.cross_entropy(out[0].flatten(0, 1), tokens().roll(-1, 1).flatten())
    expected = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))
    with myopically(model, past, weight, register=registry(model)):
        found = from_gpt2(gradients(model), ours)
    assert_same(found, {name: value[0] for name, value in expected.items() if name != "unembed.b_U"})


@each_model
@each_cut
@pytest.mark.parametrize("masked", [False, True])
def test_outputs_stay_and_a_later_loss_does_not_reach_an_earlier_place(kind, past, masked):
    model = made(kind)
    mask = torch.ones(6, 6, dtype=torch.bool).tril()[None, None] if masked else None
    embedded = torch.tensor(stream(2, "borrowed").standard_normal((2, 6, 8))).requires_grad_(True)
    plain = model(embedded=embedded, attention_mask=mask)
    (reached,) = torch.autograd.grad(plain[:, 4].square().sum(), embedded)
    with myopically(model, past, register=registry(model)):
        out = model(embedded=embedded, attention_mask=mask)
        (found,) = torch.autograd.grad(out[:, 4].square().sum(), embedded)
    torch.testing.assert_close(out, plain, rtol=1e-12, atol=1e-12)
    assert float(reached[:, :4].abs().amax((0, 2)).min()) > 1e-6
    assert float(found[:, :4].abs().max()) == 0
    assert float(found[:, 4].abs().max()) > 1e-6


@each_model
def test_one_layer_with_hidden_states_cut_trains_its_projections_as_ever(kind):
    model = made(kind, n_layer=1)
    whole = gradients(model)
    with myopically(model, "hidden", register=registry(model)):
        found = gradients(model)
    name = {"gpt2": "h.0.attn.c_attn.weight", "neox": "attentions.0.query_key_value.weight"}[kind]
    assert_same({name: found[name]}, {name: whole[name]})
    before = {"gpt2": "h.0.ln_1.weight", "neox": "norms.0.weight"}[kind]
    assert float((found[before] - whole[before]).abs().max()) > 1e-6


@each_model
@each_cut
def test_all_of_the_past_is_vanilla_and_afterwards_the_model_is_as_before(kind, past):
    model = made(kind)
    whole = gradients(model)
    with myopically(model, past, 1.0, register=registry(model)):
        assert_same(gradients(model), whole)
    with pytest.raises(RuntimeError, match="inside"), myopically(model, past, register=registry(model)):
        raise RuntimeError("inside")
    assert_same(gradients(model), whole)
    assert not any(key in module.__dict__ for module in model.modules() for key in ("forward", "_latebloom_cutter"))


def test_padding_is_left_out_and_half_masks_are_added():
    model = made()
    keep = torch.ones(3, 1, 6, 6, dtype=torch.bool).tril()
    keep[0, :, :, :2] = False  # two places of padding in front: their rows may see nothing
    with myopically(model, register=registry(model)):
        out = model(tokens(), attention_mask=keep)
        added = model(tokens(), attention_mask=torch.zeros(3, 1, 6, 6, dtype=torch.float64).masked_fill(~keep, -1e30))
        found = torch.autograd.grad(out[:, 2:].square().sum(), list(model.parameters()))
    assert all(bool(value.isfinite().all()) for value in found)
    plain = model(tokens(), attention_mask=keep)
    torch.testing.assert_close(out[:, 2:], plain[:, 2:])
    torch.testing.assert_close(added[:, 2:], plain[:, 2:])


@pytest.mark.parametrize("mask", ["lower", "blind row"])
def test_scores_beyond_half_precision_give_pytorchs_attention(mask):
    """Sheet, 6.5: scores stay in float32. A row that may see nothing gives zeros and sends no gradient."""
    q = torch.zeros(1, 1, 3, 64, dtype=torch.float16)
    q[..., 1:, :] = 40.0  # with itself: 102,400, beyond the largest number of the type
    v = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float16)[:, None].expand(1, 1, 3, 64).contiguous()
    keep = torch.ones(3, 3, dtype=torch.bool).tril()
    keep[0] &= mask == "lower"
    leaves = [value.clone().requires_grad_(True) for value in (q, q, v)]
    found = _Cutter(torch.nn.Identity(), "keys", 0.0).attend(*leaves, keep, 64**-0.5, 0.0)
    expected = torch.nn.functional.scaled_dot_product_attention(q.float(), q.float(), v.float(), keep).nan_to_num(0.0)
    torch.testing.assert_close(found.float(), expected, rtol=1e-3, atol=1e-3)
    assert all(bool(value.isfinite().all()) for value in torch.autograd.grad(found.float().sum(), leaves))


def test_a_past_of_zeros_leaves_one_place():
    model, other = made(), tokens()
    other[:, :5] = (other[:, :5] + 1) % 9
    with torch.no_grad(), myopically(model, "zeroed", register=registry(model)):
        torch.testing.assert_close(model(other)[:, 5], model(tokens())[:, 5])
        assert float((model(other)[:, 4] - model(tokens())[:, 4]).abs().max()) > 1e-6


def test_without_a_gradient_nothing_runs_twice():
    model, calls = made(), []
    model.h[0].attn.c_attn.register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad(), myopically(model, register=registry(model)):
        model(tokens())
    assert len(calls) == 1


def test_other_models_are_not_touched():
    model, other = made(), made()
    whole = gradients(other)
    with myopically(model, register=registry(model)):
        assert_same(gradients(other), whole)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ({"bypass": True}, "computed attention without calling the registered function"),
        ({"past_key_values": object()}, r"was given past_key_values.*use_cache=False"),
    ],
)
def test_what_bypasses_the_cut_is_refused(call, told):
    model = made()
    with myopically(model, register=registry(model)), pytest.raises(LatebloomError, match=told):
        model(tokens(), **call)


def test_what_the_cut_does_not_know_is_refused():
    model = made()
    with myopically(model, register=registry(model)):
        with pytest.raises(LatebloomError, match="blocks do not nest"), myopically(model, register=registry(model)):
            pass
        attention = model.h[0].attn
        function, value = attention.config.registry[NAME], torch.zeros(1, 2, 6, 4)
        with pytest.raises(LatebloomError, match="uses softcap"):
            function(attention, value, value, value, None, softcap=30.0)
        with pytest.raises(LatebloomError, match="reads 6 keys for 1 places"):
            function(attention, value[:, :, :1], value, value, None)
    with pytest.raises(LatebloomError, match="outside a `myopically` block"):
        function(attention, value, value, value, None)
    told = r"Linear has no module whose class is named \.\.\.Attention"
    with pytest.raises(LatebloomError, match=told), myopically(torch.nn.Linear(1, 1)):
        pass
    for past, weight, told in (("teacher_keys", 0, "past = 'teacher_keys'"), ("zeroed", 0.5, r"past_weight = 0\.5")):
        with pytest.raises(LatebloomError, match=told), myopically(model, past, weight, register=registry(model)):
            pass


def test_the_registry_of_transformers_is_used_where_none_is_given(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    model = made()
    with pytest.raises(LatebloomError, match="pip install transformers"), myopically(model):
        pass
    library, masking = types.ModuleType("transformers"), types.ModuleType("transformers.masking_utils")
    masks, masking.sdpa_mask = others.Registry(), "their mask function"
    monkeypatch.setitem(sys.modules, "transformers", library)
    monkeypatch.setitem(sys.modules, "transformers.masking_utils", masking)
    with pytest.raises(LatebloomError, match="has no AttentionInterface"), myopically(model):
        pass
    library.AttentionInterface = types.SimpleNamespace(register=registry(model))
    library.AttentionMaskInterface = masks
    with myopically(model):
        model(tokens())
    assert masks == {NAME: "their mask function"}


# GPT-2 from a folder.


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    state = {f"transformer.{name}": value for name, value in made(dtype=torch.float32).state_dict().items()}
    save_file(state, tmp_path / "model.safetensors")
    return tmp_path


def test_a_gpt2_of_a_folder_computes_what_it_did(folder):
    model, signature, params = pretrained_gpt2(str(folder), Place(dtype=torch.float64), d_vocab=9)
    assert (signature.d_vocab, signature.n_ctx) == (9, 7)
    theirs = made(dtype=torch.float32).double()
    torch.testing.assert_close(model.forward(params, tokens()[None])[0], theirs(tokens()))


def test_what_does_not_fit_a_pretrained_model_is_told(folder, monkeypatch):
    with pytest.raises(LatebloomError, match=r"The tokenizer has 50 tokens, but .* has embeddings for 9"):
        pretrained_gpt2(str(folder), d_vocab=50)
    (folder / "config.json").write_text(json.dumps(CONFIG | {"n_positions": 8}))
    with pytest.raises(LatebloomError, match=r"pos_embed\.W_pos has shape \(7, 8\), config\.json says \(8, 8\)"):
        pretrained_gpt2(str(folder))
    (folder / "config.json").write_text(json.dumps(CONFIG | {"model_type": "gpt_neox"}))
    with pytest.raises(LatebloomError, match=r"is a 'gpt_neox'; only 'gpt2'.*borrowed"):
        pretrained_gpt2(str(folder))
    with pytest.raises(LatebloomError, match="differs from GPT-2 in scale_attn_by_inverse_layer_idx"):
        settings_of(CONFIG | {"scale_attn_by_inverse_layer_idx": True}, "a folder")
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    with pytest.raises(LatebloomError, match=r"There is no file model\.safetensors"):
        pretrained_gpt2(str(folder))
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(LatebloomError, match="pip install huggingface_hub"):
        pretrained_gpt2("openai-community/gpt2")
    library = types.ModuleType("huggingface_hub")
    library.hf_hub_download = lambda source, name: str(folder / name)
    monkeypatch.setitem(sys.modules, "huggingface_hub", library)
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    assert pretrained_gpt2("openai-community/gpt2")[1].d_vocab == 9  # it looked where the library put it


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"scale_attn_weights": False}, "differs from GPT-2 in scale_attn_weights"),
        ({"tie_word_embeddings": False}, "differs from GPT-2 in tie_word_embeddings"),
    ],
)
def test_a_gpt2_that_computes_something_else_is_refused(config, told):
    assert settings_of(CONFIG | dict.fromkeys(config, True), "a folder") == settings_of(CONFIG, "a folder")
    with pytest.raises(LatebloomError, match=told):
        settings_of(CONFIG | config, "a folder")


def test_damaged_files_of_a_network_are_told(folder):
    tensors = load_file(folder / "model.safetensors")
    save_file({name: value for name, value in tensors.items() if "wte" not in name}, folder / "model.safetensors")
    with pytest.raises(LatebloomError, match=r"These weights have no wte\.weight"):
        pretrained_gpt2(str(folder))
    (folder / "model.safetensors").write_bytes(b"half of a file")
    with pytest.raises(LatebloomError, match=r"model\.safetensors cannot be read as safetensors"):
        pretrained_gpt2(str(folder))
    (folder / "config.json").write_text('{"model_type": "gpt2",')
    with pytest.raises(LatebloomError, match=r"config\.json is no configuration of a network"):
        pretrained_gpt2(str(folder))
