"""The suite for transformers over histories catches what it says it catches."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from clvkit.features import CohortFeatures, RFMFeatures, TenureFeatures, default_features
from clvkit.history import get_histories
from clvkit.testing import check_history_transformer
from clvkit.testing._history_transformer import check_no_future, random_log, rows_at


@pytest.mark.parametrize(
    ("transformer", "ignores_dates"),
    [
        (RFMFeatures(), False),
        (TenureFeatures(), True),
        (CohortFeatures(), False),
        (CohortFeatures(freq="Q"), False),
        (default_features(), False),
    ],
    ids=["rfm", "tenure", "cohort by month", "cohort by quarter", "default"],
)
def test_own_transformers_pass(transformer, ignores_dates):
    check_history_transformer(transformer, ignores_dates=ignores_dates, n_logs=2)


class TotalSpend(TransformerMixin, BaseEstimator):
    """An honest feature; the others below break one rule each."""

    def fit(self, X, y=None):
        get_histories(X)
        self.fitted_ = 1
        return self

    def transform(self, X):
        check_is_fitted(self)
        return self._value(X)[:, None]

    def get_feature_names_out(self, input_features=None):
        return np.array(["total"], dtype=object)

    def _value(self, X):
        return np.array([history.amount.sum() for history in get_histories(X)], dtype=float)


class MeanOfFit(TotalSpend):
    """Leaks: an early row is compared with what all customers spent by the last cutoff of fit."""

    def fit(self, X, y=None):
        self.mean_ = float(self._value(X).mean())
        return super().fit(X)

    def _value(self, X):
        return super()._value(X) / getattr(self, "mean_", 1.0)


class NextAmount(TotalSpend):
    """Leaks: reads one event beyond the history out of the store."""

    def _value(self, X):
        array = get_histories(X)
        amount = np.append(array.store.amount, 0.0)
        return amount[np.minimum(array._end, len(array.store))]


class ShareOfBatch(TotalSpend):
    """Depends on the batch."""

    def _value(self, X):
        total = super()._value(X)
        return total / (1.0 + np.abs(total).sum())


class RunningSum(TotalSpend):
    """Carries the rounding of other rows."""

    def _value(self, X):
        total = super()._value(X)
        return np.diff(np.cumsum(np.append(0.0, total + 0.1)))


class LineNumber(TotalSpend):
    """Depends on the order of the rows given to fit."""

    def _value(self, X):
        return np.arange(len(X), dtype=float)


class Logarithm(TotalSpend):
    """Neither keeps its value nor follows the currency."""

    def _value(self, X):
        return np.log1p(np.abs(super()._value(X)))


class DayOfCutoff(TotalSpend):
    """Knows the date."""

    def _value(self, X):
        return get_histories(X).cutoff_moments.astype(float)


class Integers(TotalSpend):
    def _value(self, X):
        return np.ones(len(X), dtype=int)


class WrongNames(TotalSpend):
    def get_feature_names_out(self, input_features=None):
        return np.array(["total", "total"], dtype=object)


class NeverFitted(TotalSpend):
    def transform(self, X):
        return self._value(X)[:, None]


class EventsOnly(TotalSpend):
    """Stumbles over histories without events."""

    def _value(self, X):
        return np.array([history.amount[-1] for history in get_histories(X)], dtype=float)


def test_an_honest_transformer_passes():
    check_history_transformer(TotalSpend(), ignores_dates=True, n_logs=2)


@pytest.mark.parametrize(
    ("transformer", "message"),
    [
        (MeanOfFit(), r"events after the cutoff .* change the features \['total'\]"),
        (NextAmount(), r"events after the cutoff .* change the features \['total'\]"),
        (ShareOfBatch(), "other rows of the batch change"),
        (RunningSum(), "other rows of the batch change"),
        (LineNumber(), "other rows of the batch change"),
        (Logarithm(), "amounts in another currency neither multiply nor keep"),
        (DayOfCutoff(), "a shift by 500 days changes"),
        (Integers(), "the output is int64, not float64"),
        (WrongNames(), "names do not fit"),
        (NeverFitted(), "NotFittedError is not raised before fit"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, TotalSpend) else "",
)
def test_broken_rules_are_found(transformer, message):
    with pytest.raises(AssertionError, match=message):
        check_history_transformer(transformer, ignores_dates=True, n_logs=2)


def test_histories_without_events_are_tried():
    with pytest.raises(IndexError):
        check_history_transformer(EventsOnly(), n_logs=1)


def test_switches():
    check_history_transformer(Logarithm(), scales_with_money=False, n_logs=1)
    check_history_transformer(DayOfCutoff(), n_logs=1)


class LateQuintiles(RFMFeatures):
    """Leaks: the quintiles of the last cutoff of fit for all earlier rows as well."""

    def fit(self, X, y=None):
        super().fit(X)
        self.score_times_ = self.score_times_[:1]
        self.score_edges_ = self.score_edges_[-1:]
        return self


class LateCohorts(CohortFeatures):
    """Leaks: the latest figures of each cohort for all earlier rows as well."""

    def _find_cells(self, cohort, age, known):
        latest = np.full_like(known, self.last_period_)
        return super()._find_cells(cohort, np.maximum(latest - cohort, 0), latest)


@pytest.mark.parametrize(
    ("honest", "leaking"), [(RFMFeatures, LateQuintiles), (CohortFeatures, LateCohorts)]
)
def test_a_group_that_forgets_the_cutoffs_of_its_rows_is_found(honest, leaking):
    log, cutoffs = random_log(3), ["2023-12-31", "2024-01-31", "2024-03-31"]
    check_no_future(honest(), log, cutoffs[0], cutoffs)
    with pytest.raises(AssertionError, match="events after the cutoff 2023-12-31"):
        check_no_future(leaking(), log, cutoffs[0], cutoffs)


def test_random_logs_have_the_hard_cases():
    log = pd.concat([random_log(seed).assign(seed=seed) for seed in range(8)])
    by_customer = log.groupby(["seed", "customer_id"])["amount"]
    assert (by_customer.max() < 0).any(), "customers with refunds only"
    assert (log["amount"] == 0).any(), "free orders"
    assert log.duplicated(["seed", "customer_id", "date"]).any(), "several lines a day"
    assert log.duplicated().any(), "repeated lines"
    assert log["date"].isin(pd.to_datetime(["2024-02-29", "2024-01-31"])).any()


def test_rows_of_several_cutoffs_share_one_store():
    X = rows_at(random_log(0), ["2023-12-31", "2024-02-29"])
    array = get_histories(X)
    assert set(X.index.get_level_values("cutoff").astype(str)) == {"2023-12-31", "2024-02-29"}
    assert len(array.store) == len(random_log(0))
    with pytest.raises(NotFittedError):
        TotalSpend().transform(X)
