"""Second opinions share nothing with latebloom, run, and tell agreement from disagreement."""

import ast
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from checks import __main__ as command
from checks.compare import Line, row, share, told
from checks.fewer_pairs import crossing, ends, fewer_pairs
from checks.folds import falls_rises_falls, folds, frames
from checks.inputs import codes, mirror, numbers_of
from checks.muon import ALL, MIDDLE, NONE, muon, time_to_generalise
from checks.networks import explorable, explorable_logits, perceptron, stacked
from checks.norm import explained, norm
from checks.parity import label, rows_of, switch_run
from checks.plain import adamw, descend, gradient_of_line, log_spaced, pairs, settled, shuffled, since

CHECKS = Path(__file__).parents[2] / "checks"


def imported(text):
    """Every module that a program imports, by its first name."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        if isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


def test_nothing_is_shared_with_the_code_that_is_checked():
    assert imported("import latebloom.tasks as t\nfrom benchmarks.measuring import rate") == {"latebloom", "benchmarks"}
    for path in CHECKS.glob("*.py"):
        assert not imported(path.read_text()) & {"latebloom", "benchmarks", "tests"}, path.name


@pytest.fixture
def ledger(tmp_path):
    """Two entries of one claim, a claim of one number, and an open interval."""

    def entry(id, scale, value, interval, measured="", estimates=None):
        known = {"share": {"value": value, "interval": interval}} if estimates is None else estimates
        return {"id": id, "scale": scale, "measured": measured, "interval": interval, "estimates": known}

    path = tmp_path / "grokking.json"
    entries = [
        entry("grokking.90", "laptop", 0.9, [0.8, None]),
        entry("grokking.90", "quick", 0.1, [0.0, 0.2]),
        entry("grokking.91", "laptop", 1.15, [1.06, 1.36], "1.15 [1.06, 1.36] x", {}),
    ]
    path.write_text(json.dumps({"entries": entries}))
    return path


def test_the_ledgers_largest_scale_is_shown_beside(ledger):
    assert told("grokking.90", "share", ledger) == (0.9, 0.8, None)
    assert told("grokking.91", "", ledger) == (1.15, 1.06, 1.36)
    assert told("grokking.90", "no such number", ledger) is None
    assert told("grokking.92", "share", ledger) is None


def test_agreement_is_the_same_side_of_the_rule(ledger):
    def word(values, low=0.5, high=1.0, claim="grokking.90", estimate="share"):
        return row(Line(claim, "q", values, low, high, estimate), ledger)[-1]

    assert word([0.6, 0.7, 0.1]) == "agrees"
    assert word([0.4, 0.7, 0.1]) == "DOES NOT AGREE"
    assert word([0.4], high=0.8) == "agrees"  # both break the rule
    assert word([]) == word([0.6], estimate=None) == ""
    assert row(share("grokking.90", "q", [True, False, True, True], 0.5, 1, "share"), ledger)[4:] == ["0.75", "agrees"]
    assert row(Line("grokking.90", "q", [1.0, 3.0, 2.0], 0, 9, "share"), ledger)[2:5] == [
        "0 to 9",
        "0.9 [0.8, ?]",
        "2 (1 to 3, 3 seeds)",
    ]


def test_the_command_fails_where_a_number_does_not_agree(monkeypatch, capsys):
    def planted(seeds):
        """Planted."""
        return [Line("grokking.38", "planted", [0.1] * seeds, 0.9, 1, "largest D'")]

    monkeypatch.setattr(command, "CHECKS", {"planted": (planted, 3)})
    assert command.main(["planted", "--seeds", "2"]) == 1
    assert "DOES NOT AGREE" in capsys.readouterr().out
    monkeypatch.setattr(command, "CHECKS", {"planted": (lambda seeds: [], 3)})
    assert command.main([]) == 0


@pytest.mark.parametrize("words", [["no_such_check"], ["norm", "--seeds", "0"]])
def test_bad_words_are_refused(words, capsys):
    with pytest.raises(SystemExit) as refused:
        command.main(words)
    assert refused.value.code == 2
    assert "norm" in capsys.readouterr().err or "at least 1" in words


# Events and fits on made-up curves.


def test_events_by_hand():
    steps, values = [0, 1, 2, 4, 8, 16], [0.0, 0.9, 0.1, 0.95, 0.99, 1.0]
    assert since(steps, values, 0.9, 1) == 1
    assert since(steps, values, 0.9, 3) == 4
    assert math.isinf(since(steps, values, 0.95, 4))
    assert settled(values, 0.95) and not settled(values, 0.96)
    assert crossing((100, 200, 400), (0.1, 0.4, 0.6), 0.5) == pytest.approx(200 * 2**0.5)
    assert math.isnan(crossing((100, 200), (0.1, 0.2), 0.5)) and math.isnan(crossing((100, 200), (0.6, 0.7), 0.5))
    assert gradient_of_line([0, 1, 2], [5, 3, 1]) == pytest.approx(-2)
    assert log_spaced(100, 1) == [0, 1, 10, 100]
    assert falls_rises_falls([1, 0.8, 0.8, 1, 1, 0.8, 0.8]) and falls_rises_falls([2, 1, 1, 9, 9, 9, 2, 2])
    assert not falls_rises_falls([1, 0.8, 0.8, 1, 1, 1]) and not falls_rises_falls([1, 2, 2, 1, 1])


def test_labels_of_the_pages_rule():
    assert label([1.0, 1e-3], [1.0, 1.0], 0.0) == "nothing"
    assert label([1.0, 1e-6], [1.0, 0.1], 0.0) == "memorise only"
    assert label([1.0, 1e-6, 1e-8], [1.0, 0.5, 1e-6], 0.0) == "grok"
    assert label([1.0, 1e-8, 1e-11], [1.0, 1e-6, 1e-6], 0.0) == "grok"
    assert label([1.0, 1e-8, 1e-11], [1.0, 1e-6, 1e-6], 2.0**-23) == "together"


def test_explained_variance_of_made_up_delays():
    sizes = np.linspace(0, 3, 40)
    assert explained(2 - sizes, sizes) == pytest.approx(1)
    assert explained(np.cos(7 * sizes), sizes) < 0.2


# Networks and data.


def test_networks_compute_what_they_say():
    weights, logits = explorable(5, 7, 3, seed=0, shared=False)
    E, A, A2, B = (weight.detach().numpy() for weight in weights)
    hand = np.maximum(E[2] @ A + E[4] @ A2, 0) @ B @ E.T
    np.testing.assert_allclose(logits(torch.tensor([[2, 4]])).detach()[0], hand, rtol=1e-5)
    weights, layers = perceptron((4, 3, 2), 0, bias=True)
    W, U, b, c = (weight.detach().numpy() for weight in weights)
    x = np.array([[1.0, 0, 2, 0]], dtype=np.float32)
    np.testing.assert_allclose(layers(torch.tensor(x))[1].detach(), np.maximum(x @ W + b, 0) @ U + c, rtol=1e-5)


def test_rows_codes_and_frames():
    assert len(pairs(5, unordered=True)) == 15 and len(pairs(5, unordered=False)) == 25
    bits, labels = rows_of(200, 0, torch.float64)
    assert ((bits[:, :3].sum(1) % 2) == labels).all()
    codes = numbers_of(67, "codes", 3)(torch.arange(67)[:, None])
    assert codes.shape == (67, 7) and len(codes.unique(dim=0)) == 67
    assert numbers_of(67, "digits", 0)(torch.tensor([[5, 64]]))[0].tolist() == [0, 0, 0, 0, 1, 0, 1, 1, *[0] * 6]
    own = frames(2, 30)[1].double()
    torch.testing.assert_close(own @ own.T, torch.eye(25, dtype=torch.float64), atol=1e-5, rtol=0)


def test_the_l1_penalty_shrinks_what_has_no_gradient():
    """A weight without gradient moves by the sign of the penalty alone."""
    weight = torch.tensor([2.0, -2.0], requires_grad=True)
    weight.register_hook(lambda grad: grad + 3e-6 * weight.detach().sign())
    descend([weight], lambda: (weight * 0).sum(), torch.optim.Adam([weight], lr=0.1), [5], lambda step: None)
    assert 0 < weight[0] < 2 and -2 < weight[1] < 0


def test_descending_finds_a_minimum_and_can_end_early():
    weight, seen = torch.tensor([3.0], requires_grad=True), []
    descend([weight], lambda: weight.square().sum(), adamw([weight], 0.05, 0.0), [0, 100, 400], seen.append)
    assert seen == [0, 100, 400] and abs(weight.item()) < 1e-2
    descend([weight], lambda: weight.sum(), adamw([weight], 1.0, 0.0), [0, 5, 9], lambda step: step == 5)
    assert weight.item() == pytest.approx(-5, abs=0.05)


@pytest.mark.parametrize(
    "few",
    [
        lambda: command.floor(1, 100),
        lambda: command.switch(1, 100),
        lambda: command.data(1, 5),
        lambda: command.decay(1, 5),
        lambda: norm(1, 10),
        lambda: fewer_pairs(1, 3),
        lambda: muon(1, 20),
        lambda: codes(1, (2, 2, 1)),
        lambda: mirror(1, 20),
        lambda: folds(1, 5),
    ],
)
def test_every_check_runs_and_its_numbers_are_in_the_ledger(few):
    lines = few()
    assert lines
    for line in lines:
        assert line.estimate is None or told(line.claim, line.estimate) is not None, line


def test_whoever_has_a_rate_of_nothing_learns_nothing():
    def accuracy(by_muon, rate, steps):
        return time_to_generalise(by_muon, (rate, 0.0), 0, steps, p=7)[1]

    begun = accuracy(ALL, 0.0, 0)
    assert accuracy(ALL, 0.0, 40) == begun
    assert all(accuracy(*own, 40) != begun for own in ((ALL, 0.05), (MIDDLE, 0.0), (NONE, 0.0)))


def test_the_first_weights_of_a_parity_run_are_those_of_its_seed():
    one, two, other = (switch_run(50, seed)["W"] for seed in (0, 0, 1))
    assert (one == two).all() and not (one == other).any()


def test_networks_side_by_side_are_those_alone():
    networks = [explorable(7, 5, 4, seed) for seed in range(3)]
    rows = torch.stack([pairs(7, unordered=False)[shuffled(49, seed)[:11]] for seed in range(3)])
    alone = torch.stack([logits(own) for (_, logits), own in zip(networks, rows, strict=True)])
    torch.testing.assert_close(explorable_logits(stacked(networks), rows), alone)


def test_accuracy_leaves_out_the_pairs_trained_on():
    seeds, sizes = [0, 1], [10, 300]
    weights = stacked([explorable(43, 128, 48, seed) for seed in seeds])
    for (other, beyond), size in zip(ends(weights, seeds, sizes, 1.0, 150), sizes, strict=True):
        assert other < 0.2 and beyond < 0.2, size
    table = pairs(43, unordered=True)[shuffled(946, 1)][:300]
    fitted = explorable_logits([weight[1:] for weight in weights], table[None])[0].argmax(1)
    assert (fitted == table.sum(1) % 43).double().mean() > 0.9
