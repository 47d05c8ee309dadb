r"""The log-likelihood under rates that vary with time, with gradient and Hessian.

The likelihood of a row is a sum of terms :math:`e^v`: of being alive at T, and of having been lost
in each span since the last purchase. Its logarithm has the slope :math:`\sum w v'`, w the share of
a term, and the curvature :math:`\sum w (v'' + v' v'^T) - (\sum w v')(\sum w v')^T`. A term is

.. math::
    v = -R \, l_A - S \, l_B + [\log s - \log\beta_i + \delta' z + I], \quad
    l_A = \log(1 + A / \alpha_i)

at the beginning of the span, with R = r + x, S = s + 1, and I the logarithm of the integral over
it; for the living the bracket is not there and S = s. What v depends on are r, s, the coefficients
and what these make of :math:`\log\alpha_i`; with J its slope, :math:`P = A / (\alpha_i + A)` and
:math:`V = A' / (\alpha_i + A)`

.. math::
    l_A' = V - P J, \quad
    l_A'' = P (1-P) J J^T - (1-P) (J V^T + V J^T) - V V^T + \frac{A''}{\alpha_i + A},

and :math:`\log\tilde\alpha = \log(\alpha_i + A) - \gamma' x` has the slope
:math:`J + l_A' - x` and the curvature :math:`l_A''`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd import _negative_binomial as nbd
from clvkit.btyd._covariates import Regression, Term
from clvkit.btyd._exposure import Exposure
from clvkit.btyd._newton import Derivatives
from clvkit.btyd._pieces import Pieces
from clvkit.btyd._powers import UNPACK, Integral, Moments, integral_moments
from clvkit.btyd._summary import Rows
from clvkit.btyd._varying_pareto import Stretch, parts_of, stretch

__all__ = ["Data", "VaryingLikelihood"]

Array = NDArray[np.float64]
Ints = NDArray[np.intp]

#: So many numbers an array of (terms, parameters) has at most.
_NUMBERS = 250_000
_R, _ALPHA, _S, _BETA = range(4)


class Data(NamedTuple):
    """What a fit knows of its rows.

    ``begin`` is the moment of the first purchase, ``code`` the calendar, and ``sums`` of shape
    (n, n_columns) has the sums of the calendar's columns over the purchases of each row. ``static``
    has the rows' own covariates as its design, ``calendar`` those of the pieces.
    """

    rows: Rows
    begin: Array
    code: Ints
    sums: Array
    static: Regression
    calendar: Regression
    pieces: Pieces

    def take(self, index: Any) -> Data:
        """Return some of the rows."""
        return self._replace(
            rows=self.rows.take(index),
            begin=self.begin[index],
            code=self.code[index],
            sums=self.sums[index],
            static=self.static.take(index),
        )


class _Process(NamedTuple):
    """One of the two processes at some parameters: its power is that of ``exposure``."""

    exposure: Exposure
    slopes: Array
    scale: float
    term: Term
    static: Term


class _Terms(NamedTuple):
    """The terms of some rows under one process: exposure A, alpha_i + A, and slopes."""

    grown: Array
    share: Array
    rate: Array
    own: Array
    by_exposure: Array
    slope: Array


class VaryingLikelihood:
    """The weighted log-likelihood as a function of log-parameters and coefficients.

    Parameters
    ----------
    data : Data
    weights : ndarray of shape (n,)
    """

    def __init__(self, data: Data, weights: Array) -> None:
        self.weights = weights
        self.size = data.calendar.n_params + data.calendar.n_coefs
        self.data = data
        self.counts = nbd.CountSum(data.rows.frequency, weights)
        rows, begin = data.rows, data.begin
        most = max(1, _NUMBERS // self.size)
        self.parts = [
            (part, stretch(data.pieces, some.code, some.begin, some.begin + some.rows.recency, end))
            for part in parts_of(data.pieces, begin + rows.recency, begin + rows.T, most)
            for some in [data.take(part)]
            for end in [some.begin + some.rows.T]
        ]

    def __call__(self, theta: Array) -> Derivatives:
        """Return the log-likelihood and its derivatives."""
        r, s = float(np.exp(theta[_R])), float(np.exp(theta[_S]))
        processes = [self._process(theta, place) for place in (0, 1)]
        curving = [np.zeros((2, len(self.data.pieces.table))) for _ in processes]
        value, gradient = 0.0, np.zeros(self.size)
        hessian = np.zeros((self.size, self.size))
        for part, lives in self.parts:
            some = _Part(self.data.take(part), self.weights[part], lives, processes, (r, s), theta)
            value += some.add_to(gradient, hessian, curving)
        for process, weight in zip(processes, curving, strict=True):
            block = np.ix_(process.term.coefs, process.term.coefs)
            hessian[block] += process.exposure.curvature(*weight)
        return self.counts.added_to(Derivatives(value, gradient, hessian), r)

    def _process(self, theta: Array, place: int) -> _Process:
        term = self.data.calendar.terms[place]
        exposure = Exposure(self.data.pieces, term.columns, theta[term.coefs])
        scale = float(np.exp(theta[term.param]))
        return _Process(exposure, exposure.slopes(), scale, term, self.data.static.terms[place])


class _Part:
    """Some rows at some parameters: their terms, those of the living first."""

    def __init__(
        self,
        data: Data,
        weights: Array,
        lives: Stretch,
        processes: list[_Process],
        shapes: tuple[float, float],
        theta: Array,
    ) -> None:
        self.data, self.weights, self.lives, self.processes = data, weights, lives, processes
        self.theta = theta
        self.r, self.s = shapes
        self.n = len(weights)
        spans = lives.spans
        self.row = np.concatenate([np.arange(self.n), spans.row])
        self.piece = np.concatenate([lives.end_piece, spans.piece])
        self.moment = np.concatenate([lives.end, spans.begin])
        self.terms = [self._terms(process) for process in processes]
        self.log_scale = [np.log(self._scale(process)) for process in processes]

    def _scale(self, process: _Process) -> Array:
        """Return alpha_i, or beta_i."""
        term = process.static
        moved = term.sign * (self.data.static.design[:, term.columns] @ self.theta[term.coefs])
        return np.asarray(process.scale * np.exp(moved))

    def _own(self, process: _Process) -> Array:
        """Return J, the slope of log alpha_i, of each row."""
        own = np.zeros((self.n, len(self.theta)))
        own[:, process.term.param] = 1.0
        term = process.static
        own[:, term.coefs] += term.sign * self.data.static.design[:, term.columns]
        return own

    def _terms(self, process: _Process) -> _Terms:
        exposure, lives = process.exposure, self.lives
        scale, own = self._scale(process)[self.row], self._own(process)[self.row]
        at_birth = exposure.at(lives.piece, lives.begin)
        grown = np.maximum(exposure.at(self.piece, self.moment) - at_birth[self.row], 0.0)
        slopes = exposure.slopes_at(process.slopes, self.piece, self.moment)
        slopes -= exposure.slopes_at(process.slopes, lives.piece, lives.begin)[self.row]
        rate = scale + grown
        by_exposure = np.zeros((len(grown), len(self.theta)))
        by_exposure[:, process.term.coefs] = slopes / rate[:, None]
        share = grown / rate
        slope = by_exposure - share[:, None] * own
        return _Terms(np.log1p(grown / scale), share, rate, own, by_exposure, slope)

    def add_to(self, gradient: Array, hessian: Array, curving: list[Array]) -> float:
        """Add the derivatives of these rows, and return their log-likelihood."""
        a, b = self.terms
        R = self.r + self.data.rows.frequency[self.row]
        S = np.where(np.arange(len(self.row)) < self.n, self.s, self.s + 1.0)
        inner = self._integrals(R)
        v = -R * a.grown - S * b.grown
        v[self.n :] += self._of_the_lost() + inner.log_value
        value, share = self._shares(v)
        chain = self._chain()
        first, second = _of_integral(inner, self.r, self.s, R[self.n :])
        slope = self._slope(R, S, first, chain)
        w = share * self.weights[self.row]
        gradient += w @ slope
        hessian += (slope * w[:, None]).T @ slope
        mean = self._by_row(slope * share[:, None])
        hessian -= (mean * self.weights[:, None]).T @ mean
        for place, (power, shape, scale) in enumerate(((R, _R, self.r), (S, _S, self.s))):
            power = power.copy()
            power[self.n :] -= first[1 + 2 * place]
            self._bend(hessian, w * power, place, curving[place])
            terms = self.terms[place]
            _add_cross(hessian, shape, -scale * (w @ terms.slope))
            hessian[shape, shape] -= scale * float(w @ terms.grown)
        _add_chain(hessian, second * w[self.n :], chain)
        return value + self._of_purchases(gradient)

    def _slope(self, R: Array, S: Array, first: Array, chain: tuple[Array, Array]) -> Array:
        """Return v' of each term."""
        a, b = self.terms
        slope = -R[:, None] * a.slope - S[:, None] * b.slope
        slope[:, _R] -= self.r * a.grown
        slope[:, _S] -= self.s * b.grown
        lost = slope[self.n :]
        lost[:, _S] += 1.0
        lost -= b.own[self.n :]
        lost[:, self.processes[1].term.coefs] += self._x(1)
        lost[:, _R] += first[0]
        lost[:, _S] += first[2]
        lost += first[1][:, None] * chain[0] + first[3][:, None] * chain[1]
        return slope

    def _x(self, place: int) -> Array:
        """Return the covariates that move a process in each span."""
        process = self.processes[place]
        table = self.data.pieces.table
        return np.asarray(table[self.piece[self.n :]][:, process.term.columns])

    def _chain(self) -> tuple[Array, Array]:
        """Return the slopes of the logarithms of alpha and beta of each span's own integral."""
        slopes = []
        for place, terms in enumerate(self.terms):
            slope = terms.own[self.n :] + terms.slope[self.n :]
            slope[:, self.processes[place].term.coefs] -= self._x(place)
            slopes.append(slope)
        return slopes[0], slopes[1]

    def _integrals(self, R: Array) -> Moments:
        piece, length = self.piece[self.n :], self.lives.spans.length
        alpha, beta = (
            terms.rate[self.n :] / process.exposure.rate[piece]
            for terms, process in zip(self.terms, self.processes, strict=True)
        )
        nothing = np.zeros_like(length)
        return integral_moments(Integral(alpha, beta, R[self.n :], self.s + 1.0, nothing, length))

    def _of_the_lost(self) -> Array:
        rate = self.processes[1].exposure.log_rate[self.piece[self.n :]]
        return np.asarray(np.log(self.s) - self.log_scale[1][self.lives.spans.row] + rate)

    def _shares(self, v: Array) -> tuple[float, Array]:
        """Return the weighted log-likelihood of the terms, and the share of each in its row."""
        offsets = self.lives.spans.offsets
        most = np.maximum(v[: self.n], np.maximum.reduceat(v[self.n :], offsets[:-1]))
        share = np.exp(v - most[self.row])
        total = share[: self.n] + np.add.reduceat(share[self.n :], offsets[:-1])
        return float(self.weights @ (most + np.log(total))), share / total[self.row]

    def _by_row(self, terms: Array) -> Array:
        offsets = self.lives.spans.offsets
        lost = np.add.reduceat(terms[self.n :], offsets[:-1], axis=0)
        return np.asarray(terms[: self.n] + lost)

    def _bend(self, hessian: Array, weight: Array, place: int, curving: Array) -> None:
        """Take the weighted sum of l'' from the Hessian; of A'' what it will be made of."""
        terms, exposure = self.terms[place], self.processes[place].exposure
        left = 1.0 - terms.share
        J, V = terms.own, terms.by_exposure
        cross = J.T @ (V * (weight * left)[:, None])
        hessian -= (J * (weight * terms.share * left)[:, None]).T @ J - cross - cross.T
        hessian += (V * weight[:, None]).T @ V
        for sign, row_weight, piece, moment in (
            (-1.0, weight / terms.rate, self.piece, self.moment),
            (1.0, self._by_row(weight / terms.rate), self.lives.piece, self.lives.begin),
        ):
            size = len(exposure.rate)
            since = moment - exposure.pieces.begin(piece)
            curving[0] += sign * np.bincount(piece, row_weight, size)
            curving[1] += sign * np.bincount(piece, row_weight * since, size)

    def _of_purchases(self, gradient: Array) -> float:
        r"""Return the part :math:`-x \log\alpha_i + \sum \gamma' x(t_j)`, and add its slope."""
        x = self.data.rows.frequency * self.weights
        process = self.processes[0]
        sums = self.weights @ self.data.sums[:, process.term.columns]
        gradient -= x @ self._own(process)
        gradient[process.term.coefs] += sums
        return float(sums @ self.theta[process.term.coefs] - x @ self.log_scale[0])


def _of_integral(inner: Moments, r: float, s: float, R: Array) -> tuple[Array, Array]:
    r"""Return slope and curvature of I in log r, log alpha~, log s and log beta~.

    The integrand is :math:`e^{-R l_a - S l_b}` with :math:`l_a = \log(1 + y / \tilde\alpha)`, whose
    slope in :math:`\log\tilde\alpha` is :math:`-k_a = -y / (\tilde\alpha + y)`.
    """
    S = s + 1.0
    _, k_a, _, k_b = inner.mean
    scale = np.stack([np.full_like(R, -r), R, np.full_like(R, -s), np.full_like(R, S)])
    first = scale * inner.mean
    packed = inner.packed[UNPACK]
    second = packed * scale[:, None] * scale[None]
    for i, j, mean in ((0, 1, r * k_a), (2, 3, s * k_b)):
        second[i, i] += first[i]
        second[i, j] += mean
        second[j, i] += mean
    for j, power, mean in ((1, R, k_a), (3, S, k_b)):
        second[j, j] -= power * (mean - mean**2 - packed[j, j])
    return first, second


def _add_cross(hessian: Array, place: int, row: Array) -> None:
    hessian[place] += row
    hessian[:, place] += row


def _add_chain(hessian: Array, second: Array, chain: tuple[Array, Array]) -> None:
    """Add the weighted curvature of the integrals, given the slopes of what they depend on."""
    by_alpha, by_beta = chain
    for i, shape in ((0, _R), (2, _S)):
        for j, other in ((0, _R), (2, _S)):
            hessian[shape, other] += second[i, j].sum()
        _add_cross(hessian, shape, second[i, 1] @ by_alpha + second[i, 3] @ by_beta)
    hessian += (by_alpha * second[1, 1][:, None]).T @ by_alpha
    hessian += (by_beta * second[3, 3][:, None]).T @ by_beta
    cross = (by_alpha * second[1, 3][:, None]).T @ by_beta
    hessian += cross + cross.T
