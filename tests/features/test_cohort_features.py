"""CohortFeatures on a log whose cohorts are worked out by hand."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from clvkit.errors import DataWarning
from clvkit.features import CohortFeatures
from clvkit.history import get_histories, latest_histories, replace_histories
from clvkit.testing._history_logs import Rows, another_future, random_logs
from clvkit.testing._history_properties import check_comparison, no_future

JANUARY = (2024 - 1970) * 12
LOG = pd.DataFrame(
    [
        ("a", "2024-01-05", 10.0),
        ("a", "2024-02-10", 20.0),
        ("a", "2024-03-03", 30.0),
        ("b", "2024-01-20", 40.0),
        ("c", "2024-02-02", 6.0),
        ("c", "2024-03-09", 4.0),
    ],
    columns=["customer_id", "date", "amount"],
).astype({"date": "datetime64[s]"})

# (customer, cutoff) -> cohort, age, size, retention, purchases, spend, period spend, and the
# customer's purchases and spend against the cohort's.
EXPECTED = {
    ("a", "2024-03-31"): (JANUARY, 3, 2, 0.5, 2.0, 50.0, 15.0, 1.5, 1.2),
    ("b", "2024-03-31"): (JANUARY, 3, 2, 0.5, 2.0, 50.0, 15.0, 0.5, 0.8),
    ("c", "2024-03-31"): (JANUARY + 1, 2, 1, 1.0, 2.0, 10.0, 4.0, 1.0, 1.0),
    # March has not ended: February is the last completed period.
    ("a", "2024-03-30"): (JANUARY, 2, 2, 0.5, 1.5, 35.0, 10.0, 2.0, 60 / 35),
    ("a", "2024-02-15"): (JANUARY, 1, 2, 1.0, 1.0, 25.0, 25.0, 2.0, 1.2),
    # The own cohort has completed nothing: January's first month stands in.
    ("c", "2024-02-15"): (JANUARY + 1, 0, 1, 1.0, 1.0, 25.0, 25.0, 1.0, 6 / 25),
    # Nobody had completed a month.
    ("a", "2024-01-30"): (JANUARY, 0, 2, *[np.nan] * 6),
    ("a", "2024-01-05"): (JANUARY, 0, 1, *[np.nan] * 6),
}


def features_at(fitted, log, cutoff):
    X = latest_histories(log, cutoff=cutoff)
    return pd.DataFrame(
        fitted.transform(X), X.index.get_level_values(0), fitted.get_feature_names_out()
    )


@pytest.fixture(scope="module")
def fitted():
    return CohortFeatures().fit(latest_histories(LOG, cutoff="2024-03-31"))


@pytest.mark.parametrize(("customer", "cutoff"), EXPECTED, ids=" ".join)
def test_features_by_hand(fitted, customer, cutoff):
    actual = features_at(fitted, LOG, cutoff).loc[customer]
    assert_allclose(actual, EXPECTED[customer, cutoff], rtol=1e-14)


def test_learnt_from_snapshots_as_from_the_latest_rows(fitted):
    X = latest_histories(LOG, cutoff="2024-03-31")
    february = replace_histories(X, get_histories(X).cut_back("2024-02-15"))
    again = CohortFeatures().fit(pd.concat([february, X, february]))
    for name in ("members_", "retention_", "purchases_", "spend_", "acquired_"):
        assert_allclose(getattr(again, name), getattr(fitted, name))


def test_a_later_cohort_has_the_figures_of_the_nearest_one_at_its_age(fitted):
    new = pd.DataFrame({"customer_id": ["d"], "date": ["2024-06-05"], "amount": [9.0]})
    d = features_at(fitted, new.astype({"date": "datetime64[s]"}), "2024-06-30").loc["d"]
    # February's cohort in its first month: one customer, who spent 6.
    expected = (JANUARY + 5, 1, 1, 1.0, 1.0, 6.0, 6.0, 1.0, 1.5)
    assert_allclose(d, expected)


def test_a_later_row_has_the_figures_of_an_older_cohort_at_its_age(fitted):
    c = features_at(fitted, LOG, "2024-04-30").loc["c"]
    # In April c's cohort is three months old; fit has seen January's at that age, in March.
    assert_allclose(c, (JANUARY + 1, 3, 1, 0.5, 2.0, 50.0, 15.0, 1.0, 0.2))


def test_an_age_that_no_cohort_had_reached_has_the_greatest_known_one(fitted):
    a = features_at(fitted, LOG, "2024-12-31").loc["a"]
    assert_allclose(a, (JANUARY, 12, 2, 0.5, 2.0, 50.0, 15.0, 1.5, 1.2))


def test_an_earlier_cohort_than_any_has_the_figures_of_the_first(fitted):
    old = pd.DataFrame({"customer_id": ["z"], "date": ["2023-06-05"], "amount": [9.0]})
    z = features_at(fitted, old.astype({"date": "datetime64[s]"}), "2024-03-31").loc["z"]
    assert_allclose(z, (JANUARY - 7, 10, 2, 0.5, 2.0, 50.0, 15.0, 0.5, 0.18))


def test_members_count_only_as_long_as_they_are_observed():
    X = latest_histories(LOG, cutoff="2024-03-31")
    rows = X.loc[["a"]], replace_histories(X, get_histories(X).cut_back("2024-01-31")).loc[["b"]]
    fitted = CohortFeatures().fit(pd.concat(rows))
    assert_allclose(fitted.members_, [[2.0, 1.0, 1.0]])
    assert_allclose(fitted.retention_, [[1.0, 1.0, 1.0]])
    assert_allclose(fitted.spend_, [[25.0, 45.0, 75.0]])


def test_fit_that_ends_before_the_first_period_does():
    X = latest_histories(LOG, cutoff="2024-01-25")
    features = CohortFeatures().set_output(transform="pandas").fit_transform(X)
    assert features["cohort_size"].tolist() == [2.0, 2.0]
    assert features["cohort_spend"].isna().all()


@pytest.mark.parametrize(
    ("freq", "cohorts"),
    [
        ("W", [(19727 - 4 + 3) // 7, (19727 + 11 + 3) // 7]),
        ("M", [JANUARY, JANUARY]),
        ("Q", [JANUARY // 3, JANUARY // 3]),
    ],
)
def test_numbers_of_weeks_months_and_quarters(freq, cohorts):
    # 2024-01-05 is day 19,727 since 1970, a Friday.
    X = latest_histories(LOG[LOG["customer_id"] < "c"], cutoff="2024-01-31")
    features = CohortFeatures(freq=freq).set_output(transform="pandas").fit_transform(X)
    assert features["cohort"].tolist() == cohorts


@pytest.mark.parametrize("granularity", ["W", "h"])
@pytest.mark.parametrize("freq", ["W", "M", "Q"])
@pytest.mark.parametrize("cutoff", ["2023-12-31", "2024-01-17", "2024-02-29"])
def test_no_future_in_other_granularities(granularity, freq, cutoff):
    """Weeks straddle months, and hours leave the cutoff's day open."""
    for seed in range(5):
        logs = random_logs(seed)
        other = another_future(logs, cutoff, np.random.default_rng(seed))
        rows, others = (Rows(each, granularity=granularity) for each in (logs, other))
        comparison = no_future(rows, others, cutoff, ["2024-01-10", "2024-03-20"])
        check_comparison(CohortFeatures(freq=freq), comparison)


def test_nothing_about_single_customers_is_kept(fitted):
    many = pd.concat([LOG.assign(customer_id=LOG["customer_id"] + str(i)) for i in range(50)])
    larger = CohortFeatures().fit(latest_histories(many, cutoff="2024-03-31"))
    for name, value in vars(fitted).items():
        assert np.shape(value) == np.shape(getattr(larger, name)), name


def test_unknown_freq():
    with pytest.raises(ValueError, match="The 'freq' parameter of CohortFeatures must be a str"):
        CohortFeatures(freq="Y").fit(latest_histories(LOG))


def test_names_of_the_docstring_are_those_of_the_columns(fitted):
    table = CohortFeatures.__doc__.split("=\n")[2].split("\n    ===")[0]
    listed = [line.split()[0] for line in table.splitlines() if line[4:5].strip()]
    assert listed == list(fitted.get_feature_names_out())


@pytest.mark.parametrize("freq", ["W", "M", "Q"])
@pytest.mark.parametrize("placeholder", ["0001-01-01", "1900-01-01"])
def test_a_placeholder_date_does_not_widen_the_tables(freq, placeholder):
    day = np.arange("2022-01-01", "2024-01-01", 5, dtype="M8[D]").astype("M8[s]")
    log = pd.DataFrame({"customer_id": np.arange(len(day)) % 40, "date": day, "amount": 9.0})
    odd = pd.DataFrame({"customer_id": [99], "amount": [1.0]}).assign(
        date=np.array([placeholder], dtype="M8[s]")
    )
    honest = CohortFeatures(freq=freq).fit(latest_histories(log, cutoff="2023-12-31"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        X = latest_histories(pd.concat([log, odd]), cutoff="2023-12-31")
    fitted = CohortFeatures(freq=freq).fit(X)
    n_cohorts, n_ages = fitted.members_.shape
    assert n_cohorts == len(honest.cohorts_) + 1
    assert n_ages <= 2_609
    assert np.isfinite(fitted.transform(X)[:, :3]).all()
    shared = fitted.transform(X)[:40, :3]
    np.testing.assert_array_equal(shared, honest.transform(X)[:40, :3])


def test_a_cohort_that_returned_everything_spent_exactly_nothing():
    # 0.1 + 0.2 - 0.3 is 5.6e-17, in one order of the customers, and something else in another.
    log = pd.DataFrame(
        {
            "customer_id": [1, 2, 3, 1, 4, 4],
            "date": ["2024-01-05", "2024-01-06", "2024-01-07"] + ["2024-02-01"] * 3,
            "amount": [0.1, 0.2, -0.3, 5.0, 0.3, -0.3],
        }
    )
    X = latest_histories(log, cutoff="2024-01-31")
    for rows in (X, X.iloc[::-1]):
        features = CohortFeatures().fit(rows).set_output(transform="pandas").transform(X)
        assert (features[["cohort_spend", "cohort_period_spend"]] == 0).all(axis=None)
        assert features["spend_vs_cohort"].isna().all()
    later = CohortFeatures().fit(latest_histories(log, cutoff="2024-02-29"))
    assert later.spend_[0, 1] == pytest.approx(5 / 3)
