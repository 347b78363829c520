"""A few numbers of every named part, to be compared with those stored under its version.

python -m tests.runs.fingerprints      stores today's numbers; do this after a version was raised, or a part added
"""

import json
from pathlib import Path

import numpy as np
import torch

from latebloom.data import Place, Signature
from latebloom.models import LOSSES, MODELS, initial_parameters
from latebloom.randomness import stream
from latebloom.tasks import TASKS
from latebloom.training.measures import MEASURES
from latebloom.training.optimisers import OPTIMISERS
from latebloom.training.population import Population
from latebloom.training.view import View
from tests.training.build import tiny

STORED = Path(__file__).with_name("fingerprints.json")
DOUBLE = Place(dtype=torch.float64)
RTOL, ATOL = 1e-5, 1e-8  # float64 leaves far less on any processor; a changed rule changes far more
TEXTS = Path(__file__).with_name("texts")
SMALL_TEXT = {"n_train": 30, "n_val": 6, "n_test": 6, "n_gen": 6, "n_eval": 4, "batch_size": 3}
TASK_SETTINGS = {
    "hub_text": [{"dataset": str(TEXTS), "tokenizer": "characters", "tokens": 20, "n_test": 4, "batch_size": 3}],
    "question_formation": [SMALL_TEXT, SMALL_TEXT | {"structure": "printed", "objective": "prefix"}],
    "tense_inflection": [SMALL_TEXT],
    "dyck": [{"n_train": 60, "n_val": 5, "n_gen": 5, "n_eval": 4, "max_length": 20, "batch_size": 3}],
    "simple_agreement": [{"n_types": 12, "n_train": 30, "n_val": 6, "n_gen": 6, "n_eval": 4, "batch_size": 3}],
    "in_context_functions": [
        {"mixture": "dense+sparse", "nonzeros": 1, "d": 2, "points": 3, "n_test": 4, "batch_size": 3},
        {"mixture": "relu", "tests": "relu", "d": 2, "points": 3, "n_test": 4, "batch_size": 3, "layout": "raventos"},
    ],
    "linear_dynamics": [
        {"n_seen": 3, "length": 5, "n_test": 4, "batch_size": 3},
        {"n_seen": 2, "n_hidden": 4, "length": 5, "n_test": 4, "batch_size": 3},
    ],
    "nonlinear_dynamics": [{"n_seen": 3, "length": 5, "n_test": 4, "batch_size": 3}],
    "majority": [{"n_test": 4, "batch_size": 3}, {"conditioned": True, "loss_on": "said", "n_test": 4}],
    "modular": [{"p": 7}, {"p": 7, "pairs": "unordered", "label_noise": 0.5}, {"p": 7, "batch_size": 5}],
    "multiplication": [{"digits": 2, "width": 3, "n_test": 4, "batch_size": 3}],
    "parity": [{"n": 8, "n_train": 20, "n_test": 20}, {"n": 8, "n_train": 9, "n_test": 9, "label_noise": 0.5}],
    "shakespeare": [{"places": 9, "n_test": 4, "batch_size": 3}],
    "sine_sum": [{"places": 9, "window": 3, "n_test": 4, "batch_size": 3}],
    "synthetic_text": [{"length": 2000, "places": 9, "n_test": 4, "batch_size": 3}],
    "text": [{"file": str(TEXTS / "made_up.txt"), "places": 9, "n_test": 4, "batch_size": 3}],
}
MODEL_SETTINGS = {
    "modular_mlp": {"d_mlp": 4, "d_embed": 5, "tied": False, "bias": True},
    "circle_solution": {"frequencies": (1, 2)},
    "gromov_solution": {"d_mlp": 5},
    "mlp": {"hidden": 4, "encoding": "codes", "code_bits": 4},
    "decoder": {"d_model": 6, "n_heads": 2, "d_mlp": 5},
    "gru": {"d_model": 4},
    "transformer": {"d_model": 6, "n_heads": 2, "d_head": 3, "d_mlp": 5},
}
SEQUENCE_MODELS = {"decoder", "gru"}


def summary(values):
    """Sum, sum of squares, and a projection that knows the order."""
    flat = np.asarray(values, dtype=float).ravel()
    return [float(flat.sum()), float((flat**2).sum()), float(flat @ np.cos(np.arange(flat.size)))]


def task_numbers(name):
    out = []
    for settings in TASK_SETTINGS[name]:
        task = TASKS[name].parse(settings)
        data = task.data([task, task], [0, 1], DOUBLE)
        tested = ["test"] if "test" in data.splits else sorted(data.splits)
        for batch in (data.batch(0), data.batch(7), *(data.splits[split] for split in tested)):
            out += summary(batch.inputs) + summary(batch.targets)
    return out


def model_numbers(name):
    settings = MODEL_SETTINGS.get(name, {})
    task = TASKS["parity"].parse({"n": 6, "n_train": 9, "n_test": 9}) if name == "parity_solution" else None
    task = task or TASKS["modular"].parse({"p": 7})
    model = MODELS[name].parse(settings)
    signature, inputs = task.signature, task.data([task, task], [0, 1], DOUBLE).splits["train"].inputs
    if name in SEQUENCE_MODELS:
        signature = Signature(n_inputs=1, n_outputs=7, d_vocab=7, n_ctx=5)
        inputs = torch.tensor(stream(0, "fingerprint").integers(0, 7, (2, 6, 5)))
    params = initial_parameters(model, [model, model], signature, [0, 1], DOUBLE)
    out = [number for value in params.values() for number in summary(value)]
    return out + summary(model.forward(params, inputs))


def loss_numbers(name):
    logits = torch.tensor(3 * stream(0, "fingerprint").standard_normal((2, 6, 5)))
    targets = logits.flip(0) if LOSSES[name].real else torch.arange(12).view(2, 6) % 5
    return summary(LOSSES[name].rows(logits, targets))


def optimiser_numbers(name):
    """Weights after six steps; per-member settings, window shorter than the steps."""
    changes = {"optimiser": name, "precision": "float64", "window": 3, "momentum": 0.5, "steps": 6, "lr_rest": 0.01}
    base = tiny(**{f"training__{key}": value for key, value in changes.items()})
    population = Population.start([base, base.replace({"training.lr": 0.1, "seed": 1})])
    for step in range(6):
        population.advance(step)
    return [number for value in population.params.values() for number in summary(value.detach())]


def measure_numbers(name):
    view = View(Population.start([tiny(training__precision="float64", seed=s) for s in (0, 1)]), 0)
    return [number for value in MEASURES[name].measure(view).values() for number in summary(value.detach())]


PARTS = {
    "task": (TASKS, task_numbers),
    "model": (MODELS, model_numbers),
    "loss": (LOSSES, loss_numbers),
    "optimiser": (OPTIMISERS, optimiser_numbers),
    "measure": (["fit", "norms", "stability"], measure_numbers),
}


def version_of(kind, name):
    table = MEASURES if kind == "measure" else PARTS[kind][0]
    version = table[name].version
    return list(version) if isinstance(version, tuple) else version


def fingerprint(kind, name):
    return {"version": version_of(kind, name), "numbers": PARTS[kind][1](name)}


def check(kind, name, stored):
    """Raises `AssertionError` with what to do, if a part's numbers are no longer those of its version."""
    found = fingerprint(kind, name)
    refresh = "Then store its numbers: python -m tests.runs.fingerprints"
    if stored is None:
        raise AssertionError(f"The {kind} {name!r} has no stored numbers yet. {refresh}")
    if found["version"] != stored["version"]:
        raise AssertionError(f"The {kind} {name!r} has a new version, {found['version']}. {refresh}")
    same = len(found["numbers"]) == len(stored["numbers"])
    if not (same and np.allclose(found["numbers"], stored["numbers"], rtol=RTOL, atol=ATOL)):
        raise AssertionError(
            f"The numbers of the {kind} {name!r} changed and its version is still {found['version']}: raise the "
            f"version, so that no run made with the old numbers passes for a new one. {refresh}"
        )


def refreshed(stored):
    """The table as it should be stored; what is stored under today's version stays, to the last digit."""
    table = {}
    for kind, (names, _) in PARTS.items():
        old = stored.get(kind, {})
        table[kind] = {
            name: old[name] if old.get(name, {}).get("version") == version_of(kind, name) else fingerprint(kind, name)
            for name in names
        }
    return table


if __name__ == "__main__":
    STORED.write_text(json.dumps(refreshed(json.loads(STORED.read_text())), indent=1) + "\n")
