"""What a state tells of later tokens: planted maps, planted prompts, and our decoder through its hooks."""

import pytest
import torch

from latebloom.data import Place, Signature
from latebloom.errors import LatebloomError
from latebloom.instruments.future_lens import (
    foretold,
    learn_prompt,
    map_by_divergence,
    map_by_least_squares,
    precision,
    shifted,
    transplanting,
)
from latebloom.instruments.myopia import divergence
from latebloom.models import Decoder, initial_parameters, run_with_cache
from latebloom.randomness import stream

DOUBLE = Place(dtype=torch.float64)


def drawn(seed, *shape):
    return torch.from_numpy(stream(seed, "lens").standard_normal(shape))


def test_rows_are_states_and_what_comes_later():
    states = torch.arange(12.0).view(2, 6, 1)
    now, later = shifted(states, 10 * states, 2)
    torch.testing.assert_close(later, 10 * (now + 2))
    assert len(now) == 8
    with pytest.raises(LatebloomError, match="ahead = 6: in a sequence of 6 places"):
        shifted(states, states, 6)


def test_a_planted_map_is_found_in_closed_form():
    states, weight, bias = drawn(0, 80, 4), drawn(1, 4, 3), drawn(2, 3)
    found = map_by_least_squares(states, states @ weight + bias)
    torch.testing.assert_close(found(states), states @ weight + bias)
    torch.testing.assert_close(found.weight, weight)


def test_least_divergence_improves_on_least_squares_where_distances_mislead():
    """Most of the later state is a channel that decoding ignores, and is nonlinear in the state."""
    states, readout = drawn(0, 400, 3), drawn(1, 3, 6)
    later = torch.cat([torch.tanh(3 * states), 20 * states[:, :1].square()], 1)
    readout = torch.cat([3 * readout, torch.zeros(1, 6, dtype=torch.float64)])

    def decode(values):
        return values @ readout

    first = map_by_least_squares(states, later)
    better = map_by_divergence(states, later, decode, steps=150, lr=1e-2)
    before, after = (float(divergence(decode(later), decode(found(states))).mean()) for found in (first, better))
    assert after < 0.9 * before
    again = map_by_divergence(states, later, decode, steps=150, lr=1e-2)
    assert torch.equal(again.weight, better.weight)


def test_precision_and_surprisal_of_a_worked_example():
    network = torch.log(torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]))
    said = torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    found = foretold(said, network, ks=(1, 2, 3))
    assert found.precision == {1: 0.5, 2: 0.5, 3: 1.0}
    assert found.surprisal == pytest.approx(-(torch.tensor([0.5, 0.1]).log().mean()).item(), rel=1e-6)
    assert precision(torch.tensor([[1], [2]]), torch.tensor([1, 0])) == 0.5
    with pytest.raises(LatebloomError, match="one row a place"):
        foretold(said, network[:1])


@pytest.fixture
def network():
    model = Decoder(n_layers=2, d_model=8, n_heads=2, d_mlp=12)
    signature = Signature(n_inputs=1, n_outputs=5, d_vocab=5, n_ctx=6)
    params = initial_parameters(model, [model], signature, [0], DOUBLE)
    params = {name: value + 0.5 * drawn(n, *value.shape) for n, (name, value) in enumerate(params.items())}
    inputs = torch.from_numpy(stream(3, "lens").integers(0, 5, (1, 20, 6)))
    return model, params, inputs


def test_a_state_put_back_where_it_came_from_says_what_the_network_says(network):
    """The prompt is the embeddings of the row itself, the state its own at the last place: nothing changes."""
    model, params, inputs = network
    out, cache = run_with_cache(model, params, inputs)
    run = transplanting(lambda rows, tap: model.forward(params, rows, tap), "blocks.0.hook_resid_post")
    for row in range(3):
        prompt, state = cache["hook_embed"][0, row], cache["blocks.0.hook_resid_post"][0, row, -1:]
        torch.testing.assert_close(run(prompt, state)[0], out[0, row, -1])
    with pytest.raises(LatebloomError, match=r"no hook point 'blocks\.9\.hook_resid_post'"):
        transplanting(lambda rows, tap: model.forward(params, rows, tap), "blocks.9.hook_resid_post")(prompt, state)


def test_a_learned_prompt_draws_out_more_than_a_random_one(network):
    model, params, inputs = network
    out, cache = run_with_cache(model, params, inputs)
    states, target = shifted(cache["blocks.0.hook_resid_post"][0], out[0], 1)
    run = transplanting(lambda rows, tap: model.forward(params, rows, tap), "blocks.0.hook_resid_post")
    losses = {}
    for steps in (0, 60):
        prompt = learn_prompt(run, states, target, tokens=3, steps=steps, lr=3e-2)
        assert prompt.shape == (3, 8)
        losses[steps] = float(divergence(target, run(prompt, states)).mean())
    assert losses[60] < 0.95 * losses[0]
