"""Claims about what enters the network: short codes instead of one-hot vectors, and mirrored pairs."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from latebloom.claims import (
    Change,
    Evidence,
    Finding,
    Request,
    all_of,
    at_least,
    at_most,
    between,
    claim,
    counted,
    decide,
    undecided,
)
from latebloom.claims.statistics import equivalence, median, share_of
from latebloom.studies.curves import Curves, curves
from latebloom.studies.grokking.claims.small_tables import FIXED, Flags, outcomes


def _steps(scale: str, steps: int) -> str:
    """The override for a run of so many steps; few where only the plumbing is tried."""
    return f"training.steps={20 if scale == 'smoke' else steps}"


@claim(
    id="grokking.51",
    title="Short random input codes remove the delay",
    statement="With residues given as random binary codes (7 bits each, 14 in all) instead of one-hot vectors, an MLP "
    "generalises as soon as it fits its training set.",
    source="Prieto et al. 2025, Grokking at the Edge of Numerical Stability, arXiv:2501.04697; its code encodes 7 bits "
    "for each of two residues",
    published="14-dimensional random binary inputs remove the delay; no numbers",
    measure="nine seeds of an MLP 100-100 mod 67, f 0.4, AdamW lr 0.01, decay 0 or 1: share with t_gen (test 0.95) "
    "below twice t_mem (train 0.99), and share of one-hot networks with a longer delay or no t_gen",
    rule="at the decay at which codes do best: the first share's interval at or above 0.5, and the second's too",
    control="the one-hot networks must show the delay (second share)",
    fixed=FIXED,
    tag="NC",
    scales=("laptop",),
    cost={"laptop": "2 minutes"},
    changes=(
        Change(
            FIXED,
            "A pilot of two other seeds showed random codes only memorising. The paper's program gives the network the "
            "binary digits of the residue and shuffles them only on request, so an arm with digits is measured too and "
            "told in the note; the rule, about random codes, stays.",
        ),
    ),
    needs=lambda scale: (
        Request("grokking.codes", scale, ("training.weight_decay=0", _steps(scale, 400))),
        Request("grokking.codes", scale, ("training.weight_decay=1", _steps(scale, 1300))),
        Request(
            "grokking.codes",
            scale,
            ("model.encoding=digits", "task.train_fraction=0.4,0.7", "training.weight_decay=0", _steps(scale, 400)),
        ),
    ),
)
def codes(evidence: Evidence) -> Finding:
    """Codes and one-hot inputs under the same recipe, and digits beside them."""
    arms: dict[tuple[str, float], Arm] = {}
    for run, decay in zip(evidence.runs[:2], (0.0, 1.0), strict=True):
        table = curves(run)
        for kind in ("onehot", "codes"):
            arms[kind, decay] = arm(table.where(table.field("encoding") == kind))
    table = curves(evidence.runs[2])
    digits = {f: arm(table.where(table.field("train_fraction") == f)) for f in (0.4, 0.7)}
    best = max((0.0, 1.0), key=lambda decay: share_of(arms["codes", decay].prompt).value)
    told = [f"{kind}, decay {decay:g}: {found}" for (kind, decay), found in arms.items()]
    told += [f"digits, decay 0, f {f:g}: {found}" for f, found in digits.items()]
    return all_of(
        {
            "codes without delay": decide(share_of(arms["codes", best].prompt), at_least(0.5)),
            "one-hot with delay": decide(share_of(arms["onehot", best].delayed), at_least(0.5)),
        },
        note=f"At decay {best:g}. " + "; ".join(told) + ".",
    )


@dataclass(frozen=True)
class Arm:
    """What became of the seeds of one arm; `prompt`: t_gen below twice t_mem."""

    fitted: Flags
    generalised: Flags
    prompt: Flags
    last_test: float
    test_at_fit: float

    @property
    def delayed(self) -> Flags:
        """Fitted, but generalised late or never."""
        return self.fitted & ~self.prompt

    def __str__(self) -> str:
        return (
            f"{self.fitted.sum()} of {len(self.fitted)} fit, {self.generalised.sum()} generalise, test accuracy "
            f"{self.test_at_fit:.2f} when train first reaches 0.99 and {self.last_test:.2f} at the end"
        )


def arm(table: Curves) -> Arm:
    """Times and test accuracies of one arm (medians over its seeds)."""
    found = outcomes(table)
    fitted, generalised = np.isfinite(found.t_mem), np.isfinite(found.t_gen)
    when = table.at_times("test_accuracy", found.t_mem)[fitted]
    prompt = fitted & generalised & (found.t_gen < 2 * found.t_mem)
    last = float(np.median(found.final_test))
    return Arm(fitted, generalised, prompt, last, float(np.median(when)) if when.size else math.nan)


@claim(
    id="grokking.52",
    title="Mirror leak: test accuracy before the switch",
    statement="With all ordered pairs and a network that is not symmetric in its inputs, test accuracy before the "
    "switch equals the share of test pairs whose mirror is in training; with pairs a <= b the leak is gone.",
    source="Merrill et al. 2023, A Tale of Two Circuits, arXiv:2303.11873, as read in a note",
    published="pre-switch accuracy equals the share of test pairs whose mirror is trained",
    measure="test accuracy at the first log with train accuracy 0.999 against the exact share, nine seeds; one "
    "in-projection for each input over a shared embedding, p = 67, f 0.4",
    rule="the mean paired difference lies within ±0.03 (two one-sided tests); with pairs a <= b the median accuracy at "
    "that log is at most 0.05",
    control="pairs a <= b: no mirror can be in training (second condition)",
    fixed=FIXED,
    tag="N",
    cost={"quick": "20 s", "laptop": "40 s"},
    changes=(
        Change(
            FIXED,
            "A pilot of two other seeds showed no leak at all in this network, then or later, and a partial one in a "
            "small transformer. At laptop scale the transformer is measured too and told in the note; the rule stays.",
        ),
    ),
    needs=lambda scale: (
        Request("grokking.mirror", scale),
        Request("grokking.mirror", scale, ("task.pairs=unordered",)),
        Request("grokking.mirror", scale, ("model.shared=true",)),
        *([Request("grokking.mirror_transformer", scale)] if scale == "laptop" else []),
    ),
)
def mirror(evidence: Evidence) -> Finding:
    """Accuracy at memorisation beside the share of mirrored pairs."""
    ordered, unordered, symmetric, *transformer = (at_memorisation(curves(run)) for run in evidence.runs)
    fitted = min(len(own["test_accuracy"]) for own in (ordered, unordered, symmetric))
    if fitted < 2:
        return undecided(
            "no arm to compare", f"Of an arm only {counted(fitted, 'seed')} fitted the training set.", seeds=fitted
        )
    found = equivalence(ordered["test_accuracy"], ordered["mirror_share"], 0.03, paired=True)
    middle = {name: float(np.median(values)) for name, values in ordered.items()}
    told = (
        f"accuracy {middle['test_accuracy']:.3f}, share of mirrored pairs {middle['mirror_share']:.3f}, difference "
        f"{found.estimate}; right on mirrored {middle['mirrored_accuracy']:.3f}, on others "
        f"{middle['unmirrored_accuracy']:.3f}"
    )
    return all_of(
        {
            "ordered pairs": decide(found.estimate, between(-0.03, 0.03), measured=told),
            "a <= b": decide(median(unordered["test_accuracy"]), at_most(0.05)),
        },
        note=f"A symmetric network answers {np.median(symmetric['mirrored_accuracy']):.3f} of the mirrored pairs and "
        f"{np.median(symmetric['test_accuracy']):.3f} of all test pairs at that log."
        + "".join(
            f" A small transformer (p = 31, {counted(len(other['test_accuracy']), 'seed')}) answers "
            f"{np.median(other['mirrored_accuracy']):.3f} of the mirrored pairs and "
            f"{np.median(other['unmirrored_accuracy']):.3f} of the others."
            for other in transformer
        ),
    )


def at_memorisation(table: Curves) -> dict[str, Float[np.ndarray, " member"]]:
    """Each member's measurements at its first log with train accuracy 0.999; members without one are left out."""
    reached = table.of("train_accuracy") >= 0.999
    kept = reached.any(1)
    first = reached.argmax(1)[kept]
    names = ("test_accuracy", "mirror_share", "mirrored_accuracy", "unmirrored_accuracy")
    return {name: table.of(name)[kept][np.arange(len(first)), first] for name in names}
