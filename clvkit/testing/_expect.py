"""``pytest.raises`` for suites that must not need pytest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["must_raise"]


@contextmanager
def must_raise(expected: type[Exception], what: str) -> Iterator[None]:
    """Assert that the block raises ``expected``; any other error passes through.

    Parameters
    ----------
    expected : type of exception
        Subclasses count as well.
    what : str
        What the block does, for the message: "<what> must raise <expected>".
    """
    try:
        yield
    except expected:
        return
    raise AssertionError(f"{what} must raise {expected.__name__}")
