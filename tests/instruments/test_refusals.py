"""What instruments refuse, they refuse in a sentence: none of these calls may end in an error from deep inside."""

import math

import numpy as np
import pytest
import torch

from latebloom.errors import LatebloomError
from latebloom.instruments.attention_sparsity import attention_sparsity
from latebloom.instruments.bracketings import from_splits, right_branching
from latebloom.instruments.class_probe import class_posterior_probe
from latebloom.instruments.constructions import preconditioned_step
from latebloom.instruments.decoding import greedy
from latebloom.instruments.generation import closing_distances
from latebloom.instruments.geometry import circularity
from latebloom.instruments.gradient_split import gradient_split
from latebloom.instruments.icl_curve import normalised_errors
from latebloom.instruments.implied_rate import implied_weights as implied_matrix
from latebloom.instruments.linear_attention import Products, factors
from latebloom.instruments.myopic_descent import contraction
from latebloom.instruments.prediction_similarity import nearest_reference
from latebloom.instruments.probes import probe
from latebloom.instruments.prompt_gradient import implied_weights, prompt_gradient
from latebloom.instruments.representation import quality_index
from latebloom.instruments.tree_projection import project
from latebloom.instruments.weight_blocks import split
from latebloom.randomness import stream


def drawn(*shape):
    return torch.from_numpy(stream(0, "refusals", *shape).standard_normal(shape))


X, Y = drawn(6, 2, 3), drawn(6, 2, 1)
FEATURES, CLASSES = drawn(9, 4), drawn(9, 3).softmax(-1)
PATTERN, LONGER = drawn(2, 2, 4, 4).softmax(-1), drawn(2, 2, 5, 5).softmax(-1)
CONTEXT = drawn(2, 3, 4), drawn(2, 3)
NONE, TOKENS = torch.zeros(0, dtype=torch.long), torch.zeros(2, 3, dtype=torch.long)


def spoilt(table):
    """The same with one number that is none."""
    table = table.clone()
    table[1, 0, 2] = math.nan
    return table


def silent(tokens):
    return torch.zeros(*tokens.shape, 5)


REFUSED = {
    "no prefixes": (lambda: greedy(silent, TOKENS[:0], NONE, 2), r"0 prefixes .* at least one"),
    "half a token": (lambda: greedy(silent, TOKENS, torch.tensor([1.5, 1]), 2), "lengths as whole numbers"),
    "steps below 0": (lambda: greedy(silent, TOKENS, torch.tensor([1, 1]), -1), "0 steps or more"),
    "no sentences": (lambda: project(X[:0], []), r"Lengths \[\] are no numbers of words"),
    "half a word": (lambda: project(drawn(1, 3, 3), [2.7]), r"Lengths \[2\.7\] are no numbers of words"),
    "a word": (lambda: project(drawn(1, 3, 3), ["x"]), r"Lengths \['x'\]"),
    "lengths of NaN": (lambda: project(drawn(1, 3, 3), [math.nan]), "a whole number for each sentence"),
    "lengths too long": (lambda: project(drawn(1, 3, 3), [10**30]), "a whole number for each sentence"),
    "ragged lengths": (lambda: project(drawn(2, 3, 3), [[1], [1, 2]]), "a whole number for each sentence"),
    "no splits": (lambda: from_splits(torch.zeros(0, 3, 3, dtype=torch.long), []), "a whole number for each"),
    "no trees": (lambda: right_branching([]), "a whole number for each sentence"),
    "a float": (lambda: prompt_gradient(lambda x, y, q: 3.0, *CONTEXT, drawn(2, 4)), "gave a float; it must give a"),
    "an array": (lambda: prompt_gradient(lambda x, y, q: np.ones(2), *CONTEXT, drawn(2, 4)), "gave a ndarray"),
    "whole queries": (
        lambda: prompt_gradient(lambda x, y, q: q.sum(-1), *CONTEXT, torch.ones(2, 4, dtype=torch.long)),
        "whole numbers have no gradient",
    ),
    "a float for all": (lambda: implied_weights(lambda x, y, q: 3.0, *CONTEXT, drawn(8, 4)), "gave a float"),
    "answers of NaN": (
        lambda: implied_weights(lambda x, y, q: q.sum(-1) * math.nan, *CONTEXT, drawn(8, 4)),
        r"the predictor's answers \[prompt, query\] hold nan at \[0, 0\]: they must be finite",
    ),
    "queries of NaN": (
        lambda: implied_weights(lambda x, y, q: torch.ones(2), *CONTEXT, drawn(8, 4) * math.nan),
        r"implied_weights: the queries hold nan at \[0, 0\]",
    ),
    "width 0": (lambda: split(drawn(4, 4), 0), r"shape \(4, 4\) has no blocks of width 0"),
    "one axis": (lambda: split(drawn(4), 2), r"must be \[\.\.\., d_in, d_out\]"),
    "other sequences": (lambda: probe(X, drawn(5, 2, 1)), "do not pair up"),
    "other places": (lambda: probe(X, drawn(6, 3, 1)), "do not pair up"),
    "too few axes": (lambda: probe(drawn(6), drawn(6)), r"must be \[\.\.\., batch, pos, d_model\]"),
    "activations of NaN": (lambda: probe(spoilt(X), Y), r"probe: the activations hold nan at \[1, 0, 2\]"),
    "targets of NaN": (lambda: probe(X, Y * math.inf), r"probe: the targets hold -?inf at \[0, 0, 0\]"),
    "layers of other targets": (
        lambda: probe(torch.stack([X, X]), torch.stack([Y, Y, Y])),
        r"the leading axes of activations of shape \(2, 6, 2, 3\) and targets of shape \(3, 6, 2, 1\) do not fit",
    ),
    "kept of other layers": (
        lambda: probe(torch.stack([X, X]), Y, keep=torch.ones(3, 6, 2, dtype=torch.bool)),
        r"keep of shape \(3, 6, 2, 1\)",
    ),
    "a distance of NaN": (
        lambda: nearest_reference({"a": drawn(3), "b": torch.tensor([1, math.nan, 1])}),
        "the distance to 'b' is nan at place 1, so none is the closest there",
    ),
    "a table of NaN": (lambda: circularity(spoilt(X), 1), r"circularity: .* hold nan at \[1, 0, 2\]"),
    "predictions of NaN": (lambda: implied_matrix(spoilt(X), X), "implied_weights: the predictions hold nan"),
    "products of NaN": (lambda: factors(Products(X[..., :2], spoilt(X)), 2), r"factors: the OV products hold nan at"),
    "less than none": (lambda: probe(X, Y, held_out=-1.0), r"held_out = -1\.0 is no share"),
    "held out NaN": (lambda: probe(X, Y, held_out=math.nan), "held_out = nan is no share"),
    "other kept": (lambda: probe(X, Y, keep=torch.ones(2, 6, dtype=torch.bool)), r"keep of shape \(2, 6\)"),
    "nothing kept": (lambda: probe(X, Y, keep=torch.zeros(6, 2, dtype=torch.bool)), "leaves no sequence to fit"),
    "nothing to score": (lambda: probe(X, Y, keep=(torch.arange(6) < 3)[:, None].expand(6, 2)), "or to score on"),
    "other shapes": (
        lambda: gradient_split({"a": drawn(1, 2, 3)}, {"a": drawn(1, 2, 4)}, leave_out=()),
        r"Table 'a': the gradients have shapes \(1, 2, 3\) and \(1, 2, 4\)",
    ),
    "probabilities of NaN": (
        lambda: class_posterior_probe(FEATURES, CLASSES * math.nan, FEATURES, CLASSES),
        "must sum to 1",
    ),
    "other classes": (
        lambda: class_posterior_probe(FEATURES, CLASSES, FEATURES, drawn(9, 2).softmax(-1)),
        "fitted on 3 classes and scored on 2",
    ),
    "other features": (lambda: class_posterior_probe(FEATURES, CLASSES, drawn(9, 5), CLASSES), "4 features .* on 5"),
    "one row": (
        lambda: class_posterior_probe(FEATURES[:1], CLASSES[:1], FEATURES, CLASSES),
        "at least two rows to fit",
    ),
    "one row to score": (
        lambda: class_posterior_probe(FEATURES, CLASSES, FEATURES[:1], CLASSES[:1]),
        "at least two rows to fit and two to score",
    ),
    "rows of places": (lambda: class_posterior_probe(drawn(9, 2, 4), CLASSES, FEATURES, CLASSES), "must be .row, feat"),
    "references apart": (lambda: nearest_reference({"a": drawn(3), "b": drawn(4)}), r"got shapes .*'b': \(4,\)"),
    "layers apart": (lambda: attention_sparsity([PATTERN, LONGER]), "rows and queries must be the same in all"),
    "rows apart": (lambda: attention_sparsity([PATTERN, PATTERN[:1]]), "rows and queries must be the same in all"),
    "modulus 0": (lambda: quality_index(drawn(5, 3), modulus=0), "the modulus 1 or more"),
    "a vector": (lambda: quality_index(drawn(5)), r"must be floats \[\.\.\., vocab, d_model\]"),
    "whole embeddings": (lambda: quality_index(torch.ones(5, 3, dtype=torch.long)), "must be floats"),
    "no slope at all": (lambda: contraction(2.0, 1.0, 0.0, 0.0, 0.1), "must be above 0"),
    "a bias of NaN": (lambda: contraction(math.nan, 1.0, 1.0, 1.0, 0.1), "kappa = 1 is not below mu = nan"),
    "rates that cancel": (lambda: preconditioned_step(3, [0.1, -0.1]), "must not be 0"),
    "rates of NaN": (lambda: preconditioned_step(3, [math.nan]), "must not be 0"),
    "a bracket alone": (lambda: closing_distances(TOKENS, [1, 3], [2]), "2 opening and 1 closing"),
    "axes apart": (lambda: normalised_errors(drawn(2, 3, 4), drawn(5, 3, 4)), "the leading axes of the predictions"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_in_a_sentence(case):
    call, told = REFUSED[case]
    with pytest.raises(LatebloomError, match=told):
        call()


def test_what_fits_is_not_refused():
    layers = probe(torch.stack([X, X]), Y)  # leading axes of one side alone
    assert torch.equal(layers.r2[0], probe(X, Y).r2) and layers.r2.shape == (2, 2)
    assert normalised_errors(drawn(2, 3, 4), drawn(3, 4)).shape == (2, 3, 4)
    assert project(drawn(1, 3, 3), torch.tensor([3])).value.shape == (1,)
    assert greedy(lambda tokens: torch.zeros(*tokens.shape, 5), TOKENS, torch.tensor([1, 3]), 0).shape == (1, 2, 0)
