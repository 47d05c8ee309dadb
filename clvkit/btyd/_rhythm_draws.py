"""Drawing purchases at gamma-distributed intervals, each customer with a rhythm of his own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv

from clvkit.btyd._dedup import group_rows
from clvkit.btyd._rhythm_likelihood import chunks, probability_alive
from clvkit.btyd._rhythm_lull import log_silent
from clvkit.btyd._rhythm_nodes import Pairs, of_rows
from clvkit.btyd._summary import Rows

__all__ = ["draw", "draw_histories"]

Array = NDArray[np.float64]
Params = dict[str, Any]


def draw(params: Params, rows: Rows, horizon: Array, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw the purchases in the horizon, dead customers making none.

    k is drawn from the nodes of its posterior, which have its moments; then the next purchase,
    the rate given that, and the purchases after it until the customer dies or the horizon ends.
    """
    n = len(rows.T)
    groups = group_rows(*rows.columns)  # customers are often drawn again and again
    own, some = of_rows(params, groups.first, n), rows.take(groups.first)
    alive = rng.random(n) < probability_alive(own, some)[groups.code]
    k, wait, rate = np.empty(n), np.empty(n), np.empty(n)
    members = np.argsort(groups.code, kind="stable")
    ends = np.cumsum(np.bincount(groups.code))
    for part, pairs in chunks(own, some):
        who = members[ends[part.start - 1] if part.start else 0 : ends[part.stop - 1]]
        k[who], wait[who], rate[who] = _draw_next(pairs, groups.code[who] - part.start, rng)
    left = _draw_lifetimes(params["s"], params["beta"] + rows.T, rng)
    end = np.where(alive, np.minimum(left, horizon), 0.0)
    return _count(wait, end, k, rate, rng)


def _draw_next(
    pairs: Pairs, customer: NDArray[np.intp], rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Return k, the time from T to the next purchase and the rate of phases, of each customer."""
    log_share = pairs.log_weight + log_silent(pairs)
    peak = np.maximum.reduceat(log_share, pairs.first)
    upto = np.cumsum(np.exp(log_share - peak[pairs.row]))
    last = np.append(pairs.first[1:], len(upto)) - 1
    begin = upto[pairs.first] - np.exp(log_share[pairs.first] - peak)
    level = begin[customer] + rng.random(len(customer)) * (upto[last] - begin)[customer]
    chosen = np.clip(np.searchsorted(upto, level), pairs.first[customer], last[customer])
    one = pairs.take(chosen)
    # A / (A + k u) is Beta(R, k), below what it is at U.
    most = one.rate / (one.rate + one.k * one.silence)
    share = betaincinv(one.shape, one.k, rng.random(len(most)) * betainc(one.shape, one.k, most))
    with np.errstate(divide="ignore"):  # a purchase that never comes
        since = np.maximum(one.rate / one.k * (1.0 / share - 1.0), one.silence)
    rate = one.k * rng.gamma(one.shape + one.k) / (one.rate + one.k * since)
    return one.k, since - one.silence, rate


def draw_histories(params: Params, age: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw (frequency, recency, T) of newcomers observed for ``age``, and their log gaps."""
    n = len(age)
    k = np.maximum(rng.gamma(params["t"], size=n) / params["gamma"], 1e-12)
    rate = k * rng.gamma(params["r"], size=n) / params["alpha"]
    end = np.minimum(_draw_lifetimes(params["s"], np.full(n, params["beta"]), rng), age)
    x, last, logs = np.zeros(n), np.zeros(n), np.zeros(n)
    on = np.arange(n)
    while on.size:
        gap = _draw_gaps(k[on], rate[on], rng)
        bought = last[on] + gap <= end[on]
        on, gap = on[bought], gap[bought]
        last[on] += gap
        logs[on] += np.log(gap)
        x[on] += 1.0
    return np.column_stack([x, last, age]), logs


def _draw_gaps(k: Array, rate: Array, rng: np.random.Generator) -> Array:
    # Bursts may be too short for a float, but two purchases are never at the same time.
    with np.errstate(divide="ignore", over="ignore"):
        return np.maximum(rng.gamma(k) / rate, 1e-12)


def _draw_lifetimes(s: float, beta: Array, rng: np.random.Generator) -> Array:
    with np.errstate(divide="ignore"):  # a dropout rate may be too small for a float
        return rng.exponential(size=len(beta)) / (rng.gamma(s, size=len(beta)) / beta)


def _count(
    wait: Array, end: Array, k: Array, rate: Array, rng: np.random.Generator
) -> NDArray[np.int64]:
    x, time = np.zeros(len(wait), dtype=np.int64), wait.copy()
    on = np.flatnonzero(time <= end)
    on = on[end[on] > 0.0]
    while on.size:
        x[on] += 1
        time[on] += _draw_gaps(k[on], rate[on], rng)
        on = on[time[on] <= end[on]]
    return x
