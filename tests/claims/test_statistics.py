"""Each statistic against a closed form, a hand-worked example, scipy, or its promise on simulated data."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from latebloom.claims import statistics as s
from latebloom.errors import LatebloomError
from latebloom.randomness import stream


def covered(draw, estimate, truth, *, samples=150):
    """Share of simulated samples whose interval holds the truth."""
    hits = 0
    for i in range(samples):
        found = estimate(draw(stream(i, "coverage")), i)
        hits += found.floor <= truth <= found.high
    return hits / samples


def test_covered_notices_an_interval_that_misses():
    assert covered(lambda rng: rng.normal(size=9), lambda row, _: s.mean(row), truth=5.0, samples=20) == 0


def test_median_of_five_spans_them_as_order_statistics_say():
    found = s.median([3, 1, 2, 5, 4])
    assert (found.value, found.low, found.high, found.n) == (3, 1, 5, 5)


def test_median_of_many_agrees_with_scipy_bootstrap():
    row = stream(0, "test").lognormal(size=60)
    ours = s.median(row)
    other = scipy.stats.bootstrap((row,), np.median, method="percentile", rng=stream(1, "other")).confidence_interval
    assert ours.value == np.median(row)
    assert (ours.low, ours.high) == pytest.approx(other, rel=0.02)


@pytest.mark.parametrize("n", [9, 16])
def test_median_interval_holds_the_truth_about_19_times_in_20(n):
    share = covered(lambda rng: rng.exponential(size=n), lambda row, i: s.median(row, seed=i), math.log(2))
    assert 0.88 <= share <= 0.995


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_median_ignores_the_order_of_members_and_repeats_itself(values, shuffler):
    shuffled = list(values)
    shuffler.shuffle(shuffled)
    assert s.median(values) == s.median(shuffled)
    found = s.median(values)
    assert min(values) <= found.low <= found.value <= found.high <= max(values)


def test_resampling_depends_on_the_seed_it_is_given_only():
    x, y = stream(3, "test").normal(size=(2, 40))
    assert s.slope(x, y, log=False, seed=1) == s.slope(x, y, log=False, seed=1)
    assert s.slope(x, y, log=False, seed=1) != s.slope(x, y, log=False, seed=2)


def test_one_value_has_no_interval():
    assert (s.median([7]).low, s.mean([7]).high) == (-math.inf, math.inf)


def test_mean_is_students():
    row = [4.1, 5.0, 3.7, 4.4, 6.2]
    ours, other = s.mean(row), scipy.stats.ttest_1samp(row, 0).confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((other.low, other.high))


def test_share_is_wilsons_closed_form():
    z, k, n = scipy.stats.norm.ppf(0.975), 7, 9
    middle, half = (k / n + z**2 / (2 * n)), z * math.sqrt(k / n * (1 - k / n) / n + z**2 / (4 * n**2))
    ours = s.share(k, n)
    assert (ours.low, ours.high) == pytest.approx(((middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)))
    assert ours.value == k / n


def test_share_of_counts_trues_and_refuses_numbers():
    assert s.share_of(np.array([True, False, True])) == s.share(2, 3)
    with pytest.raises(LatebloomError, match=r"true and false; got float64 of shape \[2\]"):
        s.share_of([0.2, 1.0])
    for nothing in (np.array([], dtype=bool), []):
        with pytest.raises(LatebloomError, match="got 0 of 0"):
            s.share_of(nothing)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: s.median([]), "at least one value"),
        (lambda: s.median([[1, 2]]), r"shape is \(1, 2\)"),
        (lambda: s.median([1, math.nan, math.inf]), "2 of 3 values .* survival_median"),
        (lambda: s.share(5, 4), "5 of 4"),
        (lambda: s.paired_difference([1, 2], [1]), "first has 2, second has 1"),
        (lambda: s.paired_ratio([1, 0], [1, 1]), "positive values; the smallest here is 0"),
        (lambda: s.equivalence([1, 2], [1, 2], 0), "margin should be positive"),
        (lambda: s.equivalence([1], [1, 2], 1), "got 1 and 2"),
        (lambda: s.survival_median([1, 2], [1, 0]), "true or false"),
        (lambda: s.slope([0, 1], [1, 2]), "positive x and y"),
        (lambda: s.slope([2, 2], [1, 3]), "two different x"),
        (lambda: s.rank_correlation([1, 1, 1], [1, 2, 3]), "values that differ"),
        (lambda: s.uniform_counts([1, 0, 0]), "one observation a category"),
        (lambda: s.explained([1, 2, 3], {"a": [1, 2, 4], "b": [1, 3, 2]}), "more rows than coefficients"),
        (lambda: s.explained([1, 2, 3, 4], {"a": [1, 1, 1, 1]}), "cannot use 'a'"),
    ],
)
def test_refuses_what_it_cannot_answer(call, text):
    with pytest.raises(LatebloomError, match=text):
        call()


def test_paired_difference_finds_a_planted_shift_and_its_exact_p_values():
    base = np.array([3.0, 9.0, 27.0, 81.0, 243.0, 729.0])
    shift = np.array([2.1, 1.9, 2.2, 1.8, 2.0, 2.3])
    found = s.paired_difference(base + shift, base, unit="nats")
    assert found.estimate.value == pytest.approx(2.05)
    assert 1.7 < found.estimate.low < found.estimate.high < 2.4
    assert found.sign_p == pytest.approx(2 / 2**6)  # all six up: both tails of a fair coin
    assert found.wilcoxon_p == pytest.approx(2 / 2**6)


def test_paired_difference_of_equals_is_nothing():
    found = s.paired_difference([1, 2, 3], [1, 2, 3])
    assert (found.estimate.value, found.wilcoxon_p, found.sign_p) == (0, 1, 1)


def test_paired_ratio_is_symmetric_on_the_log_scale():
    a, b = np.array([2.0, 4.4, 8.1, 15.0, 31.0]), np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    there, back = s.paired_ratio(a, b), s.paired_ratio(b, a)
    assert there.value == pytest.approx(np.median(a / b))
    assert back.value == pytest.approx(1 / there.value)
    assert (back.low, back.high) == pytest.approx((1 / there.high, 1 / there.low))


@pytest.mark.parametrize("paired", [True, False])
def test_equivalence_agrees_with_two_scipy_t_tests(paired):
    rng = stream(0, "tost")
    a, b = rng.normal(size=12), rng.normal(size=12) + 0.2
    ours = s.equivalence(a, b, 1.5, paired=paired)

    def one_sided(shift, side):
        if paired:
            return scipy.stats.ttest_rel(a + shift, b, alternative=side).pvalue
        return scipy.stats.ttest_ind(a + shift, b, equal_var=False, alternative=side).pvalue

    assert ours.p_value == pytest.approx(max(one_sided(1.5, "greater"), one_sided(-1.5, "less")))
    assert ours.equivalent == (ours.estimate.low > -1.5 and ours.estimate.high < 1.5)


def test_equivalence_tells_same_from_unknown_and_from_different():
    rng = stream(1, "tost")
    tight = rng.normal(size=(2, 20)) * 0.01
    assert s.equivalence(*tight, 0.1).equivalent
    assert not s.equivalence(tight[0], tight[1] + 0.5, 0.1).equivalent
    assert not s.equivalence(*(rng.normal(size=(2, 4)) * 10), 0.1).equivalent  # noise is no evidence of sameness
    assert s.equivalence([1, 1, 1], [1, 1, 1], 0.1, paired=True).equivalent
    assert not s.equivalence([1, 1, 1], [2, 2, 2], 0.1).equivalent
    assert s.equivalence([1, 2, 3, 4], [1, 3], 1).estimate.n == 2  # three and two seeds are not five


# Freireich et al. 1963, remission of leukaemia in weeks: the textbook example of Kaplan-Meier.
TREATED = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = {6: 3, 7: 1, 10: 1, 13: 1, 16: 1, 22: 1, 23: 1}  # week -> how many of those seen that week
TREATED_ENDED = [TREATED[:i].count(week) < RELAPSED.get(week, 0) for i, week in enumerate(TREATED)]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def test_survival_median_of_the_textbook_example():
    treated = s.survival_median(TREATED, TREATED_ENDED, unit="weeks")
    placebo = s.survival_median(PLACEBO, [True] * 21, unit="weeks")
    assert (treated.value, placebo.value) == (23, 8)
    assert (treated.low, treated.high, treated.limit) == (13, math.inf, 34)
    assert str(treated) == "23 [13, >34] weeks"


@given(st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=2, max_size=15))
@settings(max_examples=60, deadline=None)
def test_survival_median_is_where_scipy_curve_reaches_one_half(pairs):
    times, events = np.array([t for t, _ in pairs], float), np.array([e for _, e in pairs])
    curve = scipy.stats.ecdf(scipy.stats.CensoredData.right_censored(times, ~events)).sf
    below = curve.quantiles[curve.probabilities <= 0.5 + 1e-9]
    assert s.survival_median(times, events).value == (below.min() if below.size else math.inf)


def test_survival_median_without_censoring_is_the_median():
    times = [31, 12, 25, 40, 28, 22, 35, 19, 27]
    assert s.survival_median(times, [True] * 9).value == s.median(times).value
    assert s.survival_median(times, [True] * 9).bounds == pytest.approx(s.median(times).bounds, abs=4)


def test_survival_median_not_reached_is_later_than_the_watch():
    assert str(s.survival_median([50_000] * 9, [False] * 9, unit="steps")) == ">50,000 [>50,000, >50,000] steps"


@pytest.mark.parametrize(
    ("times", "events", "told"),
    [
        ([100] * 8 + [9_000], [], ">100 [>100, >100]"),  # the ninth speaks for itself
        ([100] * 4 + [9_000] * 4, [], ">9,000 [>9,000, >9,000]"),  # half of eight
        ([100] * 4 + [9_000] * 3, [], ">100 [>100, >100]"),
        ([100] * 5 + [5_000, 9_000, 9_000], [5], ">5,000 [5,000, >5,000]"),  # never below an event that was seen
    ],
)
def test_a_median_that_was_not_reached_is_later_than_half_were_watched(times, events, told):
    happened = [i in events for i in range(len(times))]
    assert str(s.survival_median(times, happened)) == told
    assert str(s.survival_median(times[::-1], happened[::-1])) == told


def test_survival_interval_holds_the_truth_under_censoring():
    def draw(rng):
        return rng.exponential(size=12), rng.uniform(0.5, 2.5, size=12)

    def estimate(drawn, i):
        life, watch = drawn
        return s.survival_median(np.minimum(life, watch), life <= watch, seed=i)

    assert 0.88 <= covered(draw, estimate, math.log(2)) <= 0.995


def test_slope_recovers_a_planted_exponent():
    x = np.geomspace(0.03, 8, 9)
    assert s.slope(x, 5 * x**-1.0).value == pytest.approx(-1)
    assert s.slope(x, 3 + 2 * x, log=False).value == pytest.approx(2)
    exact = s.slope(x, 5 * x**-1.0)
    assert (exact.low, exact.high) == pytest.approx((-1, -1))


def test_slope_agrees_with_scipy_and_resamples_whole_groups():
    rng = stream(0, "slope")
    x, seed = np.tile(np.arange(1.0, 6.0), 8), np.repeat(np.arange(8), 5)
    y = 2 * x + 30 * rng.normal(size=8)[seed] + 0.01 * rng.normal(size=40)  # every seed has its own level
    apart, together = s.slope(x, y, log=False), s.slope(x, y, groups=seed, log=False)
    assert apart.value == pytest.approx(scipy.stats.linregress(x, y).slope)
    assert (apart.n, together.n) == (40, 8)
    # Every seed has the same slope, so drawing seeds leaves it; drawing points mixes levels into it.
    assert together.high - together.low < 0.1 < apart.high - apart.low


def test_rank_correlation_agrees_with_scipy():
    rng = stream(0, "rank")
    x = rng.normal(size=20)
    y = np.round(x + rng.normal(size=20), 0)  # with ties
    found = s.rank_correlation(x, y)
    assert found.estimate.value == pytest.approx(scipy.stats.spearmanr(x, y).statistic)
    assert found.estimate.low < found.estimate.value < found.estimate.high
    assert found.p_value == pytest.approx(scipy.stats.spearmanr(x, y).pvalue, abs=0.02)


def test_rank_correlation_of_five_in_order_has_the_exact_p_value():
    found = s.rank_correlation([1, 2, 3, 4, 5], [1, 4, 9, 16, 25])
    assert found.estimate.value == pytest.approx(1)
    assert found.p_value == pytest.approx(2 / math.factorial(5))


def test_rank_correlation_of_unrelated_rows_is_rarely_significant():
    found = [s.rank_correlation(*stream(i, "null").normal(size=(2, 7))).p_value for i in range(60)]
    assert sum(p <= 0.05 for p in found) <= 9  # binomial(60, 0.05): 10 or more has probability 0.001


def test_uniform_counts_by_hand():
    found = s.uniform_counts([10, 20, 30])
    assert found.statistic == pytest.approx((100 + 0 + 100) / 20)
    assert found.p_value == pytest.approx(math.exp(-5))  # chi-square with two degrees: exp(-x / 2)
    assert (found.degrees, found.n, found.effect) == (2, 60, pytest.approx(math.sqrt(10 / 60)))
    assert s.uniform_counts([20, 20, 20]).p_value == 1


def test_explained_recovers_planted_shares():
    rng = stream(0, "explained")
    scale, norm, noise = rng.normal(size=(3, 400))
    y = 3 * scale + 0.4 * norm + 0.3 * noise
    first, second = s.explained(y, {"logit scale": scale, "norm": norm})
    assert first.r_squared.value == pytest.approx(np.corrcoef(y, scale)[0, 1] ** 2)
    both = np.column_stack([np.ones(400), scale, norm])
    rest = y - both @ np.linalg.lstsq(both, y)[0]
    assert second.r_squared.value == pytest.approx(1 - rest.var() / y.var())
    assert second.gain.value == pytest.approx(second.r_squared.value - first.r_squared.value)
    assert second.gain.low < 0.16 / (9 + 0.16 + 0.09) < second.gain.high
    assert second.p_value < 1e-10


def test_explained_p_value_is_the_t_test_of_the_last_coefficient():
    rng = stream(1, "explained")
    x, noise = rng.normal(size=(2, 12))
    (only,) = s.explained(x + 2 * noise, {"x": x})
    assert only.p_value == pytest.approx(scipy.stats.linregress(x, x + 2 * noise).pvalue)


def test_explained_gives_a_copy_no_credit():
    x = stream(2, "explained").normal(size=(2, 30))
    _, copy = s.explained(x[0] + x[1], {"x": x[0], "copy": 2 * x[0] + 1})
    assert copy.gain.value == pytest.approx(0, abs=1e-9)


def test_explained_gives_no_credit_where_nothing_was_left_to_explain():
    x, other = np.arange(8.0), np.array([1.0, 0, 0, 1, 1, 0, 0, 1])
    first, second = s.explained(2 * x, {"all of it": x, "nothing": other})
    assert first.p_value == pytest.approx(0, abs=1e-12)
    assert second.p_value > 0.5


def test_the_largest_error_is_not_one_that_is_no_number():
    assert s.largest([1.0, 3.0, 2.0]) == 3.0
    assert s.smallest([2.0, 1.0, 3.0]) == 1.0
    assert max(0.0, math.nan) == 0.0  # what Python's own would have let pass
    for function in (s.largest, s.smallest):
        with pytest.raises(LatebloomError, match="1 of 2 values of the row are not finite"):
            function([0.0, math.nan])
        with pytest.raises(LatebloomError, match="at least one value"):
            function([])
