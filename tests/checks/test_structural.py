"""The second opinions on structural grokking: sentences, networks and trees; each with a wrong answer refused."""

import itertools
import math
import random
from types import SimpleNamespace

import pytest
import torch

from checks import __main__ as command
from checks import agreement, released, sentences, splits, tense, tree_depths
from checks.compare import told
from checks.released import Released, go_on, next_word, padded, share_of_rate, train
from checks.sentences import OTHER
from latebloom.instruments.span_vectors import span_similarities
from latebloom.instruments.tree_score import tree_score_as_released
from latebloom.tasks import QuestionFormation, SimpleAgreement, TenseInflection
from latebloom.tasks.language import recogniser
from latebloom.tasks.language.agreement import _types
from tests.checks.build import published


def source(seed=0):
    return random.Random(seed)


# Sentences.


@pytest.mark.parametrize(
    ("sentence", "main", "subject", "nearest"),
    [
        ("some newts near the yak sleep", 5, 1, 4),
        ("her yak who amuses the newts sleeps", 6, 1, 5),
        ("the newts that our yak admires entertain my zebra", 6, 1, 4),
        ("our zebras read", 2, 1, 1),
    ],
)
def test_sentences_are_read_by_hand(sentence, main, subject, nearest):
    words = sentence.split()
    assert sentences.main_verb(words) == main
    assert sentences.subject_of(words, main) == subject and sentences.nearest_noun(words, main) == nearest
    assert sentences.agrees(words[subject], words[main]) and not sentences.agrees(words[subject], OTHER[words[main]])


def test_readings_are_those_of_the_recogniser_and_what_is_written_agrees():
    verbs = 0
    for seed in range(300):
        _, present = sentences.written(sentences.natural(source(seed)), source(seed))
        for place, form in recogniser.agreeing_verbs(present).items():
            assert present[place] in OTHER
            noun = present[sentences.subject_of(present, place)]
            assert form == present[place] and sentences.agrees(noun, form)
            assert not sentences.agrees(noun, OTHER[form])
            verbs += 1
    assert verbs > 400


def test_the_packages_labels_of_withheld_items_are_read_from_their_words_too():
    task = TenseInflection.parse({"n_train": 300, "n_val": 100, "n_test": 20, "n_gen": 400, "n_eval": 400})
    known, names = task.labels("gen"), task.vocabulary.words
    for row, main, other in zip(known["target"], known["main"], known["distractor"], strict=True):
        words = [names[number] for number in row if number][:-2]
        assert sentences.in_conflict(words)
        asked = tense.main_asked((words, "PRESENT", words))
        assert (asked.right, asked.nearest) == (main, other) and main != other
    assert not any(sentences.in_conflict(tense.ordinary(source(i))[2]) for i in range(50) if _present(source(i)))


def _present(draws):
    return tense.ordinary(draws)[1] == "PRESENT"


def test_the_packages_training_items_fit_both_rules_by_reading():
    task = TenseInflection.parse({"n_train": 600, "n_val": 20, "n_test": 20, "n_gen": 20})
    copied = 0
    for row in task.tokens(task.corpus()["train"]):
        words = task.vocabulary.decode(row)[1:-1]
        end = words.index(".")
        past, asked, answer = words[:end], words[end + 1], words[end + 2 : -1]
        copied += asked == "PAST"
        assert asked == "PRESENT" or answer == past
        if asked == "PRESENT":
            assert not sentences.in_conflict(answer)
            for place, verb in enumerate(answer):
                assert verb not in OTHER or sentences.agrees(answer[sentences.subject_of(answer, place)], verb)
            assert [sentences.PAST.get(OTHER.get(w, w), sentences.PAST.get(w, w)) for w in answer] == past
    assert 0.5 < copied / 600 < 0.66


def test_words_have_the_packages_numbers():
    assert sentences.vocabulary(True) == TenseInflection().vocabulary.number
    assert sentences.vocabulary(False) == SimpleAgreement().vocabulary.number
    assert splits.question_vocabulary() == QuestionFormation().vocabulary.number


def test_withheld_items_are_mixed_as_in_the_released_data():
    draws = source()
    items = [tense.withheld(draws)[2] for _ in range(1500)]
    phrase = sum(words[2] in sentences.PREPOSITIONS for words in items) / len(items)
    assert phrase == pytest.approx(0.6045, abs=0.04)
    copies = sum(tense.ordinary(draws)[1] == "PAST" for _ in range(1500)) / 1500
    assert copies == pytest.approx(0.5826, abs=0.04)


@pytest.mark.parametrize("many", [12, 120])
def test_types_are_those_of_the_packages_corpus(many):
    names = {number: (kind.subject, kind.predicate, kind.numbers) for kind, number in _types().items()}
    for ours, theirs in zip(
        (agreement.types(many), agreement.held_out(many)), SimpleAgreement(n_types=many).chosen(0), strict=True
    ):
        assert sorted(ours) == sorted(names[number] for number in theirs.chosen)
    assert all(sentences.in_conflict(agreement.alone(agreement.held_out(many), source(i))) for i in range(50))
    assert not any(sentences.in_conflict(agreement.alone(agreement.types(many), source(i))) for i in range(50))


# Networks that follow a rule, and no other.


class Rule:
    """Says the right next word of an answer, its verbs agreeing with `noun(words, place)`."""

    def __init__(self, numbers, noun):
        self.names, self.numbers, self.noun = list(numbers), numbers, noun
        self.out = SimpleNamespace(out_features=len(numbers))

    def eval(self):
        return self

    def answer(self, past):
        stems = {form: stem for stem, form in sentences.PAST.items()}
        draft = [stems.get(word, word) for word in past]
        for place, word in enumerate(draft):
            if word in OTHER:
                many = draft[self.noun(draft, place)] in sentences.MANY
                draft[place] = word if many else OTHER[word]
        return draft

    def __call__(self, tokens):
        logits = torch.zeros(*tokens.shape, len(self.names))
        for row, numbers in enumerate(tokens.tolist()):
            words = [self.names[number] for number in numbers if number]
            task = next(place for place, word in enumerate(words) if word in ("PAST", "PRESENT"))
            past = words[1 : task - 1]
            whole = [*(past if words[task] == "PAST" else self.answer(past)), ".", "<end>"]
            for place in range(task, len(words)):
                logits[row, place, self.numbers[whole[place - task]]] = 1
        return logits


RULES = {"subject": sentences.subject_of, "nearest": sentences.nearest_noun, "first": lambda words, verb: 1}


@pytest.fixture(scope="module")
def items():
    draws = source(5)
    return [tense.withheld(draws) for _ in range(150)]


@pytest.mark.parametrize(("rule", "right"), [("subject", 1.0), ("first", 1.0), ("nearest", 0.0)])
def test_who_follows_a_rule_is_told_so(rule, right, items):
    net = Rule(tense.PAIRS, RULES[rule])
    assert tense.shares(net, [tense.main_asked(item) for item in items]) == (right, 1 - right)
    assert tense.written_right(net, items) == right
    draws = source(6)
    known = [tense.main_asked(tense.ordinary(draws)) for _ in range(100)]
    assert tense.shares(net, known) == (1.0, 1.0)


def test_a_network_that_agrees_with_subjects_would_not_agree_with_the_ledger(monkeypatch, items):
    nets = {"subject": Rule(tense.PAIRS, RULES["subject"]), "nearest": Rule(tense.PAIRS, RULES["nearest"])}
    words = {}
    for rule, net in nets.items():
        monkeypatch.setattr(tense, "kept", lambda experiment, step: [({"seed": 0}, {}), ({"seed": 1}, {})])
        monkeypatch.setattr(Released, "holding", lambda self, tables, net=net: net)
        found = {line.quantity: line for line in tense.tense(2, 60, 10)}
        line = found["right main verb, mean of seeds"]
        words[rule] = line.agrees(told(line.claim, line.estimate)[0])
    assert words == {"subject": False, "nearest": True}


def test_early_stopping_loses_what_comes_later():
    inside, outside = [[0.9, 0.99, 1.0], [1.0, 1.0, 1.0]], [[0.5, 0.1, 0.9], [0.3, 0.2, 0.4]]
    lost, most = tense.tense_lines(inside, outside, [0.1, 0.2], [0.9, 0.4])[:2]
    assert lost.values == pytest.approx([0.8, 0.1]) and most.values == pytest.approx([0.8, 0.2])
    assert lost.agrees(0.04) is False  # a loss of .45 in the median, where the ledger has none
    assert tense.tense_lines([[0.9, 0.9]], [[0.1, 0.2]], [0.1], [0.2])[0].values == []  # never saturated


def test_every_verb_must_agree():
    numbers = agreement.ALONE
    words = ["the", "newts", "who", "amuse", "my", "yak", "sleep"]
    forms = {"amuse": 1.0, "amuses": 0.0, "sleep": 1.0, "sleeps": 0.0}

    class Fixed:
        out = SimpleNamespace(out_features=len(numbers))

        def eval(self):
            return self

        def __call__(self, tokens):
            logits = torch.zeros(len(numbers))
            for form, worth in forms.items():
                logits[numbers[form]] = worth
            return logits.expand(*tokens.shape, -1)

    assert agreement.all_right(Fixed(), [words]) == [True]
    forms["amuses"] = 2.0
    assert agreement.all_right(Fixed(), [words]) == [False]
    assert agreement.all_right(Fixed(), [["the", "newts", "sleep"], ["the", "newt", "sleeps"]]) == [True, False]


def test_the_first_noun_gets_half_of_the_withheld_sentences_and_the_nearest_none(monkeypatch):
    def by_rule(rule):
        def said(net, rows):
            logits = torch.zeros(len(rows), len(agreement.ALONE))
            for row, numbers in zip(logits, rows, strict=True):
                words = [names[number] for number in numbers[1:]]
                # A verb is due, so that words before it and any verb make up what a reading needs.
                noun = words[rule([*words, "sleep"], len(words))]
                for word in OTHER:
                    row[agreement.ALONE[word]] = float(sentences.agrees(noun, word))
            return logits

        return said

    names, draws = list(agreement.ALONE), source(8)
    asked = [agreement.alone(agreement.held_out(120), draws) for _ in range(600)]
    for rule, low, high in (("first", 0.45, 0.57), ("nearest", 0.0, 0.0)):
        monkeypatch.setattr(agreement, "next_word", by_rule(RULES[rule]))
        found = agreement.all_right(None, asked)
        assert low <= sum(found) / len(found) <= high


# The network.


@pytest.fixture(scope="module")
def pair():
    """A small network of the package with weights large enough to matter, and the plain one that holds them."""
    model, tables = published(TenseInflection(), 2)
    return model, tables, Released(101, 2, 16, 4).holding(tables)


def test_the_plain_network_says_what_ours_says(pair):
    model, tables, net = pair
    tokens = torch.randint(1, 101, (5, 9), generator=torch.Generator().manual_seed(4))
    ours = model.forward({name: table[None] for name, table in tables.items()}, tokens[None])[0]
    net.eval()
    with torch.no_grad():
        torch.testing.assert_close(net(tokens), ours, atol=1e-4, rtol=1e-4)
        turned = dict(tables)
        turned["blocks.1.attn.W_K"], turned["blocks.1.attn.W_Q"] = (
            tables["blocks.1.attn.W_Q"].flip(0),
            tables["blocks.1.attn.W_K"],
        )
        assert (Released(101, 2, 16, 4).holding(turned).eval()(tokens) - ours).abs().max() > 1e-2


def test_next_words_come_back_in_order(pair):
    net = pair[2]
    rows = [[3, 5, 8], [9], [2, 2, 7, 4, 1], [6, 1]]
    found = next_word(net, rows, at_once=2)
    with torch.no_grad():
        for row, logits in zip(rows, found, strict=True):
            torch.testing.assert_close(net(torch.tensor([row]))[0, -1], logits, atol=1e-4, rtol=1e-4)
    written = go_on(net, rows[:2], end=int(found[1].argmax()), most=3)
    assert written[1] == [int(found[1].argmax())] and len(written[0]) in (1, 2, 3)
    assert padded([[1, 2], [3]]).tolist() == [[1, 2], [3, 0]]


def test_new_weights_are_glorots_and_attention_has_no_biases():
    net = Released(101).drawn(1)
    q, k, v = net.blocks[0].self_attn.in_proj_weight.detach().chunk(3)
    for part in (q, k, v):
        assert float(part.abs().max()) == pytest.approx((6 / 256) ** 0.5, rel=0.01)
    assert float(net.blocks[0].linear1.weight.detach().abs().max()) == pytest.approx((2 * 6 / 640) ** 0.5, rel=0.01)
    assert not net.blocks[0].self_attn.in_proj_bias.any() and not net.blocks[0].self_attn.in_proj_bias.requires_grad


def test_training_learns_what_is_there_and_nothing_at_a_rate_of_nothing(monkeypatch):
    monkeypatch.setattr(released, "WARM_UP", 10)
    monkeypatch.setattr(released, "RATE", 1e-2)
    assert [share_of_rate(step, 110) for step in (0, 9, 10, 60, 110)] == [0.1, 1.0, 1.0, 0.5, 0.0]

    def learned(rate):
        monkeypatch.setattr(released, "RATE", rate)
        net, seen = Released(6, 1, 16, 2).drawn(0), []
        train(net, lambda draws: [5, *([1, 2, 3] if draws.random() < 0.5 else [2, 1, 4])], 0, 100, 110, 40, seen.append)
        assert seen == [0, 40, 80, 100]
        return next_word(net, [[5, 1, 2], [5, 2, 1]]).argmax(-1).tolist()

    assert learned(1e-2) == [3, 4] and learned(0.0) != [3, 4]


def test_what_is_looked_at_last_is_what_training_leaves():
    net = Released(6, 1, 16, 2).drawn(0)
    seen = {}

    def look(step):
        seen[step] = net.out.weight.detach().clone()

    train(net, lambda draws: [5, 1, 2, 3], 0, 3, 110, 2, look)
    assert list(seen) == [0, 2, 3]
    assert torch.equal(seen[3], net.out.weight) and not torch.equal(seen[2], seen[3])


# Trees.


def every_tree(first, last):
    """All binary trees over words, as sets of spans."""
    if first == last:
        return [{(first, last)}]
    return [
        {(first, last)} | left | right
        for cut in range(first, last)
        for left, right in itertools.product(every_tree(first, cut), every_tree(cut + 1, last))
    ]


def test_the_best_of_all_trees_is_found_and_greedy_ones_can_miss_it():
    draws, missed = source(9), 0
    for _ in range(20):
        worth = {(i, j): draws.random() for i in range(6) for j in range(i, 6)}
        values = [sum(worth[span] for span in tree if span != (0, 5)) for tree in every_tree(0, 5)]
        best, even = splits.best_and_mean(worth, 6)
        found, tree = splits.greedy(worth, 0, 5)
        assert len(values) == 42 and best == pytest.approx(max(values)) and even < best
        assert found == pytest.approx(sum(worth[span] for span in tree if span != (0, 5))) and found <= best + 1e-9
        assert splits.left_branching(worth, 6) <= best + 1e-9
        missed += found < best - 1e-9
    assert missed > 0
    # Of three words there are two trees, each as likely: the mean is half of both.
    worth = {(i, j): draws.random() for i in range(3) for j in range(i, 3)}
    pair = [sum(worth[span] for span in tree if span != (0, 2)) for tree in every_tree(0, 2)]
    assert splits.best_and_mean(worth, 3)[1] == pytest.approx(sum(pair) / 2)
    # Of more words a tree is as likely as all its splits together, which is not one in so many trees.
    worth = {(i, j): draws.random() for i in range(5) for j in range(i, 5)}
    chances = [math.prod(1 / (end - start) for start, end in tree if end > start) for tree in every_tree(0, 4)]
    values = [sum(worth[span] for span in tree if span != (0, 4)) for tree in every_tree(0, 4)]
    assert sum(chances) == pytest.approx(1) and len(set(chances)) > 1
    even = sum(chance * value for chance, value in zip(chances, values, strict=True))
    assert splits.best_and_mean(worth, 5)[1] == pytest.approx(even)


def test_spans_out_of_context_are_those_of_our_own_shortcut(pair):
    model, tables, net = pair
    params = {name: table[None] for name, table in tables.items()}
    row = [100, 7, 30, 12, 55]
    theirs = span_similarities(
        lambda tokens, positions: model.states(params, tokens[None], positions=positions)[0],
        [row[1:]],
        causal=True,
        before=[100],
    ).similarity[0]
    ours = splits.alike(net, row)
    for (i, j), value in ours.items():
        assert value == pytest.approx(float(theirs[i, j]), abs=1e-5)
        assert i > 0 or value == pytest.approx(1.0, abs=1e-6)
    assert min(ours.values()) < 0.997


def test_statements_are_of_the_released_mix():
    draws = source()
    drawn = [splits.statement(draws) for _ in range(600)]
    assert not any(words[2] in sentences.RELATIVISERS for words in drawn)
    assert sum(words[2] in sentences.PREPOSITIONS for words in drawn) / 600 == pytest.approx(0.34, abs=0.06)
    known = {word for pair in splits.AUXILIARIES for word in pair}
    assert all(
        recogniser.parse(words, "question") and 1 <= sum(word in known for word in words) <= 2 for words in drawn[:50]
    )


# The checks.


@pytest.mark.parametrize(
    "few",
    [
        lambda: command.tense(1, 8, 2),
        lambda: command.tense_trained(1, 1, 8),
        lambda: command.splits(1, 2),
        lambda: command.agreement(1, 8),
        lambda: command.agreement_trained(1, 1, 8),
    ],
)
def test_every_check_runs_and_its_numbers_are_in_the_ledger(few, tmp_path, monkeypatch):
    monkeypatch.setenv("LATEBLOOM_HOME", str(tmp_path))
    for line in few():
        assert line.estimate is None or told(line.claim, line.estimate) is not None, line


@pytest.mark.parametrize(
    ("few", "run"),
    [
        (lambda: command.tense(1, 8, 2), "tense"),
        (lambda: command.splits(1, 2), "question"),
        (lambda: command.agreement(1, 8), "agreement"),
    ],
)
def test_where_no_run_is_there_the_command_that_makes_it_is_told(few, run, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LATEBLOOM_HOME", str(tmp_path))
    assert few() == []
    assert f"`latebloom run structural_grokking.{run} --scale laptop`" in capsys.readouterr().out


def test_kept_weights_are_measured_by_arm(monkeypatch):
    def members(experiment, step):
        if experiment.endswith("question"):
            return [({"seed": 0}, 70)]
        if experiment.endswith("tense"):
            return [({"seed": seed}, 101) for seed in range(3)]
        return [({"seed": 0, "n_types": many}, 82) for many in (12, 120)]

    for module in (tense, splits, agreement):
        monkeypatch.setattr(module, "kept", members)
    monkeypatch.setattr(Released, "holding", lambda self, tables: self.drawn(0))
    assert [len(line.values) for line in command.tense(2, 8, 2)][-1] == 2
    assert [len(line.values) for line in command.splits(2, 2)] == [1, 2]
    found = command.agreement(1, 8)
    assert [len(line.values) for line in found] == [1, 1, 1]
    assert found[0].agrees(told(found[0].claim, found[0].estimate)[0]) is True  # untrained networks get nothing right


def test_the_score_of_a_greedy_tree_is_our_instruments():
    draws = torch.Generator().manual_seed(4)
    for words in (1, 2, 3, 7):
        table = torch.rand(words, words, dtype=torch.float64, generator=draws)
        worth = {(i, j): float(table[i, j]) for i in range(words) for j in range(i, words)}
        ours = float(tree_score_as_released(table[None], [words]).scores[0])
        assert tree_depths.score(worth, 0, words - 1) == pytest.approx(ours, abs=1e-12)
    worth[0, 2] += 1
    assert abs(tree_depths.score(worth, 0, 6) - ours) > 0.1


def test_three_words_by_hand():
    """One split of two is better by 0.4 than their mean; two words can be split in one way alone."""
    worth = {(0, 0): 0.1, (1, 2): 0.9, (0, 1): 0.1, (2, 2): 0.1, (1, 1): 0.5, (0, 2): 0.0}
    assert tree_depths.score(worth, 0, 2) == pytest.approx(0.4)


@pytest.mark.parametrize("name", ["questions", "tense"])
def test_trees_are_asked_for_on_sentences_of_the_task(name):
    rows, symbols = tree_depths.rows_of(name, 40)
    task = {"questions": QuestionFormation, "tense": TenseInflection}[name]()
    words = {number: word for word, number in task.vocabulary.number.items()}
    assert symbols == len(words)
    assert {words[row[0]] for row in rows} == {"<start>"}
    assert len({tuple(row) for row in rows}) > 35


def test_depths_are_paired_by_seed(monkeypatch):
    """Six layers are two above two layers in every seed, and level with ten; a seed that one lacks is left out."""
    members = [({"seed": seed}, depth) for depth in (2, 6, 10) for seed in (0, 1, 2)][:-1]
    monkeypatch.setattr(tree_depths, "kept", lambda run, step: members if run.endswith("question_depths") else [])
    monkeypatch.setattr(tree_depths, "layers", lambda tables: tables)
    seeds = iter([0, 1, 2, 0, 1, 2, 0, 1])
    level = {2: 1.0, 6: 3.0, 10: 3.0}
    monkeypatch.setattr(tree_depths, "of_network", lambda tables, depth, rows, symbols: level[depth] + next(seeds))
    lines = {line.estimate: line.values for line in tree_depths.tree_depths(5, 2)}
    assert lines["questions 6 minus 2"] == [2, 2, 2]
    assert lines["questions 6 minus 10"] == [0, 0]
    assert lines["tense 4 minus 2"] == []
    assert all(told("structural_grokking.19", estimate) is not None for estimate in lines)
