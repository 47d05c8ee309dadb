r"""The log-likelihood of the Beta-geometric models summed over customers, as a fit climbs it.

It is a sum of four parts (see :func:`clvkit.btyd._beta_geometric.log_likelihood`): what depends on
the count x alone; the time part of an alive customer; log S; and log(1 + odds of being dead).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._beta_geometric import Kind, Params, dead_odds
from clvkit.btyd._dedup import CHUNK
from clvkit.btyd._erlang import phase_sum
from clvkit.btyd._newton import Derivatives
from clvkit.btyd._rising_sum import RisingSum
from clvkit.btyd._special import log1p_exp
from clvkit.btyd._summary import Rows

__all__ = ["LikelihoodSum"]

Array = NDArray[np.float64]


class LikelihoodSum:
    """The weighted log-likelihood of some rows, an objective in the log-parameters.

    Row by row it is what :func:`clvkit.btyd._beta_geometric.row_derivatives` returns. Here the
    parameters are the same for all rows, and what depends on none of them is worked out once.

    Parameters
    ----------
    kind : Kind
    rows : Rows
    weights : ndarray of shape (n,)
    """

    def __init__(self, kind: Kind, rows: Rows, weights: Array) -> None:
        self.kind = kind
        phases = kind.k * rows.frequency
        self.phases = RisingSum(phases, weights)
        self.survived = RisingSum(rows.frequency + kind.first, weights)
        self.n_phases = float(weights @ phases)
        self.by_time = np.stack([weights, weights * phases])
        self.T = rows.T
        if kind == Kind(first=0, k=1):  # customers without a repeat purchase are alive
            bought = np.flatnonzero(rows.frequency)
            rows, weights = rows.take(bought), weights[bought]
        self.rows, self.weights = rows, weights

    def __call__(self, log_params: Array) -> Derivatives:
        """Return the log-likelihood and its derivatives."""
        r, alpha, a, b = np.exp(log_params).tolist()
        params = {"r": r, "alpha": alpha, "a": a, "b": b}
        total = self._count_part(r, a, b).plus(self._time_part(r, alpha))
        for begin in range(0, len(self.weights), CHUNK):
            part = slice(begin, begin + CHUNK)
            rows = self.rows if len(self.weights) <= CHUNK else self.rows.take(part)
            total = total.plus(_lull_part(self.kind, params, rows, self.weights[part]))
        return total

    def _count_part(self, r: float, a: float, b: float) -> Derivatives:
        value, r1, r2 = self.phases(r)
        in_b, b1, b2 = self.survived(b)
        in_sum, s1, s2 = self.survived(a + b)
        gradient = np.array([r * r1, 0.0, -a * s1, b * (b1 - s1)])
        # d2 f / d(log z)2 = z^2 f'' + z f', so the gradient is added to the diagonal.
        hessian = np.diag(gradient)
        hessian[0, 0] += r * r * r2
        hessian[2, 2] -= a * a * s2
        hessian[2, 3] = hessian[3, 2] = -a * b * s2
        hessian[3, 3] += b * b * (b2 - s2)
        return Derivatives(value + in_b - in_sum, gradient, hessian)

    def _time_part(self, r: float, alpha: float) -> Derivatives:
        # -r log(1 + T / alpha) - k x log(alpha + T)
        sums = np.zeros((2, 3))
        for begin in range(0, len(self.T), CHUNK):
            part = slice(begin, begin + CHUNK)
            values = np.empty((3, len(self.T[part])))
            ratio = self.T[part] / alpha
            np.log1p(ratio, out=values[0])
            np.divide(ratio, 1.0 + ratio, out=values[1])
            np.multiply(values[1], 1.0 - values[1], out=values[2])
            sums += self.by_time[:, part] @ values.T
        (growth, share, both), (x_growth, x_share, x_both) = sums.tolist()
        value = -r * growth - x_growth - self.n_phases * np.log(alpha)
        gradient = np.array([-r * growth, r * share - self.n_phases + x_share, 0.0, 0.0])
        hessian = np.zeros((4, 4))
        hessian[0, 0] = -r * growth
        hessian[0, 1] = hessian[1, 0] = r * share
        hessian[1, 1] = -r * both - x_both
        return Derivatives(float(value), gradient, hessian)


def _lull_part(kind: Kind, params: Params, rows: Rows, weights: Array) -> Derivatives:
    # log S + log(1 + e^o), o the log-odds of being dead: the gradient of the latter is P o', its
    # Hessian P o'' + P (1-P) o' o'^T.
    since = None
    if kind.k > 1:
        since = phase_sum(params, params["r"] + kind.k * rows.frequency, rows, kind.k)
    odds = dead_odds(kind, params, rows, since)
    values, dead, mixed = log1p_exp(odds.value)
    dead *= weights
    mixed *= dead
    value, gradient = float(weights @ values), odds.first @ dead
    hessian = (odds.first * mixed) @ odds.first.T
    cross = dead @ odds.ra
    hessian[0, 0] += dead @ odds.rr
    hessian[0, 1] += cross
    hessian[1, 0] += cross
    hessian[1, 1] += dead @ odds.aa
    hessian[3, 3] += dead @ odds.bb
    if since is not None:
        value += float(weights @ since.log_sum)
        gradient[:2] += since.gradient @ weights
        hessian[:2, :2] += since.hessian @ weights
    return Derivatives(value, gradient, hessian)
