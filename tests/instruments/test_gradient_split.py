"""Parts of a gradient: on a network whose parts are known in closed form, and on decoders by what must add up."""

import pytest
import torch

from latebloom.data import Batch, Place, Signature
from latebloom.errors import LatebloomError
from latebloom.instruments.gradient_split import gradient_split, state_split
from latebloom.models import LOSSES, Decoder, initial_parameters
from latebloom.randomness import stream

DOUBLE = Place(dtype=torch.float64)
SIGNATURE = Signature(n_inputs=1, n_outputs=7, d_vocab=7, n_ctx=5)
MODEL = Decoder(n_layers=2, d_model=6, n_heads=2, d_mlp=8)


def ground(members=2):
    noise = stream(0, "split")
    params = initial_parameters(MODEL, [MODEL] * members, SIGNATURE, range(members), DOUBLE)
    params = {name: value + 0.3 * torch.tensor(noise.standard_normal(value.shape)) for name, value in params.items()}
    inputs = torch.tensor(noise.integers(0, 7, (members, 4, 5)))
    return params, Batch(inputs, inputs.roll(-1, 2), torch.ones(members, 4, 5, dtype=torch.float64))


def gradient(past, params, batch):
    model = MODEL.replace({"past": past})
    with torch.no_grad():
        return model.gradient(params, list(params), batch, LOSSES["cross_entropy"], torch.ones(2, dtype=torch.float64))[
            1
        ]


def test_lengths_and_cosine_are_those_of_the_flat_vectors():
    params, batch = ground()
    total, diagonal = (gradient(past, params, batch) for past in ("whole", "hidden"))
    found = gradient_split(total, diagonal)
    names = [name for name in params if name.startswith(("blocks", "ln_final"))]
    for member in range(2):
        whole, now = (torch.cat([table[n][member].flatten() for n in names]) for table in (total, diagonal))
        later = whole - now
        assert float(found.total.total[member]) == pytest.approx(float(whole.norm()))
        assert float(found.future.total[member]) == pytest.approx(float(later.norm()))
        cosine = float(now @ later / now.norm() / later.norm())
        assert float(found.cosine.total[member]) == pytest.approx(cosine)
        assert float(found.ratio[member]) == pytest.approx(float(later.norm() / now.norm()))
    assert set(found.total.tables) == set(names)
    assert set(gradient_split(total, diagonal, leave_out=()).total.tables) == set(params)


def test_the_future_part_is_no_part_of_the_last_readout():
    """What comes after attention's last read has no later loss: there the future part is zero."""
    params, batch = ground()
    total, diagonal = (gradient(past, params, batch) for past in ("whole", "keys"))
    found = gradient_split(total, diagonal, leave_out=())
    assert float(found.future.tables["unembed.W_U"].max()) < 1e-15
    assert float(found.future.tables["blocks.1.mlp.W_in"].max()) < 1e-15
    assert float(found.future.tables["blocks.0.mlp.W_in"].min()) > 1e-6


def test_gradients_of_different_tables_are_refused():
    with pytest.raises(LatebloomError, match="only one side has: b"):
        gradient_split({"a": torch.ones(1, 2), "b": torch.ones(1)}, {"a": torch.ones(1, 2)})
    with pytest.raises(LatebloomError, match="leaves no table of embed"):
        gradient_split({"embed.W_E": torch.ones(1, 2)}, {"embed.W_E": torch.ones(1, 2)})


def losses_of(batch, hook, place):
    def losses(params, stopped):
        def stop(name, value):
            if not stopped or name != hook:
                return value
            return torch.cat(
                [value[:, :, :place], value[:, :, place : place + 1].detach(), value[:, :, place + 1 :]], 2
            )

        out = MODEL.forward(dict(params), batch.inputs, stop)
        return LOSSES["cross_entropy"].rows(out, batch.targets).sum((0, 1))

    return losses


@pytest.mark.parametrize("place", [0, 2, 4])
def test_direct_ahead_and_shared_add_up_to_the_whole_gradient(place):
    params, batch = ground(1)
    losses = losses_of(batch, "blocks.0.hook_resid_post", place)
    found = state_split(losses, params, place)
    leaves = {name: value.clone().requires_grad_(True) for name, value in params.items()}
    whole = torch.autograd.grad(losses(leaves, False).sum(), list(leaves.values()))
    for (name, _), total in zip(leaves.items(), whole, strict=True):
        torch.testing.assert_close(
            found.direct[name] + found.ahead[name] + found.shared[name], total, atol=1e-12, rtol=0
        )
    sizes = {part: float(getattr(found, part)["blocks.0.mlp.W_in"].abs().max()) for part in ("direct", "ahead")}
    assert sizes["direct"] > 1e-6
    assert (sizes["ahead"] > 1e-6) == (place < 4)  # nothing comes after the last place
    assert float(found.direct["blocks.1.mlp.W_in"].abs().max()) < 1e-12  # it lies above the state


def test_a_chain_whose_parts_are_known():
    """h = a x_0; losses (h + c)^2 at place 0 and (b h + a)^2 at place 1; a = 2, b = 3, c = 1, x_0 = 1."""

    def losses(params, stopped):
        h = params["a"] * 1.0
        h = h.detach() if stopped else h
        return torch.stack([(h + params["c"]).square(), (params["b"] * h + params["a"]).square()])

    params = {name: torch.tensor(value) for name, value in (("a", 2.0), ("b", 3.0), ("c", 1.0))}
    found = state_split(losses, params, 0)
    assert (float(found.direct["a"]), float(found.ahead["a"]), float(found.shared["a"])) == (6.0, 48.0, 16.0)
    assert (float(found.direct["c"]), float(found.shared["c"]), float(found.shared["b"])) == (0.0, 6.0, 32.0)
    with pytest.raises(LatebloomError, match="place = 2"):
        state_split(losses, params, 2)


def test_other_peoples_embeddings_must_be_named():
    """By default embeddings are left out; under names of others they were counted without a word."""
    table = {"transformer.wte.weight": torch.ones(3, 2), "transformer.h.0.attn.weight": torch.ones(2, 2)}
    half = {name: value / 2 for name, value in table.items()}
    with pytest.raises(LatebloomError, match=r"none of the 2 tables begins so; the first are transformer.wte.weight"):
        gradient_split(table, half, lead=0)
    found = gradient_split(table, half, lead=0, leave_out=("transformer.wte",))
    assert set(found.total.tables) == {"transformer.h.0.attn.weight"}
