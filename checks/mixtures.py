"""Claims 8, 28 and 29 of the study of mixtures: dense and sparse linear functions of five numbers, one or all of them.

What Lasso and the exact posterior mean make of a prompt is computed here from their definitions; networks are those
that our run has kept, held by a plain network, and one that is trained here for the first steps of as many.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import gelu

from checks.compare import Line
from checks.gpt import Gpt
from checks.kept import kept
from checks.orthogonal import Orthogonal
from checks.plain import clipping, descend, falling
from checks.posterior import expected

D, PAIRS, NOISE = 5, 11, 0.01
LENGTH = 5000  # steps over which the rate falls
RUNG = 300  # steps after which another number of x is there


def drawn(
    count: int, nonzeros: int, source: torch.Generator, active: int = D, noise: float = NOISE
) -> tuple[Tensor, Tensor, Tensor]:
    """x, noisy y and clean y of functions of variance 1 with so many weights; only `active` numbers of x are there."""
    x = torch.randn(count, PAIRS, D, generator=source, dtype=torch.float64)
    x[..., active:] = 0
    weight = torch.randn(count, D, generator=source, dtype=torch.float64) / math.sqrt(nonzeros)
    if nonzeros < D:
        order = torch.rand(count, D, generator=source)
        order[:, active:] = 2
        weight = weight * (order.argsort(1).argsort(1) < nonzeros)
    clean = (x @ weight[..., None])[..., 0]
    return x, clean + math.sqrt(noise) * torch.randn(clean.shape, generator=source, dtype=torch.float64), clean


def posterior_mean(x: Tensor, y: Tensor, dense: float = 0.5, noise: float = NOISE) -> Tensor:
    """What is expected of every label from the pairs before it: a share of functions dense, the rest with one weight.

    Six Gaussian hypotheses: weights of covariance 1/5 in all numbers, or 1 in one of them; one, where all are dense.
    """
    one = torch.eye(D, dtype=x.dtype)
    kinds = [(dense, one.sum(0) / D)] + [((1 - dense) / D, one[i]) for i in range(D)]
    covers = [(share, (x * spread) @ x.mT) for share, spread in kinds if share]
    said = torch.zeros_like(y)
    for k in range(1, y.shape[1]):
        said[:, k] = expected([(share, cover[:, : k + 1, : k + 1]) for share, cover in covers], y[:, :k], noise)
    return said


def lasso(x: Tensor, y: Tensor, penalty: float, rounds: int = 300) -> Tensor:
    """Least |y - x w|^2 / 2k + penalty |w|_1 from the k pairs before every label, by accelerated proximal steps."""
    grams = (x[..., :, None] * x[..., None, :]).cumsum(1)[:, :-1]
    moments = (x * y[..., None]).cumsum(1)[:, :-1]
    k = torch.arange(1, y.shape[1], dtype=x.dtype)[:, None]
    rate = 1 / torch.linalg.matrix_norm(grams, 2).clamp(min=1e-9)[..., None]
    weight = ahead = torch.zeros_like(moments)
    pace = 1.0
    for _ in range(rounds):
        step = ahead - rate * ((grams @ ahead[..., None])[..., 0] - moments)
        new = step.sign() * (step.abs() - rate * k * penalty).clamp(min=0)
        faster = (1 + math.sqrt(1 + 4 * pace**2)) / 2
        ahead, weight, pace = new + (pace - 1) / faster * (new - weight), new, faster
    return torch.cat([torch.zeros_like(y[:, :1]), (x[:, 1:] * weight).sum(-1)], 1)


def tokens(x: Tensor, y: Tensor) -> Tensor:
    """[0, x] and [y, x] in turn: the label of a pair stands beside its x once more."""
    first = torch.cat([torch.zeros_like(y)[..., None], x], -1)
    return torch.stack([first, torch.cat([y[..., None], x], -1)], 2).flatten(1, 2).float()


def says(net: Gpt, x: Tensor, y: Tensor) -> Tensor:
    """Prediction of every label, read where its x stands."""
    return net(tokens(x, y))[:, ::2, 0]


def network() -> Gpt:
    """What reads the pairs."""
    return Gpt(D + 1, 1, 2 * PAIRS, symbols=False, act=gelu)


def curve(said: Tensor, clean: Tensor) -> Tensor:
    """Mean squared error after each number of pairs."""
    return (said - clean).square().mean(0)


def references(count: int) -> dict[str, tuple[Tensor, Tensor, Tensor, Tensor, Tensor]]:
    """Prompts of both classes with the optimum's errors and, from penalties chosen on other prompts, Lasso's."""
    penalties = (1.0, 0.1, 0.03, 0.01, 0.003, 0.001)
    x, y, clean = drawn(count // 2, 1, torch.Generator().manual_seed(11))
    chosen = torch.stack([curve(lasso(x, y, p), clean) for p in penalties]).argmin(0)
    found = {}
    for name, nonzeros in (("dense", D), ("sparse", 1)):
        x, y, clean = drawn(count, nonzeros, torch.Generator().manual_seed(12))
        every = torch.stack([curve(lasso(x, y, p), clean) for p in penalties])
        best = every[chosen, torch.arange(PAIRS)]
        found[name] = x, y, clean, curve(posterior_mean(x, y), clean), best
    return found


def mixtures(seeds: int, count: int = 1000) -> list[Line]:
    """Claims 8, 28 and 29 with the weights that our run has kept; Lasso and the optimum by definition."""
    known = references(count)
    for name, (*_, optimum, tuned) in known.items():
        print(f"  {name}: optimum {_few(optimum)}; Lasso {_few(tuned)}", flush=True)
    nets: dict[str, list[Gpt]] = {}
    for varied, tables in kept("model_selection.linear", LENGTH):
        if varied["seed"] in range(seeds):
            nets.setdefault(str(varied["mixture"]), []).append(network().holding(tables))
    if not nets:
        return []
    with torch.no_grad():
        said = {
            (mixture, name): [says(net, *known[name][:2]).double() for net in group]
            for mixture, group in nets.items()
            for name in known
        }
    above: dict[str, list[Tensor]] = {}
    for name, (_, _, clean, optimum, tuned) in known.items():
        own = [curve(one, clean) for one in said["dense+sparse", name]]
        print(f"  {name}: mixture {_few(torch.stack(own).median(0).values)}", flush=True)
        above[name] = [(one - optimum)[1:] for one in own]
        if name == "sparse":
            above["Lasso"] = [(one - tuned)[1:] for one in own]
    lines = []
    for claim, name, limits, words in (
        ("28", "Lasso", (0.15, 0.04), "sparse"),
        ("29", "dense", (0.08, 0.02), "dense"),
        ("29", "sparse", (0.15, 0.04), "sparse"),
    ):
        ways = {"largest": torch.max, "mean": torch.mean}
        for (which, way), limit in zip(ways.items(), limits, strict=True):
            what = f"over {'Lasso' if name == 'Lasso' else 'the optimum'} on {words} functions, {which}"
            values = [float(way(one)) for one in above[name]]
            lines.append(Line(f"model_selection.{claim}", what, values, -math.inf, limit, f"{words} > {which}"))
    for name, matching, other, words in (("sparse", "sparse", "dense", "1"), ("dense", "dense", "sparse", "5")):
        trios = zip(said["dense+sparse", name], said[matching, name], said[other, name], strict=True)
        ratios = [_apart(mixed, near) / _apart(mixed, far) for mixed, near, far in trios]
        what = f"nearer to the {matching} specialist on {words} non-zero"
        lines.append(Line("model_selection.08", what, ratios, 0, 0.25, f"{words} non-zero"))
    return lines


def _apart(first: Tensor, second: Tensor) -> float:
    """Mean squared difference of predictions, summed over two to four pairs."""
    return float((first - second)[:, D // 2 : D].square().mean(0).sum())


def _few(values: Tensor) -> str:
    return " ".join(f"{float(value):.3f}" for value in values)


def beginning(seeds: int, until: int = 310, count: int = 512) -> list[Line]:
    """Claims 28 and 29, a mixture trained by plain code for the first steps of 5,000: losses to compare with a log."""
    ends = []
    for seed in range(seeds):
        net, source = network().drawn("glorot", seed), torch.Generator().manual_seed(300 + seed)
        matrices: dict[str, list[Tensor]] = {"rows": [], "columns": [], "": []}
        rest = []
        for name, weight in net.named_parameters():
            if weight.ndim == 2 and name.startswith("blocks"):
                kind = name.split(".")[2]
                matrices["rows" if kind in "qkv" else "columns" if kind == "o" else ""].append(weight)
            else:
                rest.append(weight)
        groups = [{"params": own, "heads": heads} for heads, own in matrices.items()]
        optimisers = Orthogonal(groups, 6e-3), torch.optim.AdamW(rest, lr=3e-3, betas=(0.9, 0.999), weight_decay=0.0)
        ends.append(_train(net, optimisers, source, until, count))
    return [Line("model_selection.29", f"error on sparse functions at step {until}", ends)]


def _train(
    net: Gpt, optimisers: tuple[Orthogonal, torch.optim.AdamW], source: torch.Generator, until: int, count: int
) -> float:
    weights, step = list(net.parameters()), 0
    asked = {name: drawn(count, k, torch.Generator().manual_seed(12)) for name, k in (("dense", D), ("sparse", 1))}
    rates = [falling(optimiser, LENGTH, LENGTH // 20, 0.05) for optimiser in optimisers]
    ended: dict[str, float] = {}

    def loss() -> Tensor:
        active = min(D, 1 + step // RUNG)
        dense = int(torch.randint(65, (64,), generator=source).lt(32).sum())
        parts = [drawn(n, k, source, active) for n, k in ((dense, D), (64 - dense, 1)) if n]
        x, y, _ = (torch.cat(part) for part in zip(*parts, strict=True))
        return (says(net, x, y) - y.float()).square().mean()

    def look(at: int) -> None:
        for name, (x, y, clean) in asked.items():
            ended[name] = float(curve(says(net, x, y), clean).mean())
        print(f"    step {at}: {', '.join(f'{name} {value:.3f}' for name, value in ended.items())}", flush=True)

    def after() -> None:
        nonlocal step
        step += 1
        optimisers[1].step()
        optimisers[1].zero_grad()
        for rate in rates:
            rate.step()

    clipping(optimisers[0], weights, 1.0, "norm")
    logs = [*range(0, until, 62), until]
    descend(weights, loss, optimisers[0], logs, look, after)
    return ended["sparse"]
