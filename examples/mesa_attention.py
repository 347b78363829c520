"""MesaAttention in a PyTorch model of one's own: learning the rule of each sequence from the sequence.

Every sequence follows a linear rule of its own, s_{t+1} = W s_t, with W a random rotation. The network must predict the
next state from the states so far, so it must find W anew in each sequence. Two networks with the same projections are
trained: one fits the past by least squares at every place (the mesa layer), the other sums it up (linear attention).
"""

import numpy as np
import torch
from torch import Tensor, nn

from latebloom.models import MesaAttention
from latebloom.randomness import stream

D, PLACES, BATCH, STEPS = 4, 20, 64, 400


class LinearAttention(nn.Module):
    """The twin: the same projections, and a plain causal sum over the past."""

    def __init__(self, d_model: int, d_head: int) -> None:
        super().__init__()
        like = MesaAttention(d_model, d_head=d_head, seed=0)
        self.W_Q, self.W_K, self.W_V, self.W_O = like.W_Q, like.W_K, like.W_V, like.W_O

    def forward(self, x: Tensor) -> Tensor:
        """Sum over the past of (query . key) value."""
        return self.W_O((self.W_Q(x) @ self.W_K(x).mT).tril() @ self.W_V(x))


class Predictor(nn.Module):
    """An attention layer that sees each state beside the one before it, and a linear map to the next state."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.attention = attention
        self.readout = nn.Linear(2 * D, D, bias=False)
        with torch.no_grad():
            self.readout.weight.copy_(torch.eye(D, 2 * D))  # begin by reading the first half

    def forward(self, states: Tensor) -> Tensor:
        """Predictions of the next state at every place, [batch, pos, D]."""
        before = nn.functional.pad(states, (0, 0, 1, -1))
        return self.readout(self.attention(torch.cat([states, before], -1)))


def sequences(step: int, purpose: str, batch: int = BATCH) -> Tensor:
    """States [batch, PLACES + 1, D], each sequence with its own rotation."""
    numbers = stream(0, "mesa example", purpose, step)
    rule = np.linalg.qr(numbers.standard_normal((batch, D, D)))[0]
    states = [numbers.uniform(-1, 1, (batch, D))]
    for _ in range(PLACES):
        states.append((rule @ states[-1][..., None])[..., 0])
    return torch.from_numpy(np.stack(states, 1)).float()


def error(network: nn.Module, states: Tensor) -> Tensor:
    """Half of the squared error at each place, averaged over sequences."""
    return (network(states[:, :-1]) - states[:, 1:]).square().sum(-1).mean(0) / 2


def trained(network: nn.Module) -> nn.Module:
    """Four hundred steps of Adam on fresh sequences, at a learning rate that falls to zero."""
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-2)
    falling = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, STEPS)
    for step in range(STEPS):
        optimiser.zero_grad()
        error(network, sequences(step, "train")).mean().backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        falling.step()
    return network


def main() -> None:
    test = sequences(0, "test", 1024)
    mesa = trained(Predictor(MesaAttention(2 * D, d_head=D, seed=0)))
    linear = trained(Predictor(LinearAttention(2 * D, D)))
    with torch.no_grad():
        errors = {"mesa layer": error(mesa, test), "linear attention": error(linear, test)}
    for name, found in errors.items():
        places = "  ".join(f"{float(found[t - 1]):.3f}" for t in (2, 6, 12, 20))
        print(f"{name:17s} mean {float(found.mean()):.3f}   at places 2, 6, 12, 20: {places}")

    assert errors["mesa layer"].mean() < errors["linear attention"].mean() / 2
    # After as many states as there are dimensions the rule is known; the sum over the past never gets there.
    assert errors["mesa layer"][-1] < 0.05 * errors["linear attention"][-1]

    # One state after another, with a memory that does not grow: the same numbers.
    attention = mesa.attention
    tokens = torch.cat([test[:1, :5], nn.functional.pad(test[:1, :4], (0, 0, 1, 0))], -1)
    state, step_by_step = None, []
    with torch.no_grad():
        for t in range(5):
            out, state = attention.step(tokens[:, t], state)
            step_by_step.append(out)
        torch.testing.assert_close(torch.stack(step_by_step, 1), attention(tokens), rtol=1e-3, atol=1e-4)


if __name__ == "__main__":
    main()
