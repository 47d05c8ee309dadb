"""Splitting samples by time, with the labels of the training rows known at the origin."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils._param_validation import Interval, validate_parameter_constraints

from clvkit.errors import CutoffError, HorizonError, ShortLogError
from clvkit.history import HistoryArray, resolve_horizon
from clvkit.utils._duration import Duration, parse_duration

__all__ = ["RollingOrigin", "cutoffs_of"]


class RollingOrigin(BaseCrossValidator):
    """Cross-validation in which every test row lies after everything it was trained on.

    The test rows of a split are the samples of one cutoff, the origin. The training rows are
    those whose horizon has ended by then: a row at cutoff ``c`` has a label that is known at
    ``c + horizon``, and training on it earlier would be training on the future ("purging").

    Parameters
    ----------
    horizon : str or None, default=None
        The horizon that the samples were made with. None takes the one that their histories
        record; features without a column ``history`` record none, so there it must be given.
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
    HorizonError
        At split, if the samples were made with another horizon: purging by a shorter one would
        train on labels from after the origin. Also if no horizon is known.
    ShortLogError
        At split, if no origin has a row to train on.
    DurationError, InvalidParameterError
        For a parameter that cannot be used.

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
    >>> RollingOrigin("4W").get_n_splits(X)
    Traceback (most recent call last):
        ...
    clvkit.errors.HorizonError: the samples were made with the horizon '13W', not with ...
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "horizon": [str, None],
        "n_origins": [Interval(Integral, 1, None, closed="left")],
        "step": [str, None],
        "purge": ["boolean"],
    }

    def __init__(
        self,
        horizon: str | None = None,
        n_origins: int = 3,
        step: str | None = None,
        purge: bool = True,
    ) -> None:
        self.horizon = horizon
        self.n_origins = n_origins
        self.step = step
        self.purge = purge
        # Here rather than at split, as scikit-learn's own splitters do: nothing fits in between.
        validate_parameter_constraints(
            self._parameter_constraints, vars(self).copy(), caller_name=type(self).__name__
        )
        for name in ("horizon", "step"):
            if getattr(self, name) is not None:
                parse_duration(getattr(self, name), name=name)

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
        horizon = _horizon_of(X, self.horizon)
        step = parse_duration(self.step or horizon.part(4).times(2), name="step")
        known = horizon.after(cutoff, "s") if self.purge else cutoff
        splits: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]] = []
        origin = cutoff.max() if len(cutoff) else None
        while origin is not None and len(splits) < self.n_origins:
            train = known <= origin
            if not train.any():
                break
            splits.append((train, cutoff == origin))
            earlier = cutoff[cutoff <= int(step.before(origin, "s"))]
            origin = earlier.max() if len(earlier) else None
        if not splits:
            raise ShortLogError(
                f"no sample's horizon of {horizon} ends by the latest cutoff, so there is "
                "nothing to train on. Make samples at earlier cutoffs too, such as "
                "make_samples(log, horizon), or with a shorter horizon."
            )
        return splits


def _histories_of(X: Any) -> HistoryArray | None:
    column = X["history"] if isinstance(X, pd.DataFrame) and "history" in X.columns else X
    array = getattr(column, "array", column)
    return array if isinstance(array, HistoryArray) else None


def _horizon_of(X: Any, horizon: str | None) -> Duration:
    """Return the horizon to purge by: never another one than that of the labels."""
    array = _histories_of(X)
    recorded = None if array is None else array.dtype.horizon
    if horizon is None and recorded is None:
        raise HorizonError(
            "no horizon is known: X records none (it has no column 'history', or one of "
            "latest_histories). Give the one that the labels were made with, such as "
            "RollingOrigin('13W')."
        )
    if array is None:
        return parse_duration(horizon)
    try:
        return resolve_horizon(horizon, array)
    except HorizonError:
        raise HorizonError(
            f"the samples were made with the horizon '{recorded}', not with {horizon!r}: purging "
            "by another one would train on labels that the origin does not know, or leave out "
            f"rows that it does. Give RollingOrigin('{recorded}'), or horizon=None for the "
            "samples' own."
        ) from None


def cutoffs_of(X: Any) -> NDArray[np.int64]:
    """Return the cutoff of each row in seconds since 1970: from the histories, or the index.

    Raises
    ------
    CutoffError
        If ``X`` has neither.
    """
    array = _histories_of(X)
    if array is not None:
        return np.asarray(array.cutoffs.astype("M8[s]")).astype(np.int64)
    index = getattr(X, "index", None)
    if index is None or "cutoff" not in index.names:
        raise CutoffError(
            "the rows have no cutoff: X has neither a column 'history' nor an index level "
            "'cutoff'. Split the samples as make_samples returns them, or keep their index."
        )
    return np.asarray(pd.DatetimeIndex(index.get_level_values("cutoff")), "M8[s]").astype(np.int64)
