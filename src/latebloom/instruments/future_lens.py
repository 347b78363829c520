"""What one hidden state tells of the tokens a network will produce later: linear maps and soft prompts.

Source: Pal, Sun, Yuan, Wallace and Bau 2023, *Future Lens*, arXiv 2311.04897. `ahead` = 0 is the ordinary next token, 1
the one after it. Accuracy is against the network's own choice. This shows what can be read, not what it is there for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.instruments.myopia import divergence
from latebloom.instruments.probes import probe
from latebloom.randomness import stream

VERSION = 1  # bump when any number returned from this file changes

Decode = Callable[[Float[Tensor, "row d_model"]], Float[Tensor, "row d_vocab"]]
Tap = Callable[[str, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class StateMap:
    """A linear map from a state to the last layer's state some places later."""

    weight: Float[Tensor, "d_in d_out"]
    bias: Float[Tensor, " d_out"]

    def __call__(self, states: Float[Tensor, "*rows d_in"]) -> Float[Tensor, "*rows d_out"]:
        """The later state as the map has it."""
        return states.to(self.weight) @ self.weight + self.bias


def shifted(
    states: Float[Tensor, "batch pos d_in"], later: Float[Tensor, "batch pos d_out"], ahead: int
) -> tuple[Float[Tensor, "row d_in"], Float[Tensor, "row d_out"]]:
    """States and what stands `ahead` places after them, as rows, sequence by sequence."""
    places = states.shape[1]
    if not 0 <= ahead < places:
        raise LatebloomError(f"ahead = {ahead}: in a sequence of {places} places choose 0 to {places - 1}.")
    return states[:, : places - ahead].flatten(0, 1), later[:, ahead:].flatten(0, 1)


def map_by_least_squares(states: Float[Tensor, "row d_in"], later: Float[Tensor, "row d_out"]) -> StateMap:
    """The map of least squared distance between states, in closed form (float64)."""
    fit = probe(states[:, None], later[:, None], held_out=0, intercept=True)
    return StateMap(fit.weight[0].to(states.dtype), fit.intercept[0].to(states.dtype))


def map_by_divergence(
    states: Float[Tensor, "row d_in"],
    later: Float[Tensor, "row d_out"],
    decode: Decode,
    *,
    steps: int = 500,
    batch_size: int = 256,
    lr: float = 1e-3,
    seed: int = 0,
) -> StateMap:
    """The map of least divergence KL(network || map) between decoded predictions, the published kind.

    `decode` turns last-layer states into logits. Starts at the least-squares map; AdamW, gradients clipped at norm 1.
    """
    begin = map_by_least_squares(states, later)
    weight, bias = begin.weight.clone().requires_grad_(True), begin.bias.clone().requires_grad_(True)
    with torch.no_grad():
        target = decode(later)

    def loss(rows: Tensor) -> Tensor:
        return divergence(target[rows], decode(states[rows] @ weight + bias)).mean()

    _descend([weight, bias], loss, len(states), (steps, batch_size, lr, 0.0), stream(seed, "future lens", "map"))
    return StateMap(weight.detach(), bias.detach())


Run = Callable[[Float[Tensor, "token d_model"], Float[Tensor, "row d_model"]], Float[Tensor, "row d_vocab"]]


def transplanting(forward: Callable[[Tensor, Tap], Tensor], hook: str) -> Run:
    """A network that is given a soft prompt, and at its last place, in one layer, a state from elsewhere.

    `forward(inputs, tap)` runs one member on symbols [1, batch, pos] and gives logits [1, batch, pos, d_vocab]. Hook
    points are named as by TransformerLens: embeddings `hook_embed`, and `hook`, e.g. `blocks.1.hook_resid_post`.
    """

    def run(prompt: Tensor, states: Tensor) -> Tensor:
        rows, places = states.shape[0], prompt.shape[0]
        met = []

        def graft(name: str, value: Tensor) -> Tensor:
            if name == "hook_embed":
                return prompt.expand(1, rows, places, -1)
            if name == hook:
                met.append(name)
                return torch.cat([value[:, :, :-1], states[None, :, None]], 2)
            return value

        inputs = torch.zeros(1, rows, places, dtype=torch.int64, device=states.device)
        logits = forward(inputs, graft)[0, :, -1]
        if not met:
            raise LatebloomError(f"The network has no hook point {hook!r}, so the state was put nowhere.")
        return logits

    return run


def learn_prompt(
    run: Run,
    states: Float[Tensor, "row d_model"],
    target: Float[Tensor, "row d_vocab"],
    *,
    tokens: int = 10,
    steps: int = 500,
    batch_size: int = 64,
    lr: float = 5e-4,
    weight_decay: float = 1e-5,
    scale: float = 0.02,
    seed: int = 0,
) -> Float[Tensor, "token d_model"]:
    """A soft prompt after which the network, given a state, predicts what `target` (logits) says: least divergence.

    Begins at normal numbers times `scale`. `target` is the network's own prediction, as many places ahead as wanted.
    """
    noise = stream(seed, "future lens", "prompt")
    begin = scale * noise.standard_normal((tokens, states.shape[-1]))
    prompt = torch.as_tensor(begin, dtype=states.dtype, device=states.device).requires_grad_(True)

    def loss(rows: Tensor) -> Tensor:
        return divergence(target[rows], run(prompt, states[rows])).mean()

    _descend([prompt], loss, len(states), (steps, batch_size, lr, weight_decay), noise)
    return prompt.detach()


@dataclass(frozen=True, eq=False)
class Lens:
    """How well something foretells a network's own choices."""

    precision: dict[int, float]  # k -> share of rows whose choice is among the k likeliest
    surprisal: float  # mean of -log p_network(the likeliest token of the lens), nats


def foretold(
    said: Float[Tensor, "row d_vocab"], network: Float[Tensor, "row d_vocab"], ks: Sequence[int] = (1, 5, 10)
) -> Lens:
    """Precision@k and surprisal of a lens's logits against the network's logits at the place foretold."""
    if said.shape != network.shape:
        raise LatebloomError(f"The lens says {tuple(said.shape)}, the network {tuple(network.shape)}: one row a place.")
    ranked, chosen = said.argsort(dim=-1, descending=True, stable=True), network.argmax(-1)
    surprise = -torch.log_softmax(network, -1).gather(-1, ranked[:, :1])
    return Lens({k: precision(ranked[:, :k], chosen) for k in ks}, float(surprise.mean()))


def precision(guesses: Int[Tensor, "row k"], chosen: Int[Tensor, " row"]) -> float:
    """The share of rows whose chosen token is among the guesses: of a table of pairs, say, as a baseline."""
    return float((guesses == chosen[:, None]).any(-1).double().mean())


def _descend(
    weights: list[Tensor],
    loss: Callable[[Tensor], Tensor],
    rows: int,
    recipe: tuple[int, int, float, float],
    noise: np.random.Generator,
) -> None:
    """AdamW on random rows, in place; `recipe` is steps, batch size, learning rate, weight decay."""
    steps, batch_size, lr, weight_decay = recipe
    optimiser = torch.optim.AdamW(weights, lr=lr, weight_decay=weight_decay)
    for _ in range(steps):
        chosen = torch.from_numpy(noise.integers(0, rows, min(batch_size, rows))).to(weights[0].device)
        with torch.enable_grad():
            gradients = torch.autograd.grad(loss(chosen), weights)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
