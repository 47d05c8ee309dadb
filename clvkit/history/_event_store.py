"""The columnar store of events that many histories share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvkit.errors import HistoryTypeError

__all__ = ["Attribute", "EventStore"]


class Attribute:
    """One attribute column of the events: numbers, or codes into a list of categories.

    Parameters
    ----------
    values : ndarray of shape (n_events,)
        Float64 numbers, or int32 codes where -1 is missing.
    categories : list of str or None
        What the codes stand for, in ascending order; None for numbers.
    """

    __slots__ = ("categories", "values")

    def __init__(self, values: NDArray, categories: list[str] | None = None) -> None:
        self.values = _frozen(values)
        self.categories = categories

    def __reduce__(self) -> tuple:
        return Attribute, (self.values, self.categories)

    def take(self, index: Any) -> Attribute:
        """Return the attribute at those events."""
        return Attribute(self.values[index], self.categories)

    def pruned(self) -> Attribute:
        """Return the attribute without the categories that no event has."""
        if self.categories is None or len(self.categories) == 0:
            return self
        used = np.zeros(len(self.categories) + 1, dtype=bool)
        used[self.values] = True  # -1, which is missing, marks the last one
        used = used[:-1]
        if used.all():
            return self
        new = np.append(np.cumsum(used) - 1, -1).astype(np.int32)
        known = np.flatnonzero(used).tolist()
        return Attribute(new[self.values], [self.categories[code] for code in known])

    def decode(self) -> NDArray:
        """Return numbers as they are, and categories as an object array (None is missing)."""
        if self.categories is None:
            return self.values
        known = self.categories
        if len(self.values) < len(known):
            texts = [known[code] if code >= 0 else None for code in self.values.tolist()]
            return np.array(texts, dtype=object)
        return np.array([*known, None], dtype=object)[self.values]

    def equals(self, other: Attribute) -> NDArray[np.bool_]:
        """Compare event by event with another attribute; missing equals missing."""
        if self.categories == other.categories:
            left, right = self.values, other.values
        else:
            left, right = self.decode(), other.decode()
        if left.dtype == right.dtype == np.float64:
            return (left == right) | (np.isnan(left) & np.isnan(right))
        return np.asarray(left == right, dtype=bool)

    @classmethod
    def encode(cls, values: NDArray) -> Attribute:
        """Make an attribute from decoded values (inverse of :meth:`decode`)."""
        if values.dtype != object:
            return cls(values.astype(np.float64))
        missing = np.array([value is None for value in values], dtype=bool)
        categories, codes = np.unique(values[~missing].astype(str), return_inverse=True)
        all_codes = np.full(len(values), -1, dtype=np.int32)
        all_codes[~missing] = codes
        return cls(all_codes, categories.tolist())

    @classmethod
    def concatenate(cls, parts: Sequence[Attribute]) -> Attribute:
        """Join attributes of several stores; categories are united.

        Raises
        ------
        HistoryTypeError
            If some hold numbers and others text.
        """
        known = [part for part in parts if len(part.values)] or [parts[0]]
        lists = [part.categories for part in known if part.categories is not None]
        if not lists:
            return cls(np.concatenate([part.values for part in known]))
        if len(lists) < len(known):
            raise HistoryTypeError(
                "an attribute holds numbers in some of the histories and text in others, such as "
                f"{lists[0][:1]}. Give its column one type in all logs."
            )
        union = sorted(set().union(*lists))
        codes = [
            np.append(np.searchsorted(union, own), -1)[part.values]
            for part, own in zip(known, lists, strict=True)
        ]
        return cls(np.concatenate(codes).astype(np.int32), union)


class EventStore:
    """Events of many customers in NumPy arrays, each customer's in one range, in order.

    A store never changes once it is made: histories are ranges of it, and share it. Its arrays
    are read-only views of those given.

    Parameters
    ----------
    time : ndarray of int64 of shape (n_events,)
        Moments in the resolution of the histories.
    amount : ndarray of float64 of shape (n_events,)
    attributes : dict of str to Attribute
    """

    __slots__ = ("__weakref__", "amount", "attributes", "time")

    def __init__(
        self,
        time: NDArray[np.int64],
        amount: NDArray[np.float64],
        attributes: dict[str, Attribute] | None = None,
    ) -> None:
        self.time = _frozen(time)
        self.amount = _frozen(amount)
        self.attributes = attributes or {}

    def __len__(self) -> int:
        return len(self.time)

    def __reduce__(self) -> tuple:
        return EventStore, (self.time, self.amount, self.attributes)

    @property
    def nbytes(self) -> int:
        """Bytes of all the event arrays."""
        attributes = sum(attribute.values.nbytes for attribute in self.attributes.values())
        return self.time.nbytes + self.amount.nbytes + attributes

    def take(self, index: Any) -> EventStore:
        """Return a store of those events; ``index`` is a slice or an array of positions."""
        attributes = {name: column.take(index) for name, column in self.attributes.items()}
        return EventStore(self.time[index], self.amount[index], attributes)

    def pruned(self) -> EventStore:
        """Return the store without categories that no event has."""
        attributes = {name: column.pruned() for name, column in self.attributes.items()}
        return EventStore(self.time, self.amount, attributes)

    @classmethod
    def concatenate(cls, stores: Sequence[EventStore]) -> EventStore:
        """Join stores that have the same attributes, one after the other."""
        return cls(
            np.concatenate([store.time for store in stores]),
            np.concatenate([store.amount for store in stores]),
            {
                name: Attribute.concatenate([store.attributes[name] for store in stores])
                for name in stores[0].attributes
            },
        )

    @classmethod
    def empty(cls, attributes: Sequence[str] = ()) -> EventStore:
        """Return a store without events."""
        return cls(
            np.empty(0, dtype=np.int64),
            np.empty(0),
            {name: Attribute(np.empty(0)) for name in attributes},
        )


def _frozen(values: NDArray) -> NDArray:
    view = values.view()
    view.flags.writeable = False
    return view
