"""The tasks of endless sequences: answers against plain Python, moments against closed forms, what is refused."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latebloom.data import Place
from latebloom.errors import LatebloomError
from latebloom.models.losses import LOSSES
from latebloom.randomness import stream
from latebloom.tasks.made_up_language import Language
from latebloom.tasks.majority import Majority, most
from latebloom.tasks.multiplication import SYMBOLS, Multiplication
from latebloom.tasks.sine_sum import SineSum
from latebloom.tasks.text import SyntheticText

DOUBLE = Place(dtype=torch.float64)
TASKS = {
    "sine_sum": SineSum(places=12, window=3, batch_size=5, n_test=7),
    "majority": Majority(batch_size=5, n_test=7),
    "majority, conditioned": Majority(conditioned=True, loss_on="said", batch_size=5, n_test=7),
    "multiplication": Multiplication(digits=2, width=4, batch_size=5, n_test=7),
    "synthetic_text": SyntheticText(length=3000, places=16, batch_size=5, n_test=7),
}
each_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


def drawn(task, rows=200, seed=0, test=False):
    return (task.draw_test if test else task.draw)(stream(seed, "draw"), rows)


@each_task
def test_batches_have_the_shapes_of_the_signature_and_depend_on_seed_and_step_alone(task):
    data, alone = task.data([task, task], [3, 5], DOUBLE), task.data([task], [5], DOUBLE)
    places = task.signature.n_ctx
    last = () if task.signature.d_vocab else (task.signature.n_inputs,)
    for batch, rows in ((data.batch(2), 5), (data.splits["test"], 7)):
        assert batch.inputs.shape == (2, rows, places, *last)
        assert batch.weight.shape == (2, rows, places)
        assert batch.targets.shape == (2, rows, places, *([1] if last else []))
    assert torch.equal(data.batch(2).inputs[1], alone.batch(2).inputs[0])
    assert torch.equal(data.splits["test"].inputs[1], alone.splits["test"].inputs[0])
    assert not torch.equal(data.batch(2).inputs, data.batch(3).inputs)
    assert not torch.equal(data.batch(2).inputs[0], data.batch(2).inputs[1])


def test_a_test_seed_gives_every_member_the_same_test_rows():
    task = SineSum(places=12, window=3, n_test=4, test_seed=9)
    inputs = task.data([task, task], [0, 1], DOUBLE).splits["test"].inputs
    assert torch.equal(inputs[0], inputs[1])


# Sums of sines.


@given(st.integers(2, 9), st.integers(1, 8), st.floats(0.1, 12), st.integers(0, 99))
def test_sums_are_those_of_a_loop(places, window, b, seed):
    window = min(window, places - 1)
    task = SineSum(places=places, window=window, b=b, p=0.5)
    inputs, targets, _ = drawn(task, 3, seed)
    for row in range(3):
        for n in range(places):
            x, z = inputs[row, :, 0], inputs[row, n, 1]
            expected = sum(math.sin(b * x[n - i]) for i in range(1, window + 1) if n >= i) if z else x[n]
            assert targets[row, n, 0] == pytest.approx(expected, abs=1e-12)
    assert torch.equal(task.answer(torch.from_numpy(inputs)), torch.from_numpy(targets))


def test_the_published_sizes_have_the_published_variance_and_share_of_coins():
    """Var sin(b x) = (1 - exp(-2 b^2)) / 2, so half the mean number of summed places: 4.57 over 64 places at p = 1."""
    task = SineSum(p=1.0)
    _, targets, _ = drawn(task, 20_000)
    terms = np.minimum(np.arange(64), 10)
    assert targets.var(0)[:, 0] == pytest.approx(terms / 2, abs=0.15)
    assert targets.var() == pytest.approx(terms.mean() / 2, abs=0.03)
    inputs, _, _ = drawn(SineSum(p=0.3), 2000)
    assert inputs[..., 1].mean() == pytest.approx(0.3, abs=0.005)
    assert np.corrcoef(inputs[..., 0].ravel(), inputs[..., 1].ravel())[0, 1] == pytest.approx(0, abs=0.01)


# Majorities.


@given(st.integers(2, 5), st.integers(1, 9), st.booleans(), st.integers(0, 99))
def test_majorities_are_those_of_plain_counting(d_vocab, n_seen, conditioned, seed):
    seen = stream(seed, "majority").integers(0, d_vocab, (4, n_seen))
    found = most(seen, d_vocab, conditioned)
    for row, allowed in zip(seen.tolist(), found.tolist(), strict=True):
        counts = [0] * d_vocab
        for before, symbol in zip([None, *row[:-1]], row, strict=True):
            counts[symbol] += (before == 0) if conditioned else 1
        assert allowed == [count == max(counts) for count in counts]


@pytest.mark.parametrize("conditioned", [False, True])
def test_said_symbols_are_uniform_draws_from_the_majority_set(conditioned):
    task = Majority(conditioned=conditioned)
    inputs, targets, weight = drawn(task, 4000)
    np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])
    optimum = task.optimum(torch.from_numpy(inputs))
    torch.testing.assert_close(optimum.sum(-1), torch.ones(4000, 19, dtype=torch.float64))
    said = torch.from_numpy(targets)[:, 9:]
    chance = optimum[:, 9:].gather(-1, said[..., None])[..., 0]
    assert float(chance.min()) > 0
    # The optimum is calibrated: as much is said of each symbol as it gives it.
    counts = torch.nn.functional.one_hot(said, 3).double()
    torch.testing.assert_close(counts.mean((0, 1)), optimum[:, 9:].mean((0, 1)), atol=0.01, rtol=0)
    among_two = (optimum[:, 9] > 0).sum(-1) == 2
    first = counts[among_two].argmax(-1) == optimum[among_two][:, 9:].argmax(-1)
    assert float(first.double().mean()) == pytest.approx(0.5, abs=0.03)
    assert weight.min() == 1


def test_the_loss_on_what_is_said_leaves_the_input_half_out():
    inputs, _, weight = drawn(Majority(n_seen=4, n_said=3, loss_on="said"), 2)
    assert weight.tolist() == [[0, 0, 0, 1, 1, 1]] * 2
    assert inputs.shape == (2, 6)


# Products.


@given(st.integers(1, 5), st.integers(0, 3), st.integers(0, 99))
def test_products_are_those_of_plain_integers(digits, more, seed):
    task = Multiplication(digits=digits, width=digits + more)
    inputs, targets, weight = drawn(task, 5, seed)
    for row, target, counted in zip(inputs, targets, weight, strict=True):
        text = "".join(SYMBOLS[s] for s in [*row, target[-1]])
        factors, product = text.split("=")
        a, b = (int(part[::-1]) for part in factors.split("*"))
        assert [len(part) for part in factors.split("*")] == [digits + more] * 2
        assert int(product[::-1]) == a * b
        assert len(product) == 2 * digits == counted.sum()
        assert "".join(SYMBOLS[s] for s in target[counted > 0]) == product
    said = task.answer(torch.from_numpy(inputs)).numpy()
    np.testing.assert_array_equal(said[weight > 0], targets[weight > 0])


def test_published_lengths_and_how_often_factors_are_short():
    assert [Multiplication(width=width).signature.n_ctx + 1 for width in (5, 10)] == [22, 32]
    task = Multiplication(digits=3, width=3)
    inputs, _, _ = drawn(task, 6000)
    first = inputs[:, 0] + 10 * inputs[:, 1] + 100 * inputs[:, 2]
    # Below 10: always with one digit drawn, with two or three by a chance of 1 / 10 and 1 / 100.
    assert (first < 10).mean() == pytest.approx((1 + 0.1 + 0.01) / 3, abs=0.02)
    inputs, _, _ = drawn(task, 6000, test=True)
    assert (inputs[:, 2] > 0).mean() == pytest.approx(0.9, abs=0.02)
    inputs, _, _ = task.of_lengths(stream(0, "cell"), 500, 1, 3)
    assert inputs[:, 1:3].max() == 0
    assert inputs[:, 6].max() == 9


# Text that is made up.


def test_made_up_text_is_predictable_and_repeats_over_long_distances():
    task = SyntheticText(length=60_000)
    corpus = task.corpus
    assert corpus is SyntheticText(length=60_000).corpus
    text = corpus.tokenizer.decode(corpus.train)
    said = [[word.strip('",.') for word in line.split()] for line in text.splitlines()[:200]]
    names = [[word for word in words if word[0].isupper() and word != "The"] for words in said]
    assert [len(set(own)) for own in names if own] == [1] * sum(map(bool, names))  # one hero each
    assert len({own[0] for own in names if own}) > 20
    assert np.mean([len(own) for own in names]) > 3
    inputs, targets, _ = drawn(task, 300)
    np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])
    said = task.answer(torch.from_numpy(inputs)).numpy()
    assert 0.25 < (said == targets).mean() < 0.6  # a table of pairs knows something, and not all
    assert SyntheticText(length=60_000, language_seed=1).corpus.tokenizer.decode(corpus.train[:99]) != text[:99]


def test_every_word_is_said_as_often_as_its_place_tells():
    language = Language(0)
    words = [f"w{k}" for k in range(1, 8)]
    said = Counter(language._pick(words) for _ in range(40_000))
    for k, word in enumerate(words, 1):
        assert said[word] / 40_000 == pytest.approx(math.log((k + 1) / k, len(words) + 1), rel=0.06)


def test_the_most_frequent_successor_is_that_of_a_plain_count():
    corpus = SyntheticText(length=2000).corpus
    train = corpus.train.tolist()
    for token in set(train[:-1]):
        after = [b for a, b in itertools.pairwise(train) if a == token]
        assert after.count(corpus.successors[token]) == max(after.count(other) for other in set(after))


@pytest.mark.parametrize(
    ("kind", "settings", "told"),
    [
        (SineSum, {"window": 64}, r"task\.window = 64 is longer than the past of any place.*places >= 4 window"),
        (SineSum, {"p": 0}, r"task\.p = 0 never asks for the sum.*0 < p <= 1"),
        (SineSum, {"p": 1.5}, r"p = 1\.5"),
        (Multiplication, {"digits": 4, "width": 3}, r"task\.width = 3 has no room for factors of task\.digits = 4"),
        (Majority, {"n_sen": 3}, r"Unknown field of Majority 'n_sen'\. Did you mean 'n_seen'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(kind, settings, told):
    with pytest.raises(LatebloomError, match=told):
        kind.parse(settings)


def test_a_factor_longer_than_the_task_has_is_refused():
    with pytest.raises(LatebloomError, match=r"second factor cannot have 4 digits: task\.digits = 3"):
        Multiplication(digits=3).of_lengths(stream(0, "cell"), 1, 2, 4)


def test_a_window_longer_than_the_text_is_refused():
    task = SyntheticText(length=1000, places=200)
    with pytest.raises(LatebloomError, match=r"task\.places = 200: the test part of the text has only \d+ tokens"):
        task.draw_test(stream(0, "text"), 1)


def test_targets_fit_the_losses_they_are_published_with():
    inputs, targets, _ = drawn(TASKS["sine_sum"], 4)
    zero = LOSSES["huber"].rows(torch.zeros(4, 12, 1, dtype=torch.float64), torch.from_numpy(targets))
    assert zero.shape == inputs.shape[:2]
