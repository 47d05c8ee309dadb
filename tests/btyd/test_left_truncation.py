"""Logs that start when some customers are customers already."""

import warnings

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
import skops.io

from clvkit.btyd import (
    BetaGeoNBD,
    BTYDRegressor,
    LeftTruncatedBetaGeoNBD,
    LeftTruncatedParetoNBD,
    ParetoNBD,
)
from clvkit.errors import ArgumentError, BoundaryWarning, CutoffError, SummaryError
from clvkit.history import latest_histories
from clvkit.serving._trust import TRUSTED_TYPES

WEEKS = 52.0  # that the log covers
PARETO = {"r": 0.8, "alpha": 4.0, "s": 0.9, "beta": 20.0}
BETA_GEO = {"r": 0.8, "alpha": 4.0, "a": 0.6, "b": 3.0}
MODELS = [
    (LeftTruncatedParetoNBD, ParetoNBD, PARETO),
    (LeftTruncatedBetaGeoNBD, BetaGeoNBD, BETA_GEO),
]
KINDS = pytest.mark.parametrize(("model", "plain", "truth"), MODELS, ids=["Pareto/NBD", "BG/NBD"])


def lives(plain, truth, n, rng):
    """Return purchase times since the first one, in ascending order; infinite after dropout."""
    rate = rng.gamma(truth["r"], size=n) / truth["alpha"]
    times = np.cumsum(rng.exponential(size=(n, 300)) / rate[:, None], axis=1)
    if plain is ParetoNBD:
        end = rng.exponential(size=n) / (rng.gamma(truth["s"], size=n) / truth["beta"])
        return np.where(times <= end[:, None], times, np.inf)
    last = rng.geometric(rng.beta(truth["a"], truth["b"], n))
    return np.where(np.arange(1, 301) <= last[:, None], times, np.inf)


def mid_life_log(plain, truth, n=8_000, before=156.0, seed=0):
    """Return what a log of a year shows: summaries with and without what came before it."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(-WEEKS, before, n)  # at the start of the log; negative: acquired later
    times = lives(plain, truth, n, rng) - np.maximum(age, 0.0)[:, None]
    length = np.where(age > 0, WEEKS, WEEKS + age)
    seen = (times > 0) & (times <= length[:, None])
    x = seen.sum(axis=1).astype(float)
    first = np.where(seen, times, np.inf).min(axis=1)
    last = np.where(seen, times, 0.0).max(axis=1)
    there = (age <= 0) | (x > 0)
    told = pd.DataFrame(
        {"frequency": x, "recency": last, "T": length, "unseen": np.maximum(age, 0.0)}
    )
    old = age > 0
    naive = pd.DataFrame(
        {
            "frequency": x - old,
            "recency": np.where(old, np.where(x > 1, last - first, 0.0), last),
            "T": np.where(old, length - first, length),
        }
    )
    for table in (told, naive):
        table.attrs["time_unit"] = "7D"
    return told[there], naive[there]


def dropout_of(params):
    """Return what the dropout parameters say: logarithms of both, so that factors count."""
    names = ("s", "beta") if "s" in params else ("a", "b")
    return np.log([params[name] for name in names])


@KINDS
def test_the_bias_of_dropout_is_far_more_than_halved(model, plain, truth):
    off = {"told": [], "naive": []}
    for seed in range(4):
        told, naive = mid_life_log(plain, truth, n=3_000, seed=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BoundaryWarning)
            fits = {"told": model().fit(told), "naive": plain().fit(naive)}
        for name, fitted in fits.items():
            off[name].append(dropout_of(fitted.params_) - dropout_of(truth))
    bias = {name: np.linalg.norm(np.mean(rows, axis=0)) for name, rows in off.items()}
    assert bias["told"] < 0.25 * bias["naive"]
    assert bias["told"] < 0.15 < 0.5 < bias["naive"]


@KINDS
def test_a_flag_keeps_older_customers_out_of_the_estimates(model, plain, truth):
    told, _ = mid_life_log(plain, truth, n=3_000, seed=1)
    flagged = told.assign(unseen=told["unseen"].where(told["unseen"] == 0)).pipe(in_weeks)
    new = told[told["unseen"] == 0].pipe(in_weeks)
    fitted, alone = model().fit(flagged), plain().fit(new)
    assert fitted.params_ == pytest.approx(alone.params_, rel=1e-6)
    assert fitted.log_likelihood_ == pytest.approx(alone.log_likelihood_, abs=1e-6)
    # They are predicted for at an age that makes their purchases most likely.
    old = flagged["unseen"].isna().to_numpy()
    ages = told.loc[old, "unseen"]
    assert 0.25 * ages.mean() < fitted.unseen_ < 2.0 * ages.mean()

    def likelihood(age):
        part = told[old].assign(unseen=age).pipe(in_weeks)
        return fitted.log_likelihood(part).sum()

    best = fitted.log_likelihood(flagged)[old].sum()
    assert best >= max(likelihood(fitted.unseen_ * factor) for factor in (0.5, 0.9, 1.1, 2.0))
    expected = fitted.expected_purchases(flagged, 26)
    assert expected[old].sum() == pytest.approx(
        model().fit(told).expected_purchases(told, 26)[old].sum(), rel=0.1
    )
    with pytest.raises(SummaryError, match="unseen is negative, missing or infinite"):
        model().fit(told).expected_purchases(flagged, 26)


@KINDS
def test_parameters_are_recovered(model, plain, truth):
    told, _ = mid_life_log(plain, truth, n=6_000, seed=11)
    fitted = model().fit(told)
    assert fitted.converged_
    for name, value in truth.items():
        assert abs(fitted.params_[name] - value) < 4.0 * fitted.standard_errors_[name]


@KINDS
def test_without_older_customers_it_is_the_plain_model(model, plain, truth):
    told, _ = mid_life_log(plain, truth, n=2_000, before=0.0)
    one, other = model().fit(told), plain().fit(told)
    assert one.params_ == pytest.approx(other.params_, rel=1e-6)
    assert one.log_likelihood_ == pytest.approx(other.log_likelihood_, abs=1e-7)
    np.testing.assert_allclose(
        one.expected_purchases(told, 26), other.expected_purchases(told, 26), rtol=1e-6
    )
    assert one.expected_purchases_newcomer(26) == pytest.approx(
        other.expected_purchases_newcomer(26), rel=1e-6
    )


@KINDS
def test_derivatives(model, plain, truth):
    told, _ = mid_life_log(plain, truth, n=60)
    estimator = model.from_params(**truth)
    rows = estimator._read_rows(told)
    got = estimator._row_derivatives(dict(truth), rows)
    for j, name in enumerate(truth):
        low, high = (
            estimator._row_derivatives(truth | {name: truth[name] * np.exp(h)}, rows)
            for h in (-1e-5, 1e-5)
        )
        np.testing.assert_allclose(
            got.gradient[j], (high.value - low.value) / 2e-5, rtol=1e-6, atol=1e-7
        )
        np.testing.assert_allclose(
            got.hessian[j], (high.gradient - low.gradient) / 2e-5, rtol=1e-6, atol=1e-7
        )
    np.testing.assert_allclose(got.value, estimator.log_likelihood(told), rtol=1e-12)


@pytest.mark.parametrize(
    "row", [(1, 3.0, 20.0, 50.0), (7, 40.0, 52.0, 130.0), (60, 51.0, 52.0, 9.0)]
)
def test_pareto_likelihood_integrates_over_what_was_not_seen(row):
    """By brute force: survive until the log starts, buy in it, given any purchase in it."""
    x, t_x, T, unseen = row
    got = LeftTruncatedParetoNBD.from_params(**PARETO).log_likelihood(
        pd.DataFrame([row], columns=["frequency", "recency", "T", "unseen"]).pipe(in_weeks)
    )[0]
    r, alpha, s, beta = (mp.mpf(PARETO[name]) for name in ("r", "alpha", "s", "beta"))

    def purchases(time, count):
        # The integral over lambda of its density times lambda^count e^(-lambda time).
        return mp.gamma(r + count) / mp.gamma(r) * alpha**r / (alpha + time) ** (r + count)

    def dies(age):
        return s / beta * (beta / (beta + age)) ** (s + 1)

    def alive(age):
        return (beta / (beta + age)) ** s

    def chance(count, last):
        gone = mp.quad(lambda y: dies(unseen + y) * purchases(y, count), [last, (last + T) / 2, T])
        return alive(unseen + T) * purchases(T, count) + gone

    with mp.workdps(25):
        exact = mp.log(chance(x, mp.mpf(t_x)) / (alive(unseen) - chance(0, mp.mpf(0))))
    assert got == pytest.approx(float(exact), rel=1e-10)


@pytest.mark.parametrize(
    "row", [(1, 3.0, 20.0, 50.0), (7, 40.0, 52.0, 130.0), (60, 51.0, 52.0, 9.0)]
)
@pytest.mark.parametrize("shapes", [(0.6, 3.0), (0.02, 0.3), (8.0, 200.0)], ids=str)
def test_beta_geo_likelihood_sums_over_what_was_not_seen(row, shapes):
    """By brute force: the integral over p of what the purchases have given p."""
    x, t_x, T, unseen = row
    truth = BETA_GEO | dict(zip(("a", "b"), shapes, strict=True))
    got = LeftTruncatedBetaGeoNBD.from_params(**truth).log_likelihood(
        pd.DataFrame([row], columns=["frequency", "recency", "T", "unseen"]).pipe(in_weeks)
    )[0]
    r, alpha, a, b = (mp.mpf(truth[name]) for name in ("r", "alpha", "a", "b"))

    def tilted(time, count, p_power, q_power):
        # By the integral representation of the hypergeometric function.
        first, second = a + p_power, b + q_power
        rate = alpha + time
        value = mp.hyp2f1(r + count, first, first + second, -mp.mpf(unseen) / rate)
        return mp.beta(first, second) * value / rate ** (r + count)

    with mp.workdps(40):
        seen = tilted(mp.mpf(T), x, 0, x) + tilted(mp.mpf(t_x), x, 1, x - 1)
        there = tilted(mp.mpf(0), 0, 0, 0) - tilted(mp.mpf(T), 0, 0, 0)
        exact = mp.log(mp.gamma(r + x) / mp.gamma(r) * seen / there)
    assert got == pytest.approx(float(exact), rel=1e-10, abs=1e-10)


def in_weeks(table):
    table.attrs["time_unit"] = "7D"
    return table


@KINDS
def test_predictions_are_what_happens(model, plain, truth):
    """Of customers older than the log, in the half year after it, by how often they bought."""
    rng = np.random.default_rng(5)
    n = 10_000
    age = rng.uniform(0.0, 156.0, n)
    times = lives(plain, truth, n, rng) - age[:, None]
    seen = (times > 0) & (times <= WEEKS)
    after = ((times > WEEKS) & (times <= WEEKS + 26)).sum(axis=1)
    table = pd.DataFrame(
        {
            "frequency": seen.sum(axis=1).astype(float),
            "recency": np.where(seen, times, 0.0).max(axis=1),
            "T": WEEKS,
            "unseen": age,
        }
    ).pipe(in_weeks)
    there = table["frequency"].between(1, 100)  # beyond that lives would be too short
    table, after = table[there].pipe(in_weeks), after[there]
    fitted = model.from_params(**truth)
    expected, active = fitted.expected_purchases(table, 26), fitted.probability_active(table, 26)
    pmf = fitted.purchase_pmf(table, 26, 3)
    drawn = fitted.simulate(table, 26, random_state=0)
    for group in (table["frequency"] == 1, table["frequency"] > 5, table["unseen"] > 100):
        error = 4.5 / np.sqrt(group.sum())
        assert expected[group].mean() == pytest.approx(
            after[group].mean(), abs=error * after[group].std()
        )
        assert drawn[group].mean() == pytest.approx(
            expected[group].mean(), abs=error * drawn[group].std()
        )
        assert active[group].mean() == pytest.approx((after[group] > 0).mean(), abs=error / 2)
        for k in range(4):
            assert pmf[group, k].mean() == pytest.approx((after[group] == k).mean(), abs=error / 2)
    np.testing.assert_allclose(pmf[:, 0], 1.0 - active, atol=1e-9)


@KINDS
def test_what_is_refused(model, plain, truth):
    fitted = model.from_params(**truth)
    table = pd.DataFrame({"frequency": [1.0, 0.0], "recency": [3.0, 0.0], "T": [9.0, 9.0]})
    table = table.pipe(in_weeks)
    with pytest.raises(SummaryError, match="frequency is 0 although unseen is positive in 1 of 2"):
        fitted.expected_purchases(table.assign(unseen=5.0), 4)
    with pytest.raises(SummaryError, match="unseen is negative, missing or infinite in 2 of 2"):
        fitted.expected_purchases(table.assign(unseen=-5.0), 4)


# --- from a log ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def log():
    """A shop since 2020, of which the log begins in 2022."""
    rng = np.random.default_rng(3)
    n = 2_000
    born = rng.integers(0, 1_095, n)
    times = np.ceil(7.0 * lives(ParetoNBD, PARETO, n, rng))
    day = born[:, None] + np.column_stack([np.zeros(n), times])
    row, column = np.nonzero(day < 1_095)
    dates = np.datetime64("2020-01-01") + day[row, column].astype("m8[D]")
    table = pd.DataFrame(
        {"customer_id": row, "date": dates, "amount": rng.gamma(5.0, 4.0, len(row))}
    )
    customers = pd.DataFrame(
        {"customer_id": range(n), "since": np.datetime64("2020-01-01") + born.astype("m8[D]")}
    )
    return table[table["date"] >= "2022-01-01"], customers.astype({"since": "M8[s]"})


@KINDS
def test_a_log_is_summarised_from_its_start(log, model, plain, truth):
    table, customers = log
    X = latest_histories(table, "2022-12-31", covariates=customers)
    estimator = model(acquired="since", log_start="2022-01-01")
    summary = estimator.summarise(X)
    old = (X["since"] < "2022-01-01").to_numpy()
    np.testing.assert_allclose(summary.loc[old, "T"], 365 / 7, rtol=1e-14)
    assert (summary.loc[old, "frequency"] >= 1).all()
    assert (summary.loc[~old, "unseen"] == 0).all()
    oldest = summary["unseen"].to_numpy().argmax()
    since = X["since"].iloc[oldest]
    assert summary["unseen"].iloc[oldest] == pytest.approx(
        (pd.Timestamp("2021-12-31") - since).days / 7, rel=1e-14
    )
    regressor = BTYDRegressor(estimator, horizon="26W").fit(X)
    assert regressor.purchase_model_.params_ == pytest.approx(estimator.fit(summary).params_)
    np.testing.assert_allclose(
        regressor.predict_components(X)["expected_purchases"],
        estimator.expected_purchases(summary, 26),
        rtol=1e-9,
    )
    np.testing.assert_array_equal(regressor.predict(X.iloc[[7, 3]]), regressor.predict(X)[[7, 3]])
    loaded = skops.io.loads(skops.io.dumps(regressor), trusted=list(TRUSTED_TYPES))
    np.testing.assert_array_equal(loaded.predict(X), regressor.predict(X))


def test_a_truth_value_in_place_of_a_date(log):
    table, customers = log
    flags = customers.assign(before=customers["since"] < "2022-01-01").drop(columns="since")
    X = latest_histories(table, "2022-12-31", covariates=flags)
    model = LeftTruncatedParetoNBD(acquired="before", log_start="2022-01-01")
    summary = model.summarise(X)
    assert (summary["unseen"].isna() == X["before"]).all()
    assert model.fit(summary).expected_purchases(summary, 26).min() > 0


def test_what_a_log_must_tell(log):
    table, customers = log
    X = latest_histories(table, "2022-12-31", covariates=customers)
    with pytest.raises(ArgumentError, match="needs log_start"):
        LeftTruncatedParetoNBD(acquired="since").summarise(X)
    with pytest.raises(CutoffError, match="histories begin before log_start='2022-06-01'"):
        LeftTruncatedParetoNBD(acquired="since", log_start="2022-06-01").summarise(X)
    assert BetaGeoNBD().get_params().keys() < LeftTruncatedParetoNBD().get_params().keys()
