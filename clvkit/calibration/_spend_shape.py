r"""The distribution of spend that a purchase model tells, cheap enough for a million customers.

What a customer spends, given that he buys at all, over the mean worth of one purchase, is
distributed by how often those of his kind buy then: one purchase has the spread of amounts, many
have the spread of their number. So the exact quantiles of some customers, from seldom to often,
are a table in :math:`\mu = E[N \mid N > 0]` and the level, between whose entries others are
interpolated. With the probability :math:`P_0` of buying nothing and :math:`m` the expected spend
per purchase,

.. math:: Q(u) = m \, g\!\left(\mu, \frac{u - P_0}{1 - P_0}\right) \quad (u > P_0),
          \qquad Q(u) = 0 \quad (u \le P_0).

On real logs this is within a few percent of the exact quantiles of all customers, and it costs
hundredths of their time. What changes the level of predictions alone, such as a season, stretches
the distribution by the same factor.

Where the prediction is that of another model, who buys how often is in dispute. Both have a point:
the number of purchases is taken to be the geometric mean of what the two expect, and with it the
chance of none, :math:`P_0^{\sqrt f}` where the prediction is :math:`f` times that of the purchase
model.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from clvkit.btyd import BTYDRegressor
from clvkit.errors import CalibrationWarning, NoComponentsError

__all__ = [
    "SpendDistribution",
    "SpendShape",
    "join_distributions",
    "learn_spend_shape",
    "predicted_distribution",
]

Array = NDArray[np.float64]

_LEVELS = np.r_[0.001, 0.005, 0.01, 0.025, 0.05, np.arange(1, 10) / 10]
_LEVELS = np.r_[_LEVELS, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9999]
_NORMAL: Array = ndtri(_LEVELS)

#: Customers whose quantiles are computed, and how many of them make one row of the table.
_N_CUSTOMERS = 64
_TOGETHER = 6

#: Predictions that are more than so many times another's are taken for so many times that.
_FARTHEST = 1e3


class SpendDistribution(NamedTuple):
    """What is predicted of the spend of some customers beyond its mean.

    Attributes
    ----------
    zeros : ndarray of shape (n_samples,)
        Probability of no spend.
    position : ndarray of shape (n_samples,)
        Where the customer stands between the rows of the table.
    unit : ndarray of shape (n_samples,)
        The spend that quantiles of the table are multiples of.
    table : ndarray of shape (n_rows, n_levels)
        Logarithm of the quantiles given any spend.
    """

    zeros: Array
    position: Array
    unit: Array
    table: Array

    def quantile(self, level: float | Array, rows: Any = slice(None)) -> Array:
        """Return the quantile of each customer, or of some; one level, or one a customer."""
        zeros, position, unit = self.zeros[rows], self.position[rows], self.unit[rows]
        out = np.zeros(len(zeros))
        levels = np.broadcast_to(level, zeros.shape)
        some = np.flatnonzero(zeros < levels)
        share = (levels[some] - zeros[some]) / (1.0 - zeros[some])
        share = np.clip(share, _LEVELS[0], _LEVELS[-1])
        at = np.interp(ndtri(share), _NORMAL, np.arange(len(_NORMAL)))
        out[some] = unit[some] * np.exp(_bilinear(self.table, position[some], at))
        return out


class SpendShape(BaseEstimator):
    """Table of the distribution of spend given any; see the module.

    Attributes
    ----------
    rates_ : ndarray of shape (n_rows,)
        Logarithm of the expected purchases given any, ascending.
    table_ : ndarray of shape (n_rows, n_levels)
        Logarithm of the quantiles of spend over the spend per purchase.
    """

    def fit(self, regressor: BTYDRegressor, X: pd.DataFrame) -> SpendShape:
        """Tabulate the exact quantiles of some customers of ``X``."""
        active, rate, spend = _parts(regressor.predict_components(X))
        usable = np.flatnonzero((active > 1e-4) & (spend > 0.0))
        rows = usable[_spaced(rate[usable], _N_CUSTOMERS)]
        if not len(rows):  # nobody is expected to come back
            self.rates_, self.table_ = np.empty(0), np.empty((0, len(_LEVELS)))
            return self
        quantiles = regressor._active_quantiles(X.iloc[rows], _LEVELS)
        relative = np.log(np.maximum(quantiles, 1e-300) / spend[rows][:, None])
        parts = np.array_split(np.arange(len(rows)), max(1, len(rows) // _TOGETHER))
        self.rates_ = np.array([rate[rows[part]].mean() for part in parts])
        self.table_ = np.array([relative[part].mean(axis=0) for part in parts])
        return self

    def describe(self, components: pd.DataFrame, own: Array, predicted: Array) -> SpendDistribution:
        """Return the distributions of customers.

        Parameters
        ----------
        components : DataFrame
            What the purchase model tells of them.
        own : ndarray
            The spend that it expects, with what is put around it, such as a season.
        predicted : ndarray
            The spend that is predicted, by itself or by another model.
        """
        active, _, spend = _parts(components)
        expected = components["expected_purchases"].to_numpy()
        level = _ratio(own, expected * spend)
        times = np.sqrt(np.clip(_ratio(predicted, own), 1.0 / _FARTHEST, _FARTHEST))
        zeros = np.where(times == 1.0, 1.0 - active, (1.0 - active) ** times)
        rate = _log_rate_if_any(expected * times, 1.0 - zeros)
        position = np.interp(rate, self.rates_, np.arange(len(self.rates_)))
        return SpendDistribution(zeros, position, spend * level, self.table_)


def learn_spend_shape(estimator: Any, X: pd.DataFrame) -> SpendShape | None:
    """Return the shape of the distribution that a fitted estimator knows of, or None.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`~clvkit.btyd.BTYDRegressor`, or what is around one: a pipeline of one step, a
        calibration, an average. An average has the shape of its first purchase model, and what
        is brought to the total of a purchase model the shape of that.
    X : DataFrame of shape (n_samples, ...)
        Customers, some of whom are tabulated.
    """
    part = _purchase_part(estimator)
    if part is None:
        return None
    try:
        shape = SpendShape().fit(part.regressor, X)
    except NoComponentsError:
        return None
    return shape if len(shape.rates_) else None


def predicted_distribution(
    estimator: Any, X: pd.DataFrame, predicted: Array, shape: SpendShape | None = None
) -> SpendDistribution | None:
    """Return the distribution that a fitted estimator predicts for each row, or None.

    Parameters
    ----------
    estimator : fitted estimator
    X : DataFrame of shape (n_samples, ...)
    predicted : ndarray of shape (n_samples,)
        What it predicts for them.
    shape : SpendShape, optional
        From :func:`learn_spend_shape`. By default it is learnt from ``X``, which is right for
        rows that the estimator is tested on; in use, rows must not depend on their batch.
    """
    shape = learn_spend_shape(estimator, X) if shape is None else shape
    part = _purchase_part(estimator)
    if shape is None or part is None:
        return None
    components = part.regressor.predict_components(X)
    if part.whole is part.regressor:
        own = (components["expected_purchases"] * components["expected_spend"]).to_numpy()
    else:
        own = _predict_quietly(part.whole, X)
    return shape.describe(components, own, predicted)


def join_distributions(parts: Sequence[SpendDistribution]) -> SpendDistribution:
    """Return the distributions of the rows of all parts, each with its own table."""
    offsets = np.cumsum([0] + [len(part.table) for part in parts[:-1]])
    return SpendDistribution(
        np.concatenate([part.zeros for part in parts]),
        np.concatenate([p.position + offset for p, offset in zip(parts, offsets, strict=True)]),
        np.concatenate([part.unit for part in parts]),
        np.concatenate([part.table for part in parts]),
    )


class _Part(NamedTuple):
    """A purchase model inside of an estimator, and all around it that changes its level alone."""

    whole: Any
    regressor: BTYDRegressor


def _purchase_part(estimator: Any) -> _Part | None:
    """Return the purchase model that sees the histories themselves, inside of an estimator.

    Of what is brought to the total of a purchase model it is that one, which is there whatever
    the estimator is.
    """
    if isinstance(estimator, BTYDRegressor):
        return _Part(estimator, estimator)
    if isinstance(estimator, Pipeline):
        return _around(estimator, estimator[-1]) if len(estimator) == 1 else None
    if getattr(estimator, "total_", None) is not None:
        return _purchase_part(estimator.total_)
    if hasattr(estimator, "estimator_"):
        return _around(estimator, estimator.estimator_)
    found = (_purchase_part(member) for member in getattr(estimator, "estimators_", []))
    return next((part for part in found if part is not None), None)


def _around(estimator: Any, inner: Any) -> _Part | None:
    part = _purchase_part(inner)
    if part is None or part.whole is not inner:
        return part
    return _Part(estimator, part.regressor)


def _predict_quietly(estimator: Any, X: pd.DataFrame) -> Array:
    with warnings.catch_warnings():  # the prediction itself has given it
        warnings.simplefilter("ignore", CalibrationWarning)
        return np.asarray(estimator.predict(X), dtype=np.float64)


def _parts(components: pd.DataFrame) -> tuple[Array, Array, Array]:
    """Return the probability of any purchase, log E[N | N > 0], and the spend per purchase."""
    active = components["probability_active"].to_numpy()
    expected = components["expected_purchases"].to_numpy()
    return active, _log_rate_if_any(expected, active), components["expected_spend"].to_numpy()


def _log_rate_if_any(expected: Array, active: Array) -> Array:
    given = np.divide(expected, active, out=np.ones_like(active), where=active > 1e-12)
    return np.log(np.maximum(given, 1.0))


def _ratio(numerator: Array, denominator: Array) -> Array:
    return np.divide(numerator, denominator, out=np.ones_like(denominator), where=denominator > 0.0)


def _spaced(values: Array, n: int) -> NDArray[np.intp]:
    """Return positions of values, ascending: half evenly by rank, half evenly by size."""
    order = np.argsort(values, kind="stable")
    if not len(order):
        return order
    by_rank = np.linspace(0, len(order) - 1, n // 2).round().astype(np.intp)
    grid = np.linspace(values[order[0]], values[order[-1]], n // 2)
    by_size = np.minimum(np.searchsorted(values[order], grid), len(order) - 1)
    return order[np.unique(np.append(by_rank, by_size))]


def _bilinear(table: Array, row: Array, column: Array) -> Array:
    first = np.minimum(row.astype(np.intp), len(table) - 1)
    second = np.minimum(first + 1, len(table) - 1)
    left = np.minimum(column.astype(np.intp), table.shape[1] - 2)
    down, right = row - first, column - left
    ends = [(1.0 - right) * table[at, left] + right * table[at, left + 1] for at in (first, second)]
    return (1.0 - down) * ends[0] + down * ends[1]
