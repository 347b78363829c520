"""GPT-2 as on the Hugging Face hub, as a decoder of ours: settings from config.json, weights from safetensors.

The folder may be a local copy; a name is fetched by `huggingface_hub`. Models with rotary positions or parallel
branches (GPT-NeoX, Llama) are no decoders of ours: train them in place, `latebloom.models.borrowed`.
"""

from latebloom.data import Place, Signature
from latebloom.errors import LatebloomError
from latebloom.models.base import Parameters
from latebloom.models.decoder.decoder import Decoder
from latebloom.models.decoder.published import from_gpt2, read_config, read_tensors, settings_of


def pretrained_gpt2(
    source: str, place: Place | None = None, d_vocab: int | None = None
) -> tuple[Decoder, Signature, Parameters]:
    """Settings, what it takes and gives, and weights [1, ...] of a GPT-2 in a folder or on the hub.

    `d_vocab` is the size of the tokenizer you mean to use. Raises `LatebloomError` if it is larger than the model's
    vocabulary, if the folder lacks a file, or if the model is of another kind.
    """
    config, tensors = read_config(source), read_tensors(source)
    model = Decoder.parse(settings_of(config, source))
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
