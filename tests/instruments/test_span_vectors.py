import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latebloom.errors import LatebloomError
from latebloom.instruments import span_vectors
from latebloom.instruments.masked_spans import masked_span_similarities
from latebloom.instruments.span_vectors import cosine, span_similarities
from tests.instruments.tiny_encoders import TinyEncoder, encode, masked_encode, slow_similarity

CAUSAL, BOTH_WAYS = TinyEncoder(causal=True), TinyEncoder(causal=False)
SENTENCES = [[5, 9, 7, 7, 3], [4], [8, [6, 11], 2], [1, 12, [13, 14, 15], 2, 3, 9], [3, 3]]
EXACT = {"rtol": 0, "atol": 1e-12}


def pieces(sentence):
    return [[word] if isinstance(word, int) else word for word in sentence]


def assert_equals_slow(spans, model, sentences=SENTENCES, **around):
    assert spans.lengths.tolist() == [len(sentence) for sentence in sentences]
    assert spans.similarity.shape[-3:] == (len(sentences), *[max(map(len, sentences))] * 2)
    for number, sentence in enumerate(sentences):
        slow = torch.full(spans.similarity.shape[-2:], torch.nan, dtype=torch.float64)
        for (first, last), similarity in slow_similarity(model, pieces(sentence), **around).items():
            slow[first, last] = similarity
        torch.testing.assert_close(spans.similarity[number], slow, equal_nan=True, **EXACT)


@pytest.mark.parametrize("tokens_at_once", [1, 20, 8192])
@pytest.mark.parametrize("causal", [True, False])
def test_shortcut_and_pass_per_span_agree_with_explicit_masks(causal, tokens_at_once):
    found = span_similarities(encode(CAUSAL), SENTENCES, causal=causal, before=[0], tokens_at_once=tokens_at_once)
    assert_equals_slow(found, CAUSAL, before=[0])


@pytest.mark.parametrize("tokens_at_once", [1, 20, 8192])
@pytest.mark.parametrize("after", [(), (1,)])
def test_bidirectional_encoders_need_no_mask_either(after, tokens_at_once):
    around = {"before": (0, 20), "after": after}
    found = span_similarities(encode(BOTH_WAYS), SENTENCES, causal=False, tokens_at_once=tokens_at_once, **around)
    assert_equals_slow(found, BOTH_WAYS, **around)


@pytest.mark.parametrize("model", [CAUSAL, BOTH_WAYS], ids=["causal", "bidirectional"])
@pytest.mark.parametrize("tokens_at_once", [1, 40, 8192])
def test_masked_passes_agree_with_explicit_masks(model, tokens_at_once):
    found = masked_span_similarities(masked_encode(model), SENTENCES, before=[0], tokens_at_once=tokens_at_once)
    assert_equals_slow(found, model, before=[0])


def test_an_encoder_may_keep_the_context_in_its_lower_layers():
    def t_shaped(tokens, positions, visible):
        rows, places = tokens.shape
        full = torch.ones(rows, places, places, dtype=torch.bool)
        return BOTH_WAYS.masked(tokens, positions, [full, full & visible[:, None, :]]).last_hidden_state

    found = masked_span_similarities(t_shaped, SENTENCES, before=[0], after=[1])
    assert_equals_slow(found, BOTH_WAYS, before=[0], after=[1], threshold=1)
    other = masked_span_similarities(masked_encode(BOTH_WAYS), SENTENCES, before=[0], after=[1])
    assert not torch.allclose(found.similarity, other.similarity, equal_nan=True)


@given(
    sentences=st.lists(
        st.lists(
            st.one_of(st.integers(0, 29), st.lists(st.integers(0, 29), min_size=1, max_size=3)), min_size=1, max_size=5
        ),
        min_size=1,
        max_size=5,
    ),
    before=st.lists(st.integers(0, 29), max_size=2),
)
def test_any_sentences_any_start(sentences, before):
    found = span_similarities(encode(CAUSAL), sentences, causal=True, before=before, tokens_at_once=30)
    assert_equals_slow(found, CAUSAL, sentences, before=before)


def test_the_shortcut_is_wrong_for_a_bidirectional_encoder(monkeypatch):
    """So the tests above can fail, and the refusal of such an encoder (below) is earned."""
    monkeypatch.setattr(span_vectors, "_check_encoder", lambda *_: None)
    found = span_similarities(encode(BOTH_WAYS), SENTENCES, causal=True, before=[0])
    with pytest.raises(AssertionError):
        assert_equals_slow(found, BOTH_WAYS, before=[0])


def test_spans_from_the_first_word_are_exactly_themselves_in_a_causal_network():
    found = span_similarities(encode(CAUSAL), SENTENCES, causal=True, before=[0])
    for number, length in enumerate(found.lengths):
        assert (found.similarity[number, 0, :length] == 1).all()


def test_the_shortcut_costs_a_pass_a_word_and_no_padding():
    sizes = []

    def counting(tokens, positions):
        sizes.append(tokens.shape)
        return encode(CAUSAL)(tokens, positions)

    lengths = [9, 4, 6, 6]
    span_similarities(counting, [[3] * n for n in lengths], causal=True, before=[0])
    assert sizes[:2] == [(2, 10), (1, 9)]  # the encoder is asked about the longest sentence: same twice, and causal?
    assert sum(rows for rows, _ in sizes[2:]) == sum(lengths)
    assert sum(rows * places for rows, places in sizes[2:]) == sum(n * (n + 3) // 2 for n in lengths)
    sizes.clear()
    span_similarities(counting, [[3] * n for n in lengths], causal=False, before=[0])
    assert sizes[:1] == [(2, 10)]
    assert sum(rows for rows, _ in sizes[1:]) == sum(n * (n + 1) // 2 for n in lengths)


def test_leading_axes_are_the_encoders_own():
    models = [TinyEncoder(causal=True, seed=seed) for seed in range(3)]

    def population(tokens, positions):
        return torch.stack([encode(model)(tokens, positions) for model in models])

    found = span_similarities(population, SENTENCES, causal=True, before=[0])
    for member, model in enumerate(models):
        alone = span_similarities(encode(model), SENTENCES, causal=True, before=[0])
        torch.testing.assert_close(found.similarity[member], alone.similarity, equal_nan=True, **EXACT)


def test_another_comparison_sees_the_vectors_themselves():
    """An encoder whose hidden state is (1, position): sums count words and positions; nothing depends on context."""

    def counter(tokens, positions):
        return torch.stack([torch.ones_like(positions), positions], dim=-1).double()

    def pair(left, right):
        assert torch.equal(left, right)
        return left[..., 0] + 100 * left[..., 1]

    found = span_similarities(counter, [[7, 7, [7, 7], 7]], causal=True, before=[0], compare=pair).similarity[0]
    # The third word has two pieces, at places 3 and 4.
    assert found[1, 2] == 3 + 100 * (2 + 3 + 4)
    assert found[3, 3] == 1 + 100 * 5
    assert found[0, 3] == 5 + 100 * (1 + 2 + 3 + 4 + 5)
    assert torch.isnan(found[2, 1])


def test_cosine_is_exact_for_equal_vectors_and_zero_for_none():
    vector = torch.tensor([1e-3, 7.1, -2.3], dtype=torch.float64)
    assert cosine(vector, vector) == 1
    assert cosine(vector, 0 * vector) == 0
    assert cosine(vector, -3 * vector) == pytest.approx(-1)


def test_numpy_sentences_are_sentences():
    words = np.array([[5, 9, 7], [4, 4, 4]])
    found = span_similarities(encode(CAUSAL), words, causal=True, before=[0])
    listed = span_similarities(encode(CAUSAL), words.tolist(), causal=True, before=[0])
    assert torch.equal(found.similarity.nan_to_num(9), listed.similarity.nan_to_num(9))


def test_errors_say_what_would_be_right():
    with pytest.raises(LatebloomError, match="No sentences"):
        span_similarities(encode(CAUSAL), [], causal=True, before=[0])
    with pytest.raises(LatebloomError, match="Sentence 1 has no words"):
        span_similarities(encode(CAUSAL), [[1], []], causal=True, before=[0])
    with pytest.raises(LatebloomError, match=r"Sentence 0 has a word without pieces: \[1, \[\]\]"):
        span_similarities(encode(CAUSAL), [[1, []]], causal=True, before=[0])
    with pytest.raises(LatebloomError, match="leave `after` out"):
        span_similarities(encode(CAUSAL), [[1]], causal=True, before=[0], after=[1])
    with pytest.raises(LatebloomError, match=r"returned shape \(2, 8\) for 2 rows of 3 tokens"):
        span_similarities(lambda t, p: encode(CAUSAL)(t, p)[:, -1], [[1, 2]], causal=True, before=[0])


def test_an_encoder_that_is_not_what_it_is_called_is_refused():
    """A bidirectional one called causal gave scores that mean nothing; so did dropout."""
    with pytest.raises(LatebloomError, match="called causal, but its states change when a later word is left out"):
        span_similarities(encode(BOTH_WAYS), SENTENCES, causal=True, before=[0])
    noisy = torch.nn.Dropout(0.1).train()
    for model, causal in ((CAUSAL, True), (BOTH_WAYS, False)):
        with pytest.raises(LatebloomError, match=r"call model.eval\(\) first"):
            span_similarities(lambda *row, of=model: noisy(encode(of)(*row)), SENTENCES, causal=causal, before=[0])


@pytest.mark.parametrize("model", [CAUSAL, BOTH_WAYS], ids=["causal", "bidirectional"])
def test_masked_passes_refuse_dropout_as_the_others_do(model):
    noisy = torch.nn.Dropout(0.1).train()

    def dropping(*row):
        return noisy(masked_encode(model)(*row))

    with pytest.raises(LatebloomError, match=r"call model.eval\(\) first"):
        masked_span_similarities(dropping, SENTENCES, before=[0])
    noisy.eval()
    assert_equals_slow(masked_span_similarities(dropping, SENTENCES, before=[0]), model, before=[0])


def test_states_that_are_not_finite_have_no_similarity():
    """They had similarity 0, so a network that had diverged scored like one that sees no context."""

    def lost(tokens, positions):
        return encode(CAUSAL)(tokens, positions) * torch.nan

    found = span_similarities(lost, SENTENCES[:1], causal=True, before=[0])
    assert found.similarity.isnan().all()


@pytest.mark.parametrize(
    ("sentences", "told"),
    [
        (["my walrus"], "Sentence 0 holds 'my walrus'"),
        ([[5], ["my", "walrus"]], "Sentence 1 holds 'my'"),
        ([[5, 6, -100]], "Sentence 0 holds -100"),
        ([[1.5]], "Sentence 0 holds 1.5"),
    ],
)
def test_what_is_no_token_id_is_refused(sentences, told):
    with pytest.raises(LatebloomError, match=told):
        span_similarities(encode(CAUSAL), sentences, causal=True, before=[0])


def test_tensors_and_arrays_are_sentences_too():
    listed = [[5, 9, 7], [8, 6, 2]]
    right = span_similarities(encode(CAUSAL), listed, causal=True, before=[0]).similarity
    for given_as in (torch.tensor(listed), np.array(listed), [torch.tensor(one) for one in listed]):
        found = span_similarities(encode(CAUSAL), given_as, causal=True, before=torch.tensor(0)).similarity
        torch.testing.assert_close(found, right, equal_nan=True, **EXACT)


def test_an_encoder_that_returns_a_whole_output_is_told_which_part_is_meant():
    with pytest.raises(LatebloomError, match=r"returned a dict.*last_hidden_state"):
        span_similarities(lambda tokens, positions: {"last_hidden_state": tokens}, [[5, 6]], causal=True, before=[0])
