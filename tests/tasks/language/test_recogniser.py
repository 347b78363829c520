"""The recogniser both ways: all generated text parses to its own tree, and a corrupted sentence does not parse."""

import re
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latebloom.errors import LatebloomError
from latebloom.tasks.language import QuestionFormation, SimpleAgreement, TenseInflection, recogniser
from latebloom.tasks.language.lexicon import PAST, PRESENT, QUESTION

SIZES = {"n_train": 600, "n_val": 50, "n_gen": 300}
TASKS = {
    "question": QuestionFormation.parse({**SIZES, "n_test": 50}),
    "past": TenseInflection.parse({**SIZES, "n_test": 50}),
    "present": SimpleAgreement.parse(SIZES),
}
LEXICA = {"question": QUESTION, "past": PAST, "present": PRESENT}
each_grammar = pytest.mark.parametrize("grammar", sorted(TASKS))


@cache
def items(grammar):
    task = TASKS[grammar]
    return [item for split in ("train", "gen") for item in task.items(task.corpus()[split])]


@each_grammar
def test_generated_lines_parse_to_the_generated_item(grammar):
    for item in items(grammar):
        assert recogniser.read_line(item.line, grammar) == item


def twins(grammar, word):
    """Words that can stand wherever `word` can, by what the lexicon says: same part of speech, same number shown."""
    known = recogniser.readings(LEXICA[grammar])
    return {other for other, reading in known.items() if reading == known[word]}


@each_grammar
@given(data=st.data())
def test_a_word_of_another_kind_is_found_where_it_stands(grammar, data):
    item = data.draw(st.sampled_from(items(grammar)))
    words = list(item.source)
    place = data.draw(st.integers(0, len(words) - 1))
    known = recogniser.readings(LEXICA[grammar])
    part = known[words[place]].part
    # A verb of the other kind can make another sentence, whose fault then shows later or not at all; so can a noun
    # of the other number. Everything else cannot stand here.
    wrong = sorted(word for word, reading in known.items() if reading.part != part and reading.part not in ("Vi", "Vt"))
    if part == "Rel":
        wrong = [word for word in wrong if known[word].part != "Prep"]  # would begin another modifier
    if part == "Prep":
        wrong = [word for word in wrong if known[word].part != "Rel"]
    words[place] = data.draw(st.sampled_from(wrong))
    with pytest.raises(LatebloomError) as caught:
        recogniser.parse(words, grammar)
    # Read from the left, the fault shows at the corrupted word, or later where that word could still go on: a clause,
    # a preposition or a determiner may begin something that only then goes wrong. A noun never can.
    named = re.search(r"^Word (\d+),", str(caught.value))
    shown = int(named[1]) if named else len(words) + 1
    assert shown == place + 1 if known[words[place]].part == "N" else shown >= place + 1


@given(data=st.data())
def test_a_noun_of_the_other_number_breaks_agreement_where_something_agrees_with_it(data):
    item = data.draw(st.sampled_from(items("question")))
    words = list(item.source)
    singular, plural = QUESTION["N"]
    noun = words[item.parts.subject]
    words[item.parts.subject] = dict([*zip(singular, plural, strict=True), *zip(plural, singular, strict=True)])[noun]
    with pytest.raises(LatebloomError, match=f"agrees with '{words[item.parts.subject]}'"):
        recogniser.parse(words, "question")


@each_grammar
@given(data=st.data())
def test_a_twin_of_a_word_parses_to_the_same_shape(grammar, data):
    item = data.draw(st.sampled_from(items(grammar)))
    words = list(item.source)
    place = data.draw(st.integers(0, len(words) - 1))
    words[place] = data.draw(st.sampled_from(sorted(twins(grammar, words[place]))))
    assert recogniser.parse(words, grammar) == item.tree.filled(words)


@each_grammar
@given(data=st.data())
def test_a_sentence_cut_short_or_run_on_is_refused(grammar, data):
    item = data.draw(st.sampled_from(items(grammar)))
    words = list(item.source)
    with pytest.raises(LatebloomError):
        recogniser.parse([*words, data.draw(st.sampled_from(words))], grammar)
    cut = words[: data.draw(st.integers(0, item.parts.main))]
    with pytest.raises(LatebloomError, match="ends too early"):
        recogniser.parse(cut, grammar)


@given(data=st.data())
def test_a_corrupted_target_is_found_where_it_stands(data):
    grammar = data.draw(st.sampled_from(["question", "past"]))
    item = data.draw(st.sampled_from(items(grammar)))
    target = list(item.target)
    place = data.draw(st.integers(0, len(target) - 1))
    target[place] = data.draw(st.sampled_from(["newt", "?", "do", "nonsense"]).filter(lambda w: w != target[place]))
    source = item.line.split("\t")[0]
    with pytest.raises(LatebloomError, match=f"Word {place + 1} of the target is"):
        recogniser.read_line(f"{source}\t{' '.join(target)}", grammar)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("the rven does sleep . decl\tx", r"Word 2, 'rven', .* not in the vocabulary\. Did you mean 'raven'"),
        ("the raven do sleep . decl\tx", r"Word 3, 'do', .* \(does, doesn't\) that agrees with 'raven', singular"),
        ("the raven does sleep the newt . decl\tx", r"Word 5, 'the', .*expected the end of the sentence"),
        ("the raven does . decl\tx", r"ends too early: expected an intransitive verb or a transitive verb"),
        ("raven does sleep . decl\tx", r"Word 1, 'raven', .*expected a determiner"),
        ("the raven does sleep . decl the raven", r"no tab: the format is '<sentence> \. <decl or quest> TAB <target>"),
        ("the raven does sleep . dcl\tx", r"ends with 'dcl': its last word must be the task token decl or quest"),
        ("the raven does sleep decl\tx", r"must end with ' \.'"),
        ("the raven does sleep . quest\tthe raven does sleep ?", r"Word 1 of the target is 'the', but .* has 'does'"),
        ("the raven does sleep . quest\tdoes the raven", r"Word 4 of the target is nothing, but .*'sleep'"),
        ("the raven does sleep . decl\tthe raven does sleep . .", r"goes on after its end with '\.'"),
    ],
)  # fmt: skip
def test_errors_say_what_is_wrong_and_what_would_be_right(line, message):
    with pytest.raises(LatebloomError, match=message):
        recogniser.read_line(line, "question")


def test_an_unknown_grammar_or_task_token_is_named():
    with pytest.raises(LatebloomError, match="Unknown grammar 'futur'"):
        recogniser.parse(["the"], "futur")
    with pytest.raises(LatebloomError, match=r"Unknown task token 'PRESNT'. Did you mean 'PRESENT'"):
        recogniser.rule(["the", "newt", "slept"], "PRESNT", "past")
