"""Few-shot prompts: order of things, tasks, slots, noise."""

import numpy as np
import pytest

from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from latebloom.tasks.few_shot import few_shot_prompts


@pytest.mark.parametrize("separator", [False, True])
@pytest.mark.parametrize("prefix", [0, 4])
def test_every_place_holds_what_is_said(separator, prefix):
    made = few_shot_prompts(stream(0, "p"), 3, 5, 2, separator=separator, prefix=prefix, label_noise=0.0)
    expected = [["prefix"]] * prefix
    for pair in range(5):
        expected += [["x", pair], ["y", pair]] + ([["separator"]] if separator else [])
    assert made.tokens.shape == (3, len(expected), 2)
    for place, (kind, *pair) in enumerate(expected):
        match kind:
            case "x":
                assert made.query[pair[0]] == place
                np.testing.assert_array_equal(made.tokens[:, place], made.inputs[:, pair[0]])
            case "y":
                np.testing.assert_array_equal(made.tokens[:, place], made.answers[:, pair[0]])
            case _:
                assert place in (made.prefix if kind == "prefix" else made.separator)
                assert not made.tokens[:, place].any()


def test_one_orthogonal_task_and_two_in_a_row():
    for switch in (None, 6):
        made = few_shot_prompts(stream(1, "p"), 4, 12, 3, switch_after=switch, label_noise=0.0)
        np.testing.assert_allclose(np.linalg.norm(made.answers, axis=-1), np.linalg.norm(made.inputs, axis=-1))
        for row in range(4):
            first = np.linalg.lstsq(made.inputs[row, :6], made.answers[row, :6])[0]
            error = np.abs(made.inputs[row] @ first - made.answers[row]).max(-1)
            assert error[:6].max() < 1e-10
            assert (error[6:].max() < 1e-10) == (switch is None)
        assert made.task.tolist() == ([0] * 12 if switch is None else [0] * 6 + [1] * 6)


def test_inputs_and_label_noise_are_as_asked():
    uniform = few_shot_prompts(stream(2, "p"), 100, 30, 3, label_noise=0.0)
    noisy = few_shot_prompts(stream(2, "p"), 100, 30, 3, label_noise=0.3)
    assert np.abs(uniform.inputs).max() <= 1
    np.testing.assert_array_equal(uniform.inputs, noisy.inputs)
    assert (noisy.answers - uniform.answers).std() == pytest.approx(0.3, rel=0.02)
    assert few_shot_prompts(stream(2, "p"), 100, 30, 3, inputs="normal").inputs.std() == pytest.approx(1, rel=0.04)


@pytest.mark.parametrize("switch", [0, 5, 9])
def test_a_switch_outside_the_sequence_is_refused(switch):
    with pytest.raises(LatebloomError, match=r"leaves one task without pairs; use 1 to 4"):
        few_shot_prompts(stream(0, "p"), 1, 5, 2, switch_after=switch)
