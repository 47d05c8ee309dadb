"""Writing a fit to MLflow later than it was made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clvkit.errors import ArgumentError, OutputError
from clvkit.tracking._mlflow_writer import MLflowWriter
from clvkit.tracking._records import Record, TrackedRun

__all__ = ["replay"]


def replay(auto: Any, uri: str | None = None) -> TrackedRun:
    """Write a fit to MLflow that could not be written when it was made, or write it once more.

    Parameters
    ----------
    auto : AutoCLV
        Fitted with ``tracking``; also after it was pickled and read again. Its ``tracked_run_``
        becomes the new run.
    uri : str or None, default=None
        Tracking URI such as ``"http://localhost:5000"`` or ``"sqlite:///mlflow.db"``; by default
        the one that is set in MLflow.

    Returns
    -------
    TrackedRun
        The new run. It says when the fit was made, not when it was replayed. A run that broke
        off is not continued: delete it, or leave it as it is, marked as failed.

    Raises
    ------
    ArgumentError
        If the fit was made without ``tracking``, so that nothing was kept for it.
    OutputError
        If it cannot be written this time either; ``auto`` is unharmed.

    See Also
    --------
    clvkit.serving.register : Registers a model that was fitted without tracking.

    Examples
    --------
    >>> from clvkit import AutoCLV
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.tracking import replay
    >>> auto = AutoCLV("13W", candidates="baseline", n_trials=1, verbose=0).fit(load_cdnow())
    >>> replay(auto, "sqlite:///mlflow.db")
    Traceback (most recent call last):
        ...
    clvkit.errors.ArgumentError: there is nothing to replay: the fit was made without tracking. ...
    """
    records: Sequence[Record] | None = getattr(auto, "fit_records_", None)
    if not records:
        raise ArgumentError(
            "there is nothing to replay: the fit was made without tracking. Give "
            "tracking='experiment name' to AutoCLV; to register the model alone, use "
            "clvkit.serving.register(auto, name)."
        )
    try:
        tracked = MLflowWriter(uri).write(records)
    except Exception as error:  # stores raise what they like
        where = "the tracking server that MLflow is set to" if uri is None else repr(uri)
        raise OutputError(
            f"the fit could not be written to {where}: {type(error).__name__}: "
            f"{str(error)[:500]}. Check the URI and whether the server is up, and replay again."
        ) from error
    assert tracked is not None  # write raises where no run was opened
    auto.tracked_run_ = tracked
    return tracked
