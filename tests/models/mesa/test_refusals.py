"""Bad input is answered by a sentence that says what would be right."""

import pytest
import torch

from latebloom.errors import LatebloomError
from latebloom.models.mesa import MesaAttention, mesa_attention
from tests.models.mesa.problems import problem

Q, K, V, GAMMA = problem(gates=(0.8, 1.0), dtype=torch.float32)
LONG = torch.ones(3, 13)


@pytest.mark.parametrize(
    ("args", "settings", "text"),
    [
        ((Q, K, V), {"form": "chunkd"}, r"Unknown form of the mesa layer 'chunkd'\. Did you mean 'chunked'\?"),
        ((Q, K, V), {"regulariser": "fixed"}, r"Unknown regulariser 'fixed'\. Known: decaying, static"),
        ((Q, K, V), {"chunk": 0}, "chunk = 0, but a mesa layer needs at least 1"),
        ((Q, K, V), {"iterations": 0}, "iterations = 0, but a mesa layer needs at least 1"),
        ((Q.half(), K, V), {}, r"query is float16\. Solving .* half precision.*Pass query\.float\(\)"),
        ((Q, K, V.bfloat16()), {}, r"value is bfloat16\..*MesaAttention does both by itself"),
        ((Q, K.int(), V), {}, "key is int32; a mesa layer computes in float32 or float64"),
        ((Q, K.double(), V), {}, "differ in type: query float32, key float64, value float32"),
        ((Q[:, :0], K[:, :0], V), {}, r"shape \(12, 0\): its last axis, the size of a head \(n_a, d_head\), is 0"),
        ((Q[:0], K[:0], V[:0]), {}, r"query has shape \(0, 4\): no places"),
        ((Q[0], K, V), {}, r"query has shape \(4,\); expected \[\.\.\., pos, d_head\]"),
        ((Q, K[:, :3], V), {}, r"query \(12, 4\), key \(12, 3\) and value \(12, 3\) do not fit"),
        ((Q, K, V[:5]), {}, r"value \(5, 3\) do not fit.*value must have as many places"),
        ((Q.expand(2, -1, -1), K.expand(3, -1, -1), V), {}, r"do not broadcast: query \[2\], key \[3\], value \[\]"),
        ((Q, K, V, 0.0), {}, r"lambda = 0, but it must be positive and finite.*softplus"),
        ((Q, K, V, torch.tensor([1.0, -2.0])), {}, r"lambda = -2 at \(1,\), but it must be positive"),
        ((Q, K, V, float("inf")), {}, "lambda = inf, but it must be positive and finite"),
        ((Q, K, V), {"ridge": -torch.ones(4)}, r"ridge = -1 at \(0,\), but it must be positive"),
        ((Q, K, V), {"ridge": torch.ones(3)}, r"ridge has shape \(3,\); expected \[\.\.\., d_head\] with d_head = 4"),
        ((Q, K, V, 1.0), {"ridge": torch.ones(4)}, "Give either lam .* or ridge .*, not both"),
        ((Q, K, V, 1.0, GAMMA * 0), {}, r"gamma = 0 at \(0,\), but a forget factor lies in \(0, 1\]"),
        ((Q, K, V, 1.0, GAMMA + 1), {}, r"gamma = 1\.\d+ at \(0,\)"),
        ((Q, K, V, 1.0, torch.full((12,), 1.00001)), {}, r"gamma = 1\.0000\d+ at \(0,\), but"),
        (
            (Q, K, V),
            {"ridge": 0.5},
            r"ridge = 0\.5 is no tensor; give the diagonal, e\.g\. torch\.full\(\(4,\), 0\.5\)",
        ),
        ((Q, K, V), {"tolerance": -1.0}, r"tolerance = -1\.0, but it is the share of the first residual"),
        ((Q, K, V), {"tolerance": 1.0}, r"tolerance = 1\.0, but it is .* from 0 up to 1"),
        ((Q, K, V, 1.0, GAMMA[:5]), {}, r"gamma has shape \(5,\); expected \[\.\.\., pos\] with pos = 12"),
        (
            (Q, K, V, 1.0, GAMMA),
            {"form": "recursive", "regulariser": "static"},
            "cannot forget with regulariser='static'",
        ),
        ((Q, K * torch.nan, V), {}, r"not finite \(nan or inf\)\. Look at what comes into the layer"),
        ((Q, 30 * K, V, 1e6), {}, r"in float32: the regulariser 1/lambda is lost.*smaller lambda"),
    ],
)
def test_refused_with_a_reason(args, settings, text):
    with pytest.raises(LatebloomError, match=text):
        mesa_attention(*args, **settings)


def test_a_number_for_gamma_and_a_state_of_another_batch():
    with pytest.raises(LatebloomError, match=r"gamma = 0.9 is no tensor; .*torch.full"):
        mesa_attention(Q, K, V, 1.0, 0.9)
    layer = MesaAttention(4, seed=0)
    _, state = layer.prefill(torch.ones(2, 3, 4))
    with pytest.raises(LatebloomError, match=r"do not broadcast: .*state \[2, 1\]"):
        layer.step(torch.ones(5, 4), state)
    with pytest.raises(LatebloomError, match="is a ndarray; a mesa layer takes a tensor"):
        layer(torch.ones(3, 4).numpy())
