"""When customers buy: Poisson purchases at a rate of their own, until they drop out.

A process draws latent values, then the repeat purchases of every customer, and knows what to
expect of a customer of given latent values who is alive.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clvkit.datasets._simulation.clock import Clock

__all__ = ["PROCESSES", "Latent", "Process", "Repeats"]

Array = NDArray[np.float64]
Params = dict[str, float]

#: Least chance to drop out at a purchase: Beta draws may underflow to 0, which never ends.
_LEAST_CHANCE = 1e-15


class Latent(NamedTuple):
    """What a customer is like: purchases per day, and the tendency to drop out.

    ``dropout`` is a probability at each purchase or a rate per day, as the process has it.
    """

    rate: Array
    dropout: Array


class Repeats(NamedTuple):
    """Repeat purchases, in the order of their customers, and when customers were lost.

    Attributes
    ----------
    customer : ndarray of int64 of shape (n_purchases,)
    day : ndarray of shape (n_purchases,)
        Days since the start of the log.
    lost : ndarray of shape (n_customers,)
        The day of dropping out; infinite where that is after the log.
    """

    customer: NDArray[np.int64]
    day: Array
    lost: Array


class Process(ABC):
    """A process of purchases; all methods are elementwise over customers."""

    defaults: ClassVar[Params]
    #: Name of ``Latent.dropout`` for users; None for a process without dropout.
    dropout_name: ClassVar[str | None] = None

    def draw_latent(
        self, params: Params, n: int, unit_days: float, rng: np.random.Generator
    ) -> Latent:
        """Draw customers; times of ``params`` are in units of ``unit_days`` days."""
        rate = rng.gamma(params["r"], 1.0 / (params["alpha"] * unit_days), n)
        return Latent(rate, self._draw_dropout(params, n, unit_days, rng))

    @abstractmethod
    def _draw_dropout(
        self, params: Params, n: int, unit_days: float, rng: np.random.Generator
    ) -> Array:
        """Draw the tendencies to drop out."""

    @abstractmethod
    def draw_repeats(
        self, latent: Latent, birth: Array, clock: Clock, rng: np.random.Generator
    ) -> Repeats:
        """Draw the repeat purchases from birth to the end of the clock."""

    @abstractmethod
    def expected(self, latent: Latent, begin: float, end: float, clock: Clock) -> Array:
        """Return the expected purchases between two days of customers alive at the first."""


class NBD(Process):
    """Nobody drops out (Ehrenberg, 1959)."""

    # Of the CDNOW log, in weeks.
    defaults = {"r": 0.385, "alpha": 12.072}

    def _draw_dropout(
        self, params: Params, n: int, unit_days: float, rng: np.random.Generator
    ) -> Array:
        return np.zeros(n)

    def draw_repeats(
        self, latent: Latent, birth: Array, clock: Clock, rng: np.random.Generator
    ) -> Repeats:
        lost = np.full(len(birth), np.inf)
        return Repeats(*_poisson(latent.rate, birth, lost, clock, rng), lost)

    def expected(self, latent: Latent, begin: float, end: float, clock: Clock) -> Array:
        return latent.rate * (clock.at(end) - clock.at(begin))


class ParetoNBD(Process):
    """Customers live for an exponential time (Schmittlein, Morrison and Colombo, 1987)."""

    # Of the CDNOW log, in weeks.
    defaults = {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}
    dropout_name = "dropout_rate"

    def _draw_dropout(
        self, params: Params, n: int, unit_days: float, rng: np.random.Generator
    ) -> Array:
        return rng.gamma(params["s"], 1.0 / (params["beta"] * unit_days), n)

    def draw_repeats(
        self, latent: Latent, birth: Array, clock: Clock, rng: np.random.Generator
    ) -> Repeats:
        with np.errstate(divide="ignore", over="ignore"):  # a rate of 0 never drops out
            lost = birth + rng.standard_exponential(len(birth)) / latent.dropout
        lost[lost > clock.days[-1]] = np.inf
        return Repeats(*_poisson(latent.rate, birth, lost, clock, rng), lost)

    def expected(self, latent: Latent, begin: float, end: float, clock: Clock) -> Array:
        # rate * integral of m(t) exp(-mu (t - begin)), with m constant within a month.
        total = np.zeros_like(latent.rate)
        for left, right, multiplier in clock.pieces(begin, end):
            survives = np.exp(-latent.dropout * (left - begin))
            total += multiplier * survives * _discounted_length(latent.dropout, right - left)
        return latent.rate * total


class BetaGeoNBD(Process):
    """Customers may be lost at each repeat purchase (Fader, Hardie and Lee, 2005)."""

    # Of the CDNOW log, in weeks.
    defaults = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    dropout_name = "dropout_probability"
    #: Whether the first purchase may be the last by the same chance.
    lost_at_first: ClassVar[bool] = False

    def _draw_dropout(
        self, params: Params, n: int, unit_days: float, rng: np.random.Generator
    ) -> Array:
        return np.maximum(rng.beta(params["a"], params["b"], n), _LEAST_CHANCE)

    def draw_repeats(
        self, latent: Latent, birth: Array, clock: Clock, rng: np.random.Generator
    ) -> Repeats:
        last = rng.geometric(latent.dropout) - self.lost_at_first
        never = np.full(len(birth), np.inf)
        customer, day = _poisson(latent.rate, birth, never, clock, rng)
        begin = np.searchsorted(customer, np.arange(len(birth) + 1))
        rank = np.arange(len(customer)) - begin[customer] + 1
        lost = np.where(last == 0, birth, np.inf)
        final = rank == last[customer]
        lost[customer[final]] = day[final]
        keep = rank <= last[customer]
        return Repeats(customer[keep], day[keep], lost)

    def expected(self, latent: Latent, begin: float, end: float, clock: Clock) -> Array:
        # A mean of N purchases with chance p of an end at each: (1 - exp(-p rate S)) / p.
        return latent.rate * _discounted_length(
            latent.dropout * latent.rate, clock.at(end) - clock.at(begin)
        )


class ModifiedBetaGeoNBD(BetaGeoNBD):
    """Customers may be lost at the first purchase too (Batislam, Denizel and Filiztekin, 2007)."""

    # Of the CDNOW log, in weeks.
    defaults = {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}
    lost_at_first = True


#: Name -> process.
PROCESSES: dict[str, Process] = {
    "bg_nbd": BetaGeoNBD(),
    "mbg_nbd": ModifiedBetaGeoNBD(),
    "pareto_nbd": ParetoNBD(),
    "nbd": NBD(),
}


def _poisson(
    rate: Array, begin: Array, end: Array, clock: Clock, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Array]:
    """Draw Poisson purchases between two days, in the order of (customer, day).

    Given their number, the purchases are uniform on the clock. Sorting customer number plus
    uniform draw orders all customers at once; a day keeps ten digits of it for 1e6 customers.
    """
    low = clock.at(begin)
    length = clock.at(end) - low
    count = rng.poisson(rate * length)
    customer = np.repeat(np.arange(len(rate)), count)
    key = np.sort(customer + rng.random(len(customer)))
    # Rounding may carry a draw to the next whole number.
    uniform = np.clip(key - customer, 0.0, 1.0)
    return customer, clock.when(low[customer] + uniform * length[customer])


def _discounted_length(rate: Array, length: ArrayLike) -> Array:
    """Return (1 - exp(-rate length)) / rate, which is the length at a rate of 0."""
    safe = np.where(rate > 0, rate, 1.0)
    return np.where(rate > 0, -np.expm1(-safe * length) / safe, length)
