import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from clvkit.automl._hybrid_builders import hybrid as hybrid_pipeline
from clvkit.baselines import HistoricalRate
from clvkit.boosting import TweedieLGBMRegressor
from clvkit.btyd import BTYDRegressor
from clvkit.calibration import LevelIntervals
from clvkit.errors import (
    ArgumentError,
    LogTypeError,
    MissingColumnError,
    ModelFormatError,
    NoComponentsError,
)
from clvkit.features import default_features
from clvkit.history import latest_histories
from clvkit.model_selection import SnapshotRegressor
from clvkit.serving import CLVModel
from clvkit.spark import predict_customers

VALUES = ["clv", "lower", "upper", "expected_purchases", "probability_alive"]


@pytest.fixture(scope="module")
def interval():
    rng = np.random.default_rng(3)
    p = rng.gamma(0.7, 10, 400)
    return LevelIntervals().fit(np.where(rng.random(400) < 0.3, 3 * p, 0), p)


@pytest.fixture(scope="module")
def btyd(log, interval):
    X = latest_histories(log, "2021-06-30", attributes=["shop"])
    return CLVModel(BTYDRegressor(), horizon="13W", interval=interval, attributes=["shop"]).fit(X)


@pytest.fixture(scope="module")
def hybrid(log):
    steps = hybrid_pipeline("13W", 0, n_estimators=20, min_child_samples=5)
    model = CLVModel(SnapshotRegressor(steps, n_snapshots=1), horizon="13W")
    return model.fit(latest_histories(log))


def _same(got, want, columns=VALUES):
    assert got.index.tolist() == want.index.tolist()
    for name in columns:
        np.testing.assert_allclose(
            got[name].to_numpy(float), want[name].to_numpy(float), rtol=1e-9, atol=0, err_msg=name
        )


@pytest.mark.parametrize("n_partitions", [1, 3, 17])
@pytest.mark.parametrize("kind", ["btyd", "hybrid"])
def test_values_are_those_of_one_machine_however_rows_are_partitioned(
    kind, n_partitions, sdf, log, collected, request
):
    model = request.getfixturevalue(kind)
    want = model.predict_customers(log)
    got = collected(predict_customers(model, sdf, n_partitions=n_partitions))
    _same(got, want)
    assert got["segment"].tolist() == want["segment"].tolist()
    assert set(got["cutoff"].astype(str)) == {want.attrs["cutoff"]}


def test_a_folder_stands_for_its_model(btyd, sdf, log, collected, tmp_path):
    btyd.save(tmp_path / "model")
    got = predict_customers(str(tmp_path / "model"), sdf, "2021-03-31", 0.5)
    _same(collected(got), btyd.predict_customers(log, "2021-03-31", 0.5))
    with pytest.raises(ModelFormatError, match="no folder of a model"):
        predict_customers(str(tmp_path / "none"), sdf)


def test_components_and_quantiles_are_added(btyd, sdf, log, collected):
    got = collected(predict_customers(btyd, sdf, components=True, quantiles=[0.5, 0.95]))
    X = latest_histories(log, got["cutoff"].iloc[0], attributes=["shop"])
    parts, levels = btyd.predict_components(X), btyd.predict_quantiles(X, [0.5, 0.95])
    for name in ("probability_active", "expected_spend"):
        np.testing.assert_allclose(got[name], parts[name], rtol=1e-9)
    np.testing.assert_allclose(got[["q0.5", "q0.95"]], levels, rtol=1e-9)


def test_what_a_model_cannot_tell_is_null(hybrid, sdf):
    row = predict_customers(hybrid, sdf).first()
    assert row.clv is not None
    assert row.lower is None
    assert row.probability_alive is None


def test_regressors_and_pipelines_are_scored_with_settings_of_the_call(log, sdf, collected):
    X = latest_histories(log, "2021-06-30", refunds="drop")
    regressor = BTYDRegressor(horizon="13W").fit(X)
    got = collected(predict_customers(regressor, sdf, "2021-06-30", refunds="drop"))
    np.testing.assert_allclose(got["clv"], regressor.predict(X), rtol=1e-9)
    np.testing.assert_allclose(got["upper"], regressor.predict_interval(X)["upper"], rtol=1e-9)
    assert "segment" not in got.columns
    rate = make_pipeline(HistoricalRate(horizon="13W")).fit(X)
    got = collected(predict_customers(rate, sdf, "2021-06-30", refunds="drop"))
    np.testing.assert_allclose(got["clv"], rate.predict(X), rtol=1e-9)
    assert got["upper"].isna().all()


def test_without_a_cutoff_it_is_the_end_of_training_or_of_the_whole_log(btyd, sdf, log, collected):
    early = sdf.filter("date < '2020-10-01'")
    assert set(collected(predict_customers(btyd, early))["cutoff"].astype(str)) == {"2021-06-30"}
    # The last customers of most partitions were seen before the last day of the log.
    last = str(log["date"].max().date())
    got = collected(predict_customers(btyd, sdf, n_partitions=17))
    assert set(got["cutoff"].astype(str)) == {last}


def test_columns_may_have_other_names_than_in_training(btyd, sdf, log, collected):
    odd = sdf.withColumnsRenamed({"customer_id": "who is.it", "date": "when", "amount": "paid"})
    names = {"customer_id": "who is.it", "date": "when", "amount": "paid"}
    got = collected(predict_customers(btyd, odd, **names), "who is.it")
    _same(got, btyd.predict_customers(log))


def test_what_is_wrong_is_said_before_any_job(btyd, sdf, log, jobs):
    with jobs("refused") as counted:
        with pytest.raises(MissingColumnError, match=r"no column 'amount' \(amount\)"):
            predict_customers(btyd, sdf.drop("amount"))
        with pytest.raises(LogTypeError, match="must be a Spark DataFrame; got DataFrame"):
            predict_customers(btyd, log)
        with pytest.raises(ArgumentError, match="refunds= cannot be given"):
            predict_customers(btyd, sdf, refunds="drop")
        with pytest.raises(ArgumentError, match="trained with one log"):
            predict_customers(btyd, {"transactions": sdf, "visits": sdf})
        with pytest.raises(ArgumentError, match="coverage"):
            predict_customers(btyd, sdf, coverage=1.5)
        with pytest.raises(ArgumentError, match="predicts no spend"):
            predict_customers(default_features().fit(latest_histories(log)), sdf)
        with pytest.raises(NoComponentsError, match="no predict_quantiles"):
            predict_customers(
                HistoricalRate(horizon="13W").fit(latest_histories(log)), sdf, quantiles=[0.5]
            )
        for n_partitions in (0, -1, 2.5, "3", True):
            with pytest.raises(ArgumentError, match="must be a whole number from 1 on"):
                predict_customers(btyd, sdf, n_partitions=n_partitions)
        assert counted.n == 0
        predict_customers(btyd, sdf)
        assert counted.n > 0


def test_quantiles_need_an_interval(hybrid, sdf):
    with pytest.raises(NoComponentsError, match="without an interval"):
        predict_customers(hybrid, sdf, quantiles=[0.5])


@pytest.mark.parametrize("name", ["clv", "CLV"])
def test_a_result_cannot_be_called_like_the_customers(name, btyd, sdf):
    with pytest.raises(ArgumentError, match=f"called '{name}', as a column"):
        predict_customers(btyd, sdf.withColumnRenamed("customer_id", name), customer_id=name)


@pytest.mark.parametrize("on_spark", [True, False], ids=["spark", "local"])
def test_covariates_come_to_their_customers(on_spark, to_spark, sdf, log, collected):
    rng = np.random.default_rng(0)
    ids = np.arange(1, 500)  # not of all customers, and of some that are in no log
    table = pd.DataFrame({"customer_id": ids, "age": rng.integers(18, 80, len(ids))})
    X = latest_histories(log, covariates=table)
    steps = make_pipeline(default_features(), TweedieLGBMRegressor(n_estimators=10))
    model = CLVModel(SnapshotRegressor(steps, n_snapshots=1), horizon="13W").fit(X)
    given = to_spark(table) if on_spark else table
    got = collected(predict_customers(model, sdf, covariates=given, n_partitions=5))
    _same(got, model.predict_customers(log, covariates=table), ["clv"])
    with pytest.raises(MissingColumnError, match="trained with the covariates 'age'"):
        predict_customers(model, sdf)
    with pytest.raises(ArgumentError, match="is given the covariates 'weight'"):
        predict_customers(model, sdf, covariates=table.assign(weight=1.0))


def test_covariates_hold_as_of_the_cutoff(to_spark, sdf, log, collected):
    rng = np.random.default_rng(1)
    ids = np.repeat(np.arange(1, 600), 2)
    since = np.tile(np.array(["2020-01-01", "2021-06-01"], "M8[us]"), 599)
    table = pd.DataFrame({"customer_id": ids, "valid_from": since})
    table["tier"] = rng.integers(0, 4, len(ids)).astype(float)
    X = latest_histories(log, "2021-03-31", covariates=table)
    model = make_pipeline(default_features(), TweedieLGBMRegressor(n_estimators=10))
    model.fit(X, np.arange(len(X), dtype=float))
    given = to_spark(table)
    got = collected(predict_customers(model, sdf, "2021-03-31", covariates=given))
    np.testing.assert_allclose(got["clv"], model.predict(X), rtol=1e-9)


def test_several_logs_meet_at_their_customers(to_spark, sdf, log, collected):
    visits = log.sample(frac=0.7, random_state=1).assign(
        date=lambda table: table["date"] - pd.Timedelta("3D"), page="p"
    )[["customer_id", "date", "page"]]
    logs = {"transactions": log, "visits": visits}
    X = latest_histories(logs)
    steps = make_pipeline(default_features(), TweedieLGBMRegressor(n_estimators=10))
    model = CLVModel(SnapshotRegressor(steps, n_snapshots=1), horizon="13W").fit(X)
    on_spark = {"transactions": sdf, "visits": to_spark(visits)}
    got = collected(predict_customers(model, on_spark, n_partitions=5))
    _same(got, model.predict_customers(logs), ["clv"])
    none = {"transactions": sdf, "visits": on_spark["visits"].limit(0)}
    want = model.predict_customers({"transactions": log, "visits": visits.head(0)})
    _same(collected(predict_customers(model, none)), want, ["clv"])
