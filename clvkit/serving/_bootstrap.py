"""How sure a difference between two models is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from clvkit.serving._backtest import Backtest

__all__ = ["Gain", "paired_gain"]


class Gain(NamedTuple):
    """A difference of scores with its interval."""

    gain: float
    lower: float
    upper: float


def paired_gain(
    test: Backtest,
    scorer: Callable[..., float],
    *,
    needs_X: bool,
    n_bootstrap: int,
    confidence: float,
    random_state: int,
) -> Gain:
    """Return by how much the second model scores better than the first, with an interval.

    Customers are drawn with replacement, and both models are scored on the same draw: what is
    hard about a customer is hard for both and cancels (Efron & Tibshirani 1993, ch. 13, the
    percentile interval). The spread is that between customers of one period; that between
    periods no single period can tell.

    Parameters
    ----------
    test : Backtest
        Of two models.
    scorer : callable
        ``(estimator, X, y)``; greater is better.
    needs_X : bool
        Whether the scorer looks at X; drawing its rows takes time.
    n_bootstrap : int
    confidence : float
        Of the interval, in (0, 1).
    random_state : int
    """
    rng = np.random.default_rng(random_state)
    n = len(test.y)
    drawn = [
        _difference(test, scorer, rng.integers(n, size=n), needs_X) for _ in range(n_bootstrap)
    ]
    tail = (1 - confidence) / 2
    # A draw without any spend has no score, and says nothing.
    lower, upper = np.nanquantile(drawn, [tail, 1 - tail])
    gain = _difference(test, scorer, np.arange(n), needs_X)
    return Gain(float(gain), float(lower), float(upper))


def _difference(test: Backtest, scorer: Callable[..., float], rows: Any, needs_X: bool) -> float:
    X = test.X.iloc[rows] if needs_X else None
    old, new = (scorer(predicted.at(rows), X, test.y[rows]) for predicted in test.predicted)
    return new - old
