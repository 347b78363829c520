"""A small GPT-2 by `torch.nn`, and four kinds of past."""

import math
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

Act = Callable[[Tensor], Tensor]
TANH: Act = partial(gelu, approximate="tanh")


class Block(nn.Module):
    """GPT-2's: attention and an MLP, LayerNorm before each."""

    def __init__(self, width: int, heads: int, act: Act) -> None:
        super().__init__()
        self.heads, self.act = heads, act
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def split(self, x: Tensor) -> Tensor:
        """[batch, place, width] to [batch, head, place, head's width]."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def mix(self, q: Tensor, own: tuple[Tensor, Tensor], past: tuple[Tensor, Tensor]) -> Tensor:
        """Each place reads its own key and value from `own` and those before it from `past`."""
        here = torch.eye(q.shape[-2], dtype=torch.bool)
        scores = torch.where(here, (q * own[0]).sum(-1, keepdim=True), q @ past[0].mT) / math.sqrt(q.shape[-1])
        share = torch.softmax(scores.masked_fill(torch.ones_like(here).triu(1), -math.inf), -1)
        return (share * ~here) @ past[1] + share.diagonal(dim1=-2, dim2=-1)[..., None] * own[1]

    def forward(self, x: Tensor, past: str) -> Tensor:
        """The stream after the block; the past is whole, cut at states ("hidden") or at keys ("keys"), or zeroed."""
        n = self.ln1(x)
        q, k, v = (self.split(part(n)) for part in (self.q, self.k, self.v))
        if past == "whole":
            z = scaled_dot_product_attention(q, k, v, is_causal=True)
        elif past == "hidden":
            z = self.mix(q, (k, v), (self.split(self.k(n.detach())), self.split(self.v(n.detach()))))
        elif past == "keys":
            z = self.mix(q, (k, v), (k.detach(), v.detach()))
        else:
            z = self.mix(q, (k, v), (torch.zeros_like(k), torch.zeros_like(v)))
        return self.rest(x, z)

    def rest(self, x: Tensor, z: Tensor) -> Tensor:
        """What heads found is added, then the MLP's part."""
        x = x + self.o(z.transpose(1, 2).flatten(-2))
        return x + self.down(self.act(self.up(self.ln2(x))))


class Gpt(nn.Module):
    """Blocks with learned places, on symbols or on rows of numbers (`symbols=False`)."""

    def __init__(
        self,
        entering: int,
        leaving: int,
        places: int,
        symbols: bool,
        act: Act = TANH,
        blocks: int = 3,
        heads: int = 4,
        width: int = 64,
    ) -> None:
        super().__init__()
        self.enter = nn.Embedding(entering, width) if symbols else nn.Linear(entering, width)
        self.place = nn.Embedding(places, width)
        self.blocks = nn.ModuleList([Block(width, heads, act) for _ in range(blocks)])
        self.ln, self.out = nn.LayerNorm(width), nn.Linear(width, leaving)

    def drawn(self, rule: str, seed: int) -> "Gpt":
        """The same with new weights: "gpt2" (deviation 0.02, less what is added to the stream) or "glorot"."""
        source = torch.Generator().manual_seed(31_000 + seed)
        for name, weight in self.named_parameters():
            if weight.ndim == 2 and rule == "gpt2":
                into_stream = name.endswith((".o.weight", ".down.weight"))
                deviation = 0.02 / (math.sqrt(2 * len(self.blocks)) if into_stream else 1)
                nn.init.normal_(weight, std=deviation, generator=source)
            elif weight.ndim == 2:
                gain = math.sqrt(2) if name.endswith(".up.weight") else 1.0
                nn.init.xavier_uniform_(weight, gain, generator=source)
            elif name.endswith("bias"):
                nn.init.zeros_(weight)
        return self

    def streams(self, tokens: Tensor, past: str = "whole") -> list[Tensor]:
        """The stream before the first block and after each."""
        found = [self.enter(tokens) + self.place.weight[: tokens.shape[1]]]
        for block in self.blocks:
            found.append(block(found[-1], past))
        return found

    def forward(self, tokens: Tensor, past: str = "whole") -> Tensor:
        """Outputs at every place."""
        return self.out(self.ln(self.streams(tokens, past)[-1]))

    def holding(self, tables: Mapping[str, Tensor]) -> "Gpt":
        """The same with weights that were kept under TransformerLens's names, a matrix for each head, inputs first."""

        def put(layer: nn.Module, weight: Tensor, bias: Tensor | None = None) -> None:
            layer.load_state_dict({"weight": weight} if bias is None else {"weight": weight, "bias": bias})

        first = tables["embed.W_E"]
        put(self.enter, *([first.T, tables["embed.b_E"]] if isinstance(self.enter, nn.Linear) else [first]))
        put(self.place, tables["pos_embed.W_pos"])
        for i, block in enumerate(self.blocks):
            own = {
                name.removeprefix(f"blocks.{i}."): t for name, t in tables.items() if name.startswith(f"blocks.{i}.")
            }
            for letter in "QKV":
                side_by_side = own[f"attn.W_{letter}"].transpose(0, 1).flatten(1)
                put(getattr(block, letter.lower()), side_by_side.T, own[f"attn.b_{letter}"].flatten())
            put(block.o, own["attn.W_O"].flatten(0, 1).T, own["attn.b_O"])
            put(block.up, own["mlp.W_in"].T, own["mlp.b_in"])
            put(block.down, own["mlp.W_out"].T, own["mlp.b_out"])
            put(block.ln1, own["ln1.w"], own["ln1.b"])
            put(block.ln2, own["ln2.w"], own["ln2.b"])
        put(self.ln, tables["ln_final.w"], tables["ln_final.b"])
        put(self.out, tables["unembed.W_U"].T, tables["unembed.b_U"])
        return self
