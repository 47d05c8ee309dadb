"""Silence while MLflow works: nothing is printed or logged unless asked."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["environment", "quiet_mlflow", "without_retries"]

_LOGGERS = ("mlflow", "alembic")
_BAR = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"
_RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"


@contextmanager
def quiet_mlflow() -> Iterator[None]:
    """Hold back MLflow's progress bars, and what it logs below a warning.

    Whoever has set the environment variable of the bars keeps them as he wants them.
    """
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(max(logger.level, logging.WARNING))
    try:
        with environment(_BAR, os.environ.get(_BAR, "false")):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def without_retries() -> Iterator[None]:
    """Ask a server once: where it is gone, MLflow would try again for minutes."""
    with environment(_RETRIES, "0"):
        yield


@contextmanager
def environment(name: str, value: str) -> Iterator[None]:
    """Set an environment variable inside the block, and put it back as it was."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
