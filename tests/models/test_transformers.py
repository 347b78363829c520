"""Myopic training of the real models of the `transformers` library, small and randomly initialised."""

import warnings

import pytest
import torch

from latebloom.errors import LatebloomError
from latebloom.models.borrowed import myopically
from latebloom.models.decoder.pretrained import pretrained_gpt2
from latebloom.randomness import stream

transformers = pytest.importorskip(
    "transformers", reason="needs the optional extra `text`: pip install latebloom[text]", exc_type=ImportError
)
pytestmark = pytest.mark.filterwarnings("default")  # the library's own warnings are not ours to mend

SIZES = {
    "gpt2": {"n_embd": 16, "n_head": 2, "n_layer": 3, "n_positions": 12, "vocab_size": 19},
    "gpt_neox": {
        "hidden_size": 16,
        "num_attention_heads": 2,
        "num_hidden_layers": 3,
        "intermediate_size": 32,
        "max_position_embeddings": 12,
        "vocab_size": 19,
    },
}
each_model = pytest.mark.parametrize("kind", SIZES)
each_cut = pytest.mark.parametrize("past", ["hidden", "keys"])


def made(kind, implementation="sdpa", **changes):
    """A small model in float64 with weights large enough that attention is not flat, without dropout."""
    still = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0} if kind == "gpt2" else {}
    config = transformers.AutoConfig.for_model(kind, **{**SIZES[kind], **still, **changes})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation=implementation).double()
    noise = stream(0, "transformers")
    with torch.no_grad():
        for name, value in model.named_parameters():
            norm = "norm" in name or "ln_" in name
            value.copy_(
                0.4 * torch.tensor(noise.standard_normal(value.shape)) + float(norm and name.endswith("weight"))
            )
    return model


def tokens():
    return torch.tensor(stream(1, "transformers").integers(0, 19, (3, 9)))


def losses(model, **kwargs):
    """Loss of every place, and the embeddings it can be differentiated by."""
    embedded = model.get_input_embeddings()(tokens()).detach().requires_grad_(True)
    logits = model(inputs_embeds=embedded, use_cache=False, **kwargs).logits
    return logits, torch.nn.functional.cross_entropy(logits.mT, tokens().roll(-1, 1), reduction="none"), embedded


@each_model
@each_cut
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_outputs_are_the_models_own_and_no_later_loss_reaches_an_earlier_place(kind, past, implementation):
    model = made(kind, implementation)
    plain, own, embedded = losses(model)
    (reached,) = torch.autograd.grad(own[:, 6].sum(), embedded)
    with myopically(model, past):
        cut, own, embedded = losses(model)
        (found,) = torch.autograd.grad(own[:, 6].sum(), embedded)
    # The library's eager attention takes its softmax in float32 whatever the model's type.
    near = 1e-12 if implementation == "sdpa" else 1e-5
    torch.testing.assert_close(cut, plain, rtol=near, atol=near)
    assert float(reached[:, :6].abs().amax((0, 2)).min()) > 1e-6
    assert float(found[:, :6].abs().max()) == 0
    assert float(found[:, 6].abs().max()) > 1e-6
    torch.testing.assert_close(losses(model)[0], plain, rtol=0, atol=0)


@each_cut
@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_gradients_of_a_real_gpt2_are_those_of_our_decoder(past, weight, tmp_path):
    model = made("gpt2")
    model.save_pretrained(tmp_path)
    from latebloom.data import Place
    from latebloom.models.decoder.published import from_gpt2

    ours, _, params = pretrained_gpt2(str(tmp_path), Place(dtype=torch.float64))
    ours = ours.replace({"past": past, "past_weight": weight})
    leaves = {name: value.clone().requires_grad_(True) for name, value in params.items()}
    out = ours.forward(leaves, tokens()[None])[0]
    torch.testing.assert_close(out, model(tokens(), use_cache=False).logits)
    loss = torch.nn.functional.cross_entropy(out.mT, tokens().roll(-1, 1))
    expected = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))
    with myopically(model, past, weight):
        logits = model(tokens(), use_cache=False).logits
        torch.nn.functional.cross_entropy(logits.mT, tokens().roll(-1, 1)).backward()
    found = from_gpt2({name: value.grad for name, value in model.named_parameters()}, ours)
    for name, value in expected.items():
        if name != "unembed.b_U":
            torch.testing.assert_close(found[name], value[0], rtol=1e-8, atol=1e-11, msg=f"{name}: {{}}".format)


@each_model
def test_padding_in_front_changes_no_output(kind):
    model = made(kind)
    mask = torch.ones_like(tokens())
    mask[0, :3] = 0
    place = (mask.cumsum(1) - 1).clamp(min=0)
    plain = model(tokens(), attention_mask=mask, position_ids=place, use_cache=False).logits
    with myopically(model):
        cut = model(tokens(), attention_mask=mask, position_ids=place, use_cache=False).logits
    torch.testing.assert_close(cut[mask == 1], plain[mask == 1], rtol=1e-10, atol=1e-10)


@each_model
def test_a_few_steps_of_training_lower_the_loss(kind):
    model = made(kind).float()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    seen = []
    for _ in range(15):
        with myopically(model):
            loss = model(tokens(), labels=tokens(), use_cache=False).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        seen.append(loss.item())
    assert seen[-1] < 0.8 * seen[0]


@each_model
def test_a_cache_of_earlier_keys_is_refused(kind):
    model = made(kind)
    with pytest.raises(LatebloomError, match="use_cache=False"), myopically(model):
        model(tokens(), use_cache=True)


@each_model
@each_cut
def test_under_autocast_the_cut_runs_where_the_model_does(kind, past):
    """GPT-NeoX's rotary positions leave queries and keys wide beside narrow values, which fused attention makes one."""
    model = made(kind).float()
    with torch.autocast("cpu", torch.bfloat16):
        right = model(tokens(), use_cache=False).logits
        with myopically(model, past=past):
            found = model(tokens(), use_cache=False).logits
            found.square().mean().backward()
    torch.testing.assert_close(found, right, rtol=0.05, atol=0.05)
    assert all(bool(value.grad.isfinite().all()) for value in model.parameters() if value.grad is not None)


@each_model
def test_a_second_model_of_the_same_config_does_not_notice(kind):
    first = made(kind)
    second = type(first)(first.config).double()
    second.load_state_dict(first.state_dict())
    assert second.config is first.config
    right = torch.autograd.grad(second(tokens(), labels=tokens()).loss, second.get_input_embeddings().weight)[0]
    with myopically(first):
        own = torch.autograd.grad(second(tokens(), labels=tokens()).loss, second.get_input_embeddings().weight)[0]
        cut = torch.autograd.grad(
            first(tokens(), labels=tokens(), use_cache=False).loss, first.get_input_embeddings().weight
        )[0]
    torch.testing.assert_close(own, right)
    assert (cut - right).norm() > 0.01 * right.norm()
    assert first.config is second.config and first.config._attn_implementation == "sdpa"


def test_what_has_no_past_is_refused():
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 32}
    both_ways = transformers.BertModel(transformers.BertConfig(vocab_size=19, **sizes))
    with pytest.raises(LatebloomError, match="reads what comes later, or another sequence"), myopically(both_ways):
        pass
    with pytest.raises(LatebloomError, match="'gpt2' is no PyTorch module: give a model"), myopically("gpt2"):
        pass
