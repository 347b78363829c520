"""What a run is known by: hashes change with what decides the numbers and with nothing else; versions are honest."""

import dataclasses
import json

import pytest

from latebloom.fleet.identity import member_hash
from latebloom.models import LOSSES, ModularMLP
from latebloom.tasks import ModularArithmetic
from latebloom.training.measures import MEASURES, versions
from latebloom.training.optimisers import OPTIMISERS
from latebloom.training.optimisers.adam import Adam
from latebloom.training.population import unit_hash
from tests.runs import fingerprints
from tests.training.build import tiny

STORED = json.loads(fingerprints.STORED.read_text())
PARTS = [(kind, name) for kind, (names, _) in fingerprints.PARTS.items() for name in names]


@pytest.mark.parametrize(("kind", "name"), PARTS, ids="-".join)
def test_numbers_are_those_stored_under_the_version(kind, name):
    fingerprints.check(kind, name, STORED[kind].get(name))


def test_nothing_is_stored_of_parts_that_are_no_more():
    assert {(kind, name) for kind, table in STORED.items() for name in table} == set(PARTS)


def test_changed_numbers_are_noticed_and_the_remedy_is_told(monkeypatch):
    real = LOSSES["mse"]
    other = dataclasses.replace(real, rows=lambda z, y: real.rows(z, y) * 1.0001)
    monkeypatch.setitem(LOSSES._parts, "mse", other)
    with pytest.raises(AssertionError, match=r"numbers of the loss 'mse' changed .* still 1: raise the version"):
        fingerprints.check("loss", "mse", STORED["loss"]["mse"])
    monkeypatch.setitem(LOSSES._parts, "mse", dataclasses.replace(other, version=2))
    with pytest.raises(AssertionError, match=r"new version, 2\. Then store"):
        fingerprints.check("loss", "mse", STORED["loss"]["mse"])
    monkeypatch.setattr(Adam, "update", lambda *arguments: None)
    with pytest.raises(AssertionError, match="numbers of the optimiser 'grokfast_ema' changed"):
        fingerprints.check("optimiser", "grokfast_ema", STORED["optimiser"]["grokfast_ema"])
    with pytest.raises(AssertionError, match="has no stored numbers yet"):
        fingerprints.check("loss", "hinge", None)


def test_rows_in_another_order_are_other_numbers():
    assert fingerprints.summary([1, 2, 3]) != fingerprints.summary([3, 2, 1])


CHANGES = {
    "seed": 1,
    "task.p": 11,
    "task.split_seed": 0,
    "model.d_mlp": 5,
    "model.init_scale": 2.0,
    "training.lr": 0.03,
    "training.steps": 25,
    "training.optimiser": "sgd",
    "training.precision": "float64",
    "training.stop.logs": 3,
    "log.every": 6,
    "snapshots.every": 6,
    "measure": [],
    "device": "cuda",
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_changed_field_is_another_member(field):
    assert member_hash(tiny().replace({field: CHANGES[field]})) != member_hash(tiny())


@pytest.mark.parametrize(("field", "value"), [("name", "other"), ("scale", "paper"), ("population", 3)])
def test_a_member_is_the_same_under_another_name_or_among_others(field, value):
    assert member_hash(tiny().replace({field: value})) == member_hash(tiny())


def raise_version(monkeypatch, part):
    if part == "task":
        monkeypatch.setattr(ModularArithmetic, "version", 99)
    elif part == "model":
        monkeypatch.setattr(ModularMLP, "version", 99)
    elif part == "loss":
        changed = dataclasses.replace(LOSSES["cross_entropy"], version=99)
        monkeypatch.setitem(LOSSES._parts, "cross_entropy", changed)
    elif part == "optimiser":
        row = OPTIMISERS["adamw"]
        changed = dataclasses.replace(row, rule=dataclasses.replace(row.rule, version=99))
        monkeypatch.setitem(OPTIMISERS._parts, "adamw", changed)
    else:
        monkeypatch.setitem(MEASURES._parts, part, dataclasses.replace(MEASURES[part], version=99))


@pytest.mark.parametrize("part", ["task", "model", "loss", "optimiser", "fit", "norms"])
def test_a_raised_version_is_another_run(monkeypatch, part):
    before = member_hash(tiny()), unit_hash([tiny()], versions(tiny().measure))
    raise_version(monkeypatch, part)
    after = member_hash(tiny()), unit_hash([tiny()], versions(tiny().measure))
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_versions_of_parts_that_are_not_used_do_not_matter(monkeypatch):
    before = member_hash(tiny())
    raise_version(monkeypatch, "stability")
    monkeypatch.setitem(LOSSES._parts, "mse", dataclasses.replace(LOSSES["mse"], version=99))
    assert member_hash(tiny()) == before
