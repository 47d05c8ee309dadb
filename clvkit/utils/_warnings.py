"""Warnings that point at the user's line, not at ours."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import joblib
import sklearn

__all__ = ["silenced", "warn_user"]

_SILENCED: ContextVar[tuple[type[Warning], ...]] = ContextVar("silenced", default=())

# The frames of scikit-learn and joblib count as ours: they stand between the user's fit and
# our own.
_INSIDE = tuple(
    str(Path(file).parent) + os.sep
    for file in (Path(__file__).parent, sklearn.__file__, joblib.__file__)
)


def warn_user(message: str, category: type[Warning]) -> None:
    """Warn as if from the first line outside of this package that led here.

    Python shows a warning once per line that gives it, and prints that line: it should be the
    line that the user can change.

    Parameters
    ----------
    message : str
    category : type of Warning
    """
    if issubclass(category, _SILENCED.get()):
        return
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


@contextmanager
def silenced(*categories: type[Warning]) -> Iterator[None]:
    """Let :func:`warn_user` give no warnings of these kinds inside the block.

    Each thread has its own setting, where ``warnings.catch_warnings`` changes that of the process:
    trials of a search run side by side.

    Parameters
    ----------
    *categories : type of Warning
    """
    token = _SILENCED.set((*_SILENCED.get(), *categories))
    try:
        yield
    finally:
        _SILENCED.reset(token)
