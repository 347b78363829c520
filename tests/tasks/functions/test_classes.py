"""Function classes: values against plain Python, moments against closed forms, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from latebloom.tasks.functions import (
    FUNCTIONS,
    Combination,
    Curriculum,
    Dense,
    Line,
    Pool,
    Sinusoid,
    Sparse,
    parse_component,
)
from latebloom.tasks.functions.inputs import Gaussian, Uniform

ONE_NUMBER = {"line", "sinusoid", "fourier"}
EVERY = [
    FUNCTIONS[name].parse({"d": 1 if name in ONE_NUMBER else 6, "scaling": scaling})
    for name in FUNCTIONS
    for scaling in ("unit", "published")
] + [
    Dense(d=6, scale=3.0),
    Combination(d=1, first=Line(), second=Sinusoid(), share=0.3),
    Combination(d=1, first=Line(), second=Sinusoid(), share=None),
]


def named(function):
    return f"{function.kind}-{function.scaling}"


def slow_value(function, parameters, x):
    """One function at one point, from the published formula, in plain Python."""
    own = {name: value.tolist() for name, value in parameters.items()}
    match function.kind:
        case "dense" | "sparse" | "pool":
            return sum(w * t for w, t in zip(own["w"], x, strict=True))
        case "quadratic" | "cubic":
            power = 2 if function.kind == "quadratic" else 3
            return sum(w * t**power for w, t in zip(own["w"], x, strict=True)) / math.sqrt(3)
        case "relu":
            hidden = [sum(own["w"][i][j] * x[i] for i in range(len(x))) for j in range(function.hidden)]
            return sum(a * max(0.0, h) for a, h in zip(own["a"], hidden, strict=True))
        case "tree":
            node = 0
            for _ in range(function.depth):
                node = 2 * node + (2 if x[own["split"][node]] > 0 else 1)
            return own["leaf"][node - (2**function.depth - 1)]
        case "line":
            return own["a"] * x[0]
        case "sinusoid":
            angle = own["omega"] * x[0]
            return own["alpha"] * math.sin(angle) + own["beta"] * math.cos(angle)
        case "fourier":
            terms = [math.pi * (n + 1) * x[0] / function.half_period for n in range(function.terms)]
            pairs = zip(own["a"], own["b"], terms, strict=True)
            return sum(a * math.cos(t) + b * math.sin(t) for a, b, t in pairs)
        case "combination":
            parts = {
                part: {k.partition(".")[2]: v for k, v in parameters.items() if k.startswith(part)}
                for part in ("first", "second")
            }
            first = slow_value(function.first, parts["first"], x)
            second = slow_value(function.second, parts["second"], x)
            return own["share"] * first + (1 - own["share"]) * second
    raise AssertionError(function.kind)


@pytest.mark.parametrize("function", EVERY, ids=named)
def test_values_are_the_published_formula_in_its_scaling(function):
    draw = stream(1, "values", function.kind)
    parameters = function.draw(draw, 4)
    x = draw.normal(size=(4, 3, function.d))
    values = function.values(parameters, x)
    assert values.shape == (4, 3)
    for n in range(4):
        own = {name: value[n] for name, value in parameters.items()}
        for pos in range(3):
            slow = slow_value(function, own, x[n, pos].tolist())
            slow *= math.sqrt(function.variance / function.published_variance)
            assert values[n, pos] == pytest.approx(slow, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("function", EVERY, ids=named)
def test_values_have_mean_0_and_the_variance_they_state(function):
    draw = stream(2, "moments", function.kind)
    n = 20_000
    values = function.values(function.draw(draw, n), draw.normal(size=(n, 1, function.d)))[:, 0]
    assert abs(values.mean()) < 4 * values.std() / n**0.5
    assert abs(values.var() - function.variance) < 4 * (values**2).std() / n**0.5


@pytest.mark.parametrize("inputs", [Gaussian(scale=3.0), Uniform(half_width=2.0)], ids=lambda own: own.kind)
@pytest.mark.parametrize("function", EVERY, ids=named)
def test_under_other_inputs_answering_0_still_has_an_error_of_1(function, inputs):
    draw = stream(6, "other inputs", function.kind, inputs.kind)
    n = 20_000
    squares = function.values(function.draw(draw, n), inputs.draw(draw, n, 1, function.d))[:, 0] ** 2
    assert abs(squares.mean() - function.variance_under(inputs)) < 4.5 * squares.std() / n**0.5


def test_noise_behind_a_combination_is_noise_of_the_sum():
    assert parse_component("dense~sparse:noise_variance=0.5", {"d": 6}).function.noise_variance == 0.5
    assert parse_component("dense~sparse", {"d": 6, "noise_variance": 0.1}).function.noise_variance == 0.1


def test_unit_scaling_gives_every_class_the_square_of_its_scale():
    for function in EVERY:
        if function.scaling == "unit" and function.kind != "combination":
            assert function.variance == function.scale**2
    assert Dense(d=20, scaling="published").variance == 20
    assert Sparse(d=20, nonzeros=3, scaling="published").variance == 3
    assert FUNCTIONS["cubic"](d=4, scaling="published").variance == 20
    assert Sinusoid(scale=2.0).variance == 4
    assert Dense(d=20, scale=0.5, scaling="published").variance == 5


@given(st.integers(1, 12), st.data())
def test_sparse_functions_have_their_number_of_nonzeros_among_the_active_coordinates(d, data):
    s = data.draw(st.integers(1, d))
    active = data.draw(st.integers(s, d))
    w = Sparse(d=d, nonzeros=s).draw(stream(data.draw(st.integers(0, 99)), "s"), 20, active)["w"]
    assert ((w != 0).sum(1) == s).all()
    assert (w[:, active:] == 0).all()


def test_supports_are_uniform():
    w = Sparse(d=5, nonzeros=2).draw(stream(0, "supports"), 20_000)["w"]
    counts = np.unique(np.packbits(w != 0, axis=1), return_counts=True)[1]
    assert len(counts) == 10
    assert (np.abs(counts - 2000) < 4 * np.sqrt(20_000 * 0.1 * 0.9)).all()


def test_a_pool_holds_so_many_functions_and_a_smaller_one_is_part_of_it():
    w = Pool(d=5, functions=6).draw(stream(0, "pool"), 6000)["w"]
    found, counts = np.unique(w, axis=0, return_counts=True)
    assert sorted(found.tolist()) == sorted(Pool(d=5, functions=6).weights.tolist())
    assert (np.abs(counts - 1000) < 4 * np.sqrt(6000 * 1 / 6 * 5 / 6)).all()
    np.testing.assert_array_equal(Pool(d=5, functions=99).weights[:6], Pool(d=5, functions=6).weights)
    assert (Pool(d=5, functions=6, pool=1).weights != Pool(d=5, functions=6).weights).all()
    with pytest.raises(ValueError, match="read-only"):
        Pool(d=5, functions=6).weights[0] = 0


def test_trees_ask_for_active_coordinates_only():
    split = FUNCTIONS["tree"](d=9).draw(stream(0, "split"), 200, active=3)["split"]
    assert set(np.unique(split)) == {0, 1, 2}


def test_fourier_series_have_every_number_of_terms_and_unit_variance_at_every_point():
    function = FUNCTIONS["fourier"](terms=4)
    parameters = function.draw(stream(0, "terms"), 20_000)
    terms = (parameters["a"] != 0).sum(1)
    assert (np.abs(np.bincount(terms, minlength=5)[1:] - 5000) < 4 * np.sqrt(20_000 * 0.25 * 0.75)).all()
    values = function.values(parameters, np.broadcast_to(np.array([[[-4.0], [0.0], [2.5]]]), (20_000, 3, 1)))
    assert (np.abs(values.var(0) - 1) < 0.06).all()


@given(st.integers(1, 500), st.integers(0, 3), st.integers(1, 10), st.integers(0, 10**6))
def test_a_curriculum_never_shrinks_and_never_exceeds_the_whole(every, rise, start, step):
    plan = Curriculum(every=every, dims=start, dims_step=rise, points=start, points_step=rise)
    now, later = plan.at(step, 8, 17), plan.at(step + 1, 8, 17)
    assert all(a <= b for a, b in zip(now, later, strict=True))
    assert now <= (8, 17)
    assert Curriculum().at(step, 8, 17) == (8, 17)


@given(st.integers(1, 500), st.integers(0, 3), st.integers(0, 3), st.integers(1, 10))
def test_a_curriculum_is_whole_from_the_first_step_at_which_nothing_is_left_to_join(every, rise, longer, start):
    plan = Curriculum(every=every, dims=start, dims_step=rise, points=start, points_step=longer)
    first = plan.whole_from(8, 17)
    if math.isinf(first):
        assert plan.at(10**9, 8, 17) != (8, 17)
    else:
        assert plan.at(int(first), 8, 17) == (8, 17)
        assert first == 0 or plan.at(int(first) - 1, 8, 17) != (8, 17)
    assert Curriculum().whole_from(8, 17) == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "sparse:nonzeros=7",
            r"nonzeros = 7 weights cannot be chosen from d = 6 dimensions: nonzeros must be at",
        ),
        ("dense:noise_variance=-0.1", r"noise_variance = -0\.1"),
        ("pool:functions=0", r"functions = 0"),
        ("dens", r"Unknown function class 'dens'\. Did you mean 'dense'"),
        ("dense:nonzeros=2", r"Unknown field of Dense 'nonzeros'"),
        ("dense:noise", r"'noise' in 'dense:noise' is no setting: write name:key=value"),
        ("dense@gausian", r"Unknown input distribution 'gausian'\. Did you mean 'gaussian'"),
        ("line", r"line: a function of one number needs d = 1; d = 6"),
        ("dense:scaling=paper", "scaling = 'paper'"),
        ("dense~sparse:share=2", r"share = 2"),
        ("sinusoid:d=1:low=3:high=2", r"low = 3\.0 is above high = 2\.0"),
        ("line:d=1~dense:d=2", r"line takes 1 numbers and dense takes 2"),
        ("dense:noise_variance=1~sparse", r"noise is of the sum; write noise_variance behind the ~"),
    ],
)
def test_bad_settings_are_told_in_a_sentence(text, told):
    with pytest.raises(LatebloomError, match=told):
        parse_component(text, {"d": 6})
