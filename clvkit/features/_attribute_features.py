"""What a customer's events were: channels, categories, discounts."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from clvkit.features._attribute_table import (
    NUMBERS,
    TEXT,
    attribute_of,
    count_and_sum,
    count_distinct,
    kind_of,
    reduce_numbers,
    spread_of,
)
from clvkit.features._base import BaseHistoryTransformer
from clvkit.features._view import HistoryView, divide
from clvkit.features._vocabulary import Vocabulary, learn_vocabulary
from clvkit.history import HistoryArray
from clvkit.history._event_store import Attribute

__all__ = ["AttributeFeatures"]

Ints = NDArray[np.int64]

_MEASURES = ("events", "spend", "share")
_OFTEXT = ("entropy", "favourite", "favourite_share", "distinct")
_OFNUMBERS = ("mean", "sum", "positive_share", "missing_share")


class AttributeFeatures(BaseHistoryTransformer):
    """What the events of a customer were, by attributes such as channel, category or discount.

    Use it where the log has attributes that tell customers apart: ``latest_histories(log,
    attributes=["channel", "discount"])``. Histories without attributes have no such features. An
    attribute with as many values as events, such as an order number, has nothing to say here.

    Of an attribute of text, say ``channel``, with a value ``web``:

    ======================= ===== ==============================================================
    feature                 unit  definition
    ======================= ===== ==============================================================
    channel=web_events      count events of that value
    channel=web_spend       money net amount of these events
    channel=web_share       share of the row's events that have the value; NaN without an event
    channel_other_...       as    the same three of all values without a place of their own
    channel_missing_...     as    the same three of events whose value is missing
    channel_entropy         nats  entropy of the shares; 0 for one value, NaN without an event
    channel_favourite       code  place of the value of most events, the first one of equals;
                                  ``max_values`` for other, ``max_values`` + 1 for missing; NaN
                                  without an event
    channel_favourite_share share of the row's events that have it; NaN without an event
    channel_distinct        count different values, whether they have a place or not
    ======================= ===== ==============================================================

    Of an attribute of numbers, say ``discount``; truth values count as 0 and 1, and infinite ones
    as missing:

    ======================= ===== ==============================================================
    feature                 unit  definition
    ======================= ===== ==============================================================
    discount_mean           own   mean of the events' values; NaN without a value
    discount_sum            own   sum of them; 0 without a value
    discount_positive_share share of the values that are above 0, such as that of events at a
                                  discount, or of returned ones; NaN without a value
    discount_missing_share  share of the events that have no value; NaN without an event
    ======================= ===== ==============================================================

    Numbers that are codes, such as those of stores, should be made text in the log.

    **The values that have a place.** A row must not know which values became frequent after its
    cutoff, so there is no one list of the most frequent ones. Places are given out at the end of
    each calendar week (Sunday), to values that make up ``min_share`` of the events so far, and
    are kept for ever: the most frequent of them first, equals in the order of the alphabet, until
    ``max_values`` are taken. To a row, places exist that had been given by its cutoff and by the
    last cutoff of fit; all other values are *other*, and so are values that fit has not seen.
    Places that nobody took are columns of zeros: whether they are taken is not known to all rows.
    Each customer counts once, by his latest row in fit.

    Parameters
    ----------
    attributes : list of str or None, default=None
        Which attributes; None is all those of the histories given to fit, in their order.
    max_values : int, default=10
        How many values of each attribute have a place of their own.
    min_share : float, default=0.01
        Share of the events so far from which a value gets a place.
    min_events : int, default=20
        Events from which a value gets a place: among the first few, every value is frequent.

    Attributes
    ----------
    attributes_ : list of str
        The attributes in use.
    kinds_ : list of str
        What each of them holds: ``"text"`` or ``"numbers"``.
    values_ : dict of str to list of str
        For each attribute of text, the values in the order of their places.
    since_ : dict of str to ndarray of int64
        For each attribute of text, the moment from which each value has its place.
    granularity_ : str
        Granularity of the histories.
    n_features_in_ : int
        1: the history.
    feature_names_in_ : ndarray of str objects
        ``["history"]``, the column that is read; any others are ignored.

    Raises
    ------
    HistoryTypeError
        By ``fit`` and ``transform``, when the histories lack an attribute; by ``transform`` also,
        when it holds text instead of numbers, or the other way round.

    See Also
    --------
    CovariateEncoder : columns beside the history, one value a customer.
    default_features : this and the other groups in one transformer.

    Examples
    --------
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.features import AttributeFeatures
    >>> from clvkit.history import latest_histories
    >>> log = load_cdnow()
    >>> log["size"] = (log["amount"] > 20).map({True: "large", False: "small"})
    >>> X = latest_histories(log, attributes=["size"])
    >>> attribute = AttributeFeatures(max_values=2).set_output(transform="pandas").fit_transform(X)
    >>> attribute[["size=small_events", "size=small_share", "size_distinct"]].head(2)
                            size=small_events  size=small_share  size_distinct
    customer_id cutoff
    1           1998-06-30                1.0              0.25            2.0
    2           1998-06-30                1.0              0.50            2.0
    >>> AttributeFeatures(attributes=["channel"]).fit(X)
    Traceback (most recent call last):
        ...
    clvkit.errors.HistoryTypeError: the histories have no attribute 'channel' (they have: ['size'...
    """

    _parameter_constraints: dict = {
        "attributes": [list, None],
        "max_values": [Interval(Integral, 1, None, closed="left")],
        "min_share": [Interval(Real, 0, 1, closed="both")],
        "min_events": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        attributes: list[str] | None = None,
        max_values: int = 10,
        min_share: float = 0.01,
        min_events: int = 20,
    ):
        self.attributes = attributes
        self.max_values = max_values
        self.min_share = min_share
        self.min_events = min_events

    def _feature_names(self) -> list[str]:
        names: list[str] = []
        for name, kind in zip(self.attributes_, self.kinds_, strict=True):
            bins = self._bin_names(name) if kind == TEXT else []
            names += [f"{of}_{measure}" for of in bins for measure in _MEASURES]
            names += [f"{name}_{m}" for m in (_OFTEXT if kind == TEXT else _OFNUMBERS)]
        return names

    def _bin_names(self, name: str) -> list[str]:
        values = self.values_[name]
        empty = [f"{name}_place_{i}" for i in range(len(values), self.max_values)]
        return [*(f"{name}={v}" for v in values), *empty, f"{name}_other", f"{name}_missing"]

    def _learn(self, latest: HistoryArray, cutoffs: Ints) -> None:
        given = self.attributes
        self.attributes_ = list(latest.dtype.attributes if given is None else dict.fromkeys(given))
        self.kinds_ = [kind_of(latest, name) for name in self.attributes_]
        self.values_, self.since_ = {}, {}
        for name, kind in zip(self.attributes_, self.kinds_, strict=True):
            if kind == TEXT:
                self.values_[name], self.since_[name] = learn_vocabulary(
                    latest,
                    name,
                    max_values=self.max_values,
                    min_share=self.min_share,
                    min_events=self.min_events,
                )

    def _compute(self, view: HistoryView) -> dict[str, NDArray]:
        features: dict[str, NDArray] = {}
        for name, kind in zip(self.attributes_, self.kinds_, strict=True):
            attribute = attribute_of(view.histories, name, kind)
            if kind == NUMBERS:
                numbers = reduce_numbers(view, attribute)
                features |= {f"{name}_{m}": values for m, values in numbers.items()}
            else:
                features |= self._text(view, attribute, name)
        return features

    def _text(self, view: HistoryView, attribute: Attribute, name: str) -> dict[str, NDArray]:
        bins = self._bin_names(name)
        n_events = view.histories.n_events
        row = np.repeat(np.arange(len(n_events)), n_events)
        place = self._places(view, attribute, name, row)
        counts, spend = count_and_sum(view, row, place, len(bins))
        features: dict[str, NDArray] = {}
        for of, count, sum_ in zip(bins, counts, spend, strict=True):
            columns = count, sum_, divide(count, n_events)
            features |= {f"{of}_{m}": v for m, v in zip(_MEASURES, columns, strict=True)}
        summary = spread_of(counts, n_events)
        summary["distinct"] = count_distinct(attribute, row, len(n_events))
        return features | {f"{name}_{m}": values for m, values in summary.items()}

    def _places(self, view: HistoryView, attribute: Attribute, name: str, row: Ints) -> Ints:
        """Return the place of each event's value, as far as its row knows it."""
        vocabulary = Vocabulary(self.values_[name], self.since_[name])
        other, missing = self.max_values, self.max_values + 1
        place = vocabulary.places(attribute, other=other, missing=missing)
        given = np.searchsorted(vocabulary.since, view.histories.cutoff_moments, side="right")
        if (given < len(vocabulary.values)).any():
            place[(place < other) & (place >= given[row])] = other
        return place
