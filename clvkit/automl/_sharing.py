"""What many trials of a search compute alike is computed once: features, and purchase models.

Trials differ in the parameters of their regressor and in their snapshots, and so most of them ask
for the same features of the same rows. While a candidate is validated, its transformers of
histories and its purchase models are therefore replaced by stand-ins that ask a store of results
first. A result is known by what made it (the estimator with its parameters) and by what it was
made from (the rows, told by their content), so that it makes no difference whether it was shared.
The pipeline that is kept in the end has no stand-ins in it.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

from clvkit.btyd import BTYDRegressor, PurchaseModelFeatures
from clvkit.features import BaseHistoryTransformer, EventStreamFeatures, HistoryUnion
from clvkit.history import HistoryArray
from clvkit.utils._deadline import check_deadline
from clvkit.utils._warnings import collected, keep_warnings

__all__ = ["Shared", "SharedResults", "SharingTrial", "share"]

#: What is shared. These depend on the rows, on their parameters, and on nothing else.
_SHARED = (
    BaseHistoryTransformer,
    HistoryUnion,
    EventStreamFeatures,
    PurchaseModelFeatures,
    BTYDRegressor,
)

_NUMBERS: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
_UNUSED = itertools.count()
_NUMBERING = threading.Lock()


@dataclass
class _Result:
    value: Any = None
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)
    n_bytes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    ready: bool = False


class SharedResults:
    """Results that the trials of one search share, the latest used ones.

    Parameters
    ----------
    max_bytes : int, default=2**30
        Size of the arrays that are kept. What was not used for longest makes room.
    """

    def __init__(self, max_bytes: int = 2**30) -> None:
        self.max_bytes = max_bytes
        self._results: OrderedDict[tuple, _Result] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def n_bytes(self) -> int:
        """Size of the arrays that are kept."""
        with self._lock:
            return sum(result.n_bytes for result in self._results.values())

    def get(self, key: tuple, compute: Callable[[], Any]) -> tuple[_Result, bool]:
        """Return the result of a key, and whether it was computed for this call.

        Who asks for a result that somebody else is computing waits for it.
        """
        with self._lock:
            result = self._results.setdefault(key, _Result())
            self._results.move_to_end(key)
        with result.lock:
            if result.ready:
                return result, False
            check_deadline()
            start = time.perf_counter()
            with collected() as result.warnings:
                result.value = compute()
            result.seconds = time.perf_counter() - start
            result.n_bytes = _freeze(result.value)
            result.ready = True
        self._make_room()
        return result, True

    def _make_room(self) -> None:
        with self._lock:
            excess = sum(result.n_bytes for result in self._results.values()) - self.max_bytes
            for key, result in list(self._results.items()):
                if excess <= 0:
                    return
                if result.n_bytes:
                    excess -= result.n_bytes
                    del self._results[key]


class SharingTrial:
    """One trial's access to the shared results, which counts what it took and what it saved.

    Attributes
    ----------
    seconds : float
        Time in which this trial computed results for itself and others.
    saved_seconds : float
        Time that it would have taken to compute what others had computed.
    """

    def __init__(self, results: SharedResults) -> None:
        self._results = results
        self.seconds = 0.0
        self.saved_seconds = 0.0

    def get(self, key: tuple, compute: Callable[[], Any]) -> Any:
        """Return a result, computed now or by somebody else before."""
        result, is_new = self._results.get(key, compute)
        keep_warnings(result.warnings)
        if is_new:
            self.seconds += result.seconds
        else:
            self.saved_seconds += result.seconds
        return result.value

    def __deepcopy__(self, memo: dict) -> SharingTrial:
        return self  # clones of a stand-in share the same results


class Shared(BaseEstimator):
    """Stands in for an estimator whose results are shared.

    Parameters
    ----------
    estimator : estimator
    trial : SharingTrial
    """

    def __init__(self, estimator: Any, trial: SharingTrial) -> None:
        self.estimator = estimator
        self.trial = trial

    def fit(self, X: Any, y: Any = None) -> Shared:
        self.key_ = (joblib.hash(self.estimator), fingerprint_rows(X), _digest_of(y))
        self.fitted_ = self.trial.get(("fit", *self.key_), lambda: clone(self.estimator).fit(X, y))
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        return self.fit(X, y).transform(X)

    def transform(self, X: Any) -> Any:
        return self._shared("transform", X)

    def predict(self, X: Any) -> Any:
        return self._shared("predict", X)

    def _shared(self, method: str, X: Any) -> Any:
        key = (method, *self.key_, fingerprint_rows(X))
        return self.trial.get(key, lambda: getattr(self.fitted_, method)(X))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "estimator" not in vars(self):
            raise AttributeError(name)
        return getattr(vars(self).get("fitted_", self.estimator), name)

    def __sklearn_tags__(self) -> Any:
        return self.estimator.__sklearn_tags__()


def share(estimator: Any, trial: SharingTrial) -> Any:
    """Return the unfitted estimator with stand-ins for what can be shared."""
    if isinstance(estimator, _SHARED):
        return Shared(estimator, trial)
    params = estimator.get_params(deep=True)
    found = sorted(key for key, value in params.items() if isinstance(value, _SHARED))
    outer = [key for key in found if not any(_is_inside(key, other) for other in found)]
    for key in outer:
        estimator.set_params(**{key: Shared(params[key], trial)})
    return estimator


def fingerprint_rows(X: Any) -> str:
    """Return a digest of the content of rows: of their histories, covariates and index."""
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(X, pd.DataFrame):
        columns = [(str(name), X[name].array) for name in X.columns]
    else:
        columns = [("", getattr(X, "array", X))]
    for name, values in columns:
        digest.update(name.encode())
        _update(digest, values)
    index = getattr(X, "index", pd.RangeIndex(0))
    for level in range(index.nlevels):
        code, values = _codes(index, level)
        digest.update(np.asarray(code).tobytes())
        digest.update(pd.util.hash_array(np.asarray(values)).tobytes())
    return digest.hexdigest()


def _update(digest: Any, values: Any) -> None:
    digest.update(repr(values.dtype).encode())
    if not isinstance(values, HistoryArray):
        digest.update(joblib.hash(np.asarray(values)).encode())
        return
    # A store never changes, and the histories of one search share it.
    digest.update(str(_number_of(values.store)).encode())
    for column in (values.begin, values.n_events, values.cutoff_moments):
        digest.update(column.tobytes())


def _number_of(store: Any) -> int:
    """Return a number that no other store ever has, unlike an address, which is used again."""
    with _NUMBERING:
        return _NUMBERS.setdefault(store, next(_UNUSED))


def _codes(index: pd.Index, level: int) -> tuple[Any, Any]:
    if isinstance(index, pd.MultiIndex):
        return index.codes[level], index.levels[level]
    return np.arange(0), index


def _digest_of(y: Any) -> str:
    if y is None:
        return ""
    return hashlib.blake2b(np.asarray(y).tobytes(), digest_size=16).hexdigest()


def _freeze(value: Any) -> int:
    """Let nobody change an array that others read; return its size."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
        return value.nbytes
    if isinstance(value, pd.DataFrame):
        return int(value.memory_usage().sum())
    return 0


def _is_inside(key: str, other: str) -> bool:
    return key.startswith(f"{other}__")
