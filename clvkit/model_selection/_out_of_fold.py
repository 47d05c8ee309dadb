"""Out-of-fold predictions for splits that do not cover every row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing
from sklearn.utils.parallel import Parallel, delayed

__all__ = ["out_of_fold_predict"]


def out_of_fold_predict(
    estimator: Any, X: Any, y: Any = None, *, cv: Any, n_jobs: int | None = None
) -> pd.DataFrame:
    """Predict the test rows of each split by a clone that was fitted on its training rows.

    ``sklearn.model_selection.cross_val_predict`` refuses splits in which rows are tested never
    or twice, as they are when splitting by time; this function does not.

    Parameters
    ----------
    estimator : estimator
        A regressor; it is cloned.
    X : DataFrame of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or None, default=None
        None for estimators that need no labels, such as :class:`clvkit.btyd.BTYDRegressor`.
    cv : splitter, int or iterable
        Such as :class:`RollingOrigin`.
    n_jobs : int or None, default=None
        Splits in parallel, as in scikit-learn.

    Returns
    -------
    DataFrame of shape (n_tests, 4)
        One row a tested row, in the order of the splits and with its index in ``X``:
        ``split`` (number), ``row`` (position in ``X``), ``y_true`` (NaN without ``y``) and
        ``y_pred``.

    Raises
    ------
    ValueError
        If ``y`` is not as long as ``X``, or ``cv`` yields no split.

    See Also
    --------
    RollingOrigin

    Examples
    --------
    >>> from clvkit.baselines import LastPeriod
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import make_samples
    >>> from clvkit.model_selection import RollingOrigin, out_of_fold_predict
    >>> X, y = make_samples(load_cdnow(), "13W")
    >>> cv = RollingOrigin("13W", n_origins=2)
    >>> oof = out_of_fold_predict(LastPeriod(), X, y, cv=cv)
    >>> oof.groupby("split")[["y_true", "y_pred"]].mean().round(2)
           y_true  y_pred
    split
    0        7.63   10.66
    1       10.15   10.13
    >>> out_of_fold_predict(LastPeriod(), X, y[:3], cv=cv)
    Traceback (most recent call last):
        ...
    ValueError: X has 43977 rows, but y has 3...
    """
    if y is not None and len(y) != len(X):
        raise ValueError(f"X has {len(X)} rows, but y has {len(y)}: give one y a row.")
    splits = list(check_cv(cv).split(X, y))
    if not splits:
        raise ValueError("cv yields no split, so no row is predicted. Give one with a split.")
    parts = Parallel(n_jobs=n_jobs)(
        delayed(_fit_predict)(clone(estimator), X, y, train, test) for train, test in splits
    )
    rows = np.concatenate([test for _, test in splits])
    frame = pd.DataFrame(
        {
            "split": np.repeat(np.arange(len(splits)), [len(test) for _, test in splits]),
            "row": rows,
            "y_true": np.nan if y is None else np.asarray(y, dtype=np.float64)[rows],
            "y_pred": np.concatenate(parts),
        }
    )
    index = getattr(X, "index", None)
    return frame if index is None else frame.set_axis(index.take(rows), axis=0)


def _fit_predict(estimator: Any, X: Any, y: Any, train: Any, test: Any) -> Any:
    estimator.fit(_safe_indexing(X, train), None if y is None else _safe_indexing(y, train))
    return estimator.predict(_safe_indexing(X, test))
