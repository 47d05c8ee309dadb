r"""Purchases after a purchase, where gaps are Gamma(k, rate) and the rate is gamma distributed too.

The renewal function :math:`M_k(t) = \sum_n P(n k, t)`, of incomplete gamma functions, counts the
purchases expected within t mean phases of a purchase. It settles down to a straight line,

.. math:: M_k(t) = \frac{t}{k} + \frac{1 - k}{2 k} + \tau(t),

from which the transient :math:`\tau` departs in the first gaps only, the more of them the more
regular they are. It depends on k alone, and is tabulated over log t together with its first and
second integral :math:`\tau_1` and :math:`\tau_2`. With a rate g ~ Gamma(N, 1) of phases,

.. math:: \bar\tau_j(\xi) = E[g^{-j} \tau_j(g \xi)] ,

are convolutions over log t, one matrix product for all N at a k.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline
from scipy.special import gammainc, gammaln

from clvkit.btyd._rhythm_counts import count_rule

__all__ = ["MixedTransients", "excess", "look_up", "look_up_earlier", "mixed_transients"]

Array = NDArray[np.float64]

#: Log times from here on; what is before them is a straight line.
_FIRST = -62.0
#: Distance of the nodes in log t, times the root of 1 + k.
_STEP = 0.09
#: Nats by which a transient has to have decayed, and by which the tails of g are cut.
_SETTLED, _TAIL = 40.0, 30.0
#: Times of the table that share the counts which are summed.
_TIMES = 100
#: Degree of the splines that refine the table.
_DEGREE = 7


class MixedTransients(NamedTuple):
    """Tables of the mixed transient and its integrals, of shape (3, n_shapes, n_places).

    The j-th place is at ``step * (first + j)`` in the logarithm of xi.
    """

    step: float
    first: int
    tables: Array


class _Transient(NamedTuple):
    step: float
    first: int
    tables: Array


def excess(k: float) -> float:
    """Return (1 - k) / (2 k), the purchases by which a purchase now outdoes the mean rate."""
    return 0.5 * (1.0 - k) / k


def mixed_transients(k: float, shapes: Array, low: float, high: float) -> MixedTransients:
    """Return the tables for gamma ``shapes`` of the rate, for log xi between low and high.

    The places are multiples of the step, whatever the limits are.
    """
    step = _transient(k).step
    finer = np.exp2(np.ceil(np.log2(np.maximum(step * np.sqrt(shapes), 1.0)))).astype(np.intp)
    begin = int(np.floor(low / step)) - 2
    n_places = int(np.ceil(high / step)) + 3 - begin
    tables = np.empty((3, len(shapes), n_places))
    for times in np.unique(finer).tolist():
        some = finer == times
        tables[:, some] = _mixed(k, shapes[some], begin, n_places, times)
    return MixedTransients(step, begin, tables)


def _mixed(k: float, shapes: Array, begin: int, n_places: int, finer: int) -> Array:
    """Return the tables for some shapes, by sums over a step that is finer than that of places."""
    table = _refined(k, finer) if finer > 1 else _transient(k)
    log_rate, share = _rates(shapes, table.step)
    start = begin * finer + round(log_rate[0] / table.step)
    values = _extended(k, table, start, start + (n_places - 1) * finer + len(log_rate))
    windows = np.lib.stride_tricks.sliding_window_view(values, len(log_rate), axis=1)[:, ::finer]
    powers = np.exp(-np.arange(3)[:, None] * log_rate)
    weights = share * powers[:, None]
    mixed: Array = weights @ windows.transpose(0, 2, 1)
    return mixed


def look_up(
    mixed: MixedTransients, columns: slice, shape: NDArray[np.intp], log_xi: Array
) -> list[Array]:
    """Return columns of the tables at log xi, by cubic interpolation; ``shape`` is the row."""
    cell, weights = _cells(mixed, shape, log_xi)
    return [_interpolated(table, cell, weights) for table in mixed.tables[columns]]


def look_up_earlier(
    mixed: MixedTransients, shape: NDArray[np.intp], log_xi: Array, steps: NDArray[np.intp]
) -> Array:
    """Return the second integral some steps of the table before log xi, of shape (n_steps, ...)."""
    cell, weights = _cells(mixed, shape, log_xi)
    earlier = cell - steps.reshape(-1, *[1] * cell.ndim)
    return _interpolated(mixed.tables[2], earlier, weights)


def _cells(
    mixed: MixedTransients, shape: NDArray[np.intp], log_xi: Array
) -> tuple[NDArray[np.intp], tuple[Array, ...]]:
    place = log_xi * (1.0 / mixed.step) - mixed.first
    cell = place.astype(np.intp)
    f = place - cell
    cell += shape * mixed.tables.shape[2] - 1
    before, after, last = f + 1.0, f - 1.0, f - 2.0
    outer, inner = before * last, f * after
    weights = (inner * last / -6.0, 0.5 * outer * after, -0.5 * outer * f, inner * before / 6.0)
    return cell, weights


def _interpolated(table: Array, cell: NDArray[np.intp], weights: tuple[Array, ...]) -> Array:
    flat = table.reshape(-1)
    value = weights[0] * flat.take(cell)
    for offset in (1, 2, 3):
        part = flat[offset:].take(cell)
        part *= weights[offset]
        value += part
    return value


def _rates(shapes: Array, step: float) -> tuple[Array, Array]:
    """Return nodes of log g that serve all shapes, and their probabilities (n_shapes, n)."""
    center, width = np.log(shapes), 8.0 / np.sqrt(shapes)
    low = (center - np.minimum(width + 10.0 / shapes, _TAIL / shapes + 1.0)).min()
    high = np.log(shapes + _TAIL + shapes * width).max()
    nodes = step * np.arange(np.floor(low / step), np.ceil(high / step) + 1.0)
    log_share = shapes[:, None] * nodes - np.exp(nodes) - gammaln(shapes)[:, None]
    share = np.exp(log_share) * step
    return nodes, share / share.sum(axis=1, keepdims=True)


@lru_cache(maxsize=1024)
def _transient(k: float) -> _Transient:
    step = _STEP / np.sqrt(1.0 + k)
    decay = 1.0 if k < 4.0 else 1.0 - np.cos(2.0 * np.pi / k)
    first = int(np.floor(_FIRST / step))
    log_time = step * np.arange(first, np.ceil(np.log(_SETTLED / decay + 10.0 * k) / step) + 1.0)
    time = np.exp(log_time)
    tau = np.empty_like(time)
    for begin in range(0, len(time), _TIMES):
        part = slice(begin, begin + _TIMES)
        longest = time[part][-1]
        top = int((longest + 9.0 * np.sqrt(longest) + _SETTLED) / k) + 2
        counts, weights = count_rule(top, exact=32 + int(3.0 * k))
        tau[part] = gammainc(counts * k, time[part, None]) @ weights - time[part] / k
    tau -= excess(k)
    tables = [tau]
    for power in (1, 2):
        running = make_interp_spline(log_time, tables[-1] * time, k=5).antiderivative()(log_time)
        before = -excess(k) * time[0] ** power / power
        tables.append(running - running[0] + before)
    return _Transient(step, first, np.stack(tables))


@lru_cache(maxsize=64)
def _refined(k: float, finer: int) -> _Transient:
    step, first, tables = _transient(k)
    places = np.arange(float(tables.shape[1]))
    fine = np.arange((len(places) - 1) * finer + 1.0) / finer
    spline = make_interp_spline(places, tables, k=_DEGREE, axis=1)
    return _Transient(step / finer, first * finer, spline(fine))


def _extended(k: float, table: _Transient, start: int, stop: int) -> Array:
    """Return the tables between two places, with what is known outside of them."""
    place = np.arange(start, stop)
    last = table.first + table.tables.shape[1] - 1
    out = table.tables[:, np.clip(place - table.first, 0, last - table.first)]
    early, late = place < table.first, place > last
    time = np.exp(table.step * place[early])
    out[:, early] = -excess(k) * np.stack([np.ones_like(time), time, 0.5 * time**2])
    out[0, late] = 0.0
    since = np.exp(table.step * place[late]) - np.exp(table.step * last)
    out[2, late] += table.tables[1, -1] * since
    return out
