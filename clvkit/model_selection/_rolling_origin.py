"""Splitting samples by time, with the labels of the training rows known at the origin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import BaseCrossValidator

from clvkit.errors import CutoffError, ShortLogError
from clvkit.history import HistoryArray
from clvkit.utils._duration import parse_duration

__all__ = ["RollingOrigin", "cutoffs_of"]


class RollingOrigin(BaseCrossValidator):
    """Cross-validation in which every test row lies after everything it was trained on.

    The test rows of a split are the samples of one cutoff, the origin. The training rows are
    those whose horizon has ended by then: a row at cutoff ``c`` has a label that is known at
    ``c + horizon``, and training on it earlier would be training on the future ("purging").

    Parameters
    ----------
    horizon : str
        The horizon that the samples were made with.
    n_origins : int, default=3
        At most so many splits; fewer where the samples do not reach back far enough.
    step : str or None, default=None
        Distance between origins, by default half a horizon (two quarters of it in whole days, so
        that the origins are cutoffs of :func:`clvkit.make_samples`). The origin is the latest
        cutoff among the samples that is at least so far before the one before.
    purge : bool, default=True
        False trains on all rows with a cutoff up to the origin: for estimators that ignore y
        (:class:`clvkit.btyd.BTYDRegressor`, :class:`SnapshotRegressor`), never for others.

    Raises
    ------
    ShortLogError
        At split, if no origin has a row to train on.

    See Also
    --------
    out_of_fold_predict : Stands in for ``cross_val_predict``, which refuses such splits.
    sklearn.model_selection.TimeSeriesSplit : For one series, without a horizon.

    References
    ----------
    Tashman (2000), Out-of-sample tests of forecasting accuracy, International Journal of
    Forecasting 16(4).

    Examples
    --------
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import make_samples
    >>> from clvkit.model_selection import RollingOrigin
    >>> X, y = make_samples(load_cdnow(), "13W")
    >>> cv = RollingOrigin("13W", n_origins=2)
    >>> for train, test in cv.split(X, y):
    ...     cutoff = X.index.get_level_values("cutoff")
    ...     print(cutoff[train].max().date(), "->", cutoff[test].unique()[0].date())
    1997-12-11 -> 1998-03-31
    1997-10-28 -> 1998-02-15
    >>> next(RollingOrigin("2Y").split(X, y))
    Traceback (most recent call last):
        ...
    clvkit.errors.ShortLogError: no sample's horizon of 2Y ends by the latest cutoff, ...
    """

    def __init__(
        self, horizon: str, n_origins: int = 3, step: str | None = None, purge: bool = True
    ) -> None:
        self.horizon = horizon
        self.n_origins = n_origins
        self.step = step
        self.purge = purge

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Yield indices of training and test rows, the latest origin first.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_features)
            With a column ``history``, or an index level ``cutoff``.
        y, groups : ignored
        """
        for train, test in self._splits(X):
            yield np.flatnonzero(train), np.flatnonzero(test)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits of ``X``, or ``n_origins`` where ``X`` is not given."""
        return self.n_origins if X is None else len(self._splits(X))

    def _splits(self, X: Any) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
        cutoff = cutoffs_of(X)
        horizon = parse_duration(self.horizon)
        step = parse_duration(self.step or horizon.part(4).times(2), name="step")
        known = horizon.after(cutoff, "s") if self.purge else cutoff
        splits: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]] = []
        origin = cutoff.max() if len(cutoff) else None
        while origin is not None and len(splits) < self.n_origins:
            train = known <= origin
            if self.purge is False:
                train &= cutoff <= origin
            if not train.any():
                break
            splits.append((train, cutoff == origin))
            earlier = cutoff[cutoff <= int(step.before(origin, "s"))]
            origin = earlier.max() if len(earlier) else None
        if not splits:
            raise ShortLogError(
                f"no sample's horizon of {self.horizon} ends by the latest cutoff, so there is "
                "nothing to train on. Make samples at earlier cutoffs too, such as "
                "make_samples(log, horizon), or with a shorter horizon."
            )
        return splits


def cutoffs_of(X: Any) -> NDArray[np.int64]:
    """Return the cutoff of each row in seconds since 1970: from the histories, or the index.

    Raises
    ------
    CutoffError
        If ``X`` has neither.
    """
    column = X["history"] if isinstance(X, pd.DataFrame) and "history" in X.columns else X
    array = getattr(column, "array", column)
    if isinstance(array, HistoryArray):
        return np.asarray(array.cutoffs.astype("M8[s]")).astype(np.int64)
    index = getattr(X, "index", None)
    if index is None or "cutoff" not in index.names:
        raise CutoffError(
            "the rows have no cutoff: X has neither a column 'history' nor an index level "
            "'cutoff'. Split the samples as make_samples returns them, or keep their index."
        )
    return np.asarray(pd.DatetimeIndex(index.get_level_values("cutoff")), "M8[s]").astype(np.int64)
