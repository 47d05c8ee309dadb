"""Damped Newton ascent of a log-likelihood with exact gradient and Hessian.

The parameters of purchase and spend models are positive and span many orders of magnitude, so
the search runs over their logarithms. Far from the optimum, and on the flat ridges that such
likelihoods have, the Hessian is not negative definite: its eigenvalues are then taken by
absolute size (the "saddle-free" step), steps are kept short and halved until the likelihood
rises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dsyev

Array = NDArray[np.float64]

#: No parameter changes by more than a factor of e^2 in one step.
_LONGEST_STEP = 2.0
#: Nor by more than a factor of e^16 (1e7) in all: that is a boundary, not an estimate.
_FARTHEST = 16.0
_HALVINGS = 40
#: Nats of likelihood that are not missed where rounding hides the step that would gain them.
_ROUNDED = 1e-9

#: Above this many rows the search starts from the optimum of a sample of so many customers.
MANY_ROWS = 60_000
_SAMPLE = 8_000
#: Which need not be exact.
_SAMPLE_TOL = 1e-5


class Derivatives(NamedTuple):
    """A log-likelihood with its derivatives with respect to the log-parameters."""

    value: float
    gradient: Array
    hessian: Array

    def plus(self, other: Derivatives) -> Derivatives:
        """Return the derivatives of a sum."""
        return Derivatives(
            self.value + other.value,
            self.gradient + other.gradient,
            self.hessian + other.hessian,
        )


class Optimum(NamedTuple):
    """Where the search ended, and whether the gradient vanishes there."""

    log_params: Array
    at: Derivatives
    converged: bool
    n_iter: int


Objective = Callable[[Array], Derivatives]


def maximize(
    objective: Objective,
    start: Array,
    *,
    n: float,
    tol: float,
    max_iter: int,
    lower: Array | None = None,
) -> Optimum:
    """Maximize a log-likelihood.

    Parameters
    ----------
    objective : callable
        From log-parameters to :class:`Derivatives`.
    start : ndarray
        Log-parameters to start from.
    n : float
        Number of customers: the search ends when the largest slope, divided by it, is
        at most ``tol``.
    tol : float
        See ``n``.
    max_iter : int
        Largest number of steps.
    lower : ndarray, optional
        Least values of the log-parameters. The slope of a parameter that presses against a
        bound does not count.

    Returns
    -------
    Optimum
    """
    low = start - _FARTHEST if lower is None else np.maximum(start - _FARTHEST, lower)
    high = start + _FARTHEST
    here, at = start, objective(start)
    for n_iter in range(max_iter + 1):
        stuck = _stuck(here, at.gradient, low, high)
        slope = at.gradient if stuck is None else np.where(stuck, 0.0, at.gradient)
        if np.abs(slope).max() <= tol * n:
            return Optimum(here, at, True, n_iter)
        if n_iter == max_iter:
            break
        step = _ascent(slope, at.hessian, stuck)
        moved = _line_search(objective, here, at, step, (low, high))
        if moved is None:
            return Optimum(here, at, _is_near(slope, step, at.hessian, stuck), n_iter)
        here, at = moved
    return Optimum(here, at, False, n_iter)


def maximize_over_rows(
    objective_of: Callable[[Any, Array], Objective],
    start: Array,
    weights: Array,
    *,
    tol: float,
    max_iter: int,
    lower: Array | None = None,
    many: int = MANY_ROWS,
) -> Optimum:
    """Maximize a log-likelihood that is a weighted sum over rows.

    Most steps of a large problem are spent on coming near, for which some customers are enough.

    Parameters
    ----------
    objective_of : callable
        From an index of rows, and their weights, to the :data:`Objective` of those rows.
    start : ndarray
        Log-parameters to start from.
    weights : ndarray of shape (n_rows,)
        How many customers each row stands for.
    tol, max_iter, lower
        As in :func:`maximize`.
    many : int, default=60_000
        Above so many rows the search starts from the optimum of a sample of the customers.

    Returns
    -------
    Optimum
    """

    def climb(index: Any, weights: Array, start: Array, tol: float) -> Optimum:
        n = float(weights.sum())
        objective = objective_of(index, weights)
        return maximize(objective, start, n=n, tol=tol, max_iter=max_iter, lower=lower)

    if len(weights) > many:
        start = climb(*_sample(weights), start, max(tol, _SAMPLE_TOL)).log_params
    return climb(slice(None), weights, start, tol)


def _sample(weights: Array) -> tuple[NDArray[np.intp], Array]:
    """Return some rows with how many customers of each, out of those at equal distances."""
    upto = weights.cumsum()
    steps = (np.arange(_SAMPLE) + 0.5) * (upto[-1] / _SAMPLE)
    rows, count = np.unique(np.searchsorted(upto, steps), return_counts=True)
    return rows, count.astype(float)


def _stuck(here: Array, gradient: Array, low: Array, high: Array) -> NDArray[np.bool_] | None:
    """Return which parameters press against a bound, if any do."""
    at_low, at_high = here <= low, here >= high
    if not (at_low.any() or at_high.any()):
        return None
    return (at_low & (gradient < 0)) | (at_high & (gradient > 0))


def _ascent(gradient: Array, hessian: Array, stuck: NDArray[np.bool_] | None) -> Array:
    if stuck is not None and stuck.any():
        step, free = np.zeros_like(gradient), ~stuck
        step[free] = _ascent(gradient[free], hessian[np.ix_(free, free)], None)
        return step
    # The routine itself: NumPy's checks of so small a matrix take three times as long.
    curvature, axes, _ = dsyev(hessian)
    size = np.abs(curvature)
    size = np.maximum(size, max(1e-12 * size.max(), np.finfo(float).tiny))
    step = axes @ ((axes.T @ gradient) / size)
    return step * min(1.0, _LONGEST_STEP / max(np.abs(step).max(), np.finfo(float).tiny))


def _is_near(slope: Array, step: Array, hessian: Array, stuck: NDArray[np.bool_] | None) -> bool:
    """Tell whether this is an optimum but for a step that the value's rounding does not show.

    A likelihood that is the small difference of large sums, as that of nearly constant spend,
    stops rising before its gradient is as small as asked.
    """
    free = slice(None) if stuck is None else ~stuck
    inner = hessian[free][:, free]
    return bool(0.5 * slope @ step <= _ROUNDED and (np.linalg.eigvalsh(inner) < 0.0).all())


def _line_search(
    objective: Objective, here: Array, at: Derivatives, step: Array, bounds: tuple[Array, Array]
) -> tuple[Array, Derivatives] | None:
    slack = 1e-14 * abs(at.value)  # rounding of the sum, not progress
    for _ in range(_HALVINGS):
        there = np.minimum(np.maximum(here + step, bounds[0]), bounds[1])
        if np.array_equal(there, here):
            return None
        reached = objective(there)
        gain = 1e-4 * float(at.gradient @ (there - here))
        if np.isfinite(reached.value) and reached.value >= at.value + gain - slack:
            return there, reached
        step = step / 2.0
    return None
