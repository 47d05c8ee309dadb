r"""What a customer who is alive will do under rates that vary with time.

Given alive at T the rates are Gamma(r + x, :math:`\alpha + A(T)`) and Gamma(s,
:math:`\beta + B(T)`) and independent, so that everything is that of a newcomer with these
parameters, whose exposures begin at T.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import exprel

from clvkit.btyd._powers import Integral, log_integral
from clvkit.btyd._varying_pareto import Rates, Stretch, log_sum

__all__ = [
    "active_exposure",
    "active_if_alive",
    "discounted_if_alive",
    "draw_purchases",
    "inactive_if_alive",
    "pmf_if_alive",
    "purchases_if_alive",
    "stays_alive",
]

Array = NDArray[np.float64]

#: (length in nats, nodes) of what is integrated over a span.
_RULES = ((0.02, 3), (0.5, 8), (4.0, 24), (np.inf, 64))
_COUNT_NODES = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512)
_NUMBERS = 200_000


class _Spans(NamedTuple):
    """Parameters where spans begin, those of dropout and purchase per unit of the span's time."""

    given: Rates
    alpha: Array
    beta: Array
    purchase_rate: Array
    dropout_rate: Array
    log_survival: Array
    length: Array

    def take(self, index: NDArray[np.intp]) -> _Spans:
        return _Spans(self.given.take(index), *(part[index] for part in self[1:]))


def _spans(given: Rates, future: Stretch) -> _Spans:
    row, piece, begin, length, _ = future.spans
    a, b = given.since(future, row, piece, begin)
    every = given.take(row)
    return _Spans(
        every,
        every.alpha + a,
        every.beta + b,
        given.purchase.rate[piece],
        given.dropout.rate[piece],
        -every.s * np.log1p(b / every.beta),
        length,
    )


def _over_spans(values: Array, future: Stretch) -> Array:
    return np.asarray(np.add.reduceat(values, future.spans.offsets[:-1]))


def stays_alive(given: Rates, future: Stretch) -> Array:
    """Return the probability of being alive at the end, given alive at the beginning."""
    every = np.arange(len(future.end))
    _, b = given.since(future, every, future.end_piece, future.end)
    return np.asarray(np.exp(-given.s * np.log1p(b / given.beta)))


def purchases_if_alive(given: Rates, future: Stretch) -> Array:
    """Return the expected purchases, given alive at the beginning: a closed form in each span."""
    some = _spans(given, future)
    z = np.log1p(some.dropout_rate * some.length / some.beta)
    alive = some.beta / some.dropout_rate * z * exprel((1.0 - given.s) * z)
    rate = some.given.r / some.given.alpha * some.purchase_rate
    return _over_spans(rate * np.exp(some.log_survival) * alive, future)


def active_if_alive(given: Rates, future: Stretch) -> Array:
    """Return the probability of a purchase: the density of the first one, if alive then."""
    some = _spans(given, future)
    shape = some.given.r
    first = Integral(
        some.alpha / some.purchase_rate,
        some.beta / some.dropout_rate,
        shape + 1.0,
        given.s,
        np.zeros_like(some.length),
        some.length,
    )
    before = (
        np.log(shape / some.alpha * some.purchase_rate)
        - shape * np.log(some.alpha / some.given.alpha)
        + some.log_survival
    )
    return np.minimum(np.exp(log_sum(before + log_integral(first), future.spans.offsets)), 1.0)


def inactive_if_alive(given: Rates, future: Stretch) -> Array:
    """Return the probability of no purchase: survival without one, or dropout before it."""
    every = np.arange(len(future.end))
    a, b = given.since(future, every, future.end_piece, future.end)
    survives = -given.r * np.log1p(a / given.alpha) - given.s * np.log1p(b / given.beta)
    some = _spans(given, future)
    dies = Integral(
        some.alpha / some.purchase_rate,
        some.beta / some.dropout_rate,
        some.given.r,
        given.s + 1.0,
        np.zeros_like(some.length),
        some.length,
    )
    before = (
        np.log(given.s / some.beta * some.dropout_rate)
        - some.given.r * np.log(some.alpha / some.given.alpha)
        + some.log_survival
    )
    lost = log_sum(before + log_integral(dies), future.spans.offsets)
    return np.asarray(np.exp(survives) + np.exp(lost))


def pmf_if_alive(given: Rates, future: Stretch, n_max: int) -> Array:
    """Return the probabilities of 0 .. n_max purchases, given alive at the beginning.

    As in :mod:`clvkit.btyd._pareto_counts`: whoever dies at u has bought as in the NBD until then.
    """
    n = len(future.end)
    out = np.zeros((n, n_max + 1))
    out[:, 0] = inactive_if_alive(given, future)
    if not n_max:
        return out
    every = np.arange(n)
    a, _ = given.since(future, every, future.end_piece, future.end)
    _add_counts(out, every, a[None], stays_alive(given, future)[None], given)
    some = _spans(given, future)
    nodes = np.searchsorted(_COUNT_NODES[:-1], _difficulty(some))
    for number in np.flatnonzero(np.bincount(nodes)):
        chosen = np.flatnonzero(nodes == number)
        size = max(1, _NUMBERS // _COUNT_NODES[number])
        for begin in range(0, len(chosen), size):
            part = chosen[begin : begin + size]
            exposure, mass = _deaths(some.take(part), _COUNT_NODES[number])
            _add_counts(out, future.spans.row[part], exposure, mass, some.given.take(part))
    return out


def _difficulty(some: _Spans) -> Array:
    """Return a number of nodes that is enough, by the length of a span and the fall over it."""
    in_alpha = np.log1p(some.purchase_rate * some.length / some.alpha)
    in_beta = np.log1p(some.dropout_rate * some.length / some.beta)
    # Growth from nothing, with which a stretch begins, is as hard as the whole of it.
    fall = some.given.r * in_alpha + some.given.s * in_beta
    return np.asarray(8.0 + 5.0 * (np.sqrt(fall) + np.maximum(in_alpha, in_beta)))


def _deaths(some: _Spans, n_nodes: int) -> tuple[Array, Array]:
    """Return purchase exposures at which customers die, and the probability of each."""
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    nodes, weights = 0.5 + 0.5 * nodes, 0.5 * weights
    c = np.minimum(some.alpha / some.purchase_rate, some.beta / some.dropout_rate)
    width = np.log1p(some.length / c)
    time = c * np.expm1(nodes[:, None] * width)
    grown = some.dropout_rate * time / some.beta
    density = some.given.s * some.dropout_rate / (some.beta * (1.0 + grown))
    survival = np.exp(some.log_survival - some.given.s * np.log1p(grown))
    exposure = some.alpha - some.given.alpha + some.purchase_rate * time
    return exposure, survival * density * (c + time) * weights[:, None] * width


def _add_counts(
    out: Array, row: NDArray[np.intp], exposure: Array, mass: Array, given: Rates
) -> None:
    """Add the probabilities of 1 .. n_max purchases within exposures, each with a probability."""
    with np.errstate(divide="ignore"):  # nothing is bought in no time
        log_share = np.log(exposure) - np.log(given.alpha + exposure)
    log_count = -given.r * np.log1p(exposure / given.alpha)
    for k in range(1, out.shape[1]):
        log_count = log_count + log_share + np.log((given.r + (k - 1.0)) / k)
        counts = np.einsum("kr,kr->r", np.exp(log_count), mass)
        out[:, k] += np.bincount(row, counts, len(out))


def discounted_if_alive(given: Rates, future: Stretch, rate: float) -> Array:
    """Return the purchases discounted to the beginning at a continuous rate."""
    some = _spans(given, future)
    row, _, begin, length, _ = future.spans
    since = begin - future.begin[row]
    unit = some.beta / some.dropout_rate
    width = np.log1p(length / unit)
    total = np.empty_like(length)
    steep = np.maximum(width, rate * length)
    kind = np.searchsorted([limit for limit, _ in _RULES[:-1]], steep)
    for number in np.unique(kind):
        part = np.flatnonzero(kind == number)
        total[part] = 0.0
        nodes, weights = np.polynomial.legendre.leggauss(_RULES[number][1])
        for node, weight in zip(nodes, weights, strict=True):
            log_time = 0.5 * (1.0 + node) * width[part]
            time = unit[part] * np.expm1(log_time)
            # survival times time's own density in log time
            kept = np.exp((1.0 - given.s) * log_time - rate * (since[part] + time))
            total[part] += 0.5 * weight * width[part] * unit[part] * kept
    buys = some.given.r / some.given.alpha * some.purchase_rate
    return _over_spans(buys * np.exp(some.log_survival) * total, future)


def draw_purchases(given: Rates, future: Stretch, rng: np.random.Generator) -> Array:
    """Draw the purchases between beginning and end of whoever is alive at the beginning."""
    exposure, _ = active_exposure(given, future, rng)
    return rng.poisson(rng.gamma(given.r) / given.alpha * exposure).astype(float)


def active_exposure(given: Rates, future: Stretch, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw when customers are lost: their exposure to purchases until then, or the end.

    Returns
    -------
    exposure : ndarray of shape (n,)
        Since the beginning.
    at_beginning : ndarray of shape (n,)
        That of the beginning since the first edge.
    """
    n = len(future.begin)
    with np.errstate(divide="ignore", over="ignore"):  # dropout may be too rare for a float
        life = rng.exponential(size=n) / (rng.gamma(given.s, size=n) / given.beta)
    start = given.dropout.at(future.piece, future.begin)
    code = future.piece // (len(given.dropout.pieces.edges) - 1)
    piece, moment = given.dropout.moment_of(code, start + life)
    later = moment >= future.end
    piece, moment = np.where(later, future.end_piece, piece), np.minimum(moment, future.end)
    at_beginning = given.purchase.at(future.piece, future.begin)
    return np.maximum(given.purchase.at(piece, moment) - at_beginning, 0.0), at_beginning
