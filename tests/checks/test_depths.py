"""The second opinion on training loss by depth: rows, losses and their ratios; each with a wrong answer refused."""

import math
import random

import pytest
import torch

from checks import __main__ as command
from checks import depths, sentences
from checks.compare import told
from checks.depths import Losses, batches, depths_lines, item, least, losses, question
from checks.kept import layers
from checks.released import Released
from latebloom.data import Batch
from latebloom.models import LOSSES
from latebloom.tasks import QuestionFormation
from latebloom.tasks.language import recogniser
from tests.checks.build import published


@pytest.fixture(scope="module")
def items():
    source = random.Random(1)
    return [item(source) for _ in range(1200)]


@pytest.mark.parametrize(
    ("sentence", "asked"),
    [
        ("my newt near the yaks does sleep", "does my newt near the yaks sleep ?"),
        ("my newt that the yaks don't amuse does sleep", "does my newt that the yaks don't amuse sleep ?"),
    ],
)
def test_questions_by_hand(sentence, asked):
    assert " ".join(question(sentence.split())) == asked


def test_rows_are_those_of_the_packages_task(items):
    task = QuestionFormation()
    for one in items[:200]:
        assert recogniser.rule(one.words, one.task, "question") == one.answer
        assert task.vocabulary.decode(one.row) == ["<start>", *one.words, ".", one.task, *one.answer, "<end>"]
        assert one.task == "decl" or one.words[2] not in sentences.RELATIVISERS  # the others are withheld


def test_rows_are_mixed_as_the_packages(items):
    task = QuestionFormation(n_train=1200, n_val=10, n_test=10, n_gen=10)
    theirs = [task.vocabulary.decode(row) for row in task.tokens(task.corpus()["train"])]
    ours = [["<start>", *one.words, ".", one.task, *one.answer, "<end>"] for one in items]

    def shares(rows):
        clause = [row[3] in sentences.RELATIVISERS for row in rows]
        phrase = [row[3] in sentences.PREPOSITIONS for row in rows]
        return [sum(flags) / len(rows) for flags in (clause, phrase, ["decl" in row for row in rows])]

    assert shares(ours) == pytest.approx(shares(theirs), abs=0.05)
    lengths = [sum(map(len, rows)) / len(rows) for rows in (ours, theirs)]
    assert lengths[0] == pytest.approx(lengths[1], abs=0.6)


def test_what_a_row_tells_is_counted_by_hand(items):
    # 26 nouns, 9 verbs, 6 determiners, 2 auxiliaries of the noun's number, all alike; .005 of .996 copies are like it.
    rows = [one for one in items if one.task == "decl" and len(one.words) == 4]
    assert rows
    share = depths.COPIES * 0.005 / sum(map(sum, depths.COPIED))
    for one in rows:
        assert one.surprise == pytest.approx(math.log(6 * 26 * 2 * 9) - math.log(share))
    rate = len(rows) / len(items)
    assert rate == pytest.approx(share, abs=4 * math.sqrt(share / len(items)))
    assert sum(map(sum, depths.COPIED)) == pytest.approx(1.0, abs=0.005)


def test_batches_are_sorted_among_sixty_four(items):
    groups = batches(items)
    assert sorted(map(len, groups)) == [8] * 150
    lengths = [len(one.words) for group in groups[:64] for one in group]
    assert lengths == sorted(lengths) and {id(one) for one in items[:512]} == {id(o) for g in groups[:64] for o in g}


class Told:
    """Says what follows, sure of it, from rows it was told; but for a word it takes for another."""

    def __init__(self, items, wrong=None):
        self.known = {tuple(one.row): one for one in items}
        self.wrong = wrong

    def __call__(self, tokens):
        logits = torch.zeros(*tokens.shape, len(depths.NUMBERS))
        rows = [next(row for row in self.known if row[: len(own)] == own) for own in map(self._bare, tokens)]
        for i, row in enumerate(rows):
            for place, word in enumerate(row[1:]):
                logits[i, place, self.wrong[1] if self.wrong and word == self.wrong[0] else word] = 30.0
        return logits

    @staticmethod
    def _bare(row):
        return tuple(word for word in row.tolist() if word)


def test_a_network_that_knows_all_loses_nothing_and_one_that_takes_a_word_for_another_is_found_out(items):
    groups, nothing = batches(items[:64]), pytest.approx(0, abs=1e-9)
    known = losses(Told(items[:64]), groups)
    assert known == Losses(nothing, nothing, nothing, 1.0, dict.fromkeys(depths.ALIKE, nothing))
    never = losses(Told(items[:64], (depths.NUMBERS["<end>"], depths.NUMBERS["newt"])), groups)
    assert never.right == 0 and never.answer > 1 and never.before == nothing
    source = losses(Told(items[:64], (depths.NUMBERS["decl"], depths.NUMBERS["quest"])), groups)
    assert source.right == 1 and source.before > 0.5 and source.answer == nothing
    yak = losses(Told(items[:64], (depths.NUMBERS["yak"], depths.NUMBERS["newt"])), groups)
    assert yak.by_part["noun"] > 0.1 and yak.by_part["transitive verb"] == nothing and 0 < yak.right < 1
    assert 0 < source.whole < source.before and 0.5 < least(groups) < 2


def test_the_loss_is_the_packages(items):
    model, tables = published(QuestionFormation(), 3)
    assert layers(tables) == 3
    groups = batches(items[:24])
    own = []
    for group in groups:
        longest = max(len(one.row) for one in group)
        rows = torch.tensor([one.row + [0] * (longest - len(one.row)) for one in group])[None]
        batch = Batch(rows[..., :-1], rows[..., 1:], (rows[..., 1:] != 0).float())
        params = {name: table[None] for name, table in tables.items()}
        own.append(float(model.loss(params, batch, LOSSES["cross_entropy"], torch.ones(1))))
    net = Released(len(depths.NUMBERS), 3, 16, 4).holding(tables)
    quiet, noisy = losses(net.eval(), groups).whole, losses(net.train(), groups).whole
    assert quiet == pytest.approx(sum(own) / len(own), rel=1e-4) and abs(noisy - quiet) > 1e-3


def test_ratios_are_paired_by_seed_and_equal_losses_would_not_agree_with_the_ledger():
    found = {(6, 0): (1.0, 1.1), (6, 1): (2.0, 2.2), (10, 1): (3.0, 4.4), (10, 0): (1.5, 1.1), (10, 7): (9.0, 9.0)}
    ten, noisy = depths_lines(found)
    assert ten.values == [1.5, 1.5] and noisy.values == [2.0, 1.0] and noisy.estimate is None
    value = told(ten.claim, ten.estimate)[0]
    assert ten.agrees(value) is True
    (same, _) = depths_lines({(6, 0): (1.0, 1.0), (10, 0): (1.005, 1.0)})
    assert same.agrees(value) is False


def test_kept_weights_are_measured_by_depth(monkeypatch, capsys):
    def members(experiment, step):
        return [({"seed": seed, "n_layers": n}, dict.fromkeys(blocks(n))) for n in (2, 6, 10) for seed in (0, 1)]

    def blocks(count):
        return [f"blocks.{i}.ln1.w" for i in range(count)]

    monkeypatch.setattr(depths, "kept", members)
    monkeypatch.setattr(Released, "holding", lambda self, tables: self.drawn(0))
    found = command.depths(1, 16)
    assert [len(line.values) for line in found] == [1, 1, 1, 1]
    assert [line.estimate for line in found] == ["2 layers", "10 layers", None, None]
    for line in found:
        assert line.estimate is None or told(line.claim, line.estimate) is not None
    assert "a reader who knows the grammar" in capsys.readouterr().out


@pytest.mark.parametrize("depth", [None, 6, 10])
def test_where_depths_cannot_be_compared_the_command_is_told(depth, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LATEBLOOM_HOME", str(tmp_path))
    if depth is not None:
        tables = dict.fromkeys(f"blocks.{i}.ln1.w" for i in range(depth))
        monkeypatch.setattr(depths, "kept", lambda experiment, step: [({"seed": 0}, tables)])
        monkeypatch.setattr(Released, "holding", lambda self, tables: self.drawn(0))
    assert command.depths(1, 8) == []
    assert "`latebloom run structural_grokking.question_depths --scale laptop`" in capsys.readouterr().out
