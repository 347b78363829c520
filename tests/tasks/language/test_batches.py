"""Training batches: the same loss however rows are padded, each member's own order, less padding when bucketed."""

import numpy as np
import pytest
import torch

from latebloom.data import Place
from latebloom.errors import LatebloomError
from latebloom.models import LOSSES
from latebloom.tasks.language import Dyck, QuestionFormation, SimpleAgreement, TenseInflection
from latebloom.tasks.language.batches import ROUND, WINDOW
from latebloom.tasks.language.text import Vocabulary, source_end

SMALL = {"n_train": 1000, "n_val": 60, "n_gen": 60}
EACH = {
    "question": QuestionFormation.parse({**SMALL, "n_test": 60}),
    "tense": TenseInflection.parse({**SMALL, "n_test": 60}),
    "agreement": SimpleAgreement.parse(SMALL),
    "dyck": Dyck.parse({**SMALL, "max_length": 32}),
}
each_task = pytest.mark.parametrize("task", EACH.values(), ids=EACH)
DOUBLE = Place(dtype=torch.float64)


def batches(task, seeds=(0,), place=DOUBLE, **settings):
    task = task.replace(settings)
    return task.data([task] * len(seeds), list(seeds), place)


def causal_losses(batch, size):
    """Cross-entropy of a small causal network made by hand: a running mean of embeddings, and a readout."""
    generator = torch.Generator().manual_seed(0)
    embed, read = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((size, 16), (16, size)))
    seen = embed[batch.inputs].cumsum(-2) / torch.arange(1, batch.inputs.shape[-1] + 1)[:, None]
    return LOSSES["cross_entropy"].rows(torch.tanh(seen) @ read, batch.targets)


@each_task
@pytest.mark.parametrize("bucketed", [False, True])
def test_padding_no_further_than_needed_does_not_change_the_loss(task, bucketed):
    data = batches(task, (0, 1), bucketed=bucketed)
    size = len(task.vocabulary)
    for step in (0, 5, 130):
        batch = data.batch(step)
        longest = int((batch.weight > 0).sum(-1).max())
        unit = 1 if bucketed else ROUND
        assert batch.inputs.shape[-1] == min(-(-longest // unit) * unit, task.signature.n_ctx)
        for member in range(2):
            table, rows = data.tables[member], data.rows(member, step)
            whole = torch.from_numpy(table.tokens[rows].astype(np.int64))[None]
            weight = torch.from_numpy(table.weight(rows, whole.shape[-1] - 1))[None]
            full = type(batch)(whole[..., :-1], whole[..., 1:], weight)
            expected = full.mean(causal_losses(full, size))[0]
            torch.testing.assert_close(batch.mean(causal_losses(batch, size))[member], expected, rtol=0, atol=1e-12)


@each_task
def test_an_epoch_shows_every_row_once_and_the_next_in_another_order(task):
    for bucketed in (False, True):
        data = batches(task, bucketed=bucketed)
        steps = len(data.lengths[0]) // task.batch_size
        first, second = (
            np.concatenate([data.rows(0, step) for step in range(epoch * steps, (epoch + 1) * steps)])
            for epoch in (0, 1)
        )
        assert sorted(first) == list(range(steps * task.batch_size))
        assert sorted(first) == sorted(second) and (first != second).any()


@each_task
def test_a_batch_is_a_function_of_seed_and_step_alone(task):
    together, alone, again = batches(task, (3, 4)), batches(task, (4,)), batches(task, (4,))
    for step in (400, 0, 3, 399, 3, 127, 124):  # in any order, across epochs
        np.testing.assert_array_equal(together.rows(1, step), alone.rows(0, step))
    for step in (124, 3, 400):
        assert torch.equal(alone.batch(step).inputs, again.batch(step).inputs)
    assert (together.rows(0, 0) != together.rows(1, 0)).any()


def test_bucketing_cuts_padding_by_a_quarter():
    task = QuestionFormation.parse({"n_train": 20_000, "n_val": 10, "n_test": 10, "n_gen": 10})
    padded = {}
    for bucketed in (False, True):
        data = batches(task, (0, 1, 2), bucketed=bucketed)
        found = [data.batch(step) for step in range(2 * WINDOW)]
        padded[bucketed] = sum(batch.weight.numel() for batch in found)
        counted = sum(float(batch.weight.sum()) for batch in found)
        assert counted / (2 * WINDOW * 3 * 8) == pytest.approx(23.4, abs=0.5)  # tokens a row, the end symbol included
    assert padded[True] < 0.75 * padded[False]


def test_the_prefix_objective_counts_the_target_only():
    task = EACH["question"]
    full, prefix = (batches(task, objective=kind) for kind in ("full", "prefix"))
    assert torch.equal(full.batch(3).inputs, prefix.batch(3).inputs)
    batch = prefix.batch(3)
    for row in range(8):
        words = task.vocabulary.decode(batch.inputs[0, row].tolist())
        mark = next(place for place, word in enumerate(words) if word in ("quest", "decl"))
        assert batch.memo["source"][0, row] == mark
        counted = batch.weight[0, row].nonzero()[:, 0].tolist()
        length = int((full.batch(3).weight[0, row] > 0).sum())
        assert counted == list(range(mark, length))
        assert batch.targets[0, row, counted[-1]] == task.vocabulary.end
    assert torch.equal(source_end(batch.inputs, task.task_numbers), batch.memo["source"])
    for split, rows in prefix.splits.items():
        assert torch.equal(source_end(rows.inputs, task.task_numbers), rows.memo["source"]), split


def test_members_may_have_corpora_objectives_and_sizes_of_their_own():
    base = EACH["question"]
    members = [
        base.replace(change)
        for change in ({}, {"corpus_seed": 5}, {"n_train": 30, "objective": "prefix"}, {"centre_embedded": 0.0})
    ]
    data = base.data(members, [0, 0, 1, 2], DOUBLE)
    alone = [member.data([member], [seed], DOUBLE) for member, seed in zip(members, [0, 0, 1, 2], strict=True)]
    batch = data.batch(7)
    for member, own in enumerate(alone):
        single = own.batch(7)
        width = single.inputs.shape[-1]
        assert torch.equal(batch.inputs[member, :, :width], single.inputs[0])
        assert torch.equal(batch.weight[member, :, :width], single.weight[0])
        assert not batch.weight[member, :, width:].any()
        for split in ("val", "gen"):
            assert torch.equal(data.splits[split].inputs[member], own.splits[split].inputs[0])
    assert torch.equal(data.splits["val"].inputs[0], data.splits["val"].inputs[3])
    assert not torch.equal(data.splits["val"].inputs[0], data.splits["val"].inputs[1])


def test_a_training_set_smaller_than_a_batch_is_one_batch():
    data = batches(EACH["question"], n_train=5)
    assert data.batch(0).inputs.shape[1] == 5
    assert sorted(data.rows(0, 9)) == [0, 1, 2, 3, 4]


def test_shared_splits_are_stored_once_and_places_are_obeyed():
    data = batches(EACH["question"], (0, 1, 2), place=Place(dtype=torch.float32), n_eval=20)
    val = data.splits["val"]
    assert val.inputs.shape == (3, 20, 36) and val.inputs.stride()[0] == 0
    assert val.weight.dtype == data.batch(0).weight.dtype == torch.float32
    assert val.inputs.dtype == data.batch(0).inputs.dtype == torch.int64


def test_the_vocabulary_is_ordered_as_released_and_names_unknown_words():
    vocabulary = EACH["question"].vocabulary
    assert vocabulary.words[0] == "<pad>" and vocabulary.words[-2:] == ("<end>", "<start>")
    assert list(vocabulary.words[1:-2]) == sorted(vocabulary.words[1:-2])
    with pytest.raises(LatebloomError, match=r"Word 2, 'nwet', of 'the nwet' is not in .* Did you mean 'newt'"):
        vocabulary.encode(["the", "nwet"])
    with pytest.raises(LatebloomError, match=r"The 2 known words: \['a', 'b'\]"):
        Vocabulary(["b", "a"]).encode(["zzz"])
