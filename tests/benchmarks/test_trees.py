"""Both sides of the tree benchmark compute the same numbers."""

import pytest

from benchmarks.trees import CausalEncoder, lengths_like_english, plain_score, score, sentences


@pytest.mark.parametrize("passes_at_once", [1, 10**6])
def test_the_plain_way_scores_the_same(passes_at_once):
    encoder, words = CausalEncoder(2, 32), sentences([4, 9, 1, 6])
    found = [plain_score(encoder, one, passes_at_once) for one in words]
    assert found == pytest.approx(score(encoder, words).tolist(), abs=1e-5)
    other = score(encoder, [one[::-1] for one in words])
    assert found != pytest.approx(other.tolist(), abs=1e-2)


def test_sentences_are_as_long_as_those_of_question_formation():
    lengths = lengths_like_english()
    assert len(lengths) == 200
    assert (min(lengths), max(lengths)) == (4, 14)
    assert sum(lengths) / 200 == pytest.approx(9.1, abs=0.3)
