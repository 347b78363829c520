"""The mesa layer inside a decoder: the numbers of its definition, and one lambda a head that is trained."""

import numpy as np
import pytest
import torch

from latebloom.data import Place, Signature
from latebloom.models import Decoder, initial_parameters, run_with_cache
from latebloom.models.mesa import MesaWarning
from latebloom.randomness import stream

SIGNATURE = Signature(8, 2, n_ctx=7, real_targets=True)
MODEL = Decoder(
    n_layers=2,
    d_model=8,
    n_heads=2,
    d_head=3,
    d_mlp=0,
    attention=("linear", "mesa"),
    norm="none",
    positions="none",
    read_out="channels",
    channels=2,
    bias="none",
    init="normal",
    init_std=0.4,
)


def network(seeds=(0, 1)):
    place = Place(dtype=torch.float64)
    params = initial_parameters(MODEL, [MODEL] * len(seeds), SIGNATURE, list(seeds), place)
    noise = stream(0, "decoder mesa")
    params["blocks.1.attn.mesa_lambda"] = torch.from_numpy(noise.uniform(0.5, 2, (len(seeds), 2)))
    return params, torch.from_numpy(noise.standard_normal((len(seeds), 3, 7, 8)))


def test_only_a_mesa_layer_has_a_lambda_and_it_begins_at_one():
    params = initial_parameters(MODEL, [MODEL], SIGNATURE, [0], Place())
    assert [name for name in params if name.endswith("lambda")] == ["blocks.1.attn.mesa_lambda"]
    assert params["blocks.1.attn.mesa_lambda"].tolist() == [[1.0, 1.0]]


def test_each_head_solves_its_own_least_squares_problem():
    params, tokens = network()
    _, cache = run_with_cache(MODEL, params, tokens)
    q, k, v = (cache[f"blocks.1.attn.hook_{letter}"].numpy() for letter in "qkv")
    found = cache["blocks.1.attn.hook_z"].numpy()
    for member, row, place, head in np.ndindex(2, 3, 7, 2):
        keys, values = (x[member, row, : place + 1, head] for x in (k, v))
        lam = float(params["blocks.1.attn.mesa_lambda"][member, head])
        right = values.T @ keys @ np.linalg.solve(keys.T @ keys + np.eye(3) / lam, q[member, row, place, head])
        np.testing.assert_allclose(found[member, row, place, head], right, atol=1e-10)


def test_lambda_has_the_gradient_of_a_difference_quotient():
    params, tokens = network((0,))
    lam = params["blocks.1.attn.mesa_lambda"].requires_grad_(True)

    def total(value):
        return MODEL.forward(params | {"blocks.1.attn.mesa_lambda": value}, tokens).sin().sum()

    (gradient,) = torch.autograd.grad(total(lam), lam)
    for head in range(2):
        step = torch.zeros_like(lam)
        step[0, head] = 1e-6
        with torch.no_grad():
            slope = (total(lam + step) - total(lam - step)) / 2e-6
        assert abs(float(gradient[0, head]) - float(slope)) < 1e-6


def test_a_lambda_that_has_become_negative_still_gives_numbers():
    params, tokens = network((0,))
    params["blocks.1.attn.mesa_lambda"] -= 5
    assert bool(torch.isfinite(MODEL.forward(params, tokens)).all())


@pytest.mark.parametrize("part", ["mesa_lambda", "W_K"])
def test_a_member_that_is_not_finite_has_outputs_that_are_not_and_the_others_keep_theirs(part):
    params, tokens = network((0, 1, 2))
    whole = MODEL.forward(params, tokens)
    params[f"blocks.1.attn.{part}"][1] = torch.nan
    broken = MODEL.forward(params, tokens)
    assert bool(broken[1].isnan().all())
    assert torch.equal(broken[[0, 2]], whole[[0, 2]])


@pytest.mark.parametrize("lost", [[1], [0, 2], [0, 1, 2]])
def test_a_member_that_is_finite_and_cannot_be_solved_is_nan_with_the_reason_and_the_others_keep_theirs(lost):
    params, tokens = network((0, 1, 2))
    kept = [member for member in range(3) if member not in lost]
    whole = MODEL.forward(params, tokens)
    for number, member in enumerate(lost):  # the second by its lambda: another check of the layer meets it
        params["blocks.1.attn.W_K" if number == 0 else "blocks.1.attn.mesa_lambda"][member] *= (
            1e9 if number == 0 else 1e30
        )
    with pytest.warns(MesaWarning, match="cannot solve for its queries in float64.*counts as diverged"):
        broken = MODEL.forward(params, tokens)
    assert bool(broken[lost].isnan().all())
    assert torch.equal(broken[kept], whole[kept])


def test_the_gradient_beside_a_member_that_cannot_be_solved_is_what_it_is_without_it():
    params, tokens = network((0, 1))
    weights = {name: value.requires_grad_(True) for name, value in params.items()}
    right = torch.autograd.grad(MODEL.forward(weights, tokens)[0].sin().sum(), list(weights.values()))
    with torch.no_grad():
        weights["blocks.1.attn.W_K"][1] *= 1e9
    with pytest.warns(MesaWarning, match="cannot solve"):
        out = MODEL.forward(weights, tokens)
    found = torch.autograd.grad(out.sin().sum(), list(weights.values()))
    for right_one, found_one in zip(right, found, strict=True):
        assert torch.equal(right_one[0], found_one[0])
