"""Functions of the trained classes, but more so: frequencies, amplitudes and inputs outside what was trained on."""

import numpy as np
from jaxtyping import Float

from latebloom.claims import Evidence, Finding, all_of, asks_for, at_least, claim, decide, with_control
from latebloom.claims.statistics import crossed_median, crossed_ratio
from latebloom.instruments.prompt_sweeps import AMPLITUDE_FACTORS, FREQUENCY_FACTORS, SCALE_FACTORS
from latebloom.studies.model_selection.claims import networks
from latebloom.studies.model_selection.claims.lines import COST, Tails, by_networks, by_optimum, rows_of, sweep
from latebloom.studies.model_selection.claims.networks import Network, Predict, errors, prompts
from latebloom.studies.model_selection.claims.references import optimum
from latebloom.studies.model_selection.claims.words import (
    FIXED,
    FLOOR,
    GARG,
    MAIN,
    OVER_PROMPTS,
    SCALES,
    SEEDS_AND_PROMPTS,
    SHAPE,
    testbed,
)
from latebloom.studies.model_selection.experiments import linear
from latebloom.studies.model_selection.experiments.testbed import MIXTURE, SINUSOID


def faster(network: Network, factor: float) -> str:
    """Sinusoids whose frequencies are `factor` times those trained on."""
    task = network.task
    return f"{SINUSOID}:low={factor * task.low:g}:high={factor * task.high:g}"


def louder(factor: float) -> str:
    """Sinusoids of `factor` times the amplitude."""
    return f"{SINUSOID}:scale={factor:g}"


def frequencies(nets: list[Network]) -> dict[str, Tails]:
    """The sweep over frequencies."""
    return sweep(nets, [faster(nets[0], factor) for factor in FREQUENCY_FACTORS])


def amplitudes(nets: list[Network]) -> dict[str, Tails]:
    """The sweep over amplitudes."""
    return sweep(nets, [louder(factor) for factor in AMPLITUDE_FACTORS])


@claim(
    id="model_selection.16",
    title="Sinusoids too fast or too slow are not fitted",
    statement="Extreme versions of the trained functions fail: sinusoids of twice or a tenth of the trained "
    "frequencies.",
    source=f"{MAIN}, figure 6",
    published=SHAPE,
    measure="error after all pairs on sinusoids whose frequencies are 2 times and 0.1 times the trained ones; the "
    "exact optimum of the mixture beside it, which fails there too",
    rule=f"{SEEDS_AND_PROMPTS}: at least 0.5 at 2 times, at least 0.2 at 0.1 times",
    control="the trained frequencies",
    fixed=FIXED,
    changes=(OVER_PROMPTS,),
    tag="R",
    scales=SCALES,
    cost=COST,
    needs=testbed,
)
def frequencies_fail(evidence: Evidence) -> Finding:
    """Claim 16."""
    nets = networks.arms(evidence.run)[MIXTURE]
    found = frequencies(nets)
    own = {factor: crossed_median(by_networks(nets, faster(nets[0], factor))) for factor in (2.0, 0.1, 1.0)}
    parts = {"2 times": decide(own[2.0], at_least(0.5)), "0.1 times": decide(own[0.1], at_least(0.2))}
    best = {factor: by_optimum(nets, faster(nets[0], factor)).mean() for factor in (2.0, 0.1)}
    note = f"Exact optimum of the mixture: {best[2.0]:.3f} at 2 times, {best[0.1]:.3f} at 0.1 times."
    whole = all_of(parts, note=note).with_rows({"error by frequency": rows_of(found, FREQUENCY_FACTORS)})
    control = decide(own[1.0], at_least(0.2), measured=f"trained frequencies {own[1.0]}")
    return with_control(whole, control)


@claim(
    id="model_selection.17",
    title="Large values fail though the exact optimum does not",
    statement="Sinusoids of five times the amplitude, and linear functions of inputs three times as large, are not "
    "fitted by networks; the exact posterior mean of what they were trained on has no difficulty.",
    source=f"{GARG}, appendix; the comparison with the optimum is ours",
    published="error of linear functions after 2d pairs with inputs scaled by 3: 0.58, by 1/3: 0.30; with weights "
    "scaled by 3: 0.028 (unscaled 0.0006)",
    measure="error over variance: mixture of lines and sinusoids on sinusoids of amplitude 5 after all pairs; dense "
    "specialist on inputs of deviation 3 after 2d pairs; each beside and over the exact optimum on the same prompts",
    rule=f"{SEEDS_AND_PROMPTS}: both parts at least 0.1, and at least 10 times the exact optimum",
    control="amplitude 1",
    fixed=FIXED,
    changes=(OVER_PROMPTS,),
    tag="PE",
    scales=SCALES,
    cost=COST,
    needs=asks_for("model_selection.testbed", "model_selection.linear"),
)
def large_values_fail(evidence: Evidence) -> Finding:
    """Claim 17."""
    waves, dense = (networks.arms(run) for run in evidence.runs)
    nets = waves[MIXTURE]
    found = amplitudes(nets)
    loud, usual = ((by_networks(nets, text), by_optimum(nets, text)) for text in map(louder, (5.0, 1.0)))
    lines = inputs(dense[linear.DENSE])
    parts: dict[str, Finding] = {}
    notes: list[str] = []
    for name, own, best in (
        ("amplitude 5", *loud),
        ("inputs times 3", lines["network"][:, -1], lines["optimum"][:, -1]),
    ):
        parts[name] = _fails(own, best)
        notes.append(f"{name}: exact optimum {best.mean():.4f}")
    mean = {who: errors.mean(-1) for who, errors in lines.items()}
    scales = {
        f"{factor:.3g}": {who: float(np.median(values[:, i])) for who, values in mean.items()}
        for i, factor in enumerate(SCALE_FACTORS)
    }
    rows = {"error by amplitude": rows_of(found, AMPLITUDE_FACTORS), "error by scale of inputs": scales}
    whole = all_of(parts, note="; ".join(notes) + ".").with_rows(rows)
    return with_control(whole, networks.told_of("amplitude 1", _fails(*usual)))


def _fails(own: np.ndarray, best: np.ndarray) -> Finding:
    ratio = crossed_ratio(own, best, floor=FLOOR)
    return all_of({"error": decide(crossed_median(own), at_least(0.1)), "over optimum": decide(ratio, at_least(10.0))})


def inputs(nets: list[Network]) -> dict[str, Float[np.ndarray, "network value prompt"]]:
    """Dense functions of inputs of other scales: errors after 2 d pairs of networks, and of the exact optimum."""
    task = nets[0].task
    at = min(2 * task.d, task.points - 1)
    asked = [prompts(task, f"{linear.DENSE}@gaussian:scale={factor:g}") for factor in SCALE_FACTORS]
    predictors: dict[str, list[Predict]] = {
        "network": [net.says for net in nets],
        "optimum": [optimum(task, linear.DENSE).prefixes],
    }
    return {
        who: np.stack([np.stack([errors(predict, own)[:, at].numpy() for own in asked]) for predict in group])
        for who, group in predictors.items()
    }
