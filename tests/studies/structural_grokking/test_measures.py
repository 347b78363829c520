"""The measures on networks whose answers are planted: the right rule, and rules of word order."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from latebloom.baselines.heuristics import front_first, inflect
from latebloom.data import Place
from latebloom.errors import LatebloomError
from latebloom.instruments.span_vectors import cosine
from latebloom.studies.structural_grokking.measures.agreement import agreement
from latebloom.studies.structural_grokking.measures.attention import attention
from latebloom.studies.structural_grokking.measures.brackets import brackets
from latebloom.studies.structural_grokking.measures.first_word import first_word, train_loss
from latebloom.studies.structural_grokking.measures.items import next_logits, sources
from latebloom.studies.structural_grokking.measures.main_verb import inflected, main_verb
from latebloom.studies.structural_grokking.measures.sentences import PLACES, all_right, first_wrong, sentences, whole
from latebloom.studies.structural_grokking.measures.trees import right_branching, similarities, trees
from latebloom.studies.structural_grokking.measures.weights import weights
from latebloom.tasks import QuestionFormation, TenseInflection
from latebloom.tasks.language.lexicon import AUXILIARIES, NOUNS, PAST, PRESENT
from latebloom.training.population import Population
from latebloom.training.presets import members_of
from latebloom.training.view import View

SIZES = {"n_train": 300, "n_val": 60, "n_test": 10, "n_gen": 40, "n_eval": 20}
QUESTION, TENSE = QuestionFormation.parse(SIZES), TenseInflection.parse(SIZES)
AUXILIARY = {word for half in AUXILIARIES for word in half}
VERBS = {
    past: (PRESENT[part][0][index], PRESENT[part][1][index])
    for part in ("Vi", "Vt")
    for index, past in enumerate(PAST[part][0])
}
PLURAL = {word: bool(number) for number, words in enumerate(NOUNS) for word in words}


class Rule:
    """A network that follows a rule of whole answers: given the source, each word of the answer in its place."""

    def __init__(self, task, answer):
        self.task, self.answer = task, answer

    def forward(self, params, inputs, tap=None):
        vocabulary = self.task.vocabulary
        logits = torch.zeros(*inputs.shape, len(vocabulary))
        for member, row in np.ndindex(*inputs.shape[:2]):
            tokens = inputs[member, row].tolist()
            words = [vocabulary.words[token] for token in tokens]
            at = next(place for place, word in enumerate(words) if word in self.task.tasks)
            source = words[1 : at - 1]
            copied = [*source, "."]
            answer = [*(copied if words[at] == self.task.tasks[0] else self.answer(source)), "<end>"]
            for step, word in enumerate(answer):
                if at + step < len(tokens):
                    logits[member, row, at + step, vocabulary.number[word]] = 5.0
        return logits


def view_of(task, answer):
    population = SimpleNamespace(members=[SimpleNamespace(task=task)], model=Rule(task, answer), place=Place())
    return SimpleNamespace(population=population, params={})


def right_question(source):
    vocabulary = QUESTION.vocabulary
    row = torch.from_numpy(vocabulary.encode(["<start>", *source, ".", "quest", *["."] * 20]))
    answer = vocabulary.decode(QUESTION.answer(row)[len(source) + 2 :].tolist())
    return answer[: answer.index("<end>")]


def linear_question(source):
    return front_first(source, AUXILIARY)


def copying_question(source):
    """The main auxiliary in front, and left where it was."""
    return [right_question(source)[0], *source, "?"]


def value(columns, name):
    return columns[name][0].tolist()


def test_the_right_rule_on_questions():
    view = view_of(QUESTION, right_question)
    found = first_word(view) | sentences(view)
    for name in ("val_first_word", "val_first_word_any", "gen_first_word", "gen_first_word_any", "gen_compatible"):
        assert value(found, name) == 1
    assert value(found, "gen_first_auxiliary") == 0
    assert value(found, "gen_by_clause") == [1, 1, 1]
    assert value(found, "val_sentence") == value(found, "gen_sentence") == 1
    assert np.reshape(value(found, "gen_prepose_delete"), (3, 4)).tolist() == [[1, 0, 0, 0], [0] * 4, [0] * 4]
    assert value(found, "gen_first_wrong") == [1, 0, 0, 0, 0, 0, 0]


def test_the_linear_rule_on_questions():
    view = view_of(QUESTION, linear_question)
    found = first_word(view) | sentences(view)
    assert value(found, "val_first_word") == value(found, "val_sentence") == 1
    assert value(found, "gen_first_word") == value(found, "gen_sentence") == 0
    assert value(found, "gen_first_auxiliary") == value(found, "gen_compatible") == 1
    assert np.reshape(value(found, "gen_prepose_delete"), (3, 4)).tolist() == [[0] * 4, [0, 1, 0, 0], [0] * 4]
    assert value(found, "gen_first_wrong")[PLACES.index("first word")] == 1


def test_an_auxiliary_that_is_fronted_and_kept():
    found = sentences(view_of(QUESTION, copying_question))
    assert np.reshape(value(found, "gen_prepose_delete"), (3, 4)).tolist() == [[0, 0, 1, 0], [0] * 4, [0] * 4]
    assert value(found, "gen_first_wrong")[PLACES.index("at the gap")] == 1
    assert value(found, "val_sentence") == 0


def test_where_the_first_wrong_word_stands():
    gold = torch.tensor([[9, 1, 2, 3, 4, 5, 6]]).expand(7, -1)
    written = gold.clone()
    for row, place in enumerate([0, 1, 2, 3, 5, 6], start=1):
        written[row, place] = 0
    shares = first_wrong(written[None], gold, torch.full((7,), 2), torch.full((7,), 5))
    assert shares.tolist() == [[pytest.approx(1 / 7)] * 7]


@pytest.mark.parametrize("nearest", [True, False])
def test_rules_of_agreement(nearest):
    view = view_of(TENSE, lambda source: inflect(source, VERBS, PLURAL, nearest))
    found = main_verb(view) | inflected(view)
    assert value(found, "gen_main_verb") == value(found, "gen_choice") == (0 if nearest else 1)
    assert value(found, "gen_recent_noun") == (1 if nearest else 0)
    assert value(found, "gen_inflected") == (0 if nearest else 1)
    if nearest:
        assert value(found, "val_main_verb") == value(found, "val_inflected") == 1


def small(name, **changes):
    members = [member.replace(changes) for member in members_of(name, "smoke")]
    return View(Population.start(members[:2]), 0)


def test_the_next_word_does_not_depend_on_who_shares_the_piece(monkeypatch):
    view = small("structural_grokking.question")
    from latebloom.studies.structural_grokking.measures import items

    known = items.labels(view.population.members[0].task, "gen", 40)
    with torch.no_grad():
        whole_rows = next_logits(view, known["prefix"], known["query"])
        one = view.population.model.forward(view.params, known["prefix"][None, 3:4, : int(known["query"][3]) + 1])
        torch.testing.assert_close(whole_rows[:, 3], one[:, 0, -1])
        monkeypatch.setattr(items, "PIECE", 3)
        torch.testing.assert_close(next_logits(view, known["prefix"], known["query"]), whole_rows)


def test_whole_rows_are_those_of_the_split():
    from latebloom.studies.structural_grokking.measures.items import labels

    known = labels(QUESTION, "gen", 20)
    tokens = torch.from_numpy(QUESTION.tokens(QUESTION.corpus()["gen"].first(20)).astype(np.int64))
    rows = whole(known)
    assert torch.equal(rows[:, : tokens.shape[1]], tokens[:, : rows.shape[1]])
    assert all_right(view_of(QUESTION, right_question), known).tolist() == [1.0]


def test_spans_out_of_context_are_short_rows_at_their_own_positions():
    view = small("structural_grokking.question")
    task, model = view.population.members[0].task, view.population.model
    found = sources(task, "gen", 5)
    with torch.no_grad():
        spans = similarities(model, view.params, task, found)
        words, (first, last) = found.words[2], (3, 6)
        start = task.vocabulary.start
        ordinary = model.states(view.params, torch.tensor([[[start, *words]]]))[:, 0, first + 1 : last + 2].sum(1)
        alone = torch.tensor([[[start, *words[first : last + 1]]]])
        places = torch.tensor([0, *range(first + 1, last + 2)])
        short = model.states(view.params, alone, positions=places)[:, 0, 1:].sum(1)
    torch.testing.assert_close(spans.similarity[:, 2, first, last].float(), cosine(ordinary, short), atol=1e-4, rtol=0)
    assert (spans.similarity[:, 2, 0, :4] == 1).all()


def test_the_exact_tree_of_a_causal_network_is_left_branching_whatever_it_computes():
    view = small("structural_grokking.question")
    with torch.no_grad():
        found = trees(view)
    assert found["chart_left_branching"].tolist() == [1, 1]
    assert (found["greedy_gap"] > 0).all()
    assert (found["t_score"] > found["t_score_greedy"]).all()
    assert float(found["right_branching"][0]) == pytest.approx(0.66, abs=0.03)
    assert right_branching(TENSE, "gen") == pytest.approx(0.41, abs=0.05)


def test_what_the_first_layer_reads_are_the_embeddings():
    with torch.no_grad():
        one = attention(small("structural_grokking.question", **{"model.n_layers": 1}))
        two = attention(small("structural_grokking.question"))
    torch.testing.assert_close(one["sparsity_released"], one["sparsity_summed"])
    assert (two["sparsity_released"] - two["sparsity_summed"]).abs().min() > 1e-3
    assert (one["sparsity"] < 0).all()
    assert ((one["saturation"] > -1) & (one["saturation"] < 1)).all()


def test_patterns_of_a_diverged_member_are_nan_and_the_others_keep_theirs():
    population = Population.start(members_of("structural_grokking.question", "smoke"))
    whole = attention(View(population, 0))
    population.params["blocks.0.attn.W_V"][1] = torch.inf
    broken = attention(View(population, 0))
    assert torch.isnan(broken["saturation"][1])
    for name, value in whole.items():
        assert torch.equal(value[0], broken[name][0]), name


def test_trees_and_patterns_are_of_each_members_own_training_sentences():
    members = members_of("structural_grokking.question", "smoke", ["seed=0", "declaratives=0.6,0.0,0.6"])
    together = View(Population.start(members), 0)
    for number in (0, 1):
        alone = View(Population.start([members[number]]), 0)
        for measured in (attention, trees):
            everyone = measured(together)
            for name, value in measured(alone).items():
                torch.testing.assert_close(everyone[name][number], value[0], rtol=1e-4, atol=1e-5, msg=name)
    assert torch.equal(trees(together)["right_branching"], trees(together)["right_branching"][[2, 1, 0]])
    assert trees(together)["right_branching"][0] != trees(together)["right_branching"][1]


def test_norms_and_the_training_loss():
    view = small("structural_grokking.question")
    found = weights(view)
    total = sum(v.double().square().flatten(1).sum(1) for v in view.trained.values()).sqrt()
    torch.testing.assert_close(found["weight_norm"].double(), total)
    torch.testing.assert_close(found["weight_norm_per_layer"], found["weight_norm"] / 2)
    with torch.no_grad():
        loss = train_loss(view)["train_loss"]
    assert (loss > 3).all()
    assert loss.shape == (2,)


def test_brackets_closed_by_a_perfect_network():
    view = small("structural_grokking.dyck")
    task = view.population.members[0].task
    for split in ("val", "gen"):
        answer = task.answer(view.splits[split].inputs)
        view._logits[split] = torch.nn.functional.one_hot(answer, len(task.vocabulary)).float()
    found = brackets(view)
    assert found["gen_closing"].tolist() == found["gen_closing_any"].tolist() == found["val_closing_any"].tolist()
    assert found["gen_closing"].tolist() == [1, 1]
    view._logits["gen"] = view._logits["gen"].roll(1, -1)
    assert brackets(view)["gen_closing_any"].max() < 0.2


def test_brackets_are_each_members_own_where_splits_differ():
    """Smoke and quick train both splits in one population."""
    both = members_of("structural_grokking.dyck", "smoke")
    population = Population.start(both)
    view = View(population, 0)
    assert {member.task.split for member in population.members} == {"component", "length_matched"}
    for split in ("val", "gen"):
        answers = [member.task.answer(own) for member, own in zip(both, view.splits[split].inputs, strict=True)]
        view._logits[split] = torch.nn.functional.one_hot(torch.stack(answers), len(both[0].task.vocabulary)).float()
    found = brackets(view)
    assert found["val_closing_any"].tolist() == found["gen_closing_any"].tolist() == [1, 1, 1, 1]


def test_verbs_that_agree_with_subjects_and_with_the_noun_before_them():
    view = small("structural_grokking.agreement")
    population = view.population
    assert {member.task.n_types for member in population.members} == {12}
    task = population.members[0].task
    for split in ("val", "gen"):
        answer = task.answer(view.splits[split].inputs)
        view._logits[split] = torch.nn.functional.one_hot(answer, len(task.vocabulary)).float()
    found = agreement(view)
    assert found["val_all_verbs"].tolist() == found["gen_all_verbs"].tolist() == [1, 1]
    assert found["gen_recent_noun"].tolist() == [0, 0]
    # Held-out sentences differ in the noun before the main verb only, so the other form there follows that noun.
    known = {name: torch.from_numpy(value) for name, value in task.labels("gen").items()}
    rows = torch.arange(len(known["main_query"]))
    view._logits["gen"][:, rows, known["main_query"], known["wrong"][rows, known["main_query"]]] = 2.0
    found = agreement(view)
    assert found["gen_recent_noun"].tolist() == [1, 1]
    assert found["gen_all_verbs"].tolist() == [0, 0]


def test_what_does_not_fit_is_refused():
    with pytest.raises(LatebloomError, match=r"agreement measures simple_agreement; the task is 'dyck'"):
        agreement(small("structural_grokking.dyck"))
    with pytest.raises(LatebloomError, match=r"first_word measures question_formation .* task here is 'dyck'"):
        first_word(small("structural_grokking.dyck"))
    with pytest.raises(LatebloomError, match=r"Set one number, such as task.corpus_seed=0"):
        first_word(small("structural_grokking.question", **{"task.corpus_seed": None}))
    with pytest.raises(LatebloomError, match=r"reads the attention of a decoder; model.kind is 'gru'"):
        attention(small("structural_grokking.question_gru"))
    with pytest.raises(LatebloomError, match="brackets measures dyck"):
        brackets(small("structural_grokking.question"))
