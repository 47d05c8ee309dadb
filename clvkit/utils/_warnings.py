"""Warnings that point at the user's line, not at ours."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import joblib
import sklearn

__all__ = ["collected", "keep_warnings", "route_to_collectors", "silenced", "warn_user"]

_SILENCED: ContextVar[tuple[type[Warning], ...]] = ContextVar("silenced", default=())
_COLLECTED: ContextVar[list[str] | None] = ContextVar("collected", default=None)

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
    if _collect(message, category):
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


@contextmanager
def collected() -> Iterator[list[str]]:
    """Keep warnings that :func:`warn_user` gives inside the block, in place of showing them.

    Those of other packages are kept too inside a block of :func:`route_to_collectors`. As with
    :func:`silenced`, each thread has its own setting.

    Yields
    ------
    list of str
        Filled with ``"Category: message"`` as warnings are given, each once.
    """
    messages: list[str] = []
    token = _COLLECTED.set(messages)
    try:
        yield messages
    finally:
        _COLLECTED.reset(token)


def keep_warnings(lines: list[str]) -> None:
    """Add what another :func:`collected` block kept to the one of this thread, if there is one."""
    messages = _COLLECTED.get()
    if messages is not None:
        messages.extend(line for line in lines if line not in messages)


@contextmanager
def route_to_collectors() -> Iterator[None]:
    """Hand everybody's warnings to the :func:`collected` block of the thread that gives them.

    Outside of such a block they are shown as ever. This changes the process and not the thread:
    it is entered once, around everything that runs side by side. What the filters make an error
    of, or leave out, stays so.
    """
    with warnings.catch_warnings():
        show = warnings.showwarning

        def route(
            message: Warning | str, category: type[Warning], *where: Any, **more: Any
        ) -> None:
            if not _collect(str(message), category):
                show(message, category, *where, **more)

        warnings.showwarning = route
        yield


def _collect(message: str, category: type[Warning]) -> bool:
    """Keep a warning where this thread collects them, and tell whether it does."""
    messages = _COLLECTED.get()
    if messages is None:
        return False
    line = f"{category.__name__}: {message}"
    if line not in messages:
        messages.append(line)
    return True
