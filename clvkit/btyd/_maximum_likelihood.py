"""The search for the highest likelihood, with covariates and a prior where there are any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._covariates import Regression, RowDerivatives, Term, shifts
from clvkit.btyd._dedup import CHUNK
from clvkit.btyd._newton import MANY_ROWS, Derivatives, Objective, Optimum, maximize_over_rows
from clvkit.btyd._priors import Prior, make_prior

__all__ = ["Estimate", "Problem", "estimate"]

Array = NDArray[np.float64]


class Problem(NamedTuple):
    """What a model gives to its search.

    ``objective_of`` goes from an index of rows, and their weights, to the objective in the k
    log-parameters;
    ``row_derivatives`` from an index of rows, the log-parameters and the shifts of those rows to
    their :class:`RowDerivatives`.
    """

    param_names: Sequence[str]
    start: Array
    objective_of: Callable[[Any, Array], Objective]
    row_derivatives: Callable[[Any, Array, tuple[Array, ...]], RowDerivatives]
    lower: Array | None = None
    #: Centre of the weak prior; the start unless given.
    center: Array | None = None
    #: See :func:`clvkit.btyd._newton.maximize_over_rows`.
    many: int = MANY_ROWS


class Estimate(NamedTuple):
    """Where the search ended.

    ``optimum`` is in the covariates' own units and includes the prior, whose log-density there
    is ``log_prior``; ``fixed`` says which coefficients nothing in the data tells about, ``central``
    has the parameters at the centre of the covariates, and ``remarks`` coefficients
    that the covariates tell nothing about, with the reason.
    """

    optimum: Optimum
    coef_names: list[str]
    log_prior: float
    fixed: NDArray[np.bool_]
    central: Array
    remarks: Sequence[tuple[list[str], str]] = ()


def estimate(
    problem: Problem,
    weights: Array,
    *,
    design: Array,
    names_and_terms: tuple[list[str], list[Term]],
    prior: Any,
    tol: float,
    max_iter: int,
) -> Estimate:
    """Fit the parameters, and then, starting there, the coefficients with them.

    Parameters
    ----------
    problem : Problem
    weights : ndarray of shape (n,)
    design : ndarray of shape (n, m)
        Covariates, m = 0 without any.
    names_and_terms : (list of str, list of Term)
        As :func:`clvkit.btyd._covariates.arrange_terms` returns them.
    prior : {"weak"}, mapping or None
    tol, max_iter
        As in :func:`clvkit.btyd._newton.maximize`.

    Returns
    -------
    Estimate
    """
    coef_names, terms = names_and_terms
    k, m = len(problem.param_names), len(coef_names)
    regression = Regression(terms, design, k, m)
    center = problem.start if problem.center is None else problem.center
    beliefs = make_prior(
        prior, problem.param_names, center, coef_names, regression.scale_of_coefs()
    )
    search = _Search(weights, tol, max_iter, problem.many)
    first = Prior(beliefs.mean[:k], beliefs.precision[:k])
    optimum = search(problem.objective_of, problem.start, first, problem.lower)
    if m:
        # A parameter on its boundary would stay there whatever the coefficients are.
        near = np.clip(optimum.log_params, problem.start - 4.0, problem.start + 4.0)
        start = np.append(near, np.zeros(m))
        lower = None if problem.lower is None else np.append(problem.lower, np.full(m, -np.inf))
        optimum = search(_with_covariates(problem, regression), start, beliefs, lower)
    theta = optimum.log_params
    optimum = regression.in_own_units(optimum) if m else optimum
    log_prior = beliefs.log_density(theta)
    remarks = regression.remarks(coef_names) if m else ()
    return Estimate(optimum, coef_names, log_prior, regression.fixed(), theta[:k], remarks)


class _Search(NamedTuple):
    """The settings that the searches of a fit share."""

    weights: Array
    tol: float
    max_iter: int
    many: int

    def __call__(
        self, objective_of: Any, start: Array, prior: Prior, lower: Array | None
    ) -> Optimum:
        return maximize_over_rows(
            lambda index, weights: _with_prior(objective_of(index, weights), prior),
            start,
            self.weights,
            tol=self.tol,
            max_iter=self.max_iter,
            lower=lower,
            many=self.many,
        )


def _with_prior(objective: Objective, prior: Prior) -> Objective:
    if not prior.precision.any():
        return objective
    return lambda theta: prior.plus(objective(theta), theta)


def _with_covariates(problem: Problem, regression: Regression) -> Callable[[Any, Array], Objective]:
    """Return what gives the objective of some rows in parameters and coefficients."""
    k = regression.n_params

    def objective_of(index: Any, weights: Array) -> Objective:
        rows = np.arange(len(regression.design))[index]

        def objective(theta: Array) -> Derivatives:
            total = None
            for begin in range(0, len(rows), CHUNK):
                some, own = rows[begin : begin + CHUNK], weights[begin : begin + CHUNK]
                part = regression.take(some)
                moved = shifts(regression.terms, part.design, theta[k:], k)
                derivatives = problem.row_derivatives(some, theta[:k], moved)
                sums = part.contract(derivatives, own)
                total = sums if total is None else total.plus(sums)
            assert total is not None  # a fit without rows has been refused
            return total

        return objective

    return objective_of
