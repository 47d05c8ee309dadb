"""Purchases that are returned, and what that does to the expected spend.

A share of the purchases is returned, 1, 2, ... or ``_MOST_DAYS`` days after the purchase, each
number of days with the same chance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.datasets._simulation.clock import Clock
from clvkit.datasets._simulation.processes import Latent, Process

__all__ = ["Refunds", "draw_refunds", "expected_kept", "expected_pending"]

Array = NDArray[np.float64]

#: Longest time from a purchase to its return.
_MOST_DAYS = 30


class Refunds(NamedTuple):
    """Returns within the log: the position of the purchase, and the day of the refund."""

    purchase: NDArray[np.int64]
    day: Array


def draw_refunds(
    day: Array, amount: Array, share: float, end: float, rng: np.random.Generator
) -> Refunds:
    """Draw which purchases are returned by the end of the log, and when."""
    returned = rng.random(len(day)) < share
    back = day + rng.integers(1, _MOST_DAYS + 1, len(day))
    purchase = np.flatnonzero(returned & (amount > 0) & (back < end))
    return Refunds(purchase, back[purchase])


def expected_kept(
    process: Process, latent: Latent, cutoff: float, end: float, share: float, clock: Clock
) -> Array:
    """Return expected purchases of the horizon, less expected returns of them within it.

    A purchase returned after d days is returned by the end if it was made d days before.
    """
    kept = process.expected(latent, cutoff, end, clock)
    if share == 0:
        return kept
    returned = np.zeros_like(kept)
    for delay in range(1, min(_MOST_DAYS, int(end - cutoff)) + 1):
        returned += process.expected(latent, cutoff, end - delay, clock)
    return kept - share / _MOST_DAYS * returned


def expected_pending(
    day: Array, amount: Array, refunds: Refunds, cutoff: float, end: float, share: float
) -> Array:
    """Return for every purchase the expected refund of it in the horizon.

    The chance is conditional on what the log shows at the cutoff: that the purchase was not
    returned in the whole days that have passed since.
    """
    open_ = (day < cutoff) & (day + _MOST_DAYS >= cutoff)
    open_[refunds.purchase[refunds.day < cutoff]] = False
    passed = np.floor(cutoff - day[open_])
    left = np.minimum(_MOST_DAYS, passed + np.floor(end - cutoff)) - passed
    chance = share * left / (_MOST_DAYS - share * passed)
    expected = np.zeros(len(day))
    expected[open_] = amount[open_] * chance
    return expected
