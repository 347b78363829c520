"""The benchmarks run and their rows say what the columns promise; how fast anything is, is no test."""

import json
import math

import pytest
import torch

from benchmarks import deep, mesa
from benchmarks.__main__ import BENCHMARKS, COLUMNS, main
from benchmarks.contestants import MAIN, Plain, parity, population
from benchmarks.measuring import Effort, Row, in_turn
from latebloom.models.mesa import mesa_attention
from latebloom.studies.mesa_optimization.experiments.sizes import TINY as TINY_SYSTEM

TINY = Effort(rounds=1, seconds=0.001, members=(1, 2), places=(4, 8))


@pytest.mark.parametrize(
    "name", sorted(set(BENCHMARKS) - {"memory", "fleet", "observing", "mesa", "deep", "in_context"})
)
def test_every_row_has_the_columns_and_consistent_ratios(name, capsys):
    assert main([name, "--json"], TINY) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows
    for row in rows:
        assert list(row) == COLUMNS == ["name", "unit", "ours", "peer", "floor", "ratio_to_peer", "share_of_floor"]
        assert row["ours"] > 0
        assert math.isclose(row["ratio_to_peer"], row["ours"] / row["peer"])
        if row["floor"] is not None:
            assert math.isclose(row["share_of_floor"], row["ours"] / row["floor"])


def test_the_table_shows_a_line_for_each_row(capsys):
    main(["adamw"], TINY)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == COLUMNS
    assert len(lines) == 3
    assert lines[1].split()[-1] == lines[1].split()[-3] == "-"  # no floor


def test_an_unknown_benchmark_is_refused_with_the_known_ones(capsys):
    with pytest.raises(SystemExit) as refused:
        main(["mian"])
    assert refused.value.code == 2
    assert "main" in capsys.readouterr().err


def test_a_cost_below_its_floor_would_show_as_a_share_above_one():
    row = Row.cost("x", "MB", ours=4.0, peer=5.0, floor=2.0)
    assert (row.ratio_to_peer, row.share_of_floor) == (0.8, 0.5)


def test_contestants_take_turns_and_the_first_run_is_not_counted():
    seen, now = [], iter(range(1000))
    found = in_turn(
        {"a": lambda: seen.append("a"), "b": lambda: seen.append("b")},
        Effort(rounds=2, seconds=1.0),
        clock=lambda: float(next(now)),
    )
    assert "".join(seen) == "ababab"
    assert found == {"a": 1.0, "b": 1.0}


def test_the_plain_mesa_loop_computes_the_same_layer(monkeypatch):
    """And the rows of the mesa benchmark are all there, without its processes, which take long to start."""
    monkeypatch.setattr(mesa, "_peak_growth", lambda effort: [])
    names = [row.name for row in mesa.mesa(TINY)]
    assert names[:2] == ["mesa, T = 4", "mesa, T = 8"]
    assert "mesa, kept for backward, from T = 4 to 8" in names
    tensors = mesa.inputs(40, 2)
    found = [torch.autograd.grad(layer(*tensors).sin().sum(), tensors) for layer in (mesa.ours, mesa.plain)]
    for own, right in zip(*found, strict=True):
        torch.testing.assert_close(own, right, rtol=1e-3, atol=1e-4)
    gamma = torch.full((1, 40), 0.9)
    static, _ = mesa_attention(*tensors, 1.0, gamma, regulariser="static")
    torch.testing.assert_close(static, mesa.plain(*tensors, gamma, True), rtol=1e-3, atol=1e-4)


AGREE = {"rtol": 2e-5, "atol": 0}


@pytest.mark.parametrize("experiment", [MAIN, parity(8)], ids=["main", "parity"])
def test_the_plain_loop_trains_the_same_network(experiment):
    """Both sides do the same work: their losses agree for thirty steps, up to rounding; another seed's do not."""
    ours, plain = population(experiment, 2), Plain(experiment)
    for step in range(30):
        own, other = ours.advance(step)
        torch.testing.assert_close(own, plain.step(), **AGREE)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(own, other, **AGREE)


def test_the_plain_deep_loop_trains_the_same_network():
    """On a batch that stays: losses agree for thirty steps. Its own sequences move by an orthogonal matrix."""
    ours = population(deep.experiment(TINY_SYSTEM), 2)
    plain, step = deep.Plain(ours), deep.stepping(ours, fresh=False)
    for _ in range(30):
        torch.testing.assert_close(step()[0], plain.step(), **AGREE)
    tokens, after = deep.sequences(4, 3, 5)
    torch.testing.assert_close(tokens[:, 1:, 3:6], after[:, :-1])
    torch.testing.assert_close(tokens[:, 1:, 9:], tokens[:, :-1, 3:6])
    assert float((after.norm(dim=-1) - tokens[..., 3:6].norm(dim=-1)).abs().max()) < 0.1
    rows = deep.deep(TINY, TINY_SYSTEM)
    assert [row.name for row in rows] == [
        f"deep, 6 linear layers, E = 8, {x}" for x in ("batch given", "new sequences")
    ]
