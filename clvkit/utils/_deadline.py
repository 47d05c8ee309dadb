"""A point in time after which long work is given up, wherever it is just then."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["OutOfTime", "check_deadline", "deadline"]

_DEADLINE: ContextVar[float | None] = ContextVar("deadline", default=None)


class OutOfTime(BaseException):
    """Work was given up at its deadline.

    No :class:`Exception`: who catches those of a user's estimator must not take it for one.
    """


@contextmanager
def deadline(moment: float | None) -> Iterator[None]:
    """Let :func:`check_deadline` raise inside the block from then on.

    Each thread has its own, so that fits side by side do not stop each other.

    Parameters
    ----------
    moment : float or None
        A reading of ``time.perf_counter()``; None is no deadline.
    """
    token = _DEADLINE.set(moment)
    try:
        yield
    finally:
        _DEADLINE.reset(token)


def check_deadline() -> None:
    """Give up if the deadline of this thread, if there is one, has passed.

    Raises
    ------
    OutOfTime
    """
    moment = _DEADLINE.get()
    if moment is not None and time.perf_counter() > moment:
        raise OutOfTime
