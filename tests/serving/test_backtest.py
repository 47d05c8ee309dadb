import numpy as np
import pytest

from clvkit.baselines import HistoricalRate
from clvkit.btyd import BTYDRegressor
from clvkit.errors import ArgumentError, ShortLogError
from clvkit.history import latest_histories, make_samples
from clvkit.serving import CLVModel
from clvkit.serving._backtest import backtest

#: Of observation, so that the origin is 1998-03-31.
END = "1998-06-30"


def fitted(log, cutoff, estimator=None, **settings):
    model = CLVModel(BTYDRegressor() if estimator is None else estimator, horizon="13W", **settings)
    door = {name: settings[name] for name in ("refunds",) if name in settings}
    return model.fit(latest_histories(log, cutoff, **door))


def test_it_is_the_latest_period_that_the_log_covers(log, btyd):
    test = backtest([btyd], log, end=END)
    X, y = make_samples(log, "13W", "1998-03-31", end=END)
    assert test.origin == "1998-03-31"
    assert test.X.index.equals(X.index)
    np.testing.assert_array_equal(test.y, y)


@pytest.mark.parametrize("trained", ["1997-12-31", "1998-03-31"])
def test_a_model_that_has_not_seen_the_period_predicts_as_it_is(log, trained):
    model = fitted(log, trained)
    (said,) = backtest([model], log, end=END).predicted
    X, _ = make_samples(log, "13W", "1998-03-31", end=END)
    np.testing.assert_array_equal(said.spend, model.predict(X))
    assert said.trained == trained


@pytest.mark.parametrize(
    ("trained", "stand_in"), [("1998-06-30", "1998-03-31"), ("1998-05-31", "1998-03-01")]
)
def test_a_model_that_has_seen_it_is_replaced_by_one_of_its_age(log, trained, stand_in):
    (said,) = backtest([fitted(log, trained)], log, end=END).predicted
    X, _ = make_samples(log, "13W", "1998-03-31", end=END)
    np.testing.assert_array_equal(said.spend, fitted(log, stand_in).predict(X))
    assert said.trained == stand_in


def test_what_came_after_the_origin_changes_no_prediction(log):
    """Only the labels know of it, even where the model was trained on all of it."""
    model = fitted(log, "1998-06-30")
    late = log["date"] > "1998-03-31"
    other = log.assign(amount=log["amount"].where(~late, 7 * log["amount"]))
    before, after = backtest([model], log, end=END), backtest([model], other, end=END)
    np.testing.assert_array_equal(before.predicted[0].spend, after.predicted[0].spend)
    np.testing.assert_allclose(after.y, 7 * before.y)


def test_components_are_kept_where_the_family_has_them(log, btyd):
    baseline = fitted(log, "1998-03-31", HistoricalRate())
    first, second = backtest([baseline, btyd], log, end=END).predicted
    assert first.active is None
    assert ((second.active >= 0) & (second.active <= 1)).all()
    assert len(second.at(np.array([3, 3])).predict(None)) == 2


def test_the_end_of_observation_moves_the_origin(log, btyd):
    assert backtest([btyd], log, end="1998-07-31").origin == "1998-05-01"


def test_other_horizons_cannot_be_compared(log, btyd, X):
    other = CLVModel(HistoricalRate(), horizon="26W").fit(X)
    with pytest.raises(ArgumentError, match="different horizons, 13W and 26W"):
        backtest([btyd, other], log)


def test_other_customers_cannot_be_compared(log, btyd):
    refunded = log.copy()
    refunded.loc[log["customer_id"] == log["customer_id"].iloc[0], "amount"] = -5.0
    dropping = fitted(refunded, "1998-03-31", HistoricalRate(), refunds="drop")
    with pytest.raises(ArgumentError, match="not the same ones"):
        backtest([btyd, dropping], refunded)


def test_a_log_of_the_new_month_alone_is_too_short(log, btyd):
    with pytest.raises(ShortLogError):
        backtest([btyd], log[log["date"] > "1998-05-31"])
