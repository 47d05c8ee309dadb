"""Writing a fit to MLflow without ever losing the fit."""

from __future__ import annotations

from collections.abc import Iterable

from clvkit.errors import TrackingWarning
from clvkit.tracking._mlflow_writer import MLflowWriter
from clvkit.tracking._records import Record, TrackedRun
from clvkit.utils._warnings import warn_user

__all__ = ["keep", "write"]


def keep(records: Iterable[Record]) -> list[Record]:
    """Make all the records of a fit; where one cannot be made, warn and return those before it.

    Records that are kept can be written again, by :func:`clvkit.tracking.replay`.

    Parameters
    ----------
    records : iterable of records
        Such as a generator.

    Returns
    -------
    list of records

    Warns
    -----
    TrackingWarning
        If one of them cannot be made; those after it are not asked for.

    Examples
    --------
    >>> from clvkit.tracking import FitRecord, keep
    >>> keep(FitRecord(name) for name in ["monday", "tuesday"])[1].experiment
    'tuesday'
    """
    kept: list[Record] = []
    try:
        for record in records:
            kept.append(record)
    except Exception as error:  # an hour of fitting is not to be lost to any of them
        last = f"the record after a {type(kept[-1]).__name__}" if kept else "the first record"
        warn_user(
            f"{last} of the fit could not be made, and is not tracked: {type(error).__name__}: "
            f"{str(error)[:500]}. The fit itself is unharmed.",
            TrackingWarning,
        )
    return kept


def write(records: Iterable[Record], *, tracking_uri: str | None = None) -> TrackedRun | None:
    """Write the records of a fit to MLflow; whatever goes wrong, warn and carry on.

    Parameters
    ----------
    records : iterable of records
        A :class:`FitRecord` first, then any others; a generator is asked for each when the one
        before is written.
    tracking_uri : str or None, default=None
        By default the one that is set in MLflow.

    Returns
    -------
    TrackedRun or None
        Where it was written, as far as it was; None where not even the run could be opened.

    Warns
    -----
    TrackingWarning
        If the server cannot be reached or refuses a record, or a record cannot be made; the run
        is then marked as failed, if that can still be done. A model that cannot be stored or
        registered costs only itself. MLflow itself retries for some minutes before it gives up
        (see ``MLFLOW_HTTP_REQUEST_MAX_RETRIES``).

    See Also
    --------
    MLflowWriter : Raises instead.
    replay : Writes a fit later.
    """
    writer, source, place = MLflowWriter(tracking_uri), iter(records), "the first record"
    try:
        while (record := next(source, None)) is not None:
            place = f"a {type(record).__name__}"
            writer.send(record)
            place = f"the record after {place}"
        place = "the end of the run"
        writer.close()
    except Exception as error:  # an hour of fitting is not to be lost to any of them
        writer.abort()
        _warn(place, error, writer.tracked)
    return writer.tracked


def _warn(place: str, error: Exception, tracked: TrackedRun | None) -> None:
    where = "no run was opened" if tracked is None else f"run {tracked.run_id} is incomplete"
    warn_user(
        f"tracking stopped at {place}: {type(error).__name__}: {str(error)[:500]}. The fit itself "
        f"is unharmed, {where}. Check mlflow.get_tracking_uri() and whether the server is up; then "
        "clvkit.tracking.replay(auto, uri) writes the fit.",
        TrackingWarning,
    )
