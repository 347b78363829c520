"""Functions of the trained classes, but more so: frequencies, amplitudes and inputs outside what was trained on."""

import numpy as np

from latebloom.claims import Evidence, Finding, all_of, asks_for, at_least, claim, decide, with_control
from latebloom.claims.statistics import median, paired_ratio
from latebloom.instruments.prompt_sweeps import AMPLITUDE_FACTORS, FREQUENCY_FACTORS, SCALE_FACTORS
from latebloom.studies.model_selection.claims import networks
from latebloom.studies.model_selection.claims.lines import COST, FLOOR, Tails, rows_of, sweep
from latebloom.studies.model_selection.claims.networks import Network, curves, prompts
from latebloom.studies.model_selection.claims.references import optimum_curve
from latebloom.studies.model_selection.claims.words import FIXED, GARG, MAIN, SCALES, SHAPE, testbed
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
    rule="medians over seeds: at least 0.5 at 2 times, at least 0.2 at 0.1 times",
    control="the trained frequencies",
    fixed=FIXED,
    tag="R",
    scales=SCALES,
    cost=COST,
    needs=testbed,
)
def frequencies_fail(evidence: Evidence) -> Finding:
    """Claim 16."""
    nets = networks.arms(evidence.run)[MIXTURE]
    found = frequencies(nets)
    own, best = found["network"].mean, found["optimum"].mean
    fast, slow, usual = (FREQUENCY_FACTORS.index(factor) for factor in (2.0, 0.1, 1.0))
    parts = {
        "2 times": decide(median(own[:, fast]), at_least(0.5)),
        "0.1 times": decide(median(own[:, slow]), at_least(0.2)),
    }
    note = f"Exact optimum of the mixture: {best[0, fast]:.3f} at 2 times, {best[0, slow]:.3f} at 0.1 times."
    whole = all_of(parts, note=note).with_rows({"error by frequency": rows_of(found, list(FREQUENCY_FACTORS))})
    inside = median(own[:, usual])
    return with_control(whole, decide(inside, at_least(0.2), measured=f"trained frequencies {inside}"))


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
    rule="medians over seeds, both parts: at least 0.1, and at least 10 times the exact optimum",
    control="amplitude 1",
    fixed=FIXED,
    tag="PE",
    scales=SCALES,
    cost=COST,
    needs=asks_for("model_selection.testbed", "model_selection.linear"),
)
def large_values_fail(evidence: Evidence) -> Finding:
    """Claim 17."""
    waves, dense = (networks.arms(run) for run in evidence.runs)
    found = amplitudes(waves[MIXTURE])
    loud, usual = (AMPLITUDE_FACTORS.index(factor) for factor in (5.0, 1.0))
    lines = inputs(dense[linear.DENSE])
    parts: dict[str, Finding] = {}
    notes: list[str] = []
    for name, own, best in (
        ("amplitude 5", found["network"].mean[:, loud], found["optimum"].mean[0, loud]),
        ("inputs times 3", lines["network"][:, -1], lines["optimum"][-1]),
    ):
        parts[name] = _fails(own, best)
        notes.append(f"{name}: exact optimum {best:.4f}")
    scales = {
        f"{factor:.3g}": {"network": float(np.median(lines["network"][:, i])), "optimum": float(lines["optimum"][i])}
        for i, factor in enumerate(SCALE_FACTORS)
    }
    rows = {"error by amplitude": rows_of(found, list(AMPLITUDE_FACTORS)), "error by scale of inputs": scales}
    whole = all_of(parts, note="; ".join(notes) + ".").with_rows(rows)
    control = _fails(found["network"].mean[:, usual], found["optimum"].mean[0, usual])
    return with_control(whole, networks.told(control, f"amplitude 1: {control.measured}"))


def _fails(own: np.ndarray, best: float) -> Finding:
    ratio = paired_ratio(np.maximum(own, FLOOR), np.full(len(own), max(best, FLOOR)))
    return all_of({"error": decide(median(own), at_least(0.1)), "over optimum": decide(ratio, at_least(10.0))})


def inputs(nets: list[Network]) -> dict[str, np.ndarray]:
    """Dense functions of inputs of other scales: error after 2 d pairs [network, value] and the exact optimum's."""
    task = nets[0].task
    at = min(2 * task.d, task.points - 1)
    texts = [f"{linear.DENSE}@gaussian:scale={factor:g}" for factor in SCALE_FACTORS]
    return {
        "network": np.stack([curves(nets, prompts(task, text))[:, at] for text in texts], -1),
        "optimum": np.array([optimum_curve(task, text, linear.DENSE)[at] for text in texts]),
    }
