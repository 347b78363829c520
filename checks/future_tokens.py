"""Claims 14, 16, 17, 21 and 23 of the study of future tokens: arms, widths, the gradient's two parts, a linear lens."""

import math
from collections.abc import Mapping
from statistics import median

import torch

from checks.compare import Line
from checks.gpt import Gpt
from checks.kept import kept
from checks.later import lens, norms
from checks.plain import adamw, descend, falling, gradient_of_line
from checks.text import characters, loss_of, network, pairs_loss, windows

RATE = 8e-3
ARMS = ("whole", "hidden", "keys", "zeroed")
LENGTH = 1000  # over which the rate falls, however early a training is ended
SPLITS = (0, 3, 6, 10, 18, 32, 56, 100, 178, 200)  # steps at which the gradient is taken apart


def arm(
    past: str, seed: int, until: int, parts: int = 0, told: int = 1024
) -> tuple[Gpt, dict[int, float], dict[int, float]]:
    """A network trained with one kind of past; losses on `told` test windows, future over diagonal gradient, by step.

    The gradient is taken apart on `parts` windows; with 0 it is not.
    """
    train, test, letters = characters()
    net, source = network(letters).drawn("gpt2", seed), torch.Generator().manual_seed(900 + seed)
    asked = windows(test, told, torch.Generator().manual_seed(1))
    weights = list(net.parameters())
    optimiser = adamw(weights, RATE, 0.01, beta2=0.999)
    rate = falling(optimiser, LENGTH, LENGTH // 50)
    losses: dict[int, float] = {}
    ratios: dict[int, float] = {}

    def look(step: int) -> None:
        if step % 60 == 0 or step == until:
            losses[step] = float(loss_of(net, asked, past))
        if parts and step in SPLITS:
            with torch.enable_grad():
                diagonal, later, _ = norms(net, windows(train, parts, source))
            ratios[step] = later / diagonal

    logs = sorted({step for step in {*range(0, until, 60), *SPLITS} if step < until} | {until})
    descend(weights, lambda: loss_of(net, windows(train, 32, source), past), optimiser, logs, look, rate.step)
    return net, losses, ratios


def short(seeds: int, until: int = 200, split: int = 128, told: int = 1024) -> list[Line]:
    """Claims 14 and 21 early on: Shakespeare by characters, 3 blocks of width 64, the first steps of 1,000."""
    found, least, most = [], [], []
    for seed in range(seeds):
        ends: dict[str, float] = {}
        for past in ("whole", "hidden", "zeroed"):
            _, losses, parts = arm(past, seed, until, split if past == "whole" else 0, told)
            print(f"  seed {seed}, {past}: {_told(losses)}", flush=True)
            if parts:
                print(f"  seed {seed}, future / diagonal: {_told(parts)}", flush=True)
                ratios = parts
            ends[past] = losses[until]
        found.append(ends["zeroed"] - ends["hidden"] - 5 * (ends["hidden"] - ends["whole"]))
        least.append(min(ratios.values()))
        most.append(max(ratios.values()))
    return [
        Line("future_tokens.14", f"(no past - cut) - 5 (cut - whole), nats, step {until}", found, 0, math.inf, ""),
        Line("future_tokens.21", f"future / diagonal, smallest, to step {until}", least, 0.2, math.inf, "smallest"),
        Line("future_tokens.21", f"future / diagonal, largest, to step {until}", most, 0, 1.5, "largest"),
    ]


def text(seeds: int, windows_asked: int = 1024) -> list[Line]:
    """Claims 14, 21 and 23 with the weights that our run has kept: plain networks hold them, plain code measures."""
    train, test, letters = characters()
    asked = windows(test, windows_asked, torch.Generator().manual_seed(1))
    counted = pairs_loss(train, test, letters)
    print(f"  a counted table of pairs: {counted:.3f} nats a character", flush=True)
    losses: dict[str, list[float]] = {past: [] for past in ARMS}
    whole: list[Gpt] = []
    for varied, tables in kept("future_tokens.text", LENGTH):
        if varied["seed"] in range(seeds):
            net, past = network(letters).holding(tables), str(varied["past"])
            with torch.no_grad():
                losses[past].append(float(loss_of(net, asked, past)))
            whole += [net] if past == "whole" else []
    for past, values in losses.items():
        if values:
            print(f"  {past}: {median(values):.3f} ({_few(values)})", flush=True)
    trios = list(zip(losses["whole"], losses["hidden"], losses["zeroed"], strict=True))
    return [
        Line(
            "future_tokens.14",
            "(no past - cut) - 5 (cut - whole), nats, kept weights",
            [z - h - 5 * (h - w) for w, h, z in trios],
            0,
            math.inf,
            "",
        ),
        *_split_and_lens(whole, train, test),
    ]


def ladder(seeds: int, windows_asked: int = 1024) -> list[Line]:
    """Claims 16 and 17 with the weights that our runs have kept: what the cut costs at four widths, in plain code."""
    _, test, letters = characters()
    asked = windows(test, windows_asked, torch.Generator().manual_seed(1))
    losses: dict[tuple[int, str, int], float] = {}
    for run in ("future_tokens.text", "future_tokens.text_ladder"):
        for varied, tables in kept(run, LENGTH):
            past, seed, width = str(varied["past"]), int(str(varied["seed"])), tables["embed.W_E"].shape[1]
            if past in ("whole", "hidden") and seed in range(seeds):
                with torch.no_grad():
                    losses[width, past, seed] = float(loss_of(network(letters, width).holding(tables), asked, past))
    gaps = gaps_of(losses)
    for width, own in gaps.items():
        print(f"  width {width}: {median(own):.3f} ({_few(own)})", flush=True)
    rows = list(gaps.values())
    found = [(first + second) / 2 - third for first, second, third in zip(*rows[:3], strict=True)] if rows else []
    return [
        Line(
            "future_tokens.16",
            "gap by factor of ten of the parameters, nats, seed by seed",
            by_size(gaps),
            0,
            math.inf,
            "",
        ),
        Line("future_tokens.17", "gap, mean of the two smallest minus the third, nats", found, 0, math.inf, ""),
    ]


def by_size(gaps: Mapping[int, list[float]]) -> list[float]:
    """Of each seed the least-squares slope of its gaps on the decimal logarithm of the parameters, as width squared."""
    if len(gaps) < 2:
        return []
    sizes = [2 * math.log10(width) for width in gaps]
    return [gradient_of_line(sizes, own) for own in zip(*gaps.values(), strict=True)]


def gaps_of(losses: Mapping[tuple[int, str, int], float]) -> dict[int, list[float]]:
    """Loss with states cut minus loss with the whole past, by width and, within it, by seed; `losses` as they came."""
    found: dict[int, list[float]] = {}
    for width, past, seed in sorted(losses):
        if past == "hidden":
            found.setdefault(width, []).append(losses[width, "hidden", seed] - losses[width, "whole", seed])
    return found


def _split_and_lens(nets: list[Gpt], train: torch.Tensor, test: torch.Tensor) -> list[Line]:
    source, rows = torch.Generator().manual_seed(3), windows(test, 384, torch.Generator().manual_seed(2))[0]
    ratios, over, exact, last = [], [], [], []
    for net in nets:
        diagonal, later, cosine = norms(net, windows(train, 128, source))
        plain, tuned, table = lens(net, rows, 1)
        print(
            f"  future / diagonal {later / diagonal:.3f}, cosine {cosine:.2f}; one on: least squares {_few(plain)}, "
            f"tuned {_few(tuned)}, table {table:.3f}",
            flush=True,
        )
        ratios.append(later / diagonal)
        over.append(max(tuned[1:-1]) - table)
        exact.append(max(plain[1:-1]) - table)
        last.append(max(tuned[1:-1]) - tuned[-1])
    return [
        Line("future_tokens.21", "future / diagonal at the last step, kept weights", ratios),
        Line("future_tokens.23", "middle state over table, kept weights", over, 0.02, 1, "over the table"),
        Line("future_tokens.23", "the same, map by least squares alone", exact, 0.02, 1, "over the table"),
        Line("future_tokens.23", "middle state over last, kept weights", last, 0, 1, "over the last layer"),
    ]


def _told(values: dict[int, float]) -> str:
    return ", ".join(f"{step}: {value:.3f}" for step, value in values.items())


def _few(values: list[float]) -> str:
    return " ".join(f"{value:.3f}" for value in values)
