"""Decoding place by place, and in pieces, gives what the whole sequence gives."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latebloom.errors import LatebloomError
from latebloom.models.mesa import MesaState, MesaWarning, Unsolvable, mesa_attention, mesa_step
from latebloom.models.mesa.state import regulariser_diagonal, start
from tests.models.mesa.problems import problem
from tests.models.mesa.test_forms import KINDS


@given(
    kind=st.sampled_from([*KINDS, ("direct", "static", (0.7, 1.0))]),
    pos=st.integers(2, 20),
    cut=st.integers(0, 20),
    seed=st.integers(0, 99),
)
def test_a_prefix_and_then_steps_equal_the_whole(kind, pos, cut, seed):
    form, regulariser, gates = kind
    cut = min(cut, pos)
    q, k, v, gamma = problem((2,), pos, gates=gates, seed=seed)
    settings = {"form": form}
    whole, end = mesa_attention(q, k, v, 2.0, gamma, regulariser=regulariser, **settings)
    if cut:
        parts = [x if x is None else x[:, :cut] for x in (q, k, v, gamma)]
        first, state = mesa_attention(*parts[:3], 2.0, parts[3], regulariser=regulariser, **settings)
        torch.testing.assert_close(first, whole[:, :cut])
    else:
        state = start((2,), 3, regulariser_diagonal(2.0, None, q[:, 0]), regulariser)
    for t in range(cut, pos):
        left = None if gamma is None else gamma[:, t]
        out, state = mesa_step(state, q[:, t], k[:, t], v[:, t], 2.0, left, **settings)
        torch.testing.assert_close(out, whole[:, t])
    assert state.position == end.position == pos
    torch.testing.assert_close(state.gram, end.gram)
    torch.testing.assert_close(state.moment, end.moment)


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_equal_the_whole(kind):
    form, regulariser, gates = kind
    q, k, v, gamma = problem((2,), 23, gates=gates)
    settings = {"form": form, "regulariser": regulariser, "chunk": 4}
    whole, _ = mesa_attention(q, k, v, 2.0, gamma, **settings)
    state, found = None, []
    for a, b in ((0, 7), (7, 8), (8, 23)):
        part = None if gamma is None else gamma[:, a:b]
        out, state = mesa_attention(q[:, a:b], k[:, a:b], v[:, a:b], 2.0, part, state=state, **settings)
        found.append(out)
    torch.testing.assert_close(torch.cat(found, 1), whole)


def test_the_recursive_step_keeps_its_inverse():
    q, k, v, gamma = problem(gates=(0.9, 1.0))
    state = start((), 3, regulariser_diagonal(1.0, None, q[0]), "decaying")
    for t in range(12):
        _, state = mesa_step(state, q[t], k[t], v[t], gamma=gamma[t], form="recursive")
    torch.testing.assert_close(state.inverse @ state.gram, torch.eye(4, dtype=torch.float64))


def test_a_step_can_be_differentiated_and_a_state_cut_from_the_graph():
    q, k, v, _ = problem()
    k.requires_grad_()
    _, state = mesa_attention(q[:-1], k[:-1], v[:-1])
    out, _ = mesa_step(state, q[-1], k[-1], v[-1])
    (through,) = torch.autograd.grad(out.sum(), k)
    whole, _ = mesa_attention(q, k, v, form="direct")
    torch.testing.assert_close(through, torch.autograd.grad(whole[-1].sum(), k)[0])
    cut = state.detach()
    assert not cut.gram.requires_grad and not cut.moment.requires_grad and cut.position == 11


def test_a_state_of_another_layer_is_refused():
    q, k, v, _ = problem()
    _, state = mesa_attention(q, k, v)
    with pytest.raises(LatebloomError, match="comes from regulariser='decaying' and cannot go on with 'static'"):
        mesa_attention(q, k, v, regulariser="static", state=state)
    with pytest.raises(
        LatebloomError, match=r"The state is for \(d_head, d_value\) = \(4, 3\), the inputs have \(4, 2\)"
    ):
        mesa_step(state, q[0], k[0], v[0, :2])


def test_the_recursive_step_cannot_forget_with_a_static_lambda():
    state = MesaState(torch.eye(2), torch.zeros(2, 1), "static")
    with pytest.raises(LatebloomError, match="The recursive form cannot forget with regulariser='static'"):
        mesa_step(state, torch.ones(2), torch.ones(2), torch.ones(1), gamma=torch.tensor(0.5), form="recursive")


@pytest.mark.parametrize("form", ["chunked", "conjugate", "recursive", "direct"])
def test_decoding_stops_where_the_regulariser_has_died_out(form):
    """As the whole sequence is refused. With a blind step R grew by 1 / gamma at every place, and outputs with it."""
    q, k, v, _ = problem(pos=60, d_head=20, unit=True, dtype=torch.float32)
    state = start((), 3, regulariser_diagonal(1.0, None, q[0]), "decaying")
    told = r"in float32: with forget factors below one the decaying regulariser has died out.*regulariser='static'"
    with pytest.raises(Unsolvable, match=told):
        for t in range(60):
            _, state = mesa_step(state, q[t], k[t], v[t], gamma=torch.tensor(0.5), form=form, iterations=200)
    assert 10 < state.position < 40
    mesa_step(state, q[0], k[0], v[0], form=form, iterations=200)  # what was known before is still there


@pytest.mark.parametrize("diagonal", [(1.0, -0.5), (0.0, 0.0)])
@pytest.mark.parametrize("form", ["chunked", "conjugate", "recursive", "direct"])
def test_a_decaying_state_that_is_not_positive_definite_is_refused_in_every_form(form, diagonal):
    state = MesaState(torch.tensor(diagonal).diag(), torch.ones(2, 1), "decaying")
    one = (torch.ones(2), torch.full((2,), 0.1), torch.ones(1))
    with pytest.raises(Unsolvable):
        mesa_step(state, *one, form=form)
    with pytest.raises(Unsolvable):
        mesa_attention(*(x[None] for x in one), form=form, state=state)


@pytest.mark.parametrize("form", ["chunked", "conjugate", "recursive", "direct"])
def test_decoding_goes_on_for_ever_with_a_static_lambda(form):
    q, k, v, _ = problem(pos=200, d_head=4, dtype=torch.float32)
    gamma = None if form == "recursive" else torch.full((200,), 0.5)
    whole, _ = mesa_attention(q, k, v, gamma=gamma, regulariser="static")
    state = start((), 3, regulariser_diagonal(1.0, None, q[0]), "static")
    for t in range(200):
        out, state = mesa_step(state, q[t], k[t], v[t], gamma=None if gamma is None else gamma[t], form=form)
    torch.testing.assert_close(out, whole[-1], rtol=1e-3, atol=1e-4)


def test_a_step_says_that_conjugate_gradients_were_not_done_and_refuses_a_tolerance_that_is_no_share():
    q, k, v, _ = problem(pos=30)
    _, state = mesa_attention(q, k, v, 100.0)
    with pytest.warns(MesaWarning, match=r"stopped after 1 iterations .*Raise `iterations`"):
        mesa_step(state, q[0], k[0], v[0], form="conjugate", iterations=1)
    with pytest.raises(LatebloomError, match=r"tolerance = -0\.1, but it is the share"):
        mesa_step(state, q[0], k[0], v[0], form="conjugate", tolerance=-0.1)
