"""Claims on one linear layer, judged on weights that were written down to be true or false."""

import numpy as np
import pytest

from latebloom.claims import NothingToJudge, Verdict
from latebloom.studies.mesa_optimization.claims import networks as claim_networks
from latebloom.studies.mesa_optimization.claims.networks import Network, half_error, networks, one_step, one_step_rate
from latebloom.studies.mesa_optimization.claims.one_layer import structure
from latebloom.studies.mesa_optimization.experiments.sizes import Size
from tests.studies.mesa_optimization.planted import SMALL, FakeRun, judged, losses_table, one_layer


def rate_of(size, **task):
    return one_step_rate(Network(one_layer(size, 0.1, 1, **task), 0))


BEST = rate_of(SMALL)
GOOD = one_layer(SMALL, BEST)


def test_a_planted_step_is_the_reference_step():
    net = networks(GOOD)[0]
    said = one_step(net)
    # Not exactly: the stream is clipped at 4.
    assert half_error(net.outputs(), net.test[2]) == pytest.approx(half_error(said, net.test[2]), rel=5e-3)
    assert net.loss_of(net.layers()) == pytest.approx(net.loss(), rel=1e-6)


def test_structure_reads_the_planted_numbers():
    found = structure(networks(one_layer(SMALL, BEST, phi_0=0.05)))
    assert found["eta"] == pytest.approx([BEST] * 5, rel=1e-5)
    assert found["phi_0"] == pytest.approx([0.05] * 5, rel=1e-4)
    assert found["other / eta"] == pytest.approx([0.05] * 5, rel=1e-4)
    assert max(found["off-diagonal"]) < 1e-5


@pytest.mark.parametrize("number", ["09", "10", "11"])
def test_reproduced_on_planted_steps(number):
    finding = judged(number, GOOD)
    assert finding.verdict is Verdict.REPRODUCED, finding
    assert finding.seeds == 5


@pytest.mark.parametrize(
    ("number", "run"),
    [
        ("09", one_layer(SMALL, 2.5 * BEST)),
        ("10", one_layer(SMALL, 1.5 * BEST)),
        ("10", one_layer(SMALL, BEST, phi_0=0.3)),
        ("10", one_layer(SMALL, BEST, noise=0.5)),
        ("11", one_layer(SMALL, BEST, noise=0.5)),
    ],
)
def test_contradicted_where_the_weights_are_others(number, run):
    finding = judged(number, run)
    assert finding.verdict is Verdict.CONTRADICTED, finding


def test_untrained_networks_do_not_pass_their_control():
    nothing = one_layer(SMALL, BEST)
    dead = FakeRun(nothing.experiments, [dict.fromkeys(own, own[0]) for own in nothing.weights])
    assert judged("09", dead).verdict is Verdict.CONTRADICTED


def test_one_matrix_for_all_is_not_a_gradient_step():
    step = one_layer(SMALL, rate_of(SMALL, dynamics="fixed"), dynamics="fixed")
    finding = judged("23", step, GOOD)
    assert finding.verdict is Verdict.CONTRADICTED, finding


def test_shrinking_systems_are_judged_by_the_ratio_to_one_step():
    def run(factor):
        own = {seed: rate_of_seed(seed) for seed in range(5)}
        return one_layer(SMALL, lambda seed: factor * own[seed], dynamics="contracting")

    def rate_of_seed(seed):
        return one_step_rate(Network(one_layer(SMALL, 0.1, seed + 1, dynamics="contracting"), seed))

    assert judged("24", run(1.0)).verdict is Verdict.REPRODUCED
    assert judged("24", run(0.2)).verdict is Verdict.CONTRADICTED


def test_both_starts_need_the_published_sizes(monkeypatch):
    monkeypatch.setattr(claim_networks, "FITTED_ON", 300)
    size = Size(d=10, length=50, batch=8, n_test=300)
    uniform, normal = (rate_of(size, start=start) for start in ("uniform", "normal"))
    runs = one_layer(size, uniform), one_layer(size, normal, start="normal")
    finding = judged("29", *runs)
    # Few sequences: the intervals of five networks may reach across a border.
    assert finding.verdict is not Verdict.CONTRADICTED, finding
    assert finding.estimates["normal"].value == pytest.approx(1, abs=0.03)
    assert judged("29", runs[1], GOOD).verdict is Verdict.CONTRADICTED


def plateau_run(end, last=0.9, seeds=6):
    steps = np.arange(0, 1001, 25)
    curves = {s: (steps, np.where(steps < end + 25 * (s % 2), 1.67, last)) for s in range(seeds)}
    return FakeRun([], [], losses_table(curves))


def test_plateaus():
    assert judged("16", plateau_run(150), plateau_run(25)).verdict is Verdict.REPRODUCED
    assert judged("16", plateau_run(150), plateau_run(150)).verdict is Verdict.CONTRADICTED
    assert judged("16", plateau_run(600), plateau_run(25)).verdict is Verdict.CONTRADICTED
    assert judged("16", plateau_run(150, last=0.8), plateau_run(25)).verdict is Verdict.CONTRADICTED


def test_one_log_sooner_is_not_below_minus_25_steps():
    """Logs are 25 steps apart, so a median may stand at the border itself; the rule says below it."""
    table = plateau_run(150).table  # ends at 150 and 175 in turn
    early = FakeRun([], [], table.assign(test_loss=table["test_loss"].mask(table["step"] >= 125, 0.9)))
    found = judged("16", plateau_run(150), early)
    gap = found.estimates["variance 2e-4, less"]
    assert (gap.low, gap.high) == (-50, -25)
    assert found.verdict is Verdict.INCONCLUSIVE


def test_plateaus_of_the_seeds_that_are_left():
    """A member that diverged has no last loss: its row ended the judgement."""
    short = plateau_run(150)
    cut = short.table[(short.table["member"] != 0) | (short.table["step"] < 500)]
    found = judged("16", FakeRun([], [], cut).without(0), plateau_run(25).without(1, 2))
    assert (found.verdict, found.seeds) == (Verdict.REPRODUCED, 3)


@pytest.mark.parametrize("number", ["09", "10", "11", "24"])
def test_a_run_of_which_nobody_is_left(number):
    with pytest.raises(NothingToJudge, match="No member of run aa11 reached its end"):
        judged(number, GOOD.without(*range(5)))


def test_spread_of_seeds_against_spread_of_batches():
    size = Size(d=3, length=12, batch=8, n_test=1024)
    alike = one_layer(size, lambda seed: BEST * (1 + 1e-4 * seed))
    apart = one_layer(size, lambda seed: BEST * (1 + 0.4 * seed))
    assert judged("30", alike, alike).verdict is Verdict.REPRODUCED
    assert judged("30", alike, apart).verdict is Verdict.CONTRADICTED
