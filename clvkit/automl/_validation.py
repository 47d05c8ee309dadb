"""At which origins candidates are validated, on which rows, and against what.

The protocol: at an origin every candidate is fitted on the histories as they were then, and
scored on the same customers by what they spent in the horizon after it. How much of that a log
allows decides the regime.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import check_array, check_consistent_length

from clvkit.errors import FewCustomersError, RegimeWarning, ShortLogError
from clvkit.history import (
    get_histories,
    latest_rows,
    least_history,
    past_cutoffs,
    replace_histories,
    resolve_horizon,
    take_snapshots,
)
from clvkit.history._moments import format_moment
from clvkit.model_selection import RollingOrigin, cutoffs_of
from clvkit.utils._duration import Duration, parse_duration
from clvkit.utils._warnings import warn_user

__all__ = ["Fold", "Validation", "plan_validation"]

#: Customers are dealt into so many folds where labels of one origin only are known.
N_CUSTOMER_FOLDS = 5


@dataclass(frozen=True)
class Fold:
    """One origin.

    Attributes
    ----------
    origin : str
        The cutoff as ISO text: a date, with a time of day where the histories have one.
    X_known : DataFrame
        Histories at the origin (and, where samples were given, at earlier cutoffs): what
        candidates that need no labels are fitted on, and all others that read them there.
    X_train, y_train : DataFrame and Series, or None
        Samples with known labels, where the caller gave labels.
    X_test, y_test : DataFrame and ndarray
        The rows at the origin and what came after it.
    customer_folds : ndarray of int64 or None
        Fold of the customer of each test row, where label-trained candidates must be fitted on
        the labels of other customers at this very origin.
    total : float or None
        What predictions are scaled to in sum before they are scored, where the level of the
        candidates is set for all alike; see :mod:`clvkit.automl._level`.
    total_error : float
        Standard error of the logarithm of the season in that total.
    seasonal : bool
        Whether that total knows the season of the year before.
    """

    origin: str
    X_known: pd.DataFrame
    X_train: pd.DataFrame | None
    y_train: Any
    X_test: pd.DataFrame
    y_test: NDArray[np.float64]
    customer_folds: NDArray[np.int64] | None = None
    total: float | None = None
    total_error: float = 0.0
    seasonal: bool = False


@dataclass(frozen=True)
class Validation:
    """How a search validates.

    Attributes
    ----------
    regime : {"rolling", "single", "short"}
    horizon : str
        Horizon at the origins: the one asked for, but in the regime ``short``.
    folds : list of Fold
        The latest origin first.
    """

    regime: str
    horizon: str
    folds: list[Fold]

    @property
    def labels_allowed(self) -> bool:
        """Whether label-trained candidates can compete."""
        return self.regime != "short"

    @property
    def levelled(self) -> bool:
        """Whether all candidates are brought to one total."""
        return any(fold.total is not None for fold in self.folds)

    @property
    def snapshots_matter(self) -> bool:
        """Whether candidates are trained on snapshots whose number and distance can be chosen."""
        return self.regime == "rolling" and all(fold.X_train is None for fold in self.folds)

    @property
    def protocol(self) -> str:
        """The validation in one sentence."""
        origins = ", ".join(fold.origin for fold in self.folds)
        how = {
            "rolling": "out of time",
            "single": "one origin; label-trained candidates across customers, totals scaled",
            "short": "short log: only candidates that need no labels",
        }[self.regime]
        return f"{how}; horizon {self.horizon} after {origins}"


def plan_validation(
    X: pd.DataFrame,
    y: Any,
    horizon: str,
    *,
    n_origins: int,
    floor: float | None = 0.0,
    random_state: int = 0,
) -> Validation:
    """Choose the regime that the histories allow, and lay out its folds.

    Parameters
    ----------
    X : DataFrame
        Histories; of several rows of a customer the latest one counts unless ``y`` is given.
    y : array-like or None
        Labels of the rows of ``X``; by default the histories' own.
    horizon : str
    n_origins : int
        At most so many origins.
    floor : float or None, default=0.0
        Floor of the labels.
    random_state : int, default=0
        Deals customers into folds.

    Raises
    ------
    ShortLogError, FewCustomersError
        When nothing can be validated at all.
    """
    if y is not None:
        return _plan_samples(X, y, horizon, n_origins, random_state)
    latest = latest_rows(X)
    known = get_histories(latest)
    duration = resolve_horizon(horizon, known)
    start, end = _span(latest)
    least = least_history(duration)
    resolution = known.dtype.resolution
    # A label-trained candidate needs one snapshot before each origin: a horizon and the least
    # history. Where the log has that, everything is validated out of time.
    trainable = int(least.after(duration.after(start, resolution), resolution))
    step = duration.part(4).times(2)
    origins = past_cutoffs(start, end, duration, step=step, n=n_origins, resolution=resolution)
    rolling = [origin for origin in origins if origin >= trainable]
    if rolling:
        folds = [_fold(latest, origin, duration, floor) for origin in rolling]
        return _checked(Validation("rolling", str(duration), folds))
    if origins:
        fold = _fold(latest, origins[0], duration, floor, random_state)
        warn_user(_single_message(start, end, duration, resolution), RegimeWarning)
        return _checked(Validation("single", str(duration), [fold]))
    return _plan_short(latest, start, end, duration, floor)


def _plan_short(
    latest: pd.DataFrame, start: int, end: int, duration: Duration, floor: float | None
) -> Validation:
    """Validate at the longest horizon that leaves half of the log as history."""
    resolution = get_histories(latest).dtype.resolution
    half = (end - start) // 2
    if half < 1:
        raise ShortLogError(
            f"the log covers {_days(start, end, resolution)} days, which leaves nothing to "
            "validate on. AutoCLV needs two periods with purchases at the least; fit a model "
            "directly instead, such as BTYDRegressor(horizon=...)."
        )
    unit = {"D": "D", "h": "h", "min": "min", "s": "s"}[resolution]
    short = Duration(int(half), unit)
    warn_user(
        f"the log covers {_days(start, end, resolution)} days, too few for a horizon of "
        f"{duration} and the history before it: only candidates that need no labels compete "
        f"(baselines and purchase models), validated at a horizon of {short} after the first half "
        "of the log. The champion predicts the horizon that was asked for.",
        RegimeWarning,
    )
    fold = _fold(latest, end - int(half), short, floor)
    return _checked(Validation("short", str(short), [fold]))


def _plan_samples(
    X: pd.DataFrame, y: Any, horizon: str, n_origins: int, random_state: int
) -> Validation:
    """Lay out folds of samples whose labels the caller gave."""
    duration = resolve_horizon(horizon, get_histories(X))
    labels = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
    check_consistent_length(X, labels)
    cutoff = cutoffs_of(X)
    cv = RollingOrigin(str(duration), n_origins=n_origins)
    try:
        splits = list(cv.split(X))
    except ShortLogError:
        last = np.flatnonzero(cutoff == cutoff.max())
        warn_user(
            "no sample's horizon ends by the latest cutoff: candidates that learn from labels "
            "were validated across customers there, the others out of time. Samples at earlier "
            "cutoffs, such as make_samples(log, horizon), allow validation out of time for all.",
            RegimeWarning,
        )
        fold = _sample_fold(X, labels, cutoff, None, last, random_state)
        return _checked(Validation("single", str(duration), [fold]))
    folds = [_sample_fold(X, labels, cutoff, train, test) for train, test in splits]
    return _checked(Validation("rolling", str(duration), folds))


def _sample_fold(
    X: pd.DataFrame,
    y: NDArray[np.float64],
    cutoff: NDArray[np.int64],
    train: NDArray[np.intp] | None,
    test: NDArray[np.intp],
    random_state: int | None = None,
) -> Fold:
    origin = cutoff[test[0]]
    dealt = None if random_state is None else _deal(len(test), random_state)
    histories = get_histories(X)
    return Fold(
        format_moment(histories.cutoff_moments[test[0]], histories.dtype.resolution),
        X.iloc[np.flatnonzero(cutoff <= origin)],
        None if train is None else X.iloc[train],
        None if train is None else y[train],
        X.iloc[test],
        y[test],
        dealt,
    )


def _fold(
    latest: pd.DataFrame,
    origin: int,
    horizon: Duration,
    floor: float | None,
    random_state: int | None = None,
) -> Fold:
    rows, histories, y = take_snapshots(get_histories(latest), [origin], horizon, floor=floor)
    X = replace_histories(latest.iloc[rows], histories)
    dealt = None if random_state is None else _deal(len(X), random_state)
    moment = format_moment(origin, histories.dtype.resolution)
    return Fold(moment, X, None, None, X, y, dealt)


def _deal(n_rows: int, random_state: int) -> NDArray[np.int64]:
    """Return a fold for each row, as even as can be, in random order."""
    return np.random.default_rng(random_state).permutation(n_rows) % N_CUSTOMER_FOLDS


def _checked(validation: Validation) -> Validation:
    """Leave out origins at which next to nobody was known; raise where none is left."""
    folds = [fold for fold in validation.folds if len(fold.X_test) >= N_CUSTOMER_FOLDS]
    if not folds:
        most = max(len(fold.X_test) for fold in validation.folds)
        raise FewCustomersError(
            f"only {most} customer(s) are known at the origin of the validation, and at least "
            f"{N_CUSTOMER_FOLDS} are needed to compare candidates. Give a log with more "
            "customers, or fit a model directly, such as HistoricalRate(horizon=...)."
        )
    validation = replace(validation, folds=folds)
    if not any((fold.y_test != 0).any() for fold in validation.folds):
        raise ShortLogError(
            "nobody spent anything in the periods to validate on "
            f"({validation.protocol}), so candidates cannot be told apart. Check the amounts and "
            "end=, or give a longer horizon."
        )
    return validation


def _span(latest: pd.DataFrame) -> tuple[int, int]:
    known = get_histories(latest)
    if not len(known) or not known.n_events.sum():
        raise ShortLogError("there are no histories to fit on: X has no rows with events.")
    return int(known.flat_events().time.min()), int(known.cutoff_moments.max())


def _single_message(start: int, end: int, duration: Duration, resolution: str) -> str:
    days = _days(start, end, resolution)
    enough = int(2 * duration.days) + least_history(duration).count + 1
    return (
        f"the log covers {days} days, {days / duration.days:.1f} horizons: candidates that learn "
        "from labels were validated across customers at one origin, the others out of time there. "
        f"A log of {enough} days or more allows validation out of time for all."
    )


def _days(start: int, end: int, resolution: str) -> int:
    return int((end - start) * parse_duration(f"1{resolution}").days) + 1
