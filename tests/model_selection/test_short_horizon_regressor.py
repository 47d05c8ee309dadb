import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline

from clvkit.baselines import HistoricalRate
from clvkit.btyd import BTYDRegressor
from clvkit.errors import HorizonError
from clvkit.features import default_features
from clvkit.history import get_histories, latest_histories, make_samples
from clvkit.model_selection import ShortHorizonRegressor, SnapshotRegressor


@pytest.fixture(scope="module")
def X(cdnow):
    return latest_histories(cdnow[cdnow["customer_id"] % 4 == 0], "1997-09-30")


def trees(horizon):
    pipeline = make_pipeline(default_features(), HistGradientBoostingRegressor(max_iter=20))
    return SnapshotRegressor(pipeline, horizon=horizon)


def test_it_predicts_at_the_rate_of_the_shorter_horizon(X):
    model = ShortHorizonRegressor(HistoricalRate(horizon="13W"), "13W", horizon="39W").fit(X)
    quarter = HistoricalRate(horizon="13W").fit(X).predict(X)
    np.testing.assert_allclose(model.predict(X), 3.0 * quarter, rtol=1e-15)
    assert (model.horizon_, model.factor_) == ("39W", 3.0)


def test_samples_of_the_long_horizon_are_fine_with_features_that_know_a_short_one(cdnow, X):
    samples, y = make_samples(cdnow[cdnow["customer_id"] % 4 == 0], "39W", cutoffs="1997-09-30")
    assert get_histories(samples).dtype.horizon is not None
    model = ShortHorizonRegressor(trees("13W"), "13W").fit(samples, y)
    plain = trees("13W").fit(X)
    np.testing.assert_allclose(model.predict(samples), 3.0 * plain.predict(X))


def test_no_row_influences_another_and_nothing_after_the_cutoff_a_row(cdnow, X):
    model = ShortHorizonRegressor(trees("13W"), "13W", horizon="39W").fit(X)
    alone = np.concatenate([model.predict(X.iloc[[k]]) for k in range(5)])
    np.testing.assert_array_equal(alone, model.predict(X)[:5])
    log = cdnow[cdnow["customer_id"] % 4 == 0].copy()
    log.loc[log["date"] > "1997-09-30", "amount"] *= 100.0
    changed = latest_histories(log, "1997-09-30")
    np.testing.assert_array_equal(clone(model).fit(changed).predict(changed), model.predict(X))


def test_another_horizon_is_refused(cdnow, X):
    samples, _ = make_samples(cdnow, "13W", cutoffs="1998-03-31")
    model = ShortHorizonRegressor(HistoricalRate(horizon="13W"), "13W", horizon="39W")
    with pytest.raises(HorizonError, match="the samples were made with '13W'"):
        model.fit(samples)
    with pytest.raises(HorizonError, match="no horizon is known"):
        ShortHorizonRegressor(HistoricalRate(horizon="13W"), "13W").fit(X)
    with pytest.raises(HorizonError, match="the samples were made with '13W'"):
        model.fit(X).predict(samples)


def test_it_clones_and_needs_no_labels():
    model = ShortHorizonRegressor(BTYDRegressor(horizon="13W"), "13W", horizon="39W")
    assert clone(model).get_params()["estimator__horizon"] == "13W"
    assert not model.__sklearn_tags__().target_tags.required
