"""The coverage of an interval as users write it."""

from __future__ import annotations

from numbers import Real

import numpy as np

from clvkit.errors import ArgumentError

__all__ = ["check_coverage"]


def check_coverage(coverage: object, name: str = "coverage") -> float:
    """Return the coverage as a number, if it is a share of customers.

    Raises
    ------
    ArgumentError
        If it is no number, or not between 0 and 1. It is a fraction, not a percentage.
    """
    share = float(coverage) if isinstance(coverage, Real) else np.nan
    if not 0 < share < 1:
        raise ArgumentError(
            f"{name} must be a number above 0 and below 1 (0.9 is 90 %); got {coverage!r}."
        )
    return share
