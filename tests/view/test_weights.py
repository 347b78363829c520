"""What float16 weights cost in the page, on networks of the studies' sizes; and which networks the page refuses."""

import numpy as np
import pytest
import torch

from latebloom import studies
from latebloom.data import Place
from latebloom.errors import LatebloomError
from latebloom.models import Decoder
from latebloom.models.base import initial_parameters
from latebloom.tasks import QuestionFormation
from latebloom.training.presets import members_of
from latebloom.view.weights import halved, runs_in_page, settings_of

ALLOWED = 2e-3  # of the outputs' spread: a pixel of a picture 500 pixels high


def _moved(name, change):
    """Root mean square change of the outputs, as a share of the outputs' spread, when every weight is changed."""
    studies.load()
    own = members_of(name, "quick", ["task.n_train=300"] if name.endswith("question") else [])[0]
    place = Place(torch.device("cpu"), torch.float32)
    params = initial_parameters(own.model, [own.model], own.task.signature, [0], place)
    params = {key: 1.5 * value for key, value in params.items()}  # those of trained networks are larger
    inputs = own.task.data([own.task], [0], place).batch(0).inputs[:, :8]
    with torch.no_grad():
        before = own.model.forward(params, inputs)
        after = own.model.forward(
            {key: torch.from_numpy(change(value.numpy())) for key, value in params.items()}, inputs
        )
    return float((after - before).square().mean().sqrt() / before.std())


def _eight_bits(values):
    step = np.abs(values).max() / 127 or 1.0
    return (np.round(values / step) * step).astype(np.float32)


@pytest.mark.parametrize("name", ["model_selection.testbed", "structural_grokking.question"])
def test_half_precision_does_not_show(name):
    assert _moved(name, lambda values: halved(values).astype(np.float32)) < ALLOWED
    assert _moved(name, _eight_bits) > ALLOWED  # eight bits would


def test_weights_beyond_half_precision_end_at_its_border():
    assert halved(np.array([1e6, -1e6, 0.5])).tolist() == [65504.0, -65504.0, 0.5]


def test_networks_that_the_page_cannot_run_are_refused():
    signature = QuestionFormation().signature
    assert runs_in_page(Decoder())
    for changes in ({"attention": "linear"}, {"positions": "first_keys"}, {"qk_norm": "all"}, {"source_ends": (3,)}):
        model = Decoder.parse(changes)
        assert not runs_in_page(model)
        with pytest.raises(LatebloomError, match="The page runs decoders with causal softmax attention"):
            settings_of(model, signature)
