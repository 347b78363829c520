"""Gradients: against finite differences for every form and input, against autograd, and in linear memory."""

import itertools

import pytest
import torch

from latebloom.errors import LatebloomError
from latebloom.models.mesa import MesaAttention, MesaState, mesa_attention
from tests.models.mesa.problems import problem, relative
from tests.models.mesa.test_forms import KINDS, each_kind

WAYS = [*((*kind, "sweep") for kind in KINDS), ("recursive", "decaying", None, "reverse")]
WAYS += [("recursive", "decaying", (0.7, 1.0), "reverse_or_refuse"), ("direct", "decaying", (0.7, 1.0), "sweep")]


@pytest.mark.parametrize(("form", "regulariser", "gates", "backward"), WAYS)
def test_gradcheck(form, regulariser, gates, backward):
    """Claim 5 of the sheet: by q, k, v, lambda and gamma, of the outputs and of the state they end in."""
    pos, d_head = (12, 4) if form == "chunked" else (7, 3)
    q, k, v, gamma = problem((), pos, d_head, 2, gates=gates)
    lam = torch.tensor(0.7, dtype=torch.float64)
    inputs = [x.requires_grad_() for x in (q, k, v, lam, gamma) if x is not None]

    def layer(q, k, v, lam, gamma=None):
        settings = {"form": form, "regulariser": regulariser, "backward": backward}
        out, state = mesa_attention(q, k, v, lam, gamma, chunk=5, **settings)
        return out, state.gram, state.moment

    assert torch.autograd.gradcheck(layer, inputs)


@each_kind
def test_gradcheck_of_a_diagonal_lambda_and_an_earlier_state(form, regulariser, gates):
    q, k, v, gamma = problem(pos=5, d_head=3, d_value=2, gates=gates)
    root, moment = problem(pos=3, d_head=3, d_value=2, seed=1)[1:3]
    ridge = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    inputs = [x.requires_grad_() for x in (root, moment, ridge)]

    def layer(root, moment, ridge):
        state = MesaState(root @ root.mT + torch.eye(3), moment, regulariser)
        settings = {"form": form, "regulariser": regulariser, "chunk": 2}
        fresh, _ = mesa_attention(q, k, v, gamma=gamma, ridge=ridge, **settings)
        return fresh, mesa_attention(q, k, v, gamma=gamma, ridge=ridge, state=state, **settings)[0]

    assert torch.autograd.gradcheck(layer, inputs)


@each_kind
@pytest.mark.parametrize(("dtype", "limit"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
def test_gradients_agree_with_autograd(form, regulariser, gates, dtype, limit):
    """Longer than gradcheck can afford; autograd through the direct solve in float64 is the answer."""
    found = {}
    for name, kind in ((form, dtype), ("direct", torch.float64)):
        inputs = [x for x in problem((2,), 100, 8, 5, gates=gates, dtype=dtype) if x is not None]
        inputs = [x.to(kind).requires_grad_() for x in inputs]
        lam = torch.tensor([1.0, 3.0], dtype=kind, requires_grad=True)
        gamma = inputs[3] if gates else None
        out, _ = mesa_attention(*inputs[:3], lam, gamma, form=name, regulariser=regulariser)
        found[name] = torch.autograd.grad(out.sin().sum(), [*inputs, lam])
    for own, right in zip(found[form], found["direct"], strict=True):
        assert relative(own, right) < limit


def test_a_gradient_that_is_not_asked_for_is_not_needed():
    q, k, v, _ = problem()
    k.requires_grad_()
    out, _ = mesa_attention(q, k, v)
    (alone,) = torch.autograd.grad(out.sum(), k)
    q.requires_grad_()
    out, _ = mesa_attention(q, k, v)
    torch.testing.assert_close(torch.autograd.grad(out.sum(), (q, k))[1], alone)


def test_a_second_derivative_is_refused():
    q, k, v, _ = problem()
    q.requires_grad_()
    out, _ = mesa_attention(q, k, v)
    (first,) = torch.autograd.grad(out.square().sum(), q, create_graph=True)
    with pytest.raises(LatebloomError, match="form='direct'"):
        first.sum().backward()


@pytest.mark.parametrize("form", ["chunked", "conjugate", "recursive"])
def test_a_second_derivative_is_refused_where_another_way_leads_to_the_same_parameters(form):
    """A gradient penalty through the module: without the refusal it lacked a share, without a word."""
    layer = MesaAttention(8, 2, form=form, seed=0)
    weights = list(layer.parameters())
    loss = layer(torch.linspace(-1, 1, 5 * 8).view(5, 8).sin())
    for outcome in (loss.sum(), loss.square().sum()):
        first = torch.autograd.grad(outcome, weights, create_graph=True)
        with pytest.raises(LatebloomError, match="form='direct'"):
            torch.autograd.grad(sum(gradient.square().sum() for gradient in first), weights)


def kept_bytes(form, pos, backward="sweep"):
    """Bytes kept for the backward pass, each piece of memory once."""
    kept = {}

    def pack(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    inputs = [x.requires_grad_() for x in problem(pos=pos, d_head=8, d_value=8, gates=(0.9, 1.0))]
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out, _ = mesa_attention(*inputs[:3], 1.0, inputs[3], form=form, backward=backward, chunk=16)
    assert out.requires_grad
    return sum(kept.values())


@pytest.mark.parametrize(("form", "numbers"), [("chunked", 60), ("conjugate", 40), ("recursive", 40)])
def test_memory_for_gradients_grows_linearly(form, numbers):
    """At most so many numbers a place at key size 8, whatever the length; all A_t alone would be 64."""
    short, middle, long = (kept_bytes(form, pos) for pos in (256, 512, 1024))
    assert long - middle == pytest.approx(2 * (middle - short), rel=0.02)
    assert long < 8 * numbers * 1024


def test_the_direct_form_needs_more_than_linear_memory():
    """The measure above notices it."""
    short, middle, long = (kept_bytes("direct", pos) for pos in (64, 128, 256))
    assert long - middle > 3 * (middle - short)


def test_vmap_free_use_inside_a_population():
    """Members as a leading axis: each one's gradient is that of its own network."""
    q, k, v, _ = problem((3,))
    scale = torch.ones(3, 1, 1, dtype=torch.float64, requires_grad=True)
    out, _ = mesa_attention(q * scale, k * scale, v)
    (together,) = torch.autograd.grad(out.square().sum(), scale)
    for member, own in itertools.product(range(3), [torch.ones((), dtype=torch.float64, requires_grad=True)]):
        alone, _ = mesa_attention(q[member] * own, k[member] * own, v[member])
        (gradient,) = torch.autograd.grad(alone.square().sum(), own)
        torch.testing.assert_close(together[member, 0, 0], gradient)
