"""Claims: the parity sweep, its labels, its thresholds and float32's loss floor (19 to 23)."""

import numpy as np
import pandas as pd

from latebloom.claims import (
    Evidence,
    Finding,
    Request,
    all_of,
    at_least,
    at_most,
    claim,
    decide,
    settle,
    undecided,
)
from latebloom.claims.statistics import share_of
from latebloom.studies.curves import curves, median_time
from latebloom.studies.grokking.claims import parity_networks
from latebloom.studies.grokking.claims.dynamics_tables import FIXED
from latebloom.studies.grokking.claims.parity_labels import (
    FLOOR,
    LOSS,
    RATIO,
    cell,
    in_words,
    ratio_labels,
    share_by_seed,
    threshold_table,
    timed,
)

__all__ = ["parity_networks"]

HALF = 0.5


def _sweep(scale: str) -> Request:
    return Request("grokking.parity_sweep", scale)


def _slow(scale: str) -> Request:
    """The decay at which generalising takes the longest, a narrow and a wide network, as many steps as the page's."""
    steps, seeds = (200, "0:1") if scale == "smoke" else (20_000, "0:9")
    cells = ("model.hidden=16,128", "task.n_train=1500", "training.weight_decay=0.03")
    return Request("grokking.parity_sweep", scale, (*cells, f"training.steps={steps}", f"seed={seeds}"))


def _wide(scale: str) -> Request:
    """Wide networks at wd 1, watched until they fit: by then it is settled that they learn something."""
    cells = ("model.hidden=128,258", "task.n_train=1000", "training.weight_decay=1")
    # At the page's size the sweep has no stopping rule to change.
    stop = () if scale == "paper" else ("training.stop.metric=train_loss", f"training.stop.at_most={LOSS}")
    return Request("grokking.parity_sweep", scale, (*cells, *stop, f"seed=0:{1 if scale == 'smoke' else 9}"))


def _doubles(scale: str) -> tuple[Request, Request]:
    """The same cells and seeds in double and in single precision, both watched to the end."""
    name = "grokking.parity_float64"
    return Request(name, scale), Request(name, scale, ("training.precision=float32",))


@claim(
    id="grokking.19",
    title="Decay .01 memorises, .1 groks, 1 learns nothing",
    statement=(
        "In the parity sweep most runs at weight decay 0.01 only memorise, most at 0.1 grok, most at 1 learn nothing."
    ),
    source="Pearce et al. 2023, parity sweep, figure 8 and its table",
    published="memorise only 199 of 225 at wd 0.01, grok 179 of 225 at 0.1, nothing 135 of 225 at 1",
    measure=(
        "labels by the page's ratio rule (L 1e-5, R 5e4, losses below 2^-23 raised to it), at laptop on widths 16, "
        "32, 64 and 1,000 and 1,500 rows; mean over seeds of a seed's share of cells with the named label"
    ),
    rule="each of the three shares is at least 0.5; whole intervals",
    fixed=FIXED,
    tag="PD",
    scales=("laptop", "paper"),
    cost={"laptop": "4 min"},
    needs=lambda scale: (_sweep(scale),),
)
def decay_order(evidence: Evidence) -> Finding:
    """The share of the named label at each of three decays."""
    table = curves(evidence.run)
    labels, times, seeds = ratio_labels(table), timed(table).label, table.field("seed")
    parts, extra = {}, {}
    for decay, name in ((0.01, "memorise_only"), (0.1, "grok"), (1.0, "nothing")):
        own = cell(table, weight_decay=decay)
        parts[f"wd {decay:g} {name}"] = decide(share_by_seed(labels[own] == name, seeds[own]), at_least(HALF))
        extra[f"{decay:g}"] = {"ratio rule": in_words(labels[own]), "time rule": in_words(times[own])}
    words = "; ".join(f"wd {wd}: {told['ratio rule']} (by times: {told['time rule']})" for wd, told in extra.items())
    return all_of(parts, note=f"{words}.")


@claim(
    id="grokking.20",
    title="At decay .03 wider networks generalise later",
    statement="At weight decay 0.03 a narrow parity network generalises with its training rows, a wide one much later.",
    source="Pearce et al. 2023, parity sweep table",
    published="1,500 rows: hidden 16 drops together in 8 of 9; hidden 128 groks in 7 of 9, memorises in 2 of 9",
    measure=(
        "per seed, step at which test accuracy stays >= 0.95 for 3 logs (not reached: later than the end); labels by "
        "the page's ratio rule; 20,000 steps"
    ),
    rule=(
        "share of seeds in which width 128 is later than width 16 at least 0.5; share of *together* at least 0.5 for "
        "width 16 and at most 0.5 for width 128; whole intervals"
    ),
    fixed=FIXED,
    tag="PD",
    scales=("laptop", "paper"),
    cost={"laptop": "2 min"},
    needs=lambda scale: (_slow(scale),),
)
def wider_is_later(evidence: Evidence) -> Finding:
    """Times seed by seed, and the labels of both widths."""
    table = curves(evidence.run)
    labels, t_gen, seeds = ratio_labels(table), timed(table).t_gen, table.field("seed")
    narrow, wide = cell(table, hidden=16), cell(table, hidden=128)
    if sorted(seeds[narrow]) != sorted(seeds[wide]):
        return undecided("arms do not pair up", "The two widths have different seeds.", seeds=0)
    # Two times that were not reached are equal, so such a seed does not count as later.
    later = [t_gen[wide & (seeds == seed)].item() > t_gen[narrow & (seeds == seed)].item() for seed in seeds[narrow]]
    together = labels == "together"
    times = {name: median_time(table.where(own), t_gen[own]) for name, own in (("16", narrow), ("128", wide))}
    return all_of(
        {
            "128 later than 16": decide(share_of(later), at_least(HALF)),
            "16 together": decide(share_of(together[narrow]), at_least(HALF)),
            "128 together": decide(share_of(together[wide]), at_most(HALF)),
        },
        note=(
            f"Width 16: {in_words(labels[narrow])}; 95 % test accuracy at {times['16']}. "
            f"Width 128: {in_words(labels[wide])}; at {times['128']}."
        ),
    )


@claim(
    id="grokking.21",
    title="At decay 1 narrow networks fail, wide ones fit",
    statement="At weight decay 1 parity networks of 16 to 64 neurons learn nothing where 128 and 258 memorise or grok.",
    source="Pearce et al. 2023, parity sweep table",
    published="hidden 16 to 64: nothing; hidden 128 and 258: memorise or grok (nothing in 0 of 450 runs at any decay)",
    measure=(
        "share of seeds whose train loss never gets down to 1e-5 (the page's *nothing*), 1,000 rows, for each width; "
        "wide networks are watched until they get there"
    ),
    rule="the share is at least 0.5 at widths 16, 32 and 64, and at most 0.5 at 128 and 258; whole intervals",
    fixed=FIXED,
    tag="PD",
    scales=("laptop", "paper"),
    cost={"laptop": "2 min"},
    needs=lambda scale: (_sweep(scale), _wide(scale)),
)
def narrow_fails(evidence: Evidence) -> Finding:
    """The share of *nothing* at each width, and how accurate such networks are."""
    narrow, wide = (curves(run) for run in evidence.runs)
    arms = [(narrow, width, cell(narrow, hidden=width, weight_decay=1.0, n_train=1000)) for width in (16, 32, 64)]
    arms += [(wide, width, cell(wide, hidden=width)) for width in (128, 258)]
    parts, words = {}, []
    for table, width, own in arms:
        loss, accuracy = table.lowest("train_loss")[own], table.highest("train_accuracy")[own]
        failed = share_of(loss > LOSS)
        parts[f"{width}"] = decide(failed, at_most(HALF) if table is wide else at_least(HALF))
        words.append(f"{width}: {np.median(loss):.2g} and {np.median(accuracy):.3f}")
    return all_of(parts, note=f"Lowest train loss and highest train accuracy, medians by width: {'; '.join(words)}.")


@claim(
    id="grokking.22",
    title="Outcome labels move with the page's two sliders",
    statement="How many parity runs count as grokking depends on the two thresholds of the page's outcome rule.",
    source="Pearce et al. 2023, parity sweep table, counted again at other thresholds (we judge our own sweep)",
    published="grok 435 of 1,125; 511 with L 1e-3 for 1e-5; 377 with R 5e5 for 5e4",
    measure=(
        "the runs of claims 19 and 20 (we do not have the page's table): mean over seeds of the share of members whose "
        "label changes with L 1e-3, and with R 5e5; counts of grok"
    ),
    rule=(
        "each share is at least 0.02 (whole interval; at least 0.07 and 0.05 on the page), grok rises with L 1e-3 and "
        "falls with R 5e5"
    ),
    fixed=FIXED,
    tag="D",
    scales=("laptop", "paper"),
    cost={"laptop": "6 min, shared with 19 and 20"},
    needs=lambda scale: (_sweep(scale), _slow(scale)),
)
def labels_move(evidence: Evidence) -> Finding:
    """Labels at the default thresholds against two others, and the table of all settings."""
    tables = [curves(run) for run in evidence.runs]
    seeds = np.concatenate([table.field("seed") for table in tables])

    def relabelled(loss: float, ratio: float) -> np.ndarray:
        return np.concatenate([ratio_labels(table, loss, ratio) for table in tables])

    default, others = relabelled(LOSS, RATIO), {"L 1e-3": relabelled(1e-3, RATIO), "R 5e5": relabelled(LOSS, 5e5)}
    parts = {
        f"{name} changes": decide(share_by_seed(labels != default, seeds), at_least(0.02))
        for name, labels in others.items()
    }
    before, more, fewer = (int((labels == "grok").sum()) for labels in (default, *others.values()))
    settings = pd.concat([threshold_table(table) for table in tables]).groupby(level=0, sort=False).sum()
    parts["grok"] = settle(
        fewer < before < more,
        f"{before}, with L 1e-3 {more}, with R 5e5 {fewer}",
        seeds=len(np.unique(seeds)),
        extra={"settings": settings.to_dict(orient="index")},
    )
    by_times = np.concatenate([timed(table).label for table in tables])
    return all_of(
        parts, note=f"By times, {np.mean(by_times == default):.0%} of {len(seeds)} members have the same label."
    )


@claim(
    id="grokking.23",
    title="float32 stops the loss at 2^-23, and labels feel it",
    statement=(
        "In float32 the train loss of most parity runs reaches its floor of 2^-23; float64 has no such floor, which "
        "changes labels."
    ),
    source="Pearce et al. 2023, parity sweep table (we judge our own sweep); the page did not train in float64",
    published="train loss at exactly 2^-23 in 944 of 1,125 runs, 97 % of the 973 that learn something",
    measure=(
        "sweep: mean over seeds of the share, among runs not labelled nothing, whose train loss gets down to 2^-23; "
        "twins (width 16, 1,500 rows) in both precisions: share in which some training row has a loss of exactly 0 in "
        "float32 and none in float64; share whose label changes when the float64 curves are cut off at 2^-23"
    ),
    rule="the three shares are at least 0.8, 0.8 and 0.05; whole intervals",
    fixed=FIXED,
    tag="D",
    scales=("laptop", "paper"),
    cost={"laptop": "2 min and the sweep"},
    needs=lambda scale: (_sweep(scale), *_doubles(scale)),
)
def float_floor(evidence: Evidence) -> Finding:
    """How many reach the floor, whether double precision has one, and what that does to labels."""
    sweep, double, single = (curves(run) for run in evidence.runs)
    fits = ratio_labels(sweep) != "nothing"
    if not fits.any():
        return undecided("no member fits", "No run of the sweep gets down to a train loss of 1e-5.", seeds=0)
    floor = share_by_seed(sweep.lowest("train_loss")[fits] <= FLOOR, sweep.field("seed")[fits])
    zeros = {name: table.highest("zero_loss") > 0 for name, table in (("f32", single), ("f64", double))}
    cut, free, other = ratio_labels(double), ratio_labels(double, floor=0.0), ratio_labels(single)
    seeds = double.field("seed")
    least = {name: np.median(table.lowest("train_loss")) for name, table in (("f32", single), ("f64", double))}
    return all_of(
        {
            "at the floor": decide(floor, at_least(0.8)),
            "exact zeros only in float32": decide(share_by_seed(zeros["f32"] & ~zeros["f64"], seeds), at_least(0.8)),
            "label changes": decide(share_by_seed(cut != free, seeds), at_least(0.05)),
        },
        note=(
            f"Median lowest train loss of the twins {least['f32']:.2g} in float32, {least['f64']:.2g} in float64. "
            f"Labels in float64: {in_words(free)}; the same curves cut off: {in_words(cut)}; in float32, cut off: "
            f"{in_words(other)}."
        ),
    )
