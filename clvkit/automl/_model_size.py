"""How large a fitted model is."""

from __future__ import annotations

import pickle
from typing import Any

from clvkit.automl._sharing import Shared

__all__ = ["count_bytes"]


def count_bytes(estimator: Any) -> int | None:
    """Return how many bytes a fitted estimator takes when it is pickled; None where it cannot be.

    What stands in for a shared estimator counts as that. No object is told from an equal one, so
    that the size does not depend on who computed a shared part.
    """
    counter = _Counter()
    pickler = _ModelPickler(counter, protocol=5)
    pickler.fast = True
    try:
        pickler.dump(estimator)
    except Exception:  # a user's estimator may hold anything, such as a lambda or itself
        return None
    return counter.n_bytes


class _Counter:
    """A file that only counts."""

    def __init__(self) -> None:
        self.n_bytes = 0

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.n_bytes += size
        return size


class _ModelPickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, Shared):
            return _itself, (getattr(obj, "fitted_", obj.estimator),)
        return NotImplemented


def _itself(estimator: Any) -> Any:
    return estimator
