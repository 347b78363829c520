"""GPT-2 as on the Hugging Face hub, as a decoder of ours: settings from config.json, weights from safetensors.

The folder may be a local copy; a name is fetched by `huggingface_hub`. Models with rotary positions or parallel
branches (GPT-NeoX, Llama) are no decoders of ours: train them in place, `latebloom.models.borrowed`.
"""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from latebloom.data import Place, Signature
from latebloom.errors import LatebloomError, not_fetched
from latebloom.models.base import Parameters
from latebloom.models.decoder.decoder import Decoder


def pretrained_gpt2(
    source: str, place: Place | None = None, d_vocab: int | None = None
) -> tuple[Decoder, Signature, Parameters]:
    """Settings, what it takes and gives, and weights [1, ...] of a GPT-2 in a folder or on the hub.

    `d_vocab` is the size of the tokenizer you mean to use. Raises `LatebloomError` if it is larger than the model's
    vocabulary, if the folder lacks a file, or if the model is of another kind.
    """
    folder = _folder(source)
    config, tensors = _read_json(folder / "config.json"), load_file(_existing(folder / "model.safetensors"))
    model = decoder_of(config, source)
    known = int(config["vocab_size"])
    if d_vocab is not None and d_vocab > known:
        raise LatebloomError(
            f"The tokenizer has {d_vocab} tokens, but {source!r} has embeddings for {known}: it would meet tokens it "
            "never saw. Use the tokenizer the model was published with."
        )
    signature = Signature(n_inputs=1, n_outputs=known, d_vocab=known, n_ctx=int(config["n_positions"]))
    where = place or Place()
    params = {name: value.to(where.device, where.dtype)[None] for name, value in from_gpt2(tensors, model).items()}
    expected = {name: shape.dims for name, shape in model.shapes(signature).items()}
    for name, dims in expected.items():
        if tuple(params[name].shape[1:]) != dims:
            raise LatebloomError(
                f"{source!r}: {name} has shape {tuple(params[name].shape[1:])}, config.json says {dims}."
            )
    return model, signature, params


def decoder_of(config: Mapping[str, Any], source: str = "config.json") -> Decoder:
    """The settings of our decoder that compute what a GPT-2 of this configuration does."""
    if config.get("model_type") != "gpt2":
        raise LatebloomError(
            f"{source!r} is a {config.get('model_type')!r}; only 'gpt2' can become a decoder of ours. Others can be "
            "trained myopically as they are: latebloom.models.borrowed.myopically."
        )
    acts = {"gelu_new": "gelu_new", "gelu_pytorch_tanh": "gelu_new", "gelu": "gelu", "relu": "relu"}
    act = config.get("activation_function", "gelu_new")
    unusual = [name for name in ("scale_attn_by_inverse_layer_idx", "add_cross_attention") if config.get(name)]
    if act not in acts or unusual or config.get("layer_norm_epsilon", 1e-5) != 1e-5:
        raise LatebloomError(
            f"{source!r} differs from GPT-2 in {', '.join(unusual) or 'its activation or its layer norm epsilon'}, "
            "which our decoder does not have."
        )
    return Decoder.parse(
        {
            "n_layers": config["n_layer"],
            "d_model": config["n_embd"],
            "n_heads": config["n_head"],
            "d_mlp": config.get("n_inner") or 4 * config["n_embd"],
            "act_fn": acts[act],
            "read_out": "tied",
        }
    )


def from_gpt2(tensors: Mapping[str, Tensor], model: Decoder) -> Parameters:
    """GPT-2's tensors under our names and shapes, without a member axis; gradients may be renamed the same way."""
    own = {name.removeprefix("transformer."): value for name, value in tensors.items()}
    d, h, k = model.d_model, model.n_heads, model.head_width
    out = {"embed.W_E": own["wte.weight"], "pos_embed.W_pos": own["wpe.weight"]}
    for layer in range(model.n_layers):
        theirs, ours = f"h.{layer}.", f"blocks.{layer}."
        for norm in ("1", "2"):
            out[f"{ours}ln{norm}.w"] = own[f"{theirs}ln_{norm}.weight"]
            out[f"{ours}ln{norm}.b"] = own[f"{theirs}ln_{norm}.bias"]
        weights = own[f"{theirs}attn.c_attn.weight"].split(d, 1)
        biases = own[f"{theirs}attn.c_attn.bias"].split(d)
        for letter, weight, bias in zip("QKV", weights, biases, strict=True):
            out[f"{ours}attn.W_{letter}"] = weight.view(d, h, k).transpose(0, 1)
            out[f"{ours}attn.b_{letter}"] = bias.view(h, k)
        out[f"{ours}attn.W_O"] = own[f"{theirs}attn.c_proj.weight"].view(h, k, d)
        out[f"{ours}attn.b_O"] = own[f"{theirs}attn.c_proj.bias"]
        out[f"{ours}mlp.W_in"], out[f"{ours}mlp.b_in"] = (own[f"{theirs}mlp.c_fc.{x}"] for x in ("weight", "bias"))
        out[f"{ours}mlp.W_out"], out[f"{ours}mlp.b_out"] = (own[f"{theirs}mlp.c_proj.{x}"] for x in ("weight", "bias"))
    out |= {"ln_final.w": own["ln_f.weight"], "ln_final.b": own["ln_f.bias"]}
    # GPT-2 has no output bias; ours begins, and counts, as zero.
    return out | {"unembed.b_U": torch.zeros_like(own["wte.weight"][:, 0])}


def _folder(source: str) -> Path:
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    try:
        hub = importlib.import_module("huggingface_hub")
    except ImportError:
        raise LatebloomError(
            f"{source!r} is no folder here, and to fetch it needs the package `huggingface_hub`, which is not "
            "installed: pip install huggingface_hub, or name a folder with config.json and model.safetensors."
        ) from None
    try:
        return Path(hub.snapshot_download(source, allow_patterns=["config.json", "model.safetensors"]))
    except Exception as error:  # the library's own are of no common kind
        raise not_fetched(f"{source!r}", error, "Name a folder with config.json and model.safetensors.") from error


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise LatebloomError(
            f"There is no file {path.name} in {path.parent}: a model is config.json and model.safetensors."
        )
    return path


def _read_json(path: Path) -> dict[str, Any]:
    return dict(json.loads(_existing(path).read_text(encoding="utf-8")))
