"""The Pareto/NBD model with covariates that vary with time."""

import pickle
import warnings
from itertools import pairwise
from pathlib import Path

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
import skops.io
from numpy.testing import assert_allclose
from sklearn.base import clone

from clvkit.btyd import (
    BTYDRegressor,
    ParetoNBD,
    TimeVaryingParetoNBD,
    covariate_calendar,
    track_purchases,
)
from clvkit.errors import (
    ArgumentError,
    BoundaryWarning,
    CovariateWarning,
    DateError,
    HorizonError,
    SummaryError,
    UnknownNameError,
)
from clvkit.history import latest_histories, rfm_summary
from clvkit.serving._trust import TRUSTED_TYPES
from clvkit.testing import purchase_model_checks
from clvkit.testing._examples import degenerate_summaries

DATA = Path(__file__).resolve().parents[3] / "shared/data"
SHAPES = {"r": 0.8, "alpha": 10.0, "s": 0.7, "beta": 20.0}
START = pd.Timestamp("2021-01-04")


def weekly(n=160, seed=0, **more):
    rng = np.random.default_rng(seed)
    weeks = pd.date_range(START, periods=n, freq="7D")
    price, tv = rng.normal(size=n), (rng.random(n) < 0.2).astype(float)
    return pd.DataFrame({"date": weeks, "price": price, "tv": tv, **more})


#: A truth of every kind: a table, a season, a holiday, static covariates, and shared ones.
TRUTHS = {
    "table": TimeVaryingParetoNBD.from_params(
        calendar=covariate_calendar(weekly()),
        calendar_covariates=["price", "tv"],
        **SHAPES,
        **{"purchase.price": -0.4, "purchase.tv": 0.6, "dropout.price": 0.3, "dropout.tv": -0.2},
    ),
    "season": TimeVaryingParetoNBD.from_params(
        season=1,
        holidays={"christmas": ("11-25", "12-24")},
        calendar_covariates={"purchase": ["season", "christmas"], "dropout": ["christmas"]},
        covariates=["age"],
        shared_covariates=["christmas"],
        **SHAPES,
        **{"purchase.age": 0.2, "dropout.age": -0.3, "shared.christmas": 0.7},
        **{"purchase.sin1": 0.4, "purchase.cos1": -0.2},
    ),
}
every_truth = pytest.mark.parametrize("truth", TRUTHS.values(), ids=TRUTHS)


def newcomers(n, seed=0):
    rng = np.random.default_rng(seed)
    day = rng.integers(0, 300, n)
    table = pd.DataFrame(
        {"first_purchase": START + pd.to_timedelta(day, unit="D"), "age": rng.normal(size=n)}
    )
    return table, 100.0 - day / 7.0


def draw(truth, n=400, seed=0):
    table, T = newcomers(n, seed)
    return truth.simulate_summary(T, seed, covariates=table)


def unfitted(truth):
    return clone(TimeVaryingParetoNBD(**truth.get_params()))


def moved(truth, values):
    """Return a model whose vector of log-parameters and coefficients is the given one."""
    params = np.append(np.exp(values[:4]), values[4:])
    names = dict(zip(truth.params_, params.tolist(), strict=True))
    return TimeVaryingParetoNBD.from_params(**truth.get_params(), **names)


def vector(model):
    values = np.array(list(model.params_.values()))
    return np.append(np.log(values[:4]), values[4:])


# --- without a calendar, and with one in which nothing changes ------------------------------------


@pytest.mark.parametrize(
    ("name", "check"),
    [
        pytest.param(name, check, id=name)
        for name, check in purchase_model_checks(TimeVaryingParetoNBD())
    ],
)
def test_contract_without_a_calendar(name, check):
    """With one a summary needs dates; what the contract asks for is then tested below."""
    check()


def test_without_a_calendar_it_is_the_pareto_nbd(cdnow):
    plain, other = ParetoNBD().fit(cdnow), TimeVaryingParetoNBD().fit(cdnow)
    assert_allclose(vector(other), vector(plain), rtol=1e-8)
    assert_allclose(other.log_likelihood(cdnow), plain.log_likelihood(cdnow), rtol=1e-8)
    for method, arguments in (
        ("expected_purchases", ["39W"]),
        ("probability_alive", ["39W"]),
        ("probability_active", ["39W"]),
        ("purchase_pmf", ["39W", 5]),
        ("expected_discounted_purchases", [0.1]),
    ):
        actual, expected = (getattr(one, method)(cdnow, *arguments) for one in (other, plain))
        assert_allclose(actual, expected, rtol=1e-8, atol=1e-13, err_msg=method)


def test_a_season_of_no_effect_is_the_pareto_nbd():
    summary = draw(TRUTHS["season"])
    none = {f"purchase.{name}": 0.0 for name in ("sin1", "cos1", "sin2", "cos2")}
    season = TimeVaryingParetoNBD.from_params(season=2, **SHAPES, **none)
    plain = ParetoNBD.from_params(**SHAPES)
    for method, arguments in (
        ("expected_purchases", [30.0]),
        ("probability_active", [30.0]),
        ("purchase_pmf", [30.0, 8]),
        ("probability_alive", []),
        ("expected_discounted_purchases", [0.1, 200.0]),
    ):
        actual, expected = (getattr(one, method)(summary, *arguments) for one in (season, plain))
        assert_allclose(actual, expected, rtol=1e-8, atol=1e-13, err_msg=method)
    assert_allclose(
        season.expected_discounted_purchases(summary[:20], 0.3),
        plain.expected_discounted_purchases(summary[:20], 0.3),
        rtol=1e-8,
    )


def test_covariates_that_stay_as_they_are_are_static_ones():
    truth = ParetoNBD.from_params(
        covariates=["age"], **SHAPES, **{"purchase.age": 0.4, "dropout.age": -0.3}
    )
    table, T = newcomers(500)
    table["age"] = table["age"].round(1)
    drawn = truth.simulate_summary(T, 0, covariates=table[["age"]])
    summary = pd.DataFrame(drawn, columns=["frequency", "recency", "T"]).join(table)
    summary.attrs["time_unit"] = "7D"
    weeks = pd.DataFrame({"date": pd.date_range(START, periods=160, freq="7D")})
    own = table[["age"]].reset_index(names="customer_id").merge(weeks, how="cross")
    varying = TimeVaryingParetoNBD(
        calendar=covariate_calendar(own, customer_id="customer_id"), calendar_covariates=["age"]
    )
    dated = summary.assign(
        sum_age=summary["frequency"] * table["age"], customer_id=np.arange(len(table))
    )
    varying.fit(dated)
    static = ParetoNBD(covariates=["age"]).fit(summary)
    assert_allclose(vector(varying), vector(static), rtol=1e-6)
    assert_allclose(varying.covariance_, static.covariance_, rtol=1e-5, atol=1e-9)
    assert_allclose(varying.log_likelihood_, static.log_likelihood_, rtol=1e-12)
    assert_allclose(
        varying.expected_purchases(dated, 20.0),
        static.expected_purchases(summary, 20.0),
        rtol=1e-6,
    )


# --- the likelihood -------------------------------------------------------------------------------


def by_brute_force(row, table, coefs):
    """Return the log-likelihood by 20 digits: the integral over the moment of dropout."""
    r, alpha, s, beta = (mp.mpf(SHAPES[name]) for name in ("r", "alpha", "s", "beta"))
    born = mp.mpf((row["first_purchase"] - START).days + 1) / 7
    weeks = [mp.mpf(k) for k in range(len(table) + 1)]

    rates = {
        process: [
            mp.exp(sum(mp.mpf(coefs[f"{process}.{n}"]) * mp.mpf(table[n][week]) for n in NAMES))
            for week in range(len(table))
        ]
        for process in ("purchase", "dropout")
    }

    def exposure(age, process):
        end, total = born + age, mp.mpf(0)
        for week in range(int(born), int(end) + 1):
            spent = min(weeks[week + 1], end) - max(weeks[week], born)
            total += max(spent, 0) * rates[process][week]
        return total

    x, t_x, T = int(row["frequency"]), mp.mpf(row["recency"]), mp.mpf(row["T"])

    def alive(age):
        a, b = exposure(age, "purchase"), exposure(age, "dropout")
        return (1 + a / alpha) ** -(r + x) * (1 + b / beta) ** -s

    def lost(age):
        hazard = s * rates["dropout"][int(mp.floor(born + age))]
        return hazard / (beta + exposure(age, "dropout")) * alive(age)

    edges = [t_x, *(week - born for week in weeks if t_x < week - born < T), T]
    parts = mp.fsum(mp.quad(lost, edge, maxdegree=3) for edge in pairwise(edges))
    sums = sum(mp.mpf(coefs[f"purchase.{n}"]) * mp.mpf(row[f"sum_{n}"]) for n in NAMES)
    return float(
        mp.loggamma(r + x) - mp.loggamma(r) - x * mp.log(alpha) + sums + mp.log(alive(T) + parts)
    )


NAMES = ("price", "tv")
LATE = weekly()[["date"]].assign(late=(np.arange(160) >= 40).astype(float))


def test_log_likelihood_agrees_with_brute_force():
    truth = TRUTHS["table"]
    summary = draw(truth, 300)
    some = pd.concat(
        [summary.nlargest(1, "frequency"), summary[summary["frequency"] == 0][:1], summary[:2]]
    )
    some["T"] = (
        some[["T", "recency"]].max(axis=1).clip(upper=40.0).combine(some["recency"], np.maximum)
    )
    some.attrs["time_unit"] = "7D"
    with mp.workdps(20):
        expected = [by_brute_force(row, weekly(), truth.params_) for _, row in some.iterrows()]
    assert_allclose(truth.log_likelihood(some), expected, rtol=0, atol=1e-8)


@every_truth
def test_the_likelihood_is_flat_at_the_estimates(truth):
    summary = draw(truth, 400)
    fitted = unfitted(truth).fit(summary)
    assert fitted.converged_
    best = vector(fitted)

    def gradient(at, step=1e-3):
        slopes = []
        for direction in np.eye(len(at)) * step:
            near, far = (
                [
                    moved(fitted, at + k * sign * direction).log_likelihood(summary).sum()
                    for sign in (1, -1)
                ]
                for k in (1, 2)
            )
            slopes.append((8 * (near[0] - near[1]) - (far[0] - far[1])) / (12 * step))
        return np.array(slopes)

    assert_allclose(gradient(best) / len(summary), 0.0, atol=1e-6)
    assert_allclose(fitted.log_likelihood_, fitted.log_likelihood(summary).sum(), rtol=1e-11)


@every_truth
def test_recovery(truth):
    summary = draw(truth, 3_000)
    fitted = unfitted(truth).fit(summary)
    miss = vector(fitted) - vector(truth)
    # Chi-squared with a degree of freedom for each parameter; 40 is far in its tail.
    assert miss @ np.linalg.solve(fitted.covariance_, miss) < 40.0


@every_truth
def test_weights_count_rows(truth):
    summary = draw(truth, 1_500)
    times = np.arange(len(summary)) % 3
    repeated = summary.loc[np.repeat(summary.index, times)].reset_index(drop=True)
    repeated.attrs.update(summary.attrs)
    weighted = unfitted(truth).fit(summary, sample_weight=times)
    assert_allclose(vector(weighted), vector(unfitted(truth).fit(repeated)), rtol=1e-6)


def test_a_unit_of_days_changes_nothing():
    truth = TRUTHS["table"]
    summary = draw(truth)
    weekly_model = unfitted(truth).fit(summary)
    daily = unfitted(truth).set_params(time_unit="1D").fit(summary)
    for method in ("expected_purchases", "probability_active"):
        actual, expected = (getattr(m, method)(summary, "20W") for m in (daily, weekly_model))
        assert_allclose(actual, expected, rtol=1e-5)
    assert_allclose(vector(daily)[4:], vector(weekly_model)[4:], rtol=1e-4, atol=1e-7)


def test_a_shrinking_prior_shrinks_coefficients():
    truth = TRUTHS["table"]
    summary = draw(truth)
    free = unfitted(truth).fit(summary)
    held = unfitted(truth).set_params(prior={"purchase": 0.05, "dropout": 0.05}).fit(summary)
    names = list(held.params_)[4:]
    assert all(abs(held.params_[name]) < abs(free.params_[name]) + 0.05 for name in names)
    assert sum(held.params_[name] ** 2 for name in names) < sum(
        free.params_[name] ** 2 for name in names
    )


def test_an_effect_without_end_is_told():
    """Nobody is lost at times: the rate there is nothing, and by how much is unknown."""
    truth = TimeVaryingParetoNBD.from_params(
        calendar=covariate_calendar(LATE),
        calendar_covariates={"dropout": ["late"]},
        **SHAPES,
        **{"dropout.late": -30.0},
    )
    model, summary = unfitted(truth), draw(truth, 1_000)
    with pytest.warns(CovariateWarning, match=r"dropout\.late: it makes the rate nothing"):
        model.fit(summary)
    assert model.params_["dropout.late"] < -5.0
    assert np.isnan(model.standard_errors_["dropout.late"])
    assert np.isfinite([model.standard_errors_[name] for name in SHAPES]).all()


@pytest.mark.parametrize("name", degenerate_summaries())
def test_data_that_tell_little_are_fitted(name):
    """And predicted with finite numbers, intervals included."""
    rows = pd.DataFrame(degenerate_summaries()[name], columns=["frequency", "recency", "T"])
    rows["first_purchase"] = START
    for column in ("sin1", "cos1", "sin2", "cos2"):
        rows[f"sum_{column}"] = 0.3 * rows["frequency"]
    rows.attrs["time_unit"] = "7D"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = TimeVaryingParetoNBD(season=2).fit(rows)
    assert np.isfinite(fitted.log_likelihood(rows)).all()
    for method in ("expected_purchases", "probability_active", "expected_purchases_interval"):
        assert np.isfinite(getattr(fitted, method)(rows, 26.0)).all(), method


# --- predictions ----------------------------------------------------------------------------------


@every_truth
def test_numbers_belong_to_one_model(truth):
    summary = draw(truth, 60, seed=1)
    for horizon in (1.0, 13.0, 45.0):
        pmf = truth.purchase_pmf(summary, horizon, 400)
        assert_allclose(pmf.sum(axis=1), 1.0, rtol=1e-9)
        expected = truth.expected_purchases(summary, horizon)
        assert_allclose(pmf @ np.arange(401.0), expected, rtol=1e-7)
        active = truth.probability_active(summary, horizon)
        assert_allclose(1.0 - pmf[:, 0], active, rtol=1e-9, atol=1e-15)
        ahead = truth.probability_alive(summary, ahead=horizon)
        assert np.all(ahead <= truth.probability_alive(summary))
    assert_allclose(truth.expected_purchases(summary, 0.0), 0.0, atol=0)
    assert_allclose(truth.probability_active(summary, 0.0), 0.0, atol=0)


@every_truth
def test_rows_stand_alone(truth):
    summary = draw(truth, 3_000, seed=1)
    few = summary.iloc[7:9].copy()
    few.attrs.update(summary.attrs)
    for method, arguments in (
        ("log_likelihood", []),
        ("expected_purchases", [20.0]),
        ("probability_alive", []),
        ("purchase_pmf", [20.0, 4]),
    ):
        alone, together = (getattr(truth, method)(rows, *arguments) for rows in (few, summary))
        assert_allclose(alone, together[7:9], rtol=1e-13, err_msg=method)


@every_truth
def test_simulated_purchases_have_the_expected_mean(truth):
    summary = draw(truth, 12, seed=2)
    many = pd.concat([summary] * 2_000, ignore_index=True)
    many.attrs.update(summary.attrs)
    drawn = truth.simulate(many, 30.0, random_state=0)
    assert np.array_equal(drawn, truth.simulate(many, 30.0, random_state=0))
    by_customer = drawn.reshape(2_000, 12)
    for sample, expected in (
        (by_customer, truth.expected_purchases(summary, 30.0)),
        (by_customer > 0, truth.probability_active(summary, 30.0)),
    ):
        error = np.maximum(sample.std(axis=0), np.sqrt(expected) + 0.02) / np.sqrt(2_000)
        assert np.abs(sample.mean(axis=0) - expected).max() < 4.5 * error.max()


@every_truth
def test_simulated_newcomers_buy_as_expected(truth):
    table = pd.DataFrame({"first_purchase": [START], "age": [0.5]})
    summary = truth.simulate_summary(np.full(20_000, 52.0), 0, covariates=table)
    expected = truth.expected_purchases_newcomer(52.0, table)
    error = summary["frequency"].std() / np.sqrt(len(summary))
    assert abs(summary["frequency"].mean() - expected) < 4.5 * error
    half = truth.simulate_summary(np.full(20_000, 26.0), 1, covariates=table)
    expected = truth.expected_purchases_newcomer(26.0, table)
    assert abs(half["frequency"].mean() - expected) < 4.5 * error


@every_truth
def test_discounting_is_a_discounted_sum(truth):
    row = draw(truth, 5)
    steps = np.linspace(0.0, 45.0, 181)
    at = np.stack([truth.expected_purchases(row, step) for step in steps])
    paid = (steps[1:] + steps[:-1]) / 2 / 52.0
    summed = (np.diff(at, axis=0) * 1.1 ** -paid[:, None]).sum(axis=0)
    actual = truth.expected_discounted_purchases(row, 0.1, 45.0)
    assert_allclose(actual, summed, rtol=1e-5)
    undiscounted = truth.expected_discounted_purchases(row, 0.0, 45.0)
    assert_allclose(undiscounted, truth.expected_purchases(row, 45.0), rtol=1e-12)


def test_intervals_follow_the_estimates():
    truth = TRUTHS["season"]
    summary = draw(truth)
    fitted = unfitted(truth).fit(summary)
    interval = fitted.expected_purchases_interval(summary, 26.0)
    expected = fitted.expected_purchases(summary, 26.0)
    assert np.all((interval[:, 0] < expected) & (expected < interval[:, 1]))
    counts = fitted.purchases_interval(summary, 26.0)
    assert np.all(counts[:, 0] <= np.ceil(expected))


def test_an_expected_season_shows():
    """Equal customers expect more where the horizon holds Christmas."""
    truth = TRUTHS["season"]
    summary = pd.DataFrame({"frequency": [3.0, 3.0], "recency": [20.0, 20.0], "T": [22.0, 22.0]})
    summary["first_purchase"] = pd.to_datetime(["2021-07-01", "2021-01-15"])
    summary["age"] = 0.0
    summary.attrs["time_unit"] = "7D"
    december, summer = truth.expected_purchases(summary, "4W") / truth.probability_alive(summary)
    assert december > 1.5 * summer


# --- histories ------------------------------------------------------------------------------------


def log_of(n=600, seed=0):
    """Return a log of customers who differ, some of whom are lost."""
    rng = np.random.default_rng(seed)
    life = rng.exponential(size=n) / rng.gamma(0.5, 1 / 60.0, n)
    count = rng.poisson(rng.gamma(0.8, 0.04, n) * np.minimum(life, 600.0))
    customer = np.repeat(np.arange(n), count)
    born = rng.integers(0, 100, n)
    day = born[customer] + np.ceil(rng.random(len(customer)) * np.minimum(life, 600.0)[customer])
    return pd.DataFrame(
        {
            "customer_id": np.concatenate([np.arange(n), customer]),
            "date": START + pd.to_timedelta(np.concatenate([born, day]), unit="D"),
            "amount": rng.gamma(2.0, 10.0, n + len(customer))
            * rng.gamma(2.0, 1.0, n)[np.concatenate([np.arange(n), customer])],
        }
    )


def test_histories_are_summarised_by_the_day():
    log = log_of()
    X = latest_histories(log)
    model = TimeVaryingParetoNBD(calendar=covariate_calendar(weekly()))
    summary = model.summarise(X)
    days = log.drop_duplicates(["customer_id", "date"])
    first = days.groupby("customer_id")["date"].min()
    assert summary["first_purchase"].tolist() == first.tolist()
    later = days[days["date"] > days["customer_id"].map(first)]
    week = (later["date"] - START).dt.days // 7
    price = pd.Series(weekly()["price"].to_numpy()[week], later.index)
    expected = price.groupby(later["customer_id"]).sum().reindex(first.index, fill_value=0.0)
    assert_allclose(summary["sum_price"], expected, atol=1e-12)
    plain = rfm_summary(X)
    for column in plain:
        assert_allclose(summary[column], plain[column])


def test_histories_are_read_as_they_are():
    X = latest_histories(log_of())
    model = TimeVaryingParetoNBD(season=1).fit(X)
    again = TimeVaryingParetoNBD(season=1).fit(model.summarise(X))
    assert model.params_ == again.params_
    summary = model.summarise(X)
    assert_allclose(model.expected_purchases(X, 20.0), model.expected_purchases(summary, 20.0))
    assert_allclose(model.log_likelihood(X).sum(), model.log_likelihood_)


def test_no_future():
    log = log_of()
    cutoff = START + pd.Timedelta(days=400)
    model = TimeVaryingParetoNBD(season=1).fit(latest_histories(log, cutoff))
    before = latest_histories(log[log["date"] <= cutoff], cutoff)
    assert_allclose(
        model.expected_purchases(latest_histories(log, cutoff), 20.0),
        model.expected_purchases(before, 20.0),
        rtol=0,
    )


def test_a_regressor_takes_it():
    X = latest_histories(log_of())
    regressor = BTYDRegressor(TimeVaryingParetoNBD(season=1), horizon="13W").fit(X)
    components = regressor.predict_components(X)
    assert np.isfinite(regressor.predict(X)).all()
    model = regressor.purchase_model_
    assert_allclose(components["expected_purchases"], model.expected_purchases(X, "13W"))
    assert np.isfinite(regressor.predict_interval(X.iloc[:5]).to_numpy()).all()


def test_customers_have_calendars_of_their_own():
    log = log_of()
    table = weekly().merge(pd.DataFrame({"customer_id": np.arange(600)}), how="cross")
    table["mail"] = np.random.default_rng(0).normal(size=len(table)).round(1)
    calendar = covariate_calendar(table[["date", "customer_id", "mail"]], customer_id="customer_id")
    X = latest_histories(log)
    model = TimeVaryingParetoNBD(calendar=calendar).fit(X)
    assert list(model.params_)[4:] == ["purchase.mail"]
    alone = X.iloc[5:6]
    assert_allclose(
        model.expected_purchases(alone, 10.0), model.expected_purchases(X, 10.0)[5:6], rtol=1e-12
    )
    unknown = latest_histories(log.assign(customer_id=log["customer_id"] + 1))
    with pytest.raises(
        ArgumentError, match="1 of 600 customers are not in the calendar, for example '600'"
    ):
        model.expected_purchases(unknown, 10.0)
    nobody = model.summarise(X).reset_index(drop=True)
    nobody.attrs["time_unit"] = "7D"
    with pytest.raises(SummaryError, match="nothing says whose"):
        model.expected_purchases(nobody, 10.0)


# --- what goes wrong ------------------------------------------------------------------------------


def test_a_calendar_that_ends_early_is_told():
    X = latest_histories(log_of(), "2022-12-05")
    model = TimeVaryingParetoNBD(calendar=covariate_calendar(weekly(110)), prior="weak").fit(X)
    assert np.isfinite(model.expected_purchases(X, "8W")).all()
    with pytest.raises(HorizonError, match=r"ends on 2023-02-12 .* 7 periods .* from 2023-02-13"):
        model.expected_purchases(X, "16W")
    with pytest.raises(HorizonError, match="give a horizon that the calendar covers"):
        model.expected_discounted_purchases(X, 0.1)
    short = TimeVaryingParetoNBD(calendar=covariate_calendar(weekly(50)))
    with pytest.raises(HorizonError, match="The calendar ends on 2021-12-19"):
        short.fit(X)
    late = TimeVaryingParetoNBD(calendar=covariate_calendar(weekly()[4:]))
    with pytest.raises(HorizonError, match="The calendar begins on 2021-02-01"):
        late.fit(X)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"calendar": {"date": []}}, ArgumentError, "covariate_calendar"),
        ({"holidays": {"x": ("12-1", "12-24")}}, ArgumentError, "'11-25', '12-24'"),
        ({"holidays": {"x": "12-24"}}, ArgumentError, "the first and the last day"),
        ({"holidays": {"x": ("13-01", "12-24")}}, ArgumentError, "the first and the last day"),
        ({"season": 1, "calendar_covariates": ["price"]}, UnknownNameError, "names 'price'"),
        ({"season": 1, "calendar_covariates": {"spend": []}}, UnknownNameError, "'spend'"),
        ({"season": 1, "shared_covariates": ["season"]}, UnknownNameError, "of every process"),
        ({"season": 1, "holidays": {"season": ("12-01", "12-24")}}, ArgumentError, "both"),
        ({"season": 0}, ValueError, "season"),
        ({"season": "week"}, ValueError, "season"),
        ({"covariates": ["tv"], "calendar": covariate_calendar(weekly())}, ArgumentError, "'tv'"),
    ],
    ids=lambda one: str(one)[:40],
)
def test_settings_that_cannot_be_meant(settings, error, message):
    with pytest.raises(error, match=message):
        TimeVaryingParetoNBD(**settings).fit(latest_histories(log_of()))


def test_what_a_summary_must_hold():
    truth = TRUTHS["table"]
    summary = draw(truth, 20)
    bare = summary[["frequency", "recency", "T"]].copy()
    bare.attrs.update(summary.attrs)
    with pytest.raises(SummaryError, match="no column 'first_purchase'"):
        truth.expected_purchases(bare, 10.0)
    with pytest.raises(SummaryError, match="no column 'first_purchase'"):
        truth.expected_purchases(bare.to_numpy(), 10.0)
    dated = summary.drop(columns=["sum_price", "sum_tv"])
    assert_allclose(truth.expected_purchases(dated, 9.0), truth.expected_purchases(summary, 9.0))
    with pytest.raises(SummaryError, match="'sum_price'"):
        truth.log_likelihood(dated)
    for value, message in ((1.5, "numbers"), ("soon", "cannot be read"), (pd.NaT, "missing in 20")):
        with pytest.raises(DateError, match=message):
            truth.expected_purchases(dated.assign(first_purchase=value), 10.0)
    with pytest.raises(ArgumentError, match="'first_purchase': '2024-05-01'"):
        truth.expected_purchases_newcomer(10.0)
    two = pd.DataFrame({"first_purchase": [START, START]})
    with pytest.raises(ArgumentError, match="2 rows for 3 newcomers"):
        truth.expected_purchases_newcomer([1.0, 2.0, 3.0], two)


# --- stored, tracked ------------------------------------------------------------------------------


@every_truth
def test_stored_models_predict_the_same(truth):
    summary = draw(truth)
    fitted = unfitted(truth).fit(summary)
    stored = skops.io.dumps(fitted)
    assert not set(skops.io.get_untrusted_types(data=stored)) - set(TRUSTED_TYPES)
    for again in (
        skops.io.loads(stored, trusted=list(TRUSTED_TYPES)),
        pickle.loads(pickle.dumps(fitted)),
    ):
        for method in ("expected_purchases", "probability_active"):
            actual, expected = (getattr(one, method)(summary, 20.0) for one in (again, fitted))
            assert_allclose(actual, expected, rtol=0)


def test_tracking_sums_newcomers():
    X = latest_histories(log_of())
    model = TimeVaryingParetoNBD(season=1).fit(X)
    table = track_purchases(model, X, period="28D").frame()
    summary = model.summarise(X)
    expected = model.expected_purchases_newcomer(summary["T"], summary[["first_purchase"]]).sum()
    # The last period may end after the cutoff, where nothing has been seen.
    assert table["cumulative_expected"].iloc[-2] < expected < table["cumulative_expected"].iloc[-1]
    assert table["actual"].sum() == summary["frequency"].sum()


@pytest.fixture(scope="module")
def apparel():
    path = DATA / "apparel_sim.parquet"
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the repository")
    log, table = (
        pd.read_parquet(DATA / name) for name in (path.name, "apparel_sim_dyncov.parquet")
    )
    customers = log.groupby("customer_id", as_index=False)[["gender", "channel"]].first()
    until = {
        cutoff: latest_histories(
            log[["customer_id", "date", "amount"]], cutoff, covariates=customers
        )
        for cutoff in ("2006-12-31", None)
    }
    return until["2006-12-31"], until[None], table


def static_summary(X):
    summary = rfm_summary(X).join(X[["gender", "channel"]])
    summary.attrs["time_unit"] = "7D"
    return summary


def test_apparel_is_the_better_for_its_season(apparel):
    """Log-likelihood, and the error by the week in the four years after."""
    X, later, table = apparel
    calendar = covariate_calendar(table.loc[table["customer_id"] == 1, ["date", "high_season"]])
    static = ParetoNBD(covariates=["gender", "channel"]).fit(static_summary(X))
    varying = TimeVaryingParetoNBD(covariates=["gender", "channel"], calendar=calendar).fit(X)
    assert_allclose(static.log_likelihood_, -5821.0627, atol=5e-4)
    assert varying.log_likelihood_ > static.log_likelihood_ + 60.0
    low, high = varying.summary(0.9).loc["purchase.high_season", ["lower", "upper"]]
    assert 0.5 < low < high < 1.0
    errors = []
    for model in (static, varying):
        tracked = track_purchases(model, later, cutoff="2006-12-31").frame()
        held_out = tracked[tracked["holdout"]]
        errors.append((held_out["expected"] - held_out["actual"]).abs().mean())
    assert errors[1] < 0.85 * errors[0]


def test_published_static_coefficients_come_out_of_a_calendar(apparel):
    """Gender and channel, given by the week for each customer, are the static covariates."""
    X, _, table = apparel
    calendar = covariate_calendar(
        table[["customer_id", "date", "gender", "channel"]], customer_id="customer_id"
    )
    assert len(calendar["values"]) == 4  # customers share them
    model = TimeVaryingParetoNBD(calendar=calendar, calendar_covariates=["gender", "channel"])
    model.fit(X)
    static = ParetoNBD(covariates=["gender", "channel"]).fit(static_summary(X))
    assert_allclose(
        [model.params_[name] for name in static.params_], list(static.params_.values()), rtol=1e-6
    )
    assert_allclose(model.log_likelihood_, -5821.0627, atol=5e-4)


# --- a planted season -----------------------------------------------------------------------------


def recovered(seed, n=1_000):
    """Return which coefficients of a planted season the 90 % intervals hold."""
    truth = TimeVaryingParetoNBD.from_params(
        season=2,
        holidays={"christmas": ("11-25", "12-24")},
        **SHAPES,
        **{"purchase.sin1": 0.4, "purchase.cos1": -0.3, "purchase.sin2": 0.15},
        **{"purchase.cos2": 0.1, "purchase.christmas": 0.7},
    )
    with warnings.catch_warnings():
        # Of a thousand customers the spread of the rates of dropout is not always known.
        warnings.simplefilter("ignore", BoundaryWarning)
        fitted = unfitted(truth).fit(draw(truth, n, seed))
    table = fitted.summary(0.9).iloc[4:]
    known = np.array([truth.params_[name] for name in table.index])
    return ((table["lower"] <= known) & (known <= table["upper"])).to_numpy()


def test_a_planted_season_is_recovered():
    inside = np.mean([recovered(seed) for seed in range(3)])
    assert inside >= 0.7  # of 15 intervals at 90 %


@pytest.mark.long
def test_a_planted_season_is_recovered_in_85_of_100_runs():
    inside = np.sum([recovered(seed) for seed in range(100)], axis=0)
    assert inside.min() >= 85, inside
