"""What later losses teach earlier places, and what a state tells of later characters: by definition."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from checks.gpt import Gpt


def norms(net: Gpt, rows: tuple[Tensor, Tensor]) -> tuple[float, float, float]:
    """Lengths of the gradient's diagonal and future parts over the weights of the blocks, and their cosine."""
    weights = [*net.blocks.parameters(), *net.ln.parameters()]
    total = torch.autograd.grad(cross_entropy(net(rows[0]).flatten(0, 1), rows[1].flatten()), weights)
    now = present(net, rows, weights)
    whole, diagonal = (torch.cat([part.flatten() for part in parts]) for parts in (total, now))
    later = whole - diagonal
    cosine = float(torch.cosine_similarity(diagonal, later, 0))
    return float(diagonal.norm()), float(later.norm()), cosine


def present(net: Gpt, rows: tuple[Tensor, Tensor], weights: Sequence[Tensor]) -> list[Tensor]:
    """The gradient of each place's loss with the states of all earlier places held constant, place after place.

    No cut, no detach: a place is run alone through the network, its past is a table of numbers made beforehand.
    """
    tokens, targets = rows
    with torch.no_grad():
        tables = [block.ln1(x) for block, x in zip(net.blocks, net.streams(tokens), strict=False)]
    found = [torch.zeros_like(weight) for weight in weights]
    for i in range(tokens.shape[1]):
        x = net.enter(tokens[:, i : i + 1]) + net.place.weight[i]
        for block, table in zip(net.blocks, tables, strict=True):
            read = torch.cat([table[:, :i], block.ln1(x)], 1)
            q, k, v = block.split(block.q(read[:, -1:])), block.split(block.k(read)), block.split(block.v(read))
            x = block.rest(x, torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, -1) @ v)
        loss = cross_entropy(net.out(net.ln(x))[:, 0], targets[:, i]) / tokens.shape[1]
        for own, grad in zip(found, torch.autograd.grad(loss, weights), strict=True):
            own += grad
    return found


def lens(net: Gpt, tokens: Tensor, ahead: int, steps: int = 150) -> tuple[list[float], list[float], float]:
    """How often a linear map of one state names what the network chooses `ahead` places on, by layer; and a table.

    Maps by `torch.linalg.lstsq`; the same after some steps of AdamW on the divergence of predictions, as published; the
    table's answer is what the network chose most often `ahead` places after the present character. All are fitted on
    three quarters of the windows and asked about the rest.
    """
    with torch.no_grad():
        streams = net.streams(tokens)
        last = net.ln(streams[-1])
        chosen = net.out(last).argmax(-1)
    cut, places = 3 * len(tokens) // 4, tokens.shape[1] - ahead
    goal, truth = last[:cut, ahead:].flatten(0, 1), chosen[cut:, ahead:].flatten()
    plain, tuned = [], []
    for stream in streams:
        state = torch.cat([stream[:, :places], torch.ones_like(stream[:, :places, :1])], -1)
        known, asked = state[:cut].flatten(0, 1), state[cut:].flatten(0, 1)
        matrix = torch.linalg.lstsq(known.double(), goal.double()).solution.float()
        plain.append(_hits(net, asked @ matrix, truth))
        tuned.append(_hits(net, asked @ _towards(net, known, goal, matrix, steps), truth))
    letters = net.out.out_features
    counts = torch.zeros(letters, letters)
    seen = (tokens[:cut, :places].flatten(), chosen[:cut, ahead:].flatten())
    counts.index_put_(seen, torch.ones(()), accumulate=True)
    table = counts.argmax(1)[tokens[cut:, :places].flatten()]
    return plain, tuned, float((table == truth).double().mean())


def _hits(net: Gpt, said: Tensor, truth: Tensor) -> float:
    with torch.no_grad():
        return float((net.out(said).argmax(-1) == truth).double().mean())


def _towards(net: Gpt, known: Tensor, goal: Tensor, matrix: Tensor, steps: int) -> Tensor:
    source = torch.Generator().manual_seed(5)
    matrix = matrix.clone().requires_grad_()
    optimiser = torch.optim.AdamW([matrix], lr=1e-3, weight_decay=0.0)
    with torch.no_grad():
        wanted = log_softmax(net.out(goal), -1)
    for _ in range(steps):
        rows = torch.randint(len(known), (256,), generator=source)
        said = log_softmax(net.out(known[rows] @ matrix), -1)
        (matrix.grad,) = torch.autograd.grad(
            kl_div(said, wanted[rows], log_target=True, reduction="batchmean"), [matrix]
        )
        torch.nn.utils.clip_grad_norm_([matrix], 1.0)
        optimiser.step()
    return matrix.detach()
