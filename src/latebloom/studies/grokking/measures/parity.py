"""Measures: weights of parity networks, digit by digit and neuron by neuron."""

import torch

from latebloom.errors import LatebloomError
from latebloom.instruments.live_neurons import count_neurons
from latebloom.instruments.norms import l1_norms
from latebloom.instruments.sparsity import active_subnetwork, dense_predictor, input_norms
from latebloom.models import MLP
from latebloom.tasks import SparseParity
from latebloom.training.measures import Columns, measure
from latebloom.training.view import View

LIVE = 0.01  # share of the strongest neuron's strength above which a neuron counts as live


def parity_parts(view: View) -> tuple[SparseParity, MLP]:
    """Task and model; the measures of this file read one hidden ReLU layer on sparse parity and refuse all else."""
    task, model = view.population.task, view.population.model
    if not isinstance(task, SparseParity) or not isinstance(model, MLP) or model.layers != 1:
        raise LatebloomError(
            f"This measure reads an mlp of one hidden layer on the parity task; here task.kind is {task.kind!r} and "
            f"model.kind is {model.kind!r}."
        )
    return task, model


@measure("grokking.parity_weights")
def parity_weights(view: View) -> Columns:
    """Strength of the digits that count and of those that distract, and how many neurons work.

    The strength of an input weight is |w_in| |w_out|, which rescaling a neuron does not change. `largest_digit`,
    `largest_distractor`: its maximum over neurons and the first k, the other n - k digits. `distractor_l1`: sum of
    |w_in| over all distractors. `live`, `distinct`: neurons above 1 % of the strongest, and those of them that are no
    copies (see `count_neurons`).
    """
    task, _ = parity_parts(view)
    into, out = view.params["W_0"], view.params["W_out"]
    strength = into.abs() * torch.linalg.vector_norm(out, dim=-1).unsqueeze(-2)
    count = count_neurons(into, out, LIVE, b_in=view.params.get("b_0"), relative=True)
    return {
        "largest_digit": strength[:, : task.k].amax((1, 2)),
        "largest_distractor": strength[:, task.k :].amax((1, 2)),
        "distractor_l1": into[:, task.k :].abs().sum((1, 2)),
        "live": count.live,
        "distinct": count.distinct,
    }


@measure("grokking.l1_penalty", of_weights=True)
def l1_penalty(view: View) -> Columns:
    """`penalty`: wd ||w||_1 over all trained weights, what the optimiser adam_l1 adds to the loss."""
    if (name := view.population.training.optimiser) != "adam_l1":
        raise LatebloomError(f"grokking.l1_penalty is that of training.optimiser=adam_l1; here it is {name!r}.")
    return {"penalty": view.population.hyper["weight_decay"] * l1_norms(view.trained).total}


@measure("grokking.parity_trajectories")
def parity_trajectories(view: View) -> Columns:
    """`input_weights` [member, n * hidden]: every weight from a digit to a neuron, digit the outer axis."""
    parity_parts(view)
    return {"input_weights": view.params["W_0"].flatten(1)}


@measure("grokking.effective_sparsity")
def effective_sparsity(view: View) -> Columns:
    """`effective_sparsity`: fewest neurons, strongest input weights first, that answer every training row as all do.

    Source: Merrill et al. 2023 (arXiv 2303.11873), section on subnetworks.
    """
    parity_parts(view)
    train, params = view.splits["train"], view.params
    predict = dense_predictor(train.inputs, params["W_0"], params["W_out"], params.get("b_0"), params.get("b_out"))
    return {"effective_sparsity": active_subnetwork(input_norms(params["W_0"]), predict, train.weight > 0).size}
