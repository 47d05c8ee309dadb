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

from clvkit.automl._splits import Split, digest_of, split_by, split_rolling, warn_of_leaks
from clvkit.errors import ArgumentError, FewCustomersError, RegimeWarning, ShortLogError
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
        The cutoff as ISO text: a date, with a time of day where the histories have one. Of a
        split that no cutoff names, its number, such as ``split 1``.
    X_known : DataFrame
        Histories at the origin (and, where samples were given, at earlier cutoffs): what
        candidates that need no labels are fitted on, and all others that read them there. Of a
        user's own split the training rows.
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
    cold_folds : ndarray of int64 or None
        Fold of the customer of each test row, where no candidate may be fitted on the customers
        that it predicts; see :mod:`clvkit.automl._cold_start`.
    leaks : bool
        Whether training labels tell of the period after a test row's cutoff.
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
    cold_folds: NDArray[np.int64] | None = None
    leaks: bool = False

    def knew_level(self, label_trained: bool) -> bool:
        """Whether what is scored knows something of the level of the period from its fit."""
        crossed = label_trained and self.customer_folds is not None
        return self.leaks or (crossed and self.total is None)


@dataclass(frozen=True)
class Validation:
    """How a search validates.

    Attributes
    ----------
    regime : {"rolling", "single", "short", "custom"}
    horizon : str
        Horizon at the origins: the one asked for, but in the regime ``short``.
    folds : list of Fold
        The latest origin first; of a user's own splitter in its order.
    splitter : str
        Name of the user's own splitter, in the regime ``custom``.
    digest : str
        What tells its splits from others.
    """

    regime: str
    horizon: str
    folds: list[Fold]
    splitter: str = ""
    digest: str = ""

    @property
    def levelled(self) -> bool:
        """Whether all candidates are brought to one total."""
        return any(fold.total is not None for fold in self.folds)

    @property
    def snapshots_matter(self) -> bool:
        """Whether candidates are trained on snapshots whose number and distance can be chosen."""
        return self.regime == "rolling" and all(fold.X_train is None for fold in self.folds)

    @property
    def is_cold(self) -> bool:
        """Whether customers are predicted by candidates that were fitted on others only."""
        return any(fold.cold_folds is not None for fold in self.folds)

    @property
    def name(self) -> str:
        """The regime, and whether customers were held out, as the leaderboard has it."""
        return f"{self.regime}, cold start" if self.is_cold else self.regime

    @property
    def protocol(self) -> str:
        """The validation in one sentence."""
        origins = ", ".join(fold.origin for fold in self.folds)
        how = {
            "rolling": "out of time",
            "single": "one origin; label-trained candidates across customers, totals scaled",
            "short": "short log: labels of half of it, across customers",
            "custom": f"custom: splits by {self.splitter}",
        }[self.regime]
        if self.is_cold:
            how += "; cold start: each fifth of the customers by a fit on the other four"
        return f"{how}; horizon {self.horizon} after {origins}"

    @property
    def identity(self) -> str:
        """What must be the same for scores to be of the same validation."""
        return f"{self.protocol}; {self.digest}" if self.digest else self.protocol


def plan_validation(
    X: pd.DataFrame,
    y: Any,
    horizon: str,
    *,
    n_origins: int,
    floor: float | None = 0.0,
    random_state: int = 0,
    splitter: Any = None,
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
    splitter : splitter of scikit-learn or None
        Splits the samples of ``X`` and ``y`` in place of the origins.

    Raises
    ------
    ArgumentError
        When there is a splitter, and no samples that it could split.
    ShortLogError, FewCustomersError
        When nothing can be validated at all.
    """
    if y is not None:
        return _plan_samples(X, y, horizon, n_origins, random_state, splitter)
    if splitter is not None:
        raise ArgumentError(
            f"validation={type(splitter).__name__} splits samples, and fit was given none: a log "
            "or its latest histories have one row a customer and no y. Make samples, X, y = "
            "make_samples(log, horizon), and fit(X, y); or leave validation out."
        )
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
    return _plan_short(latest, start, end, duration, floor, random_state)


def _plan_short(
    latest: pd.DataFrame,
    start: int,
    end: int,
    duration: Duration,
    floor: float | None,
    random_state: int,
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
        f"{duration} and the history before it: candidates are validated at a horizon of {short} "
        "after the first half of the log. Those that learn from labels learn of that horizon, and "
        "compete only where a purchase model knows the total. The champion predicts the horizon "
        "that was asked for.",
        RegimeWarning,
    )
    fold = _fold(latest, end - int(half), short, floor, random_state)
    return _checked(Validation("short", str(short), [fold]))


def _plan_samples(
    X: pd.DataFrame, y: Any, horizon: str, n_origins: int, random_state: int, splitter: Any
) -> Validation:
    """Lay out folds of samples whose labels the caller gave."""
    duration = resolve_horizon(horizon, get_histories(X))
    labels = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
    check_consistent_length(X, labels)
    if splitter is not None:
        splits = split_by(X, labels, splitter, duration)
        warn_of_leaks(X, splits, splitter)
        folds = [_sample_fold(X, labels, split) for split in splits]
        name, digest = type(splitter).__name__, digest_of(splits)
        return _checked(Validation("custom", str(duration), folds, name, digest))
    try:
        splits = split_rolling(X, RollingOrigin(str(duration), n_origins=n_origins), duration)
    except ShortLogError:
        warn_user(
            "no sample's horizon ends by the latest cutoff: candidates that learn from labels "
            "were validated across customers there, the others out of time. Samples at earlier "
            "cutoffs, such as make_samples(log, horizon), allow validation out of time for all.",
            RegimeWarning,
        )
        fold = _last_fold(X, labels, random_state)
        return _checked(Validation("single", str(duration), [fold]))
    folds = [_sample_fold(X, labels, split) for split in splits]
    return _checked(Validation("rolling", str(duration), folds))


def _sample_fold(X: pd.DataFrame, y: NDArray[np.float64], split: Split) -> Fold:
    return Fold(
        split.name,
        X.iloc[split.known],
        X.iloc[split.train],
        y[split.train],
        X.iloc[split.test],
        y[split.test],
        leaks=split.leaks,
    )


def _last_fold(X: pd.DataFrame, y: NDArray[np.float64], random_state: int) -> Fold:
    """Return the samples of the latest cutoff, their customers dealt into folds."""
    cutoff, histories = cutoffs_of(X), get_histories(X)
    last = np.flatnonzero(cutoff == cutoff.max())
    origin = format_moment(histories.cutoff_moments[last[0]], histories.dtype.resolution)
    dealt = _deal(len(last), random_state)
    return Fold(origin, X, None, None, X.iloc[last], y[last], dealt)


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
            f"({validation.protocol}), so candidates cannot be told apart. {_why_nothing(folds)}"
        )
    return validation


def _why_nothing(folds: list[Fold]) -> str:
    """Return what the user may have to change where no known customer came back."""
    events = get_histories(folds[0].X_known).n_events
    if events.max(initial=0) <= 1:
        return (
            f"Each of the {len(events)} customers has one event only: does customer_id= name a "
            "column of orders, and not of customers?"
        )
    return "Check the amounts and end=, or give a longer horizon."


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
