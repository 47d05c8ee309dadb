"""Silence while MLflow works: nothing is printed or logged unless asked."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet_mlflow"]

_LOGGERS = ("mlflow", "alembic")
_BAR = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"


@contextmanager
def quiet_mlflow() -> Iterator[None]:
    """Hold back MLflow's progress bars, and what it logs below a warning.

    Whoever has set the environment variable of the bars keeps them as he wants them.
    """
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    asked = _BAR in os.environ
    for logger in loggers:
        logger.setLevel(max(logger.level, logging.WARNING))
    if not asked:
        os.environ[_BAR] = "false"
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if not asked:
            os.environ.pop(_BAR, None)
