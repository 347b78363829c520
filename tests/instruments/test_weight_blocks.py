import numpy as np
import pytest
import torch

from latebloom.errors import LatebloomError
from latebloom.instruments import weight_blocks as wb
from latebloom.instruments.linear_attention import Products, attend
from latebloom.randomness import stream
from tests.instruments.in_context import states, tokens

D = 3


def planted(rate=0.04, phi_0=0.2, heads=2, seed=0):
    """Heads on [0, 0, s_t, s_{t-1}] that share one gradient step, with factors and signs traded between products."""
    share = stream(seed, "share").dirichlet(np.ones(heads))
    factor = stream(seed, "factor").normal(size=heads)
    qk, ov = np.zeros((heads, 4, 4)), np.zeros((heads, 4, 4))
    qk[:, 2, 3] = factor
    ov[:, 2, 0], ov[:, 3, 0] = rate * share / factor, -rate * phi_0 * share / factor
    return Products(*(torch.from_numpy(np.kron(table, np.eye(D))) for table in (qk, ov)))


def test_blocks_are_what_loops_find():
    product = torch.from_numpy(stream(0, "blocks").normal(size=(2, 6, 9)))
    ours = wb.blocks(product, D)
    for lead in range(2):
        for row in range(2):
            for column in range(3):
                cut = product[lead, row * D : row * D + D, column * D : column * D + D].numpy()
                diagonal = [cut[i, i] for i in range(D)]
                beside = max(abs(cut[i, j]) for i in range(D) for j in range(D) if i != j)
                assert float(ours.mean[lead, row, column]) == pytest.approx(np.mean(diagonal))
                assert float(ours.off_diagonal[lead, row, column]) == pytest.approx(beside)
                spread = np.abs(diagonal - np.mean(diagonal)).max()
                assert float(ours.spread[lead, row, column]) == pytest.approx(spread)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_a_planted_step_is_read_whatever_the_heads_trade(heads):
    step = wb.gradient_step(planted(heads=heads), D)
    assert float(step.rate) == pytest.approx(0.04)
    assert float(step.phi_0) == pytest.approx(0.2)
    assert float(step.other) == pytest.approx(0, abs=1e-12)


def test_the_coefficients_are_what_the_layer_does():
    noise = stream(3, "heads")
    layer = Products(*(torch.from_numpy(np.kron(noise.normal(size=(2, 4, 4)), np.eye(D))) for _ in range(2)))
    s = states(2, 6, D)
    x = tokens(s, "s0sp")
    table = wb.coefficients(layer, D)
    channels = x.unflatten(-1, (4, D))
    scores = torch.einsum("btqd,bskd->bqkts", channels, channels).tril()
    expected = torch.einsum("bqkts,bsvd,qkvo->btod", scores, channels, table).flatten(-2)
    torch.testing.assert_close(attend(layer, x), expected)


def test_another_term_is_seen_only_on_channels_that_hold_something():
    layer = planted()
    spoiled = layer.qk.clone()
    spoiled[0, : 2 * D] = 1.0
    assert float(wb.gradient_step(Products(spoiled, layer.ov), D).other) == pytest.approx(0, abs=1e-12)
    spoiled[0, 2 * D : 3 * D, 2 * D : 3 * D] = torch.eye(D)
    expected = float(layer.ov[0, 2 * D, 0].abs())
    assert float(wb.gradient_step(Products(spoiled, layer.ov), D).other) == pytest.approx(expected)
    everywhere = wb.gradient_step(Products(spoiled, layer.ov), D, seen=(0, 1, 2, 3))
    assert float(everywhere.other) >= expected


def test_the_released_network_reads_as_published():
    """Block means of the released one-layer weights, two heads: eta 0.0334 in all (the line search says 0.032)."""
    qk, ov = np.zeros((2, 4, 4)), np.zeros((2, 4, 4))
    qk[:, 2, 3], ov[:, 2, 0], ov[:, 3, 0] = [-0.1302, 0.1319], [-0.1286, 0.1261], [0.0103, -0.0105]
    step = wb.gradient_step(Products(*(torch.from_numpy(np.kron(t, np.eye(D))) for t in (qk, ov))), D)
    assert float(step.rate) == pytest.approx(0.0334, abs=5e-5)
    assert float(-step.rate * step.phi_0) == pytest.approx(-0.0027, abs=5e-5)
    assert float(step.phi_0) == pytest.approx(0.08, abs=0.005)


def test_members_are_read_alone_and_widths_that_do_not_fit_are_refused():
    one, two = planted(rate=0.1, seed=1), planted(rate=0.3, seed=2)
    both = Products(torch.stack([one.qk, two.qk]), torch.stack([one.ov, two.ov]))
    assert wb.gradient_step(both, D).rate.tolist() == pytest.approx([0.1, 0.3])
    with pytest.raises(LatebloomError, match="12 by 12 is not made of blocks of width 5"):
        wb.blocks(one.qk, 5)
