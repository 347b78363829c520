"""GPT-2's files: a folder with config.json and model.safetensors, or its name on the Hugging Face hub.

What they hold in our names and shapes, and as the first weights of a decoder (`model.weights`).
"""

import importlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from latebloom.data import Signature
from latebloom.errors import LatebloomError, not_fetched
from latebloom.file_digest import digest_of
from latebloom.models.base import Parameters

if TYPE_CHECKING:
    from latebloom.models.decoder.decoder import Decoder


def read_config(source: str) -> dict[str, Any]:
    """config.json of a network."""
    file = _file(source, "config.json")
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LatebloomError(f"{file} is no configuration of a network: {error}. Copy or fetch it anew.") from None
    if not isinstance(config, dict):
        raise LatebloomError(
            f"{file} is no configuration of a network: it holds {str(config)[:40]!r} where a JSON object with settings "
            "should be. Copy or fetch it anew."
        )
    return config


def read_tensors(source: str) -> dict[str, Tensor]:
    """model.safetensors of a network."""
    file = _file(source, "model.safetensors")
    try:
        return load_file(file)
    except SafetensorError as error:
        raise LatebloomError(f"{file} cannot be read as safetensors: {error}. Copy or fetch it anew.") from None


def settings_of(config: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The settings of our decoder that compute what a GPT-2 of this configuration does."""
    if config.get("model_type") != "gpt2":
        raise LatebloomError(
            f"{source!r} is a {config.get('model_type')!r}; only 'gpt2' can become a decoder of ours. Others can be "
            "trained myopically as they are: latebloom.models.borrowed.myopically."
        )
    if missing := [name for name in ("n_layer", "n_embd", "n_head") if name not in config]:
        raise LatebloomError(f"The configuration of {source!r} has no {', '.join(missing)}. Copy or fetch it anew.")
    acts = {"gelu_new": "gelu_new", "gelu_pytorch_tanh": "gelu_new", "gelu": "gelu", "relu": "relu"}
    act = config.get("activation_function", "gelu_new")
    unusual = [name for name in ("scale_attn_by_inverse_layer_idx", "add_cross_attention") if config.get(name)]
    unusual += [name for name in ("scale_attn_weights", "tie_word_embeddings") if not config.get(name, True)]
    if act not in acts or unusual or config.get("layer_norm_epsilon", 1e-5) != 1e-5:
        raise LatebloomError(
            f"{source!r} differs from GPT-2 in {', '.join(unusual) or 'its activation or its layer norm epsilon'}, "
            "which our decoder does not have."
        )
    return {
        "n_layers": config["n_layer"],
        "d_model": config["n_embd"],
        "n_heads": config["n_head"],
        "d_mlp": config.get("n_inner") or 4 * config["n_embd"],
        "act_fn": acts[act],
        "read_out": "tied",
    }


FILES = ("config.json", "model.safetensors")


def weights_digest(source: str) -> str:
    """What tells a folder's network from another; empty for a name on the hub."""
    folder = Path(source).expanduser()
    return digest_of((name, folder / name) for name in FILES if (folder / name).is_file())


def _check_unchanged(source: str, digest: str) -> None:
    if digest and (now := weights_digest(source)) != digest:
        raise LatebloomError(
            f"model.weights = {source!r} is no longer the network it was (SHA-256 {digest[:12]}..., now "
            f"{now[:12] or 'no file'}): put the old files back, or run the same command again for a "
            "new experiment."
        )


def check_fits(model: "Decoder", source: str, signature: Signature) -> None:
    """Raises `LatebloomError` where a GPT-2's weights cannot be those of a decoder with these settings on this task."""
    _check_unchanged(source, model.weights_digest)
    config = read_config(source)
    asked = type(model).parse(settings_of(config, source))
    names = (
        *("n_layers", "d_model", "n_heads", "head_width", "mlp_width", "act_fn", "attention", "norm", "positions"),
        *("embed_scale", "read_out", "bias", "qk_norm", "resid_clip"),
    )
    if differ := [name for name in names if getattr(model, name) != getattr(asked, name)]:
        told = ", ".join(f"{name} = {getattr(asked, name)!r} (here {getattr(model, name)!r})" for name in differ)
        raise LatebloomError(
            f"model.weights = {source!r} are those of a network with {told}: set these as they are there."
        )
    if signature.d_vocab != config["vocab_size"]:
        raise LatebloomError(
            f"model.weights = {source!r} has embeddings for {config['vocab_size']:,} tokens, the task has "
            f"{signature.d_vocab:,}. Use the tokenizer the network was published with (task.tokenizer={source})."
        )
    if signature.n_ctx > config["n_positions"]:
        raise LatebloomError(
            f"model.weights = {source!r} has {config['n_positions']:,} places, the task {signature.n_ctx:,}: take "
            "shorter sequences."
        )


def published(model: "Decoder", source: str, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A parameter of a GPT-2, float64; of places as many as the task has."""
    value = _parameters(source, type(model), model.weights_digest)[name]
    return np.asarray((value[: shape[0]] if name == "pos_embed.W_pos" else value).double().numpy())


@lru_cache(maxsize=1)
def _parameters(source: str, decoder: "type[Decoder]", digest: str) -> Parameters:
    """Read once for all parameters and members."""
    _check_unchanged(source, digest)
    return from_gpt2(read_tensors(source), decoder.parse(settings_of(read_config(source), source)))


def from_gpt2(tensors: Mapping[str, Tensor], model: "Decoder") -> Parameters:
    """GPT-2's tensors under our names and shapes, without a member axis; gradients may be renamed the same way."""
    own = _Named({name.removeprefix("transformer."): value for name, value in tensors.items()})
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


class _Named(dict[str, Tensor]):
    """Tensors by name; one that is missing is told."""

    def __missing__(self, name: str) -> Tensor:
        raise LatebloomError(
            f"These weights have no {name}, which every GPT-2 of this size has; they hold {len(self)} tensors, the "
            f"first of them {', '.join(sorted(self)[:3])}."
        )


def _file(source: str, name: str) -> Path:
    folder = Path(source).expanduser()
    if folder.is_dir():
        if (folder / name).is_file():
            return folder / name
        raise LatebloomError(f"There is no file {name} in {folder}: a model is config.json and model.safetensors.")
    try:
        hub = importlib.import_module("huggingface_hub")
    except ImportError:
        raise LatebloomError(
            f"{source!r} is no folder here, and to fetch it needs the package `huggingface_hub`, which is not "
            "installed: pip install huggingface_hub, or name a folder with config.json and model.safetensors."
        ) from None
    try:
        return Path(hub.hf_hub_download(source, name))
    except Exception as error:  # the library's own are of no common kind
        raise not_fetched(f"{source!r}", error, "Name a folder with config.json and model.safetensors.") from error
