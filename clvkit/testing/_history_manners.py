"""What scikit-learn, and the users of histories, expect of a transformer over histories."""

from __future__ import annotations

import pickle
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from clvkit.errors import HistoryTypeError
from clvkit.history import get_histories, replace_histories
from clvkit.testing._expect import must_raise
from clvkit.testing._history_logs import Logs, Rows
from clvkit.testing._history_properties import assert_same, features_of, names_of

__all__ = ["check_manners", "check_other_input", "check_unseen_values"]

_STORAGE = (
    "Keep numbers, strings, lists, dicts, arrays and estimators as parameters and attributes, and "
    "the class in a module that can be imported."
)


def check_manners(transformer: Any, X: pd.DataFrame) -> None:
    """Check the interface of scikit-learn, the output, and the round trips."""
    with must_raise(NotFittedError, "transform before fit"):
        clone(transformer).transform(X)
    fitted = _check_fit(clone(transformer), X)
    features, names = _check_transform(fitted, X), names_of(fitted)
    assert features.ndim == 2, f"the output has {features.ndim} dimensions, not rows and features"
    assert len(set(names)) == len(names) == features.shape[1], (
        f"names do not fit: {len(names)} names, {len(set(names))} of them different, for "
        f"{features.shape[1]} columns: {names}"
    )
    assert features.dtype == np.float64, (
        f"the output is {features.dtype}, not float64, which can hold a missing value"
    )
    both = clone(transformer).fit_transform(X)
    _same(np.asarray(both), features, names, "fit_transform instead of fit and transform changes")
    _check_containers(transformer, X, features, names)
    for kind, copy in {"pickle": _pickled(fitted), "skops": _through_skops(fitted)}.items():
        what = f"a round trip through {kind} changes"
        assert_same(features_of(copy, X), features, names, what, _STORAGE, rows=X.index)


def check_other_input(transformer: Any, X: pd.DataFrame) -> None:
    """Check what is given to it apart from good rows: no rows, no events, no histories."""
    with must_raise(HistoryTypeError, "fitting on a frame without histories"):
        clone(transformer).fit(pd.DataFrame({"amount": [1.0]}))
    fitted = clone(transformer).fit(X)
    width = len(names_of(fitted))
    shape = features_of(fitted, X.iloc[:0]).shape
    assert shape == (0, width), (
        f"a batch without rows must have the shape (0, {width}), not {shape}"
    )
    unknown = replace_histories(X, get_histories(X).cut_back("1990-01-01"))
    shape = features_of(fitted, unknown).shape
    assert shape == (len(X), width), (
        f"histories without events must be rows too: {len(X)} of them gave the shape {shape}"
    )
    holes = X.copy()
    holes.loc[holes.index[0], "history"] = None
    remedy = "clvkit.history.get_histories(X) refuses them"
    with must_raise(HistoryTypeError, f"fitting on missing histories ({remedy})"):
        clone(transformer).fit(holes)
    with must_raise(HistoryTypeError, f"transforming missing histories ({remedy})"):
        fitted.transform(holes)


def check_unseen_values(transformer: Any, logs: Logs, cutoffs: Any, **settings: Any) -> None:
    """Check that values of attributes that fit has not seen, or missing ones, have features."""
    fitted = clone(transformer).fit(Rows(logs, **settings).at(cutoffs))
    width = len(names_of(fitted))
    for channel in ("never seen", None):
        changed = logs.assign(channel=pd.NA if channel is None else channel)
        later = Rows(changed, **settings).at(cutoffs)
        shape = features_of(fitted, later).shape
        assert shape == (len(later), width), (
            f"channel={channel!r}, which fit has not seen, gave the shape {shape} instead of "
            f"{(len(later), width)}: learn the values in fit, and count all others as one"
        )


def _check_fit(transformer: Any, X: pd.DataFrame) -> Any:
    parameters, rows = joblib.hash(transformer.get_params()), _contents(X)
    assert transformer.fit(X) is transformer, "fit must return self"
    assert joblib.hash(transformer.get_params()) == parameters, (
        "fit changes parameters: what is learnt belongs into attributes with a trailing underscore"
    )
    assert _contents(X) == rows, "fit changes X: work on a copy"
    return transformer


def _check_transform(fitted: Any, X: pd.DataFrame) -> NDArray:
    state, rows = joblib.hash(fitted), _contents(X)
    features = np.asarray(fitted.transform(X))
    assert _contents(X) == rows, "transform changes X: work on a copy"
    assert joblib.hash(fitted) == state, (
        "transform changes the transformer: what it learns from one batch would reach the next"
    )
    return features


def _contents(X: pd.DataFrame) -> str:
    """Return a digest of all that a frame holds."""
    histories = {name: X[name].array for name in X.columns}
    return joblib.hash([list(X.columns), X.index.tolist(), pickle.dumps(histories)])


def _check_containers(transformer: Any, X: pd.DataFrame, features: NDArray, names: list) -> None:
    frame = clone(transformer).set_output(transform="pandas").fit(X).transform(X)
    assert isinstance(frame, pd.DataFrame), f"set_output('pandas') gives {type(frame).__name__}"
    assert frame.index.equals(X.index), "set_output('pandas') must keep the index"
    assert list(frame.columns) == names, "set_output('pandas') must name the columns"
    _same(frame.to_numpy(), features, names, "set_output('pandas') changes")
    table = clone(transformer).set_output(transform="polars").fit(X).transform(X)
    assert list(table.columns) == names, "set_output('polars') must name the columns"
    _same(table.to_numpy(), features, names, "set_output('polars') changes")


def _same(actual: NDArray, expected: NDArray, names: list, what: str) -> None:
    rows = pd.RangeIndex(len(expected))
    assert_same(actual, expected, names, what, "They must be the same.", rows=rows)


def _pickled(fitted: Any) -> Any:
    return pickle.loads(pickle.dumps(fitted))


def _through_skops(fitted: Any) -> Any:
    import skops.io

    stored = skops.io.dumps(fitted)
    return skops.io.loads(stored, trusted=skops.io.get_untrusted_types(data=stored))
