"""Claims on one linear layer under other data, starts and seeds (16, 23, 24, 29, 30)."""

from typing import TYPE_CHECKING

import numpy as np

from latebloom.claims import (
    Change,
    Evidence,
    Finding,
    all_of,
    asks_for,
    at_least,
    at_most,
    between,
    claim,
    decide,
    with_control,
)
from latebloom.claims.statistics import median, paired_difference, paired_ratio, survival_median
from latebloom.instruments.events import first_stayed
from latebloom.studies.curves import kept, shared_seeds
from latebloom.studies.mesa_optimization.claims.networks import (
    FIXED,
    PAPER,
    Network,
    at_published_size,
    bounded,
    deepest,
    formula,
    losses,
    networks,
    one_step,
    one_step_losses,
    one_step_rate,
    with_norm_clipped,
)
from latebloom.studies.mesa_optimization.claims.one_layer import COST, as_one_step, structure

if TYPE_CHECKING:
    import pandas

SCALES = ("laptop", "paper")


def to_one_step(nets: list[Network]) -> tuple[np.ndarray, np.ndarray]:
    """Test losses of the networks and of one gradient step."""
    return np.array([net.loss() for net in nets]), one_step_losses(nets)


@claim(
    id="mesa_optimization.16",
    title="Smaller first weights wait longer before they learn",
    statement="The text gives first weights of variance 2e-4, the code of deviation 2e-4, seventy times smaller; the "
    "plateau before the loss falls belongs to the small ones.",
    source=f"{PAPER}, appendix A against the released code; test losses of figure 4A",
    published="deviation 2e-4, rate 2e-4: test loss 1.674, 1.669, 1.341, 0.979 after 0, 100, 200, 300 steps",
    measure="plateau: first logged step (5 apart) from which the test loss stays below 95 % of its first value",
    rule="deviation 2e-4: the median plateau has an interval within 50 to 250 steps; variance 2e-4: the median of the "
    "paired difference is below -25 steps; and the last losses of the two arms differ by at most 2 %",
    fixed=FIXED,
    tag="PC",
    scales=SCALES,
    cost=COST,
    version=2,
    changes=(
        Change(
            "2026-12-01",
            "Logs are 5 steps apart in place of 25: the interval of the difference, -25 [-50, -25], ended on the line. "
            "The rule is as it was. Before: inconclusive.",
        ),
    ),
    needs=asks_for("mesa_optimization.one_layer", "mesa_optimization.one_layer_init"),
)
def small_weights_wait(evidence: Evidence) -> Finding:
    """Claim 16."""
    frames = [kept(run) for run in evidence.runs]
    seeds = shared_seeds(*(frame["seed"] for frame in frames))
    small, wide = (plateaus(frame[frame["seed"].isin(seeds)]) for frame in frames)
    ended = np.isfinite(small[0])
    latest = float(small[1].max())
    own = survival_median(np.where(ended, small[0], latest), ended, unit="steps")
    gap = paired_difference(np.minimum(wide[0], latest), np.minimum(small[0], latest), unit="steps").estimate
    last = paired_ratio(wide[2], small[2])
    return all_of(
        {
            "plateau, deviation 2e-4": decide(own, between(50, 250), extra={"plateau": small[0].tolist()}),
            # Logs are some steps apart, so -25 is a value that is met: the rule says below it.
            "variance 2e-4, less": decide(gap, at_most(-25 - 1e-9)),
            "last losses": decide(last, between(0.98, 1.02)),
        }
    )


def plateaus(frame: "pandas.DataFrame") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Member by member, in order of seeds: end of the plateau (inf: none), last step, last test loss."""
    wide = frame.pivot(index="seed", columns="step", values="test_loss")
    steps, losses = wide.columns.to_numpy(dtype=float), wide.to_numpy(dtype=float)
    fallen = first_stayed(steps, -losses / losses[:, :1], -0.95, 3)
    return np.asarray(fallen), np.full(len(losses), steps[-1]), losses[:, -1]


@claim(
    id="mesa_optimization.23",
    title="With one matrix for all sequences the gradient step goes",
    statement="Where one matrix moves every sequence, the layer stores the matrix in its weights instead of learning "
    "from the context: it beats one gradient step by far, and its weights show no multiples of the identity.",
    source=f"{PAPER}, appendix E.2 and figure 12",
    published="0.107 against 0.911 of one step (rate line-searched); unstructured weights",
    measure="as claims 9 and 10, on one fixed orthogonal matrix",
    rule="medians over seeds: loss at most half of that of one step; the largest entry beside the diagonal in the two "
    "blocks of the step at least equal to their diagonal",
    control="fresh matrices (claim 9's networks) must fail the first",
    fixed=FIXED,
    tag="PC",
    scales=SCALES,
    cost=COST,
    needs=asks_for("mesa_optimization.one_layer_fixed", "mesa_optimization.one_layer"),
)
def fixed_teacher(evidence: Evidence) -> Finding:
    """Claim 23."""
    fixed, fresh = (networks(run) for run in evidence.runs)
    own, steps = to_one_step(fixed)
    ratio = paired_ratio(own, steps)
    told = f"{ratio} (medians {np.median(own):.4f} and {np.median(steps):.4f})"
    parts = {
        "network / one gradient step": decide(ratio, at_most(0.5), measured=told),
        "largest off-diagonal / diagonal": decide(median(structure(fixed)["off-diagonal"]), at_least(1.0)),
    }
    return with_control(all_of(parts), decide(paired_ratio(*to_one_step(fresh)), at_most(0.5)))


@claim(
    id="mesa_optimization.24",
    title="Shrinking systems keep the gradient step",
    statement="On systems whose states shrink the trained layer still is one gradient step.",
    source=f"{PAPER}, appendix E.1 and figure 11",
    published="0.890 against 0.907 of one step",
    measure="as claim 9, on matrices with eigenvalues of 0.3 to 0.9, states clipped at 2",
    rule="the median ratio to one step has an interval within 0.95 to 1.01 (published 0.981). Not claim 9's rule: "
    "here the best formula of twelve numbers has half the loss of one step (0.43 against 0.87, computed before any "
    "training), so a network between the two need not be a gradient step",
    control="the same networks before training must fail",
    fixed=FIXED,
    tag="PC",
    scales=SCALES,
    cost=COST,
    needs=asks_for("mesa_optimization.one_layer_contracting"),
)
def contracting_systems(evidence: Evidence) -> Finding:
    """Claim 24; the note says how many sequences touch the clip, where the system is not linear."""
    nets = networks(evidence.run)
    own, steps = to_one_step(nets)
    bound = 2.0 - 1e-9
    touched = median([float((net.test[1].abs() >= bound).flatten(1).any(-1).double().mean()) for net in nets])
    twelve = np.median(losses(nets, [bounded(net, formula(net)) for net in nets]))
    found = decide(
        paired_ratio(own, steps),
        between(0.95, 1.01),
        note=f"Medians: network {np.median(own):.4f}, one step {np.median(steps):.4f}, best formula of twelve "
        f"numbers {twelve:.4f}. Share of sequences with a state at the clip of 2, where the system is not linear: "
        f"{touched}.",
    )
    before = paired_ratio([net.loss(net.steps[0]) for net in nets], steps)
    return with_control(found, decide(before, between(0.95, 1.01), measured=f"untrained / one gradient step {before}"))


@claim(
    id="mesa_optimization.29",
    title="Uniform or normal first states: one gradient step in both",
    statement="Text (normal) and code (uniform) differ in the first state, which changes losses threefold and the best "
    "rate as much; the layer becomes one gradient step under both.",
    source=f"{PAPER}, section 4 against the released code",
    published="no published value for normal starts; computed for this project: zero predictor 5.09 against 1.66, "
    "best rate 0.009 against 0.032, one step 2.88 against 0.89",
    measure="as claim 9 for both starts; references on the same test sequences",
    rule="claim 9's two conditions hold for both starts; and the medians of best rate and one-step loss lie within 10 "
    "% of the computed ones",
    fixed=FIXED,
    tag="E",
    scales=SCALES,
    cost=COST,
    needs=asks_for("mesa_optimization.one_layer", "mesa_optimization.one_layer_normal"),
)
def both_starts(evidence: Evidence) -> Finding:
    """Claim 29."""
    parts = {}
    for name, run, rate, loss in zip(("uniform", "normal"), evidence.runs, (0.032, 0.009), (0.89, 2.88), strict=True):
        nets = networks(run)
        parts[name] = as_one_step(nets)
        rates = median([one_step_rate(net) / rate for net in nets])
        steps = median(losses(nets, [one_step(net) for net in nets]) / loss)
        parts[f"{name}: rate / {rate}"] = decide(rates, between(0.9, 1.1))
        parts[f"{name}: one step / {loss}"] = decide(steps, between(0.9, 1.1))
    return all_of(parts)


BATCH = 256  # sequences of a published test batch


def spreads(nets: list[Network], common: Network) -> tuple[float, list[float]]:
    """Deviation of the loss over training seeds on the same sequences, and over batches of 256 for each network."""
    tokens, _, targets = common.test
    by_batch = []
    for net in nets:
        errors = (net.outputs(tokens=tokens) - targets).square().sum(-1).mean(-1) / 2
        size = min(BATCH, len(errors) // 2)
        by_batch.append([float(part.mean()) for part in errors.split(size) if len(part) == size])
    means = [float(np.mean(row)) for row in by_batch]
    return float(np.std(means, ddof=1)), [float(np.std(row, ddof=1)) for row in by_batch]


@claim(
    id="mesa_optimization.30",
    title="Training seeds differ less than test batches",
    statement="Most published error bars come from one trained network on five test batches; trainings themselves "
    "differ less than such batches.",
    source=f"{PAPER}, released code and result files: training seeds of figures 4C to 4F, 6, 7",
    published="bars of 0.003 to 0.02 over test batches of 256 sequences; deviation over trainings not published",
    measure="test sequences of the first member for all; deviation of the mean loss over training seeds, and over "
    "batches of 256 sequences for each network: one layer, and the deepest stack",
    rule="for both networks the ratio of the first to the second has a median with an interval below 1",
    fixed=FIXED,
    changes=(at_published_size("contradicted", with_norm_clipped("contradicted (stacks 5.4 [4.6, 6.8])")),),
    tag="E",
    scales=SCALES,
    cost={"laptop": "none beyond claims 9 and 12"},
    needs=asks_for("mesa_optimization.one_layer", "mesa_optimization.deep"),
)
def seeds_and_batches(evidence: Evidence) -> Finding:
    """Claim 30."""
    parts = {}
    for name, run in zip(("one layer", "deepest stack"), evidence.runs, strict=True):
        nets = deepest(run)
        seeds, batches = spreads(nets, nets[0])
        told = f"deviation over {len(nets)} trainings {seeds:.4f}, over test batches {np.median(batches):.4f}"
        parts[name] = decide(median([seeds / b for b in batches]), at_most(1.0), measured=told)
    return all_of(
        parts, note="The interval is over networks; the deviation over trainings itself rests on few of them."
    )
