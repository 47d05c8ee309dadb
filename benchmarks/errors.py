"""What stops a run; a competitor that fails does not, and is a row of the results instead."""

from __future__ import annotations

__all__ = ["BenchmarkError"]


class BenchmarkError(Exception):
    """The benchmark cannot be run as asked; the message says what to change."""
