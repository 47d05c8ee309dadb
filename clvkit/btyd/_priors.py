r"""Priors on the logarithms of the parameters, for data that say too little.

A prior is normal on the log scale, so that it keeps parameters positive and says the same in
weeks and in days. It is added once to the sum over customers: a thousand customers outweigh it,
whatever their number is divided by. (Peers add a penalty to the *mean*, which grows with the
number of customers, and in the unit of the data.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._newton import Derivatives
from clvkit.errors import UnknownNameError

__all__ = ["Prior", "make_prior"]

Array = NDArray[np.float64]

#: Standard deviation of a weak prior: a factor of 50 either way has 95 %.
_WEAK = 2.0
#: And of a coefficient, per standard deviation of its covariate.
_WEAK_COEF = 1.0


class Prior(NamedTuple):
    """Independent normal priors of the vector of the search; a precision of 0 is no prior."""

    mean: Array
    precision: Array

    def log_density(self, theta: Array) -> float:
        """Return the log-density up to a constant."""
        return float(-0.5 * self.precision @ (theta - self.mean) ** 2)

    def plus(self, at: Derivatives, theta: Array) -> Derivatives:
        """Return a log-likelihood with the prior added."""
        if not self.precision.any():
            return at
        return Derivatives(
            at.value + self.log_density(theta),
            at.gradient - self.precision * (theta - self.mean),
            at.hessian - np.diag(self.precision),
        )


def make_prior(
    prior: Any, param_names: Sequence[str], start: Array, coef_names: Sequence[str], scale: Array
) -> Prior:
    """Return the prior that a model was asked for.

    Parameters
    ----------
    prior : {"weak"}, mapping or None
        A mapping gives, for a parameter, its median and the standard deviation of its
        logarithm, and for coefficients, by the label before the point in their names or by
        their whole name, their standard deviation about 0.
    param_names : sequence of str
    start : ndarray
        Log-parameters that are typical for data of this scale: centre of the weak prior.
    coef_names : sequence of str
    scale : ndarray
        Standard deviation of the covariate behind each coefficient: the search runs over
        coefficients times it.

    Returns
    -------
    Prior
    """
    k, m = len(param_names), len(coef_names)
    mean = np.concatenate([start, np.zeros(m)])
    if prior is None:
        return Prior(mean, np.zeros(k + m))
    if not isinstance(prior, Mapping):
        sds = np.concatenate([np.full(k, _WEAK), np.full(m, _WEAK_COEF)])
        return Prior(mean, sds**-2.0)
    precision = np.zeros(k + m)
    labels = {name.partition(".")[0] for name in coef_names}
    for name, value in prior.items():
        if name in param_names:
            j = list(param_names).index(name)
            median, sd = _pair(name, value)
            mean[j], precision[j] = np.log(median), sd**-2.0
        elif name in labels or name in coef_names:
            (sd,) = _positive(name, [value])
            hit = [c in (name,) or c.partition(".")[0] == name for c in coef_names]
            precision[k:] = np.where(hit, (sd * scale) ** -2.0, precision[k:])
        else:
            raise UnknownNameError(
                f"prior names {name!r}; the model has the parameters {', '.join(param_names)}"
                + (f" and the coefficients {', '.join(coef_names)}." if m else ".")
            )
    return Prior(mean, precision)


def _pair(name: str, value: Any) -> tuple[float, float]:
    try:
        median, sd = value
    except (TypeError, ValueError):
        raise ValueError(
            f"prior[{name!r}]={value!r} must be a pair: the median of {name}, and the standard "
            "deviation of its logarithm, such as (1.0, 2.0)."
        ) from None
    first, second = _positive(name, [median, sd])
    return first, second


def _positive(name: str, values: list[Any]) -> list[float]:
    for value in values:
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not number or not np.isfinite(value) or value <= 0:
            raise ValueError(f"prior[{name!r}] has {value!r}, and must have positive numbers.")
    return [float(value) for value in values]
