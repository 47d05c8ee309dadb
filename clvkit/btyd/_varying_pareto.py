r"""The Pareto/NBD model under rates that vary with time, elementwise.

Bachmann, Meierer and Naef (2021), The Role of Time-Varying Contextual Factors in Latent Attrition
Models for Customer Base Analysis, Marketing Science 40(4). While alive a customer buys at rate
:math:`\lambda e^{\gamma' x(t)}` and is lost at rate :math:`\mu e^{\delta' z(t)}`, with
:math:`\lambda \sim Gamma(r, \alpha)` and :math:`\mu \sim Gamma(s, \beta)`. With the exposures A
and B since the first purchase (:mod:`clvkit.btyd._exposure`) and x purchases at :math:`t_j`, the
last at t, integrating over both rates leaves

.. math::
    L = \frac{\Gamma(r+x)}{\Gamma(r)} \alpha^{-x} e^{\sum_j \gamma' x(t_j)} \Big[ h(T) +
        \int_t^T \frac{s e^{\delta' z(u)}}{\beta + B(u)} h(u) \, du \Big], \quad
    h(u) = \Big(1 + \frac{A(u)}{\alpha}\Big)^{-(r+x)} \Big(1 + \frac{B(u)}{\beta}\Big)^{-s}.

Both exposures are linear in a piece, so that its part of the integral is that of the Pareto/NBD
(:mod:`clvkit.btyd._powers`), with :math:`(\alpha + A) / e^{\gamma' x}` and
:math:`(\beta + B) / e^{\delta' z}` where it begins in place of alpha and beta.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._exposure import Exposure, Spans, spans
from clvkit.btyd._pieces import Pieces
from clvkit.btyd._powers import Integral, log_integral
from clvkit.btyd._special import log_rising
from clvkit.btyd._summary import Rows

__all__ = ["Rates", "Stretch", "log_likelihood", "log_states", "parts_of", "stretch"]

Array = NDArray[np.float64]
Ints = NDArray[np.intp]

#: So many spans of time are worked on at once.
SPANS = 200_000


class Rates(NamedTuple):
    """The parameters, numbers or one a row, and the exposures of both processes."""

    r: Any
    alpha: Any
    s: Any
    beta: Any
    purchase: Exposure
    dropout: Exposure

    def take(self, index: Any) -> Rates:
        """Return the parameters of some rows."""
        r, alpha, s, beta = (part[index] if np.ndim(part) else part for part in self[:4])
        return Rates(r, alpha, s, beta, self.purchase, self.dropout)

    def since(self, stretch: Stretch, row: Ints, piece: Ints, moment: Array) -> tuple[Array, Array]:
        """Return both exposures of moments since the rows' own stretches began."""
        a, b = (
            process.at(piece, moment) - process.at(stretch.piece, stretch.begin)[row]
            for process in (self.purchase, self.dropout)
        )
        return np.maximum(a, 0.0), np.maximum(b, 0.0)


class Stretch(NamedTuple):
    """The time of each row from a beginning to an end, and the spans of its last part."""

    piece: Ints
    begin: Array
    end_piece: Ints
    end: Array
    spans: Spans


def stretch(pieces: Pieces, code: Ints, begin: Array, since: Array, end: Array) -> Stretch:
    """Return the stretches from ``begin`` to ``end``, whose spans start at ``since``."""
    return Stretch(
        pieces.find(code, begin),
        begin,
        pieces.find(code, end),
        end,
        spans(pieces, code, since, end),
    )


def parts_of(pieces: Pieces, begin: Array, end: Array, most: int = SPANS) -> Iterator[slice]:
    """Yield runs of rows that have at most so many spans together, or a row that has more."""
    places = [np.searchsorted(pieces.edges, moment) for moment in (begin, end)]
    count = (places[1] - places[0] + 2).cumsum()
    first = 0
    while first < len(count):
        done = count[first - 1] if first else 0
        last = max(int(np.searchsorted(count, done + most, side="right")), first + 1)
        yield slice(first, last)
        first = last


def log_states(rates: Rates, rows: Rows, lives: Stretch) -> tuple[Array, Array]:
    """Return the logarithms of h(T) and of the integral: of being alive at T, and of not being.

    Parameters
    ----------
    rates : Rates
    rows : Rows
    lives : Stretch
        From the first purchase to T, with the spans since the last one.
    """
    n = len(rows.T)
    a, b = rates.since(lives, np.arange(n), lives.end_piece, lives.end)
    R = rates.r + rows.frequency
    alive = -R * np.log1p(a / rates.alpha) - rates.s * np.log1p(b / rates.beta)
    row, piece, begin, length, offsets = lives.spans
    every = rates.take(row)
    a, b = rates.since(lives, row, piece, begin)
    alpha, beta = every.alpha + a, every.beta + b
    value = (
        -R[row] * np.log1p(a / every.alpha)
        - rates.s * np.log1p(b / every.beta)
        + np.log(rates.s / beta)
        + rates.dropout.log_rate[piece]
        + log_integral(
            Integral(
                alpha / rates.purchase.rate[piece],
                beta / rates.dropout.rate[piece],
                R[row],
                rates.s + 1.0,
                np.zeros_like(length),
                length,
            )
        )
    )
    return alive, log_sum(value, offsets)


def log_sum(value: Array, offsets: Ints) -> Array:
    """Return the logarithm of the sum of exponentials of each row, none of which is empty."""
    most = np.maximum.reduceat(value, offsets[:-1])
    safe = np.where(np.isfinite(most), most, 0.0)
    total = np.add.reduceat(np.exp(value - np.repeat(safe, np.diff(offsets))), offsets[:-1])
    with np.errstate(divide="ignore"):
        return np.asarray(safe + np.log(total))


def log_likelihood(rates: Rates, rows: Rows, lives: Stretch, at_purchases: Array) -> Array:
    """Return the log-likelihood of each row.

    ``at_purchases`` is the sum of the logarithms of what covariates make of the rate, over the
    purchases of each row.
    """
    x = rows.frequency
    return (
        log_rising(rates.r, x)
        - x * np.log(rates.alpha)
        + at_purchases
        + np.logaddexp(*log_states(rates, rows, lives))
    )
