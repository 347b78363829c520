"""Functions with more non-zero weights than the sparse class has: the mixture between its two specialists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.claims import Evidence, Finding, all_of, at_least, at_most, claim, decide, with_control
from latebloom.claims.statistics import median
from latebloom.instruments.icl_curve import normalised_errors
from latebloom.instruments.prediction_similarity import prediction_distance, soft_weight
from latebloom.instruments.prompt_sweeps import excess_over_best
from latebloom.studies.curves import paired_networks
from latebloom.studies.model_selection.claims import networks
from latebloom.studies.model_selection.claims.networks import Network, prompts
from latebloom.studies.model_selection.claims.references import least_squares, optimum, tuned_lasso
from latebloom.studies.model_selection.claims.selection import COST
from latebloom.studies.model_selection.claims.words import FIXED, MAIN, SCALES, SHAPE, linear
from latebloom.studies.model_selection.experiments.linear import DENSE, MIXTURE, SPARSE
from latebloom.tasks import InContextFunctions

Sweep = Float[np.ndarray, "network value place"]


@dataclass(frozen=True)
class Nonzeros:
    """What three arms say of functions with 1 to d non-zero weights, networks of equal seed in equal rows."""

    task: InContextFunctions
    values: tuple[int, ...]
    said: dict[str, Float[Tensor, "network value prompt place"]]
    references: dict[str, Float[Tensor, "value prompt place"]]
    clean: Float[Tensor, "value prompt place"]
    dense_share: Float[np.ndarray, "value place"]  # mean posterior probability of the dense class under the mixture

    def errors(self, name: str) -> Sweep:
        """Mean error of an arm, or of a reference [1, value, place]."""
        said = self.said[name] if name in self.said else self.references[name][None]
        return np.asarray(normalised_errors(said, self.clean).mean(-2))

    def distance(self, first: str, second: str) -> Sweep:
        """Mean squared difference between two arms of the same seed."""
        own, other = self.said[first], self.said[second]
        return np.stack([prediction_distance(a, b).numpy() for a, b in zip(own, other, strict=True)])

    def dense_weight(self, said: Float[Tensor, "network value prompt place"]) -> Sweep:
        """The rho for which rho dense specialist + (1 - rho) sparse specialist comes closest to what was said."""
        trios = zip(said, self.said[DENSE], self.said[SPARSE], strict=True)
        return np.stack(
            [np.stack([soft_weight(m, d, s).numpy() for m, d, s in zip(*trio, strict=True)]) for trio in trios]
        )


def nonzeros(evidence: Evidence, values: Sequence[int] = ()) -> Nonzeros:
    """Asks everybody about functions of variance 1 with each number of non-zero weights."""
    groups = networks.arms(evidence.run)
    names = (MIXTURE, DENSE, SPARSE)
    return ask(dict(zip(names, paired_networks(*(groups[name] for name in names)), strict=True)), values)


def ask(rows: Mapping[str, Sequence[Network]], values: Sequence[int] = ()) -> Nonzeros:
    """The same for networks at hand."""
    task = rows[MIXTURE][0].task
    counts = tuple(values) or tuple(range(1, task.d + 1))
    asked = [prompts(task, f"sparse:nonzeros={count}") for count in counts]
    said = {
        name: torch.stack([torch.stack([network.says(p.x, p.y) for p in asked]) for network in group])
        for name, group in rows.items()
    }
    best = optimum(task, MIXTURE)
    posteriors = [best.posterior(p.x, p.y) for p in asked]
    references = {
        "optimum of the mixture": torch.stack([p.mean for p in posteriors]),
        "least squares": torch.stack([least_squares(p.x, p.y) for p in asked]),
        "Lasso, tuned": torch.stack([tuned_lasso(task).prefixes(p.x, p.y) for p in asked]),
    }
    share = torch.stack([p.classes[..., 0].mean(0) for p in posteriors]).numpy()
    return Nonzeros(task, counts, said, references, torch.stack([p.clean for p in asked]), share)


def by_value(sweep: Nonzeros, place: int) -> dict[str, dict[str, float]]:
    """Median error by number of non-zero weights and name, for pictures."""
    names = (*sweep.said, *sweep.references)
    table = {name: np.median(sweep.errors(name)[..., place], 0) for name in names}
    return {str(v): {name: float(row[i]) for name, row in table.items()} for i, v in enumerate(sweep.values)}


@claim(
    id="model_selection.06",
    title="The mixture follows the better of its specialists",
    statement="Over all numbers of non-zero weights the mixture does about as well as the better of the two "
    "specialists.",
    source=f"{MAIN}, figure 3a",
    published=SHAPE,
    measure="error after d/2 pairs minus the smaller error of the two specialists of the same seed, averaged over 1 to "
    "d non-zero weights",
    rule="the median over seeds is at most 0.05",
    control="the sparse specialist in the mixture's place",
    fixed=FIXED,
    tag="R",
    scales=SCALES,
    cost=COST,
    needs=linear,
)
def lower_envelope(evidence: Evidence) -> Finding:
    """Claim 6."""
    sweep = nonzeros(evidence)
    at = max(sweep.task.d // 2, 1)
    table = {name: torch.from_numpy(sweep.errors(name)[..., at]).T for name in sweep.said}

    def excess(name: str) -> np.ndarray:
        return np.asarray(excess_over_best(table[name], [table[DENSE], table[SPARSE]]).mean(0))

    best = torch.from_numpy(sweep.errors("optimum of the mixture")[..., at]).T
    beside = float(excess_over_best(best, [table[DENSE], table[SPARSE]]).mean())
    note = f"The exact optimum of the mixture lies {beside:.3f} from the better specialist."
    found = median(excess(MIXTURE))
    whole = decide(found, at_most(0.05), note=note, extra={"error by non-zero weights": by_value(sweep, at)})
    control = median(excess(SPARSE))
    return with_control(whole, decide(control, at_most(0.05), measured=f"sparse specialist {control}"))


@claim(
    id="model_selection.07",
    title="At moderate sparsity it stands between its specialists",
    statement="For functions a little less sparse than the sparse class the mixture answers neither as one specialist "
    "nor as the other.",
    source=f"{MAIN}, figure 3",
    published=SHAPE,
    measure="the share rho of the dense specialist in the combination of both that comes closest to the mixture's "
    "predictions, after 3d/4 pairs, at each number of non-zero weights from one more than the class has to d - 2; the "
    "exact posterior probability of the dense class is told beside it",
    rule="the largest over these of min(rho, 1 - rho) has a median over seeds of at least 0.1",
    control="the dense specialist in the mixture's place",
    fixed=FIXED,
    tag="RE",
    scales=SCALES,
    cost=COST,
    needs=linear,
)
def between_the_two(evidence: Evidence) -> Finding:
    """Claim 7."""
    sweep = nonzeros(evidence)
    task = sweep.task
    at = max(round(3 * task.d / 4), 1)
    zone = [i for i, v in enumerate(sweep.values) if task.nonzeros < v <= max(task.d - 2, task.nonzeros + 1)]

    def inside(rho: np.ndarray) -> np.ndarray:
        own = rho[:, zone, at]
        return np.asarray(np.minimum(own, 1 - own).max(1))

    rho = sweep.dense_weight(sweep.said[MIXTURE])
    rows = {
        str(v): {
            "network": float(np.median(rho[:, i, at])),
            "exact posterior of dense": float(sweep.dense_share[i, at]),
        }
        for i, v in enumerate(sweep.values)
    }
    told = "; ".join(
        f"{v} non-zero: {r['network']:.2f} (posterior {r['exact posterior of dense']:.2f})" for v, r in rows.items()
    )
    found = median(inside(rho))
    whole = decide(
        found,
        at_least(0.1),
        note=f"Share of the dense specialist, {told}.",
        extra={"share of dense by non-zero weights": rows},
    )
    alone = median(inside(sweep.dense_weight(sweep.said[DENSE])))
    return with_control(whole, decide(alone, at_least(0.1), measured=f"dense specialist {alone}"))


@claim(
    id="model_selection.08",
    title="Near a class it answers as that class's specialist",
    statement="On functions of a class the mixture's predictions are close to those of the matching specialist and far "
    "from those of the other.",
    source=f"{MAIN}, figure 3b",
    published=SHAPE,
    measure="mean squared difference between predictions, mixture to matching specialist over mixture to the other, "
    "summed over d/2 to d - 1 pairs, where the specialists still differ; at the sparse class's number of non-zero "
    "weights and at d",
    rule="medians over seeds: both ratios below 0.25",
    control="the specialists exchanged",
    fixed=FIXED,
    tag="R",
    scales=SCALES,
    cost=COST,
    needs=linear,
)
def like_the_matching_one(evidence: Evidence) -> Finding:
    """Claim 8."""
    groups = networks.arms(evidence.run)
    task = groups[MIXTURE][0].task
    sweep = nonzeros(evidence, (task.nonzeros, task.d))
    chosen = slice(max(task.d // 2, 1), task.d)
    to = {name: sweep.distance(MIXTURE, name)[..., chosen].sum(-1).clip(1e-9) for name in (DENSE, SPARSE)}
    ratios = {
        f"{task.nonzeros} non-zero": to[SPARSE][:, 0] / to[DENSE][:, 0],
        f"{task.d} non-zero": to[DENSE][:, 1] / to[SPARSE][:, 1],
    }
    parts = {name: decide(median(ratio), at_most(0.25)) for name, ratio in ratios.items()}
    swapped = {name: decide(median(1 / ratio), at_most(0.25)) for name, ratio in ratios.items()}
    return with_control(all_of(parts), networks.told_of("exchanged", all_of(swapped)))
