"""The network of Murty et al. 2023 as released, smaller, by `nn.TransformerEncoderLayer`; its rows and its training."""

import math
import random
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

Rows = Sequence[Sequence[int]]
STEPS, WARM_UP, RATE, BATCH, WINDOW = 12_000, 1_500, 1e-3, 8, 64


class Released(nn.Module):
    """Says what comes next at every place of a row of symbols [row, place]; the blocks' attention has no biases."""

    def __init__(self, symbols: int, blocks: int = 4, width: int = 128, heads: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        self.enter, self.out = nn.Embedding(symbols, width), nn.Linear(width, symbols)
        self.blocks = [
            nn.TransformerEncoderLayer(width, heads, 4 * width, dropout, "relu", batch_first=True)
            for _ in range(blocks)
        ]
        self.drop, self.known = nn.Dropout(dropout), nn.ModuleList(self.blocks)
        for name, weight in self.known.named_parameters():
            if name.endswith(("in_proj_bias", "out_proj.bias")):
                nn.init.zeros_(weight).requires_grad_(False)

    def drawn(self, seed: int) -> "Released":
        """The same with new weights: Glorot's everywhere, queries, keys and values each by themselves."""
        source = torch.Generator().manual_seed(52_000 + seed)
        for name, weight in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(weight)
            elif weight.ndim == 2:
                gain = math.sqrt(2) if name.endswith("linear1.weight") else 1.0
                for part in weight.chunk(3) if name.endswith("in_proj_weight") else [weight]:
                    nn.init.xavier_uniform_(part, gain, generator=source)
        return self

    def states(self, tokens: Tensor, hidden: Tensor | None = None) -> Tensor:
        """What the last block makes of rows; `hidden` [row, place, place] is True where a place must not look."""
        places, width = tokens.shape[1], self.enter.embedding_dim
        x = self.drop(self.enter(tokens) * math.sqrt(width) + waves(places, width))
        later = torch.ones(places, places, dtype=torch.bool).triu(1)
        for block in self.blocks:
            mask = later if hidden is None else (later | hidden).repeat_interleave(block.self_attn.num_heads, 0)
            x = block(x, src_mask=mask, is_causal=hidden is None)
        return x

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits [row, place, symbol]."""
        return self.out(self.states(tokens))

    def holding(self, tables: Mapping[str, Tensor]) -> "Released":
        """The same with weights that were kept under TransformerLens's names, a matrix for each head, inputs first."""

        def put(layer: nn.Module, **weights: Tensor) -> None:
            layer.load_state_dict(weights)

        put(self.enter, weight=tables["embed.W_E"])
        put(self.out, weight=tables["unembed.W_U"].T, bias=tables["unembed.b_U"])
        for i, block in enumerate(self.blocks):
            own = {name.removeprefix(f"blocks.{i}."): t for name, t in tables.items()}
            sides = [own[f"attn.W_{letter}"].transpose(0, 1).flatten(1).T for letter in "QKV"]
            with torch.no_grad():
                block.self_attn.in_proj_weight.copy_(torch.cat(sides))
                block.self_attn.out_proj.weight.copy_(own["attn.W_O"].flatten(0, 1).T)
            put(block.linear1, weight=own["mlp.W_in"].T, bias=own["mlp.b_in"])
            put(block.linear2, weight=own["mlp.W_out"].T, bias=own["mlp.b_out"])
            put(block.norm1, weight=own["ln1.w"], bias=own["ln1.b"])
            put(block.norm2, weight=own["ln2.w"], bias=own["ln2.b"])
        return self


def waves(places: int, width: int) -> Tensor:
    """Where a place is, as in Vaswani et al. 2017: sines and cosines in turn."""
    angle = torch.arange(places)[:, None] / 10_000 ** (torch.arange(0, width, 2) / width)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)


def padded(rows: Rows) -> Tensor:
    """Rows of unequal length as one rectangle, 0 behind their end."""
    return nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)


def next_word(net: Released, rows: Rows, at_once: int = 250) -> Tensor:
    """Logits of what follows each row [row, symbol]."""
    found = torch.empty(len(rows), net.out.out_features)
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    net.eval()
    with torch.no_grad():
        for begin in range(0, len(rows), at_once):
            own = order[begin : begin + at_once]
            logits = net(padded([rows[i] for i in own]))
            found[own] = logits[range(len(own)), [len(rows[i]) - 1 for i in own]]
    return found


def go_on(net: Released, rows: Rows, end: int, most: int) -> list[list[int]]:
    """What a network writes behind each row, the likeliest word each time, up to `end` or so many words."""
    found: list[list[int]] = [[] for _ in rows]
    going = list(range(len(rows)))
    for _ in range(most):
        if not going:
            break
        said = next_word(net, [[*rows[i], *found[i]] for i in going]).argmax(-1).tolist()
        for i, word in zip(going, said, strict=True):
            found[i].append(word)
        going = [i for i in going if found[i][-1] != end]
    return found


def train(
    net: Released,
    draw: Callable[[random.Random], list[int]],
    seed: int,
    steps: int,
    last: int,
    every: int,
    look: Callable[[int], None],
) -> None:
    """Steps on new rows, eight of similar length at a time; the rate falls to 0 at `last`. `look` at every `every`th.

    Our run's rows are a fixed list that is not gone through twice, so new ones at every step are the same thing.
    """
    source = random.Random(9_000 + seed)
    torch.manual_seed(seed)  # dropout's
    weights = [weight for weight in net.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=RATE, weight_decay=0.0, eps=1e-7)
    batches: list[Tensor] = []
    for step in range(steps + 1):
        if step % every == 0 or step == steps:
            look(step)
        if step == steps:
            break
        if not batches:
            window = sorted((draw(source) for _ in range(WINDOW * BATCH)), key=len)
            batches = [padded(window[i : i + BATCH]) for i in range(0, len(window), BATCH)]
            source.shuffle(batches)
        rows = batches.pop()
        net.train()
        logits = net(rows[:, :-1])
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten(), ignore_index=0)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.param_groups[0]["lr"] = RATE * share_of_rate(step, last)
        optimiser.step()


def share_of_rate(step: int, last: int) -> float:
    """It rises over the warm-up and falls in a straight line to 0 at `last`."""
    return (step + 1) / WARM_UP if step < WARM_UP else (last - step) / (last - WARM_UP)
