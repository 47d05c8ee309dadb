r"""The likelihood of the Pareto/GGG with exact derivatives.

Per customer it is a sum over nodes of log k (see :mod:`clvkit.btyd._rhythm_nodes`) of prior times
C(k) times M(k), the latter an integral over the next purchase (:mod:`clvkit.btyd._rhythm_lull`).
Seen as a density of what is not seen, k and u, this has elementary slopes in the parameters. So
the log-likelihood has their means as slopes, and their covariance plus the means of their second
derivatives as second derivatives: first for each node, by the moments of functions of u, then over
the nodes. With N = R + k and :math:`B = A (1 + e^l)` the slopes are

.. math::
    t (\log\gamma - \psi(t) + \log k), \quad t - \gamma k, \quad
    r \left(\psi(N) - \psi(r) + \log\frac{\alpha}{B}\right), \quad r - N \frac{\alpha}{B}

in log t, gamma, r and alpha, and in log s and log beta those of
:math:`\log S(t_x) + \log [1 - S(u)]`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, zeta

from clvkit.btyd._covariates import RowDerivatives
from clvkit.btyd._dedup import CHUNK
from clvkit.btyd._rhythm_lull import log_lull, lull_moments
from clvkit.btyd._rhythm_nodes import Pairs, lay_nodes, of_rows
from clvkit.btyd._special import rising_slopes
from clvkit.btyd._summary import Rows

__all__ = ["log_likelihood", "probability_alive", "row_derivatives"]

Array = NDArray[np.float64]
Params = dict[str, Any]

#: Rows at once: each has some dozens of nodes of k.
_ROWS = CHUNK // 4


def log_likelihood(params: Params, rows: Rows) -> Array:
    """Return the log-likelihood of each row."""
    silent, dead = _log_parts(params, rows)
    old = np.log1p(rows.recency / params["beta"])
    return np.logaddexp(silent, dead) - params["s"] * old


def probability_alive(params: Params, rows: Rows) -> Array:
    """Return the probability of being alive at T."""
    silent, dead = _log_parts(params, rows)
    lived = -params["s"] * np.log1p((rows.T - rows.recency) / (params["beta"] + rows.recency))
    return np.exp(silent + lived - np.logaddexp(silent, dead))


def _log_parts(params: Params, rows: Rows) -> tuple[Array, Array]:
    """Return the logarithms of the two integrals of the lull, summed over k."""
    silent, dead = np.empty(len(rows.T)), np.empty(len(rows.T))
    for part, pairs in chunks(params, rows):
        of_silent, of_dead = log_lull(pairs)
        silent[part] = log_sum(of_silent + pairs.log_weight, pairs)
        dead[part] = log_sum(of_dead + pairs.log_weight, pairs)
    return silent, dead


def chunks(params: Params, rows: Rows) -> Any:
    """Yield slices of the rows with their pairs."""
    n = len(rows.T)
    for begin in range(0, n, _ROWS):
        part = slice(begin, min(begin + _ROWS, n))
        yield part, lay_nodes(of_rows(params, part, n), rows.take(part))


def log_sum(log_terms: Array, pairs: Pairs) -> Array:
    """Return the logarithm of the sum of each row's terms; minus infinity for none."""
    peak = np.maximum(np.maximum.reduceat(log_terms, pairs.first), -1e300)
    with np.errstate(divide="ignore"):
        return peak + np.log(np.add.reduceat(np.exp(log_terms - peak[pairs.row]), pairs.first))


def row_derivatives(params: Params, rows: Rows) -> RowDerivatives:
    """Return each row's log-likelihood with derivatives in log t, gamma, r, alpha, s, beta."""
    n = len(rows.T)
    value, gradient, hessian = np.empty(n), np.empty((6, n)), np.empty((6, 6, n))
    for part, pairs in chunks(params, rows):
        own = of_rows(params, part, n)
        value[part], gradient[:, part], hessian[:, :, part] = _over_nodes(own, pairs)
    _add_survival(params, rows, value, gradient, hessian)
    return RowDerivatives(value, gradient, hessian)


def _over_nodes(params: Params, pairs: Pairs) -> tuple[Array, Array, Array]:
    log_value, slope, bend = _at_nodes(params, pairs)
    log_terms = pairs.log_weight + log_value
    total = log_sum(log_terms, pairs)
    share = np.exp(log_terms - total[pairs.row])
    gradient = np.add.reduceat(share * slope, pairs.first, axis=1)
    from_mean = slope - gradient[:, pairs.row]
    hessian = np.empty((6, 6, len(total)))
    for i in range(6):
        for j in range(i, 6):
            both = share * (bend[i, j] + from_mean[i] * from_mean[j])
            hessian[i, j] = hessian[j, i] = np.add.reduceat(both, pairs.first)
    return total, gradient, hessian


def _at_nodes(params: Params, pairs: Pairs) -> tuple[Array, Array, Array]:
    """Return log M, the slopes of the whole and their second derivatives, given k."""
    t, gamma, r = (params[name] for name in ("t", "gamma", "r"))
    k, R, alpha = pairs.k, pairs.shape, pairs.alpha
    N, near = R + k, alpha / pairs.rate
    lull = lull_moments(pairs)
    rising, bending = rising_slopes(r, N - r)
    slope, bend = np.zeros((6, len(k))), np.zeros((6, 6, len(k)))
    slope[0] = t * (np.log(gamma) - digamma(t) + np.log(k))
    slope[1] = t - gamma * k
    slope[2] = r * (rising + np.log(near) - lull.mean[0])
    slope[3] = r - N * near * lull.mean[1]
    slope[4:] = lull.mean[2:]
    # Slopes are these plus -r, -N alpha / A, 1 and 1 times the functions of u.
    factor = np.stack([np.full_like(k, -r), -N * near, np.ones_like(k), np.ones_like(k)])
    spread = lull.second - lull.mean[:, None] * lull.mean[None]
    bend[2:, 2:] = factor[:, None] * factor[None] * spread
    bend[0, 0] = slope[0] - t * t * zeta(2.0, t)
    bend[0, 1] = bend[1, 0] = t
    bend[1, 1] = -gamma * k
    bend[2, 2] += slope[2] + r * r * bending
    bend[2, 3] += r * (1.0 - near * lull.mean[1])
    bend[3, 3] -= N * (near * lull.mean[1] - near**2 * lull.second[1, 1])
    bend[4, 4] += lull.bend[0]
    bend[4, 5] += lull.bend[1]
    bend[5, 5] += lull.bend[2]
    return lull.log_value, slope, bend


def _add_survival(
    params: Params, rows: Rows, value: Array, gradient: Array, hessian: Array
) -> None:
    """Add log S(t_x) = -s log(1 + t_x / beta)."""
    s, beta = params["s"], params["beta"]
    lost = s * np.log1p(rows.recency / beta)
    share = rows.recency / (beta + rows.recency)
    value -= lost
    gradient[4] -= lost
    gradient[5] += s * share
    hessian[4, 4] -= lost
    hessian[4, 5] += s * share
    hessian[5, 4] += s * share
    hessian[5, 5] -= s * share * (1.0 - share)
