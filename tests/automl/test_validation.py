"""Which regime a log allows, and what lies in its folds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from clvkit import latest_histories, make_samples
from clvkit.automl._validation import N_CUSTOMER_FOLDS, plan_validation
from clvkit.errors import FewCustomersError, RegimeWarning, ShortLogError
from clvkit.history import get_histories


def daily_log(days: int, n_customers: int = 20, start: str = "2020-01-01") -> pd.DataFrame:
    """Everybody buys for 10 on the first day, on the last one, and once a week in between."""
    first = np.datetime64(start)
    when = [first + day for day in sorted({*range(0, days, 7), days - 1})]
    rows = [(customer, day, 10.0) for customer in range(n_customers) for day in when]
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount"])


def plan(days: int, horizon: str, **settings):
    X = latest_histories(daily_log(days))
    return plan_validation(X, None, horizon, **{"n_origins": 3, **settings})


# With a horizon of 60 days the least history is 30 days: rolling takes 150 days after the
# first one, single 90.
@pytest.mark.parametrize(
    ("days", "regime"),
    [(151, "rolling"), (150, "single"), (91, "single"), (90, "short"), (40, "short")],
)
@pytest.mark.filterwarnings("ignore::clvkit.errors.RegimeWarning")
def test_the_boundaries_of_the_regimes(days, regime):
    assert plan(days, "60D").regime == regime


def test_a_short_horizon_needs_four_weeks_of_history():
    assert plan(7 + 7 + 28 + 1, "7D").regime == "rolling"
    with pytest.warns(RegimeWarning):
        assert plan(7 + 7 + 28, "7D").regime == "single"


@pytest.mark.parametrize("days", [150, 91])
def test_the_warning_names_the_days_that_would_do(days):
    with pytest.warns(RegimeWarning, match=r"A log of 151 days or more allows"):
        plan(days, "60D")


def test_origins_are_half_a_horizon_apart_and_leave_room_for_training():
    validation = plan(400, "60D", n_origins=20)
    origins = pd.to_datetime([fold.origin for fold in validation.folds])
    assert origins[0] == pd.Timestamp("2020-01-01") + pd.Timedelta(days=399 - 60)
    assert set(np.diff(origins)) == {np.timedelta64(-30, "D")}
    assert origins[-1] - pd.Timestamp("2020-01-01") >= pd.Timedelta(days=60 + 30)
    assert origins[-1] - pd.Timestamp("2020-01-01") < pd.Timedelta(days=60 + 30 + 30)


def test_calendar_origins_end_with_the_log():
    X = latest_histories(daily_log(400))
    end = X.index.get_level_values("cutoff")[0]
    validation = plan_validation(X, None, "2M", n_origins=1)
    origin = pd.Timestamp(validation.folds[0].origin)
    assert origin + pd.DateOffset(months=2) <= end
    assert origin + pd.Timedelta(days=1) + pd.DateOffset(months=2) > end


def test_a_fold_holds_the_histories_of_its_origin_and_what_came_after():
    validation = plan(400, "60D")
    for fold in validation.folds:
        histories = get_histories(fold.X_test)
        assert set(histories.cutoffs) == {pd.Timestamp(fold.origin)}
        events = histories.flat_events()
        assert events.time.max() <= histories.cutoff_moments[0]
        assert (fold.y_test >= 80).all()  # eight or nine purchases of 10 in 60 days
        assert fold.X_train is None
        assert fold.customer_folds is None


def test_customers_are_dealt_evenly_where_labels_of_one_origin_are_known():
    with pytest.warns(RegimeWarning):
        (fold,) = plan(120, "60D").folds
    assert np.bincount(fold.customer_folds).tolist() == [4] * N_CUSTOMER_FOLDS
    with pytest.warns(RegimeWarning):
        (again,) = plan(120, "60D", random_state=1).folds
    assert not np.array_equal(fold.customer_folds, again.customer_folds)


def test_a_short_log_is_halved():
    with pytest.warns(RegimeWarning, match="validated at a horizon of 30D"):
        validation = plan(61, "60D")
    assert validation.horizon == "30D"
    assert [fold.origin for fold in validation.folds] == ["2020-01-31"]


def test_origins_at_which_nobody_was_known_are_left_out():
    pioneers = daily_log(8, n_customers=3, start="2019-01-01")
    crowd = daily_log(400, n_customers=30).assign(customer_id=lambda log: log["customer_id"] + 100)
    X = latest_histories(pd.concat([pioneers, crowd]))
    validation = plan_validation(X, None, "60D", n_origins=50)
    assert all(len(fold.X_test) == 33 for fold in validation.folds)
    assert validation.folds[-1].origin >= "2020-01-01"
    with pytest.raises(FewCustomersError, match=r"only 3 customer\(s\)"):
        plan_validation(latest_histories(daily_log(400, n_customers=3)), None, "60D", n_origins=3)


def test_samples_are_split_with_the_labels_given():
    X, y = make_samples(daily_log(400), "60D")
    validation = plan_validation(X, y + 1, "60D", n_origins=2)
    assert validation.regime == "rolling"
    assert not validation.snapshots_matter
    for fold in validation.folds:
        known = get_histories(fold.X_train).cutoffs + pd.Timedelta(days=60)
        assert known.max() <= pd.Timestamp(fold.origin)
        assert (fold.y_test >= 81).all()
        assert get_histories(fold.X_known).cutoffs.max() == pd.Timestamp(fold.origin)


def test_a_log_without_spend_after_an_origin_cannot_tell_candidates_apart():
    log = daily_log(400)
    X = latest_histories(log[log["date"] < "2020-03-01"], end="2021-02-01")
    with pytest.raises(ShortLogError, match="nobody spent anything"):
        plan_validation(X, None, "60D", n_origins=2)


def test_hourly_origins_have_a_time_of_day():
    rng = np.random.default_rng(0)
    hours = np.datetime64("2020-01-01T00") + rng.integers(0, 24 * 60, 3000)
    log = pd.DataFrame(
        {"customer_id": rng.integers(0, 30, 3000), "date": hours.astype("M8[s]"), "amount": 1.0}
    )
    X = latest_histories(log, granularity="h")
    validation = plan_validation(X, None, "12h", n_origins=3)
    origins = [fold.origin for fold in validation.folds]
    assert len(set(origins)) == 3
    assert all("T" in origin for origin in origins)
