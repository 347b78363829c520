"""Measures: phases of square-activation networks, logit scale, circuit efficiency."""

import torch

from latebloom.errors import LatebloomError
from latebloom.instruments import stability
from latebloom.instruments.efficiency import efficiency
from latebloom.instruments.fourier import fourier_transform, ipr
from latebloom.instruments.neurons import neuron_frequency, neuron_phase, phase_sum_error
from latebloom.instruments.norms import l2_norms
from latebloom.instruments.trigonometric import trigonometric_share
from latebloom.models import Model, ModularMLP
from latebloom.training.measures import Columns, measure, training_rows
from latebloom.training.view import View


def modular_mlp(model: Model) -> ModularMLP:
    """The model itself; the measures of this file read its tables and refuse any other family."""
    if not isinstance(model, ModularMLP):
        raise LatebloomError(f"This measure reads the tables of a modular_mlp; model.kind is {model.kind!r}.")
    return model


def homogeneity(model: ModularMLP) -> int:
    """How often weights are multiplied on the way to the logits: 4 for the explorable's network, 3 for Gromov's."""
    into = 2 if model.in_product == "factored" else 1
    out = 2 if model.out_product == "factored" else 1
    return into * (2 if model.activation == "square" else 1) + out


@measure("grokking.square_phases")
def square_phases(view: View) -> Columns:
    """Fourier sparsity and phase rule of a network with one table an input.

    `ipr`: inverse participation ratio, mean over neurons and the three tables. `phase_error`: median over neurons of
    |phi_a + phi_b - phi_out| in degrees at the frequency of the neuron's first table (90 for random phases).
    `frequency_agreement`: share of neurons whose three tables have one frequency. Source: Gromov 2023.
    """
    model = modular_mlp(view.population.model)
    tables = [*model.in_tables(view.params), model.out_table(view.params).transpose(1, 2)]
    if len(tables) != 3:
        raise LatebloomError("grokking.square_phases needs one table for each input: model.shared=false.")
    coefficients = [fourier_transform(table.double()) for table in tables]
    frequencies = [neuron_frequency(table, "pair_norm") for table in coefficients]
    phases = [neuron_phase(table, frequencies[0]) for table in coefficients]
    agree = (frequencies[0] == frequencies[1]) & (frequencies[0] == frequencies[2])
    return {
        "ipr": torch.stack([ipr(table.double()) for table in tables]).mean((0, 2)),
        "phase_error": phase_sum_error(*phases).abs().median(-1).values,
        "frequency_agreement": agree.double().mean(-1),
    }


@measure("grokking.logit_scale")
def logit_scale(view: View) -> Columns:
    """Logit scale on the training rows after temperature: `logit_rms` of centred logits, and mean `train_margin`."""
    train = training_rows(view, "grokking.logit_scale")
    logits = view.logits("train") * view.population.hyper["logit_scale"][:, None, None]
    mask = train.weight > 0
    return {
        "logit_rms": stability.logit_rms(logits, mask),
        "train_margin": stability.mean_margin(logits, train.targets, mask),
    }


@measure("grokking.efficiency")
def circuit_efficiency(view: View) -> Columns:
    """Margin on the training rows for a unit of weight norm, to the power of the network's homogeneity.

    `efficiency` takes the mean margin over rows, `efficiency_min` the smallest; `l2_norm` is that of all weights;
    `trigonometric_share` says how much of the logits depends on (a + b) alone. Source: Varma et al. 2023.
    """
    model, train = modular_mlp(view.population.model), view.splits["train"]
    mask = train.weight > 0
    margins = stability.margins(view.logits("train"), train.targets, mask)
    norm, degree = l2_norms(view.trained).total, homogeneity(model)
    p = view.population.task.signature.d_vocab
    pair = torch.arange(p * p, device=train.inputs.device)  # a is the outer loop
    logits = model.forward(view.params, torch.stack([pair // p, pair % p], -1).expand(norm.shape[0], -1, -1))
    return {
        "efficiency": efficiency(margins, norm, degree, "mean", mask),
        "efficiency_min": efficiency(margins, norm, degree, "min", mask),
        "l2_norm": norm,
        "trigonometric_share": trigonometric_share(logits.view(-1, p, p, p)),
    }
