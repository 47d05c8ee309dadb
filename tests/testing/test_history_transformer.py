"""The suite for transformers over histories catches what it says it catches."""

import inspect
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from clvkit import testing
from clvkit.features import CohortFeatures, RFMFeatures, TenureFeatures, default_features
from clvkit.history import customers_of, get_histories
from clvkit.testing import check_history_transformer

ONE = {"n_logs": 1, "granularities": ["D"]}


@pytest.mark.parametrize(
    ("transformer", "ignores_dates"),
    [
        (RFMFeatures(), "weeks"),
        (TenureFeatures(), True),
        (CohortFeatures(freq="Q"), False),
    ],
    ids=["rfm", "tenure", "cohort by quarter"],
)
def test_own_transformers_pass(transformer, ignores_dates):
    check_history_transformer(transformer, ignores_dates=ignores_dates, n_logs=1)


def test_the_default_union_passes():
    check_history_transformer(default_features(), **ONE)


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
        return np.arange(len(get_histories(X)), dtype=float)


class Logarithm(TotalSpend):
    """Neither keeps its value nor follows the currency."""

    def _value(self, X):
        return np.log1p(np.abs(super()._value(X)))


class DayOfCutoff(TotalSpend):
    """Knows the date."""

    def _value(self, X):
        return get_histories(X).cutoff_moments.astype(float)


class LevelOfStore(TotalSpend):
    """Leaks: compares with all amounts in the store, wherever the row is cut."""

    def _value(self, X):
        array = get_histories(X)
        return super()._value(X) - array.store.amount.mean()


class OtherCustomers(TotalSpend):
    """Reads the event before its own, which is another customer's."""

    def _value(self, X):
        array = get_histories(X)
        return np.append(array.store.amount, 0.0)[array.begin - 1]


class AttributeCode(TotalSpend):
    """Takes an attribute by its code, which means another value in another log."""

    def _value(self, X):
        array = get_histories(X)
        codes = np.append(array.flat_attribute("channel").values, -1).astype(float)
        last = array.flat_events().offsets[1:] - 1
        return np.where(array.n_events > 0, codes[last], np.nan)


class BatchMean(TotalSpend):
    """Centres by the batch."""

    def _value(self, X):
        total = super()._value(X)
        return total - total.mean() if len(total) else total


class LearnsInTransform(TotalSpend):
    """Remembers how many rows it has seen."""

    def fit(self, X, y=None):
        self.seen_ = 0
        return super().fit(X)

    def _value(self, X):
        self.seen_ += len(X)
        return super()._value(X) / max(self.seen_, 1)


class Ranks(TotalSpend):
    """Learns from other rows at transform: a rank among them."""

    def _value(self, X):
        return pd.Series(super()._value(X)).rank().to_numpy()


class FirstRowOfFit(TotalSpend):
    """Depends on the order of the lines: whatever row comes first in fit is the measure."""

    def fit(self, X, y=None):
        super().fit(X)
        self.first_ = float(customers_of(X)[0])
        return self

    def _value(self, X):
        return super()._value(X) - getattr(self, "first_", 0.0)


class Draws(TotalSpend):
    """Is another one each time."""

    def _value(self, X):
        return np.random.default_rng().random(len(X))


class AddsAColumn(TotalSpend):
    """Changes the rows that it is given."""

    def _value(self, X):
        X["total"] = super()._value(X)
        return X["total"].to_numpy()


class SetsAParameter(TotalSpend):
    """Changes its parameters in fit."""

    def __init__(self, scale=None):
        self.scale = scale

    def fit(self, X, y=None):
        self.scale = self.scale or 1.0
        return super().fit(X)


class KnownChannels(TotalSpend):
    """Knows the values that fit has seen, and no others."""

    def fit(self, X, y=None):
        self.known_ = {text: i for i, text in enumerate(self._texts(X))}
        return super().fit(X)

    def transform(self, X):
        check_is_fitted(self)
        names = list(self.known_)
        counts = [[texts.count(name) for name in names] for texts in self._lists(X)]
        extra = np.ones((len(X), len(set(self._texts(X)) - set(names))))
        return np.hstack([np.reshape(counts, (len(X), len(names))), extra]).astype(float)

    def get_feature_names_out(self, input_features=None):
        return np.array(list(self.known_), dtype=object)

    def _texts(self, X):
        return sorted({text for texts in self._lists(X) for text in texts})

    def _lists(self, X):
        return [list(map(str, history.attributes["channel"])) for history in get_histories(X)]


class FillsHoles(TotalSpend):
    """Takes a missing history for an empty one."""

    def fit(self, X, y=None):
        self.fitted_ = get_histories(X, allow_missing=True).dtype.granularity
        return self

    def _value(self, X):
        array = get_histories(X, allow_missing=True)
        return array.n_events.astype(float)


class Flat(TotalSpend):
    def transform(self, X):
        check_is_fitted(self)
        return self._value(X)


class ForgetsSelf(TotalSpend):
    def fit(self, X, y=None):
        super().fit(X)


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
    check_history_transformer(TotalSpend(), ignores_dates=True, n_logs=1)


@pytest.mark.parametrize(
    ("transformer", "message"),
    [
        # No future.
        (MeanOfFit(), r"events after the cutoff .* change the features \['total'\]"),
        (NextAmount(), r"events after the cutoff .* change the features \['total'\]"),
        (LevelOfStore(), r"events after the cutoff .* change the features \['total'\]"),
        (AttributeCode(), r"events after the cutoff .* change the features \['total'\]"),
        (OtherCustomers(), "events after the cutoff .* change|what else the event store holds"),
        # Row by row.
        (BatchMean(), "other rows of the batch change"),
        (ShareOfBatch(), "other rows of the batch change"),
        (Ranks(), "other rows of the batch change"),
        (RunningSum(), "other rows of the batch change"),
        (LineNumber(), "other rows of the batch change"),
        (LearnsInTransform(), "transform changes the transformer"),
        (Draws(), "fit_transform instead of fit and transform changes"),
        # Line order, money, dates.
        (FirstRowOfFit(), "the order of the lines changes"),
        (Logarithm(), "amounts in another currency neither multiply nor keep"),
        (DayOfCutoff(), "a shift of all dates by 500 days changes"),
        # Manners.
        (AddsAColumn(), "transform changes X"),
        (SetsAParameter(), "fit changes parameters"),
        (KnownChannels(), "channel='never seen', which fit has not seen, gave the shape"),
        (FillsHoles(), "fitting on missing histories .* must raise HistoryTypeError"),
        (ForgetsSelf(), "fit must return self"),
        (Flat(), "the output has 1 dimensions"),
        (Integers(), "the output is int64, not float64"),
        (WrongNames(), "names do not fit"),
        (NeverFitted(), "transform before fit must raise NotFittedError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, TotalSpend) else "",
)
def test_broken_rules_are_found(transformer, message):
    options = {} if isinstance(transformer, KnownChannels) else {"ignores_dates": True}
    with pytest.raises(AssertionError, match=message):
        check_history_transformer(transformer, **options, **ONE)


def test_a_message_names_a_row_and_teaches():
    with pytest.raises(AssertionError) as error:
        check_history_transformer(BatchMean(), **ONE)
    assert re.search(r"in the row \(\d+, 20\S+ .*\), where \S+ becomes \S+\. ", str(error.value))
    assert "Learn what compares customers in fit" in str(error.value)


def test_histories_without_events_are_tried():
    with pytest.raises(IndexError):
        check_history_transformer(EventsOnly(), n_logs=1)


class Both(TotalSpend):
    """A feature that breaks both invariances, beside an honest one."""

    def transform(self, X):
        check_is_fitted(self)
        honest = self._value(X)[:, None]
        days = get_histories(X).cutoff_moments[:, None]
        return np.hstack([honest, np.log1p(np.abs(honest)) + days])

    def get_feature_names_out(self, input_features=None):
        return np.array(["total", "odd"], dtype=object)


def test_switches():
    check_history_transformer(Logarithm(), scales_with_money=False, **ONE)
    check_history_transformer(DayOfCutoff(), **ONE)
    exempt = {"nonlinear_in_money": ["odd"], "calendar_features": ["odd"]}
    check_history_transformer(Both(), ignores_dates=True, **exempt, **ONE)
    with pytest.raises(AssertionError, match=r"nor keep the features \['odd'\]"):
        check_history_transformer(Both(), **ONE)


class NoHours(TotalSpend):
    """Knows no periods shorter than a day."""

    def fit(self, X, y=None):
        assert get_histories(X).dtype.granularity != "h", "histories by the hour"
        return super().fit(X)


def test_granularities_are_tried():
    check_history_transformer(NoHours(), granularities=["D", "W"], n_logs=1)
    with pytest.raises(AssertionError, match="histories by the hour"):
        check_history_transformer(NoHours(), n_logs=1)


def test_it_is_public():
    assert "check_history_transformer" in testing.__all__
    signature = inspect.signature(check_history_transformer)
    assert all(f"{name} :" in check_history_transformer.__doc__ for name in signature.parameters)
