import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils._param_validation import InvalidParameterError

from clvkit.baselines import HistoricalRate, PopulationMean
from clvkit.errors import (
    ArgumentError,
    CutoffError,
    HistoryTypeError,
    HorizonError,
    MissingColumnError,
)
from clvkit.history import latest_histories, make_samples
from clvkit.model_selection import SnapshotRegressor
from clvkit.serving import CLVModel

COLUMNS = ["clv", "lower", "upper", "expected_purchases", "probability_alive", "segment"]


def assert_equal(left, right):
    pd.testing.assert_frame_equal(left, right, check_exact=True)


# --- the table ------------------------------------------------------------------------------


def test_one_row_a_customer_with_exactly_these_columns(model, log, X):
    table = model.predict_customers(log, cutoff="1998-03-31")
    assert list(table.columns) == COLUMNS
    assert table.index.name == "customer_id"
    assert list(table.index) == list(X.index.get_level_values("customer_id"))
    assert table["clv"].to_numpy() == pytest.approx(model.predict(X), rel=0, abs=0)
    assert (table["lower"] <= table["clv"]).all()
    assert (table["clv"] <= table["upper"]).all()
    assert table["segment"].between(1, 10).all()


@pytest.mark.parametrize("size", [1, 7])
def test_a_row_never_depends_on_its_batch(model, log, size):
    whole = model.predict_customers(log)
    for customers in (whole.index[:size], whole.index[-size:], whole.index[100 : 100 + size]):
        part = log[log["customer_id"].isin(customers)]
        got = model.predict_customers(part, cutoff=log["date"].max())
        pd.testing.assert_frame_equal(got, whole.loc[customers], rtol=1e-12, atol=0)


def test_line_order_does_not_matter(btyd, log):
    shuffled = log.sample(frac=1, random_state=0)
    assert_equal(btyd.predict_customers(shuffled), btyd.predict_customers(log))


def test_the_cutoff_is_the_end_of_training_for_a_log_that_ends_before(btyd, log):
    early = log[log["date"] <= "1997-06-30"]
    assert_equal(btyd.predict_customers(early), btyd.predict_customers(early, cutoff="1998-03-31"))


def test_the_cutoff_is_the_last_day_of_a_log_that_goes_on(btyd, log):
    last = str(log["date"].max().date())
    assert last > btyd.training_end_
    assert_equal(btyd.predict_customers(log), btyd.predict_customers(log, cutoff=last))


def test_an_explicit_cutoff_counts_and_hides_what_came_later(btyd, log):
    known = log[log["date"] <= "1997-09-30"]
    got = btyd.predict_customers(log, cutoff="1997-09-30")
    assert_equal(got, btyd.predict_customers(known, cutoff="1997-09-30"))
    with pytest.raises(CutoffError, match="time of day"):
        btyd.predict_customers(log, cutoff="1997-09-30 12:00")


def test_hours_keep_the_moment_of_training_end(log):
    hourly = log.assign(date=log["date"] + pd.to_timedelta(log.index % 24, unit="h"))
    model = CLVModel(HistoricalRate(), horizon="13W", granularity="h")
    model.fit(latest_histories(hourly, granularity="h"))
    assert model.training_end_ == str(hourly["date"].max())[:13].replace(" ", "T")
    one = hourly[hourly["customer_id"] == 1]
    whole = model.predict_customers(hourly)
    pd.testing.assert_frame_equal(model.predict_customers(one), whole.loc[[1]], rtol=1e-12)


def test_components_where_the_family_has_them(btyd, log, X):
    table = btyd.predict_customers(log, cutoff="1998-03-31")
    components = btyd.pipeline_.predict_components(X)
    for name in ("expected_purchases", "probability_alive"):
        np.testing.assert_array_equal(table[name], components[name])
    pd.testing.assert_index_equal(btyd.predict_components(X).index, X.index)


def test_components_behind_a_pipeline(btyd, X):
    piped = CLVModel(make_pipeline(clone(btyd.estimator)), horizon="13W").fit(X)
    assert_equal(piped.predict_components(X), btyd.predict_components(X))


def test_families_without_components_have_nan(log, X):
    model = CLVModel(HistoricalRate(), horizon="13W").fit(X)
    assert model.predict_components(X).isna().all(axis=None)
    table = model.predict_customers(log)
    empty = ["lower", "upper", "expected_purchases", "probability_alive"]
    assert table[empty].isna().all(axis=None)
    assert table["clv"].notna().all()


@pytest.mark.parametrize("cutoff", [None, "1997-12-31", "1999-01-31"])
def test_the_table_names_its_cutoff(btyd, log, cutoff):
    used = cutoff or str(log["date"].max().date())
    assert btyd.predict_customers(log, cutoff).attrs["cutoff"] == used
    early = log[log["date"] <= "1997-06-30"]
    assert btyd.predict_customers(early).attrs["cutoff"] == btyd.training_end_


def test_customers_of_refunds_only_have_no_row_where_refunds_are_dropped(log):
    back = log.iloc[:1].assign(customer_id=999_999, amount=-5.0)
    log = pd.concat([log, back])
    for refunds, expected in (("net", True), ("drop", False)):
        model = CLVModel(HistoricalRate(), horizon="13W", refunds=refunds)
        model.fit(latest_histories(log, refunds=refunds))
        assert (999_999 in model.predict_customers(log).index) == expected


# --- intervals and segments -----------------------------------------------------------------


def test_coverage_is_the_models_unless_given(btyd, X, interval):
    for coverage in (None, 0.5):
        got = btyd.predict_interval(X, coverage)
        lower, upper = interval.interval(btyd.predict(X), coverage or 0.9)
        np.testing.assert_array_equal(got["lower"], lower)
        np.testing.assert_array_equal(got["upper"], upper)
    pd.testing.assert_index_equal(got.index, X.index)


@pytest.mark.parametrize("coverage", [90, "0.9", 0, True], ids=repr)
def test_a_coverage_out_of_range_is_refused_before_scoring(btyd, X, coverage):
    with pytest.raises(ArgumentError, match=r"0\.9 is 90 %"):
        btyd.predict_interval(X, coverage)
    with pytest.raises(ArgumentError, match=r"0\.9 is 90 %"):
        btyd.predict_customers("no/such/log.csv", coverage=coverage)


def test_segments_are_tenths_of_the_rows_of_training(log, X):
    model = CLVModel(HistoricalRate(), horizon="13W").fit(X)
    table = model.predict_customers(log, cutoff="1998-03-31")
    by_value = table.sort_values("clv")["segment"]
    assert by_value.is_monotonic_increasing
    # Refund-only and free customers share a value; beyond them each segment is a tenth.
    assert np.ptp(by_value.value_counts().loc[4:]) <= 2


def test_customers_of_one_value_are_in_the_middle(log, X):
    model = CLVModel(SnapshotRegressor(PopulationMean()), horizon="13W").fit(X)
    assert set(model.predict_customers(log)["segment"]) == {5}


# --- fitting --------------------------------------------------------------------------------


def test_learned_attributes(btyd, X):
    assert btyd.training_end_ == "1998-03-31"
    assert btyd.n_customers_ == len(X)
    assert btyd.customer_type_ == "integer"
    assert btyd.segment_edges_.shape == (9,)
    assert list(btyd.feature_names_in_) == ["history"]


def test_pipeline_is_what_a_snapshot_regressor_fitted(X):
    model = CLVModel(SnapshotRegressor(PopulationMean()), horizon="13W").fit(X)
    assert isinstance(model.pipeline_, PopulationMean)
    np.testing.assert_array_equal(model.pipeline_.predict(X), model.predict(X))


def test_refit_is_a_fit_on_the_new_log(btyd, log):
    earlier = log[log["date"] <= "1997-12-31"]
    new = btyd.refit(earlier, cutoff="1997-12-31")
    assert (new.training_end_, btyd.training_end_) == ("1997-12-31", "1998-03-31")
    assert new.interval is btyd.interval
    fitted = clone(btyd).fit(latest_histories(log, cutoff="1997-12-31"))
    assert_equal(new.predict_customers(log), fitted.predict_customers(log))


def test_other_columns_and_policies_are_the_models(log, X, interval):
    renamed = log.rename(columns={"customer_id": "kunde", "date": "tag", "amount": "betrag"})
    names = {"customer_id": "kunde", "date": "tag", "amount": "betrag"}
    door = {**names, "duplicates": "drop", "refunds": "drop"}
    model = CLVModel(HistoricalRate(), horizon="13W", **door)
    model.fit(latest_histories(renamed, cutoff="1998-03-31", **door))
    doubled = pd.concat([renamed, renamed])
    assert_equal(model.predict_customers(doubled), model.predict_customers(renamed))
    with pytest.raises(MissingColumnError, match="kunde"):
        model.predict_customers(log)


def test_covariates_are_asked_for_by_name(log):
    table = pd.DataFrame({"customer_id": log["customer_id"].unique(), "age": 40})
    X = latest_histories(log, covariates=table)
    model = CLVModel(HistoricalRate(), horizon="13W").fit(X)
    assert len(model.predict_customers(log, covariates=table)) == len(X)
    with pytest.raises(MissingColumnError, match="covariates 'age'"):
        model.predict_customers(log)


def test_covariates_of_a_model_without_any_are_refused(btyd, log, X):
    table = pd.DataFrame({"customer_id": log["customer_id"].unique(), "age": 40})
    with pytest.raises(ArgumentError, match="without any, and is given the covariates 'age'"):
        btyd.predict_customers(log, covariates=table)
    with pytest.raises(ArgumentError, match="without any"):
        btyd.predict_components(X.assign(age=40))


def test_the_order_of_covariates_does_not_matter(log):
    table = pd.DataFrame({"customer_id": log["customer_id"].unique(), "age": 40, "tier": "a"})
    X = latest_histories(log, covariates=table)
    model = CLVModel(HistoricalRate(), horizon="13W").fit(X)
    np.testing.assert_array_equal(model.predict(X[["tier", "history", "age"]]), model.predict(X))


def test_labels_move_the_end_of_training_to_what_they_knew(log):
    samples = make_samples(log, "13W", cutoffs=["1997-12-31", "1998-03-31"], end="1998-06-30")
    model = CLVModel(PopulationMean(), horizon="13W").fit(samples.X, samples.y)
    assert model.training_end_ == "1998-06-30"
    rate = CLVModel(HistoricalRate(), horizon="13W").fit(samples.X, samples.y)
    known = log[log["date"] <= "1998-06-30"]
    whole = rate.predict_customers(known)
    one = known[known["customer_id"] == whole.index[3]]
    assert rate.predict_customers(one).attrs == whole.attrs
    pd.testing.assert_frame_equal(rate.predict_customers(one), whole.iloc[[3]], rtol=1e-12)


def test_an_estimator_without_labels_is_told_of_snapshots(X):
    with pytest.raises(ArgumentError, match="SnapshotRegressor"):
        CLVModel(PopulationMean(), horizon="13W").fit(X)


def test_one_attribute_may_be_given_as_text(log):
    X = latest_histories(log, attributes="quantity")
    text = CLVModel(HistoricalRate(), horizon="13W", attributes="quantity").fit(X)
    listed = CLVModel(HistoricalRate(), horizon="13W", attributes=["quantity"]).fit(X)
    assert text.attribute_types_ == listed.attribute_types_ == {"quantity": "number"}
    assert_equal(text.predict_customers(log), listed.predict_customers(log))
    assert text.refit(log).training_end_ == text.training_end_


def test_the_horizon_is_one(X, log):
    with pytest.raises(HorizonError, match="26W"):
        CLVModel(HistoricalRate(horizon="26W"), horizon="13W").fit(X)
    model = CLVModel(HistoricalRate(), horizon="13W").fit(X)
    with pytest.raises(HorizonError, match="13W"):
        model.predict(make_samples(log, "26W", cutoffs="1997-09-30").X)


@pytest.mark.parametrize(
    "settings", [{"granularity": "W"}, {"attributes": ["quantity"]}], ids=["weeks", "attributes"]
)
def test_histories_must_be_made_like_the_models(settings, X, log, btyd):
    with pytest.raises(HistoryTypeError, match=next(iter(settings))):
        CLVModel(HistoricalRate(), horizon="13W", **settings).fit(X)
    with pytest.raises(HistoryTypeError, match=next(iter(settings))):
        btyd.predict(latest_histories(log, **settings))


def test_a_log_is_no_table_of_histories(log, btyd):
    with pytest.raises(HistoryTypeError, match="latest_histories"):
        btyd.predict(log)


# --- scikit-learn ---------------------------------------------------------------------------


def test_clone_keeps_parameters_and_the_fitted_interval(btyd, X):
    copy = clone(btyd)
    assert copy.interval is btyd.interval
    assert copy.estimator is not btyd.estimator
    with pytest.raises(NotFittedError):
        copy.predict(X)


def test_it_is_a_regressor_that_scores(btyd, X, log):
    assert is_regressor(btyd)
    samples = make_samples(log, "13W", cutoffs="1998-03-31", end="1998-06-30")
    assert np.isfinite(btyd.score(samples.X, samples.y))


def test_parameters_are_validated(X):
    with pytest.raises(InvalidParameterError, match="coverage"):
        CLVModel(HistoricalRate(), horizon="13W", coverage=90).fit(X)


def test_repr_is_one_line(btyd, capsys, X):
    assert repr(btyd) == (
        f"CLVModel(BTYDRegressor, horizon='13W', {len(X)} customers to 1998-03-31)"
    )
    nested = CLVModel(SnapshotRegressor(make_pipeline(PopulationMean())), horizon="13W")
    assert repr(nested) == (
        "CLVModel(SnapshotRegressor > PopulationMean, horizon='13W', not fitted)"
    )
    assert capsys.readouterr().out == ""
