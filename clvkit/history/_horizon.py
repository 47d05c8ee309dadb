"""Which horizon counts: the estimator's own, or the one the samples were made with."""

from __future__ import annotations

from clvkit.errors import HorizonError
from clvkit.history._history_array import HistoryArray
from clvkit.utils._duration import Duration, parse_duration

__all__ = ["resolve_horizon"]


def resolve_horizon(horizon: str | None, array: HistoryArray) -> Duration:
    """Return the horizon to predict for.

    Parameters
    ----------
    horizon : str or None
        The estimator's parameter; None takes the one that the samples record.
    array : HistoryArray

    Returns
    -------
    Duration

    Raises
    ------
    HorizonError
        If there is none, or if the samples were made with another one.
    """
    recorded = array.dtype.horizon
    if horizon is None and recorded is None:
        raise HorizonError(
            "no horizon is known: these histories were made without one (latest_histories), so "
            "give it to the estimator, such as horizon='13W'."
        )
    if horizon is None:
        return parse_duration(recorded)
    wanted = parse_duration(horizon)
    if recorded is not None and not _same(wanted, parse_duration(recorded)):
        raise HorizonError(
            f"the estimator predicts horizon='{wanted}', but the samples were made with "
            f"'{recorded}'. Make them with make_samples(log, '{wanted}'), or set the estimator's "
            "horizon to None to take theirs."
        )
    return wanted


def _same(left: Duration, right: Duration) -> bool:
    if left.is_calendar or right.is_calendar:
        return left.is_calendar == right.is_calendar and left.days == right.days
    return left.ticks("s") == right.ticks("s")
