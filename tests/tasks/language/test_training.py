"""Every language task trains a decoder, and what a solo member learns does not depend on how rows are padded."""

import pytest
import torch

from latebloom.models.decoder import Decoder
from latebloom.tasks.language import Dyck, QuestionFormation, SimpleAgreement, TenseInflection
from latebloom.training import measures
from latebloom.training.experiment import Experiment, Training
from latebloom.training.population import Population
from latebloom.training.view import View

SIZES = {"n_train": 400, "n_val": 20, "n_gen": 20}
TASKS = {
    "question": QuestionFormation.parse({**SIZES, "n_test": 20}),
    "prefix": QuestionFormation.parse({**SIZES, "n_test": 20, "objective": "prefix"}),
    "tense": TenseInflection.parse({**SIZES, "n_test": 20}),
    "agreement": SimpleAgreement.parse(SIZES),
    "dyck": Dyck.parse({**SIZES, "max_length": 24, "bucketed": True}),
}
MODEL = Decoder(n_layers=1, d_model=16, n_heads=2, positions="sinusoidal")


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_the_loss_falls_on_new_rows(task):
    recipe = Training(steps=40, lr=1e-2, weight_decay=0.0)
    members = [Experiment(name="x", task=task, model=MODEL, training=recipe, seed=seed) for seed in (0, 1)]
    population = Population.start(members)
    before = measures.fit(View(population, 0))["val_loss"]
    for step in range(40):
        population.advance(step)
    columns = measures.fit(View(population, 40))
    assert (columns["val_loss"] < 0.95 * before).all()
    assert {"gen_loss", "val_accuracy", "gen_accuracy"} <= set(columns)


def test_members_of_one_population_may_have_data_of_their_own():
    variants = [{}, {"centre_embedded": 1.0}, {"objective": "prefix"}, {"disambiguating": 50}]
    members = [
        Experiment(name="x", task=TASKS["question"].replace(change), model=MODEL, training=Training(steps=3), seed=4)
        for change in variants
    ]
    together = Population.start(members)
    for step in range(3):
        together.advance(step)
    for member, experiment in enumerate(members):
        solo = Population.start([experiment])
        for step in range(3):
            solo.advance(step)
        for name, value in solo.params.items():
            torch.testing.assert_close(together.params[name][member], value[0], rtol=1e-4, atol=1e-5)
