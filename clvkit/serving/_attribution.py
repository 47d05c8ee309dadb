r"""Splitting a prediction among what made it, so that the parts sum to it exactly.

A model on the log scale has factors, and money is what people add up. With
:math:`f = b \prod_j e^{\phi_j}` the logarithmic mean :math:`L(f, b) = (f - b) / \log(f / b)` gives
each factor its share: :math:`\sum_j L \phi_j = f - b`. (B. W. Ang, "The LMDI approach to
decomposition analysis", *Energy Policy* 33 (2005) 867-871.) For models that are neither sums nor
products Shapley values do.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

__all__ = ["log_mean", "mean_slope", "shapley_values"]

Floats = NDArray[np.float64]

#: Up to so many terms all their subsets are looked at: 256 rows.
_EXACT = 8

#: Pairs of a random order and its reverse, where there are more terms.
N_PAIRS = 32

_SAME = 1e-6


def log_mean(base: float, log_ratio: float) -> float:
    """Return ``(f - base) / log_ratio`` for ``f = base * exp(log_ratio)``, continuous at 0."""
    if abs(log_ratio) < _SAME:
        return base * (1.0 + log_ratio / 2.0)
    return base * float(np.expm1(log_ratio)) / log_ratio


def mean_slope(
    function: Callable[[float], float],
    derivative: Callable[[float], float],
    start: float,
    stop: float,
) -> float:
    """Return the mean slope of a function between two points, continuous where they meet."""
    if abs(stop - start) < _SAME:
        return derivative((start + stop) / 2.0)
    return (function(stop) - function(start)) / (stop - start)


def shapley_values(
    predict: Callable[[NDArray[np.bool_]], Floats], n_terms: int, seed: int = 0
) -> tuple[float, Floats]:
    """Split a prediction among its terms by Shapley values.

    Parameters
    ----------
    predict : callable
        Given a mask of shape (n_rows, n_terms), returns a prediction for each row, where the
        terms of the mask have the values of the row to explain and the others those of the
        reference.
    n_terms : int
    seed : int
        Of the orders in which terms are put in. Up to eight terms nothing is drawn, and the
        values are exact.

    Returns
    -------
    base : float
        The prediction of the reference.
    values : ndarray of shape (n_terms,)
        ``base + values.sum()`` is the prediction of the row, whatever was drawn.

    References
    ----------
    E. Strumbelj, I. Kononenko, "Explaining prediction models and individual predictions with
    feature contributions", *Knowledge and Information Systems* 41 (2014) 647-665, the sampling;
    R. Mitchell et al., "Sampling permutations for Shapley value estimation", *Journal of Machine
    Learning Research* 23 (2022), orders with their reverse.
    """
    if n_terms == 0:
        return float(predict(np.zeros((1, 0), dtype=bool))[0]), np.zeros(0)
    return _exact(predict, n_terms) if n_terms <= _EXACT else _sampled(predict, n_terms, seed)


def _exact(predict: Callable[[NDArray[np.bool_]], Floats], n_terms: int) -> tuple[float, Floats]:
    """Weigh what each term adds to each subset of the others by the share of such orders."""
    subsets = [set(s) for size in range(n_terms + 1) for s in combinations(range(n_terms), size)]
    mask = np.array([[term in subset for term in range(n_terms)] for subset in subsets])
    outcome = dict(zip(map(frozenset, subsets), predict(mask), strict=True))
    values = np.zeros(n_terms)
    for subset in subsets:
        for term in set(range(n_terms)) - subset:
            share = 1.0 / (n_terms * comb(n_terms - 1, len(subset)))
            values[term] += share * (
                outcome[frozenset(subset | {term})] - outcome[frozenset(subset)]
            )
    return float(outcome[frozenset()]), values


def _sampled(
    predict: Callable[[NDArray[np.bool_]], Floats], n_terms: int, seed: int
) -> tuple[float, Floats]:
    """Put the terms in one after the other, in random orders and their reverse."""
    rng = np.random.default_rng(seed)
    orders = np.array([rng.permutation(n_terms) for _ in range(N_PAIRS)])
    orders = np.concatenate([orders, orders[:, ::-1]])
    rank = np.argsort(orders, axis=1)
    # Row k of an order holds its first k terms.
    mask = rank[:, None, :] < np.arange(n_terms + 1)[None, :, None]
    outcome = predict(mask.reshape(-1, n_terms)).reshape(len(orders), n_terms + 1)
    added = np.take_along_axis(np.diff(outcome, axis=1), rank, axis=1)
    return float(outcome[0, 0]), added.mean(axis=0)
