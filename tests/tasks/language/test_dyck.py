"""Bracket strings: balanced, bounded, distributed as published; the three splits; a matched split that is matched."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latebloom.data import Place
from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from latebloom.tasks.base import TASKS
from latebloom.tasks.language import Dyck
from latebloom.tasks.language.brackets import Components, fingerprint, read_brackets, sample

SMALL = {"n_train": 6000, "n_val": 400, "n_gen": 400, "max_length": 64}


def parse(**settings):
    return Dyck.parse(SMALL | settings)


def shapes(line):
    """Open/close pattern of every top-level component, by counting."""
    found, depth, current = [], 0, ""
    for token in line.split():
        opening = token[0] == "("
        depth += 1 if opening else -1
        current += "(" if opening else ")"
        if depth == 0:
            found.append(current)
            current = ""
    assert depth == 0
    return found


def depth(line):
    pattern, deepest = [1 if token[0] == "(" else -1 for token in line.split()], 0
    for end in range(len(pattern)):
        deepest = max(deepest, sum(pattern[: end + 1]))
    return deepest


@pytest.fixture(scope="module", params=["component", "string", "length_matched"])
def task(request):
    return parse(split=request.param)


def text(task, split, seed=0):
    return list(task.lines(task.corpus(seed)[split]))


def test_strings_are_balanced_and_within_bounds(task):
    assert TASKS["dyck"] is Dyck
    for split in ("train", "val", "gen"):
        lines = text(task, split)
        assert len(lines) == SMALL[f"n_{split}"]
        for line in lines:
            read_brackets(line.split(), max_depth=10)
            assert 6 <= len(line.split()) <= 64


def test_the_split_is_what_it_says(task):
    train = text(task, "train")
    known = {shape for line in train for shape in shapes(line)}
    patterns = {"".join(shapes(line)) for line in train}
    for split in ("val", "gen"):
        for line in text(task, split):
            if task.split == "string":
                seen = "".join(shapes(line)) in patterns
            else:
                seen = set(shapes(line)) <= known
            assert seen == (split == "val")
    assert not {*text(task, "val")} & {*train}


def test_the_published_splits_differ_in_length_and_ours_does_not(task):
    val, gen = text(task, "val"), text(task, "gen")
    sizes = [Counter((len(line.split()), depth(line), len(shapes(line))) for line in lines) for lines in (val, gen)]
    if task.split == "length_matched":
        assert sizes[0] == sizes[1]
        assert len(sizes[0]) > 50  # and not all alike
    else:
        means = [np.mean([len(line.split()) for line in lines]) for lines in (val, gen)]
        assert means[1] > 2 * means[0]


def test_withheld_shapes_are_absent_and_about_a_quarter():
    task = parse(split="length_matched")
    known = {shape for line in text(task, "train") for shape in shapes(line)}
    withheld = {shape for line in text(task, "gen") for shape in shapes(line)} - known
    assert min(map(len, withheld)) >= 6
    # Of the short shapes, which training would all have seen: the Catalan numbers count those that close only at
    # the end, 2, 5 and 14 of 6, 8 and 10 brackets.
    short = {length: sum(len(shape) == length for shape in known) for length in (2, 4, 6, 8, 10)}
    assert short[2] == short[4] == 1
    assert 8 <= short[6] + short[8] + short[10] < 21


def test_the_sampler_agrees_with_the_published_lengths():
    strings = sample(stream(0, "lengths"), 4000, 20, 10, 6, 1200)
    assert len(strings) == 4000
    # A simulation of the released sampler: mean 58, median 20, longest over 1,000 in 200,000.
    assert strings.length.mean() == pytest.approx(58, abs=4 * 90 / np.sqrt(4000))
    assert np.median(strings.length) == pytest.approx(20, abs=2)
    kinds = np.bincount(strings.kind[strings.turn > 0])
    assert len(kinds) == 20 and kinds.min() > 0.9 * kinds.max()


@given(st.integers(0, 1000))
def test_components_and_fingerprints_are_those_of_counting(seed):
    task = parse(n_types=3)
    strings = sample(stream(seed, "components"), 12, 3, 10, 6, 30)
    lines = list(task.lines(strings))
    components = Components.of(strings)
    expected = [(row, len(shape), shape) for row, line in enumerate(lines) for shape in shapes(line)]
    assert components.row.tolist() == [row for row, _, _ in expected]
    assert components.length.tolist() == [length for _, length, _ in expected]
    assert len(set(components.shape.tolist())) == len({shape for _, _, shape in expected})
    hashes = dict(zip((shape for _, _, shape in expected), components.shape.tolist(), strict=True))
    assert [hashes[shape] for _, _, shape in expected] == components.shape.tolist()
    assert len(set(fingerprint(strings).tolist())) == len(set(lines))
    patterns = {"".join(shapes(line)) for line in lines}
    assert len(set(fingerprint(strings, types=False).tolist())) == len(patterns)
    assert strings.depth.tolist() == [depth(line) for line in lines]
    assert strings.components.tolist() == [len(shapes(line)) for line in lines]


@given(st.integers(0, 1000), st.data())
def test_a_corrupted_string_is_refused(seed, data):
    task = parse(n_types=3)
    line = next(task.lines(sample(stream(seed, "corrupt"), 50, 3, 10, 6, 30))).split()
    place = data.draw(st.integers(0, len(line) - 1))
    other = [f"({letter}" for letter in "abc"] + [f"{letter})" for letter in "abc"]
    line[place] = data.draw(st.sampled_from([word for word in other if word != line[place]]))
    with pytest.raises(LatebloomError):
        read_brackets(line)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("(a (b a)", r"Token 3, 'a\)', .* innermost open bracket is '\(b', token 2: 'b\)' would be right"),
        ("(a a) b)", r"Token 3, 'b\)', .* closes a bracket, but none is open"),
        ("(a (b b)", r"ends with brackets still open: '\(a' \(token 1\)"),
        ("(a x a)", r"Token 2, 'x', of .* is no bracket"),
        ("(a (a (a a) a) a)", r"Token 3, '\(a', .* deeper than 2"),
        ("", r"An empty line is no bracket string"),
    ],
)  # fmt: skip
def test_errors_name_the_bracket(line, message):
    with pytest.raises(LatebloomError, match=message):
        read_brackets(line.split(), max_depth=2)


def test_labels_and_answers_are_those_of_a_stack():
    task = parse()
    batch, labels = task.data([task], [0], Place()).splits["gen"], task.labels("gen")
    answer = task.answer(batch.inputs[0])
    closes = torch.from_numpy(labels["closes"])
    assert torch.equal(answer[closes], batch.targets[0][closes])
    assert torch.equal(closes, torch.isin(batch.targets[0], torch.from_numpy(labels["candidates"])))
    for row, line in enumerate(text(task, "gen")[:50]):
        stack, tokens = [], line.split()
        for place, token in enumerate(tokens):
            if token[0] == "(":
                stack.append(place)
                assert labels["distance"][row, place] == 0
            else:
                assert labels["distance"][row, place] == place - stack.pop()
        assert labels["length"][row] == len(tokens)
    assert batch.weight[0].sum(1).tolist() == labels["length"].tolist()


def test_seeds_and_settings():
    one, again = (text(parse(corpus_seed=seed), "train")[:100] for seed in (None, 0))
    assert one == again
    assert text(parse(corpus_seed=1), "train")[:100] != one
    assert parse().signature.n_ctx == 64 and len(parse().vocabulary) == 43
    with pytest.raises(LatebloomError, match=r"max_length = 4 is below task.min_length = 6"):
        parse(max_length=4)
    with pytest.raises(LatebloomError, match="bracket strings have even length"):
        parse(max_length=63)
    with pytest.raises(LatebloomError, match="bracket strings for val and gen were found: ask for fewer"):
        parse(max_depth=1, max_length=6, n_types=1, n_train=10, n_val=1, n_gen=1).corpus()
