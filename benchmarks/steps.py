"""The two hot paths: whole steps, and their two halves."""

import torch

from benchmarks.contestants import MAIN, Plain, advancing, flops, parity, population
from benchmarks.measuring import Effort, Row, in_turn, matrix_product
from latebloom.training.experiment import Experiment
from latebloom.training.optimisers import OPTIMISERS


def steps(experiment: Experiment, effort: Effort) -> list[Row]:
    """Member-steps a second for each number of members."""
    product, arithmetic = matrix_product()
    ours = {str(count): advancing(experiment, count) for count in effort.members}
    found = in_turn({"product": product, "plain": Plain(experiment).step, **ours}, effort)
    floor = found["product"] * arithmetic / flops(experiment)
    return [
        Row.rate(f"{experiment.name}, E = {n}", "member-steps/s", n * found[str(n)], found["plain"], floor)
        for n in effort.members
    ]


def main_steps(effort: Effort) -> list[Row]:
    """The explorable's main run: p 67, 24 neurons, factored tied tables, 911 rows."""
    return steps(MAIN, effort)


def parity_steps(effort: Effort) -> list[Row]:
    """Members of the parity sweep at four of its widths, 1,200 rows."""
    return [row for hidden in (16, 32, 64, 128) for row in steps(parity(hidden), effort)]


def gradients(effort: Effort) -> list[Row]:
    """Loss and gradient alone."""
    rows = []
    for experiment in (MAIN, parity()):
        count = max(effort.members[:2])
        ours, plain = population(experiment, count), Plain(experiment)
        product, arithmetic = matrix_product()

        def gradient(ours=ours):
            with torch.no_grad():
                return ours.gradient(0)

        found = in_turn({"product": product, "plain": plain.gradient, "ours": gradient}, effort)
        floor = found["product"] * arithmetic / flops(experiment)
        name = f"{experiment.name}, loss and gradient, E = {count}"
        rows.append(Row.rate(name, "member-gradients/s", count * found["ours"], found["plain"], floor))
    return rows


def updates(effort: Effort) -> list[Row]:
    """AdamW alone, on gradients that are there."""
    rows = []
    for experiment in (MAIN, parity()):
        count = max(effort.members[:2])
        ours, plain, rule = population(experiment, count), Plain(experiment), OPTIMISERS["adamw"]
        weights = {name: ours.params[name] for name in ours.trained}
        grads = {name: torch.full_like(value, 1e-3) for name, value in weights.items()}
        plain.gradient()
        found = in_turn(
            {
                "plain": plain.optimiser.step,
                "ours": lambda ours=ours, weights=weights, grads=grads, rule=rule: rule.update(
                    weights, grads, ours.state, ours.hyper, 100
                ),
            },
            effort,
        )
        name = f"{experiment.name}, AdamW, E = {count}"
        rows.append(Row.rate(name, "member-updates/s", count * found["ours"], found["plain"]))
    return rows
