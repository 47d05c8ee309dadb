"""Which samples candidates are trained and tested on, where the caller gave labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.metadata_routing import get_routing_for_object

from clvkit.errors import ArgumentError, RegimeWarning
from clvkit.history import customers_of, get_histories
from clvkit.history._moments import format_moment
from clvkit.model_selection import RollingOrigin, cutoffs_of
from clvkit.utils._duration import Duration
from clvkit.utils._warnings import warn_user

__all__ = ["Split", "digest_of", "split_by", "split_rolling", "warn_of_leaks"]

Positions = NDArray[np.intp]

#: Of fewer test rows a score says nothing.
_LEAST_ROWS = 5


@dataclass(frozen=True)
class Split:
    """Positions of samples.

    Attributes
    ----------
    name : str
        The cutoff of the test rows, where that tells this split from the others.
    train : ndarray of intp
        What candidates that learn from labels are fitted on.
    known : ndarray of intp
        What all others are fitted on.
    test : ndarray of intp
    leaks : bool
        Whether a training label ends after the cutoff of a test row.
    """

    name: str
    train: Positions
    known: Positions
    test: Positions
    leaks: bool = False


def split_rolling(X: pd.DataFrame, cv: RollingOrigin, horizon: Duration) -> list[Split]:
    """Split by time: histories need no purging, so that those up to the origin are known."""
    cutoff = cutoffs_of(X)
    return _named(
        X,
        horizon,
        [(train, np.flatnonzero(cutoff <= cutoff[test[0]]), test) for train, test in cv.split(X)],
    )


def split_by(X: pd.DataFrame, y: NDArray[np.float64], cv: Any, horizon: Duration) -> list[Split]:
    """Split as a splitter of scikit-learn does; what is no training row is known to nobody.

    A splitter that wants groups is given the customers. :class:`RollingOrigin` goes the way of
    the usual validation.

    Raises
    ------
    ArgumentError
        When it yields no splits, or one without training rows or with next to no test rows.
    """
    if isinstance(cv, RollingOrigin):
        return split_rolling(X, cv, horizon)
    wants_groups = get_routing_for_object(cv).consumes(method="split", params=["groups"])
    groups = customers_of(X) if wants_groups else None
    parts = [(_positions(train), _positions(test)) for train, test in cv.split(X, y, groups)]
    n_unusable = sum(not len(train) or len(test) < _LEAST_ROWS for train, test in parts)
    if not parts or n_unusable:
        raise ArgumentError(
            f"validation={type(cv).__name__} gives {len(parts)} splits of the {len(X)} samples, "
            f"{n_unusable} of them without training rows or with less than {_LEAST_ROWS} test "
            "rows, and every candidate is fitted and scored at each. Give a splitter that fits "
            "the samples, or validation=None."
        )
    return _named(X, horizon, [(train, train, test) for train, test in parts])


def warn_of_leaks(X: pd.DataFrame, splits: list[Split], cv: Any) -> None:
    """Say where training labels reach beyond the cutoff of test rows, and what that does."""
    leaking = [split for split in splits if split.leaks]
    if not leaking:
        return
    customers = customers_of(X)
    train, test = (pd.Index(customers[rows]) for rows in (leaking[0].train, leaking[0].test))
    n_both = int(train.unique().isin(test).sum())
    warn_user(
        f"in {len(leaking)} of {len(splits)} splits of validation={type(cv).__name__}, training "
        "rows have labels that end after the cutoff of test rows: candidates know the period that "
        "they are scored on, its season and level, and the scores may be better than what they "
        f"will reach. In the first such split {n_both} customers have rows on both sides. "
        "RollingOrigin() trains on what was known at the origin.",
        RegimeWarning,
    )


def digest_of(splits: list[Split]) -> str:
    """Return what tells these splits from others, however the splitter is called."""
    return str(joblib.hash([(split.train, split.known, split.test) for split in splits]))


def _named(
    X: pd.DataFrame, horizon: Duration, parts: list[tuple[Positions, Positions, Positions]]
) -> list[Split]:
    cutoff = cutoffs_of(X)
    ends = horizon.after(cutoff, "s")
    names = _names(X, cutoff, [test for _, _, test in parts])
    return [
        Split(name, train, known, test, bool(ends[train].max() > cutoff[test].min()))
        for name, (train, known, test) in zip(names, parts, strict=True)
    ]


def _names(X: pd.DataFrame, cutoff: NDArray[np.int64], tests: list[Positions]) -> list[str]:
    """Return the cutoffs of the test rows, or numbers where these do not tell splits apart."""
    alone = all(len(np.unique(cutoff[test])) == 1 for test in tests)
    if not alone or len({int(cutoff[test[0]]) for test in tests}) < len(tests):
        return [f"split {k}" for k in range(1, len(tests) + 1)]
    histories = get_histories(X)
    moments, resolution = histories.cutoff_moments, histories.dtype.resolution
    return [format_moment(moments[test[0]], resolution) for test in tests]


def _positions(rows: Any) -> Positions:
    """Return positions, also of a mask."""
    rows = np.asarray(rows)
    return np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.intp)
