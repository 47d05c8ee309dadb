"""The search for the highest likelihood, with covariates and a prior where there are any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._covariates import Regression, RowDerivatives, Term, shifts
from clvkit.btyd._dedup import CHUNK
from clvkit.btyd._newton import Derivatives, Objective, Optimum, maximize_over_rows
from clvkit.btyd._priors import Prior, make_prior

__all__ = ["Estimate", "Problem", "estimate"]

Array = NDArray[np.float64]


class Problem(NamedTuple):
    """What a model gives to its search.

    ``objective_of`` goes from an index of rows to the objective in the k log-parameters;
    ``row_derivatives`` from an index of rows, the log-parameters and the shifts of those rows to
    their :class:`RowDerivatives`.
    """

    param_names: Sequence[str]
    start: Array
    objective_of: Callable[[Any], Objective]
    row_derivatives: Callable[[Any, Array, tuple[Array, ...]], RowDerivatives]
    lower: Array | None = None
    #: Centre of the weak prior; the start unless given.
    center: Array | None = None


class Estimate(NamedTuple):
    """Where the search ended.

    ``optimum`` is in the covariates' own units and includes the prior, whose log-density there
    is ``log_prior``; ``fixed`` says which coefficients nothing in the data tells about.
    """

    optimum: Optimum
    coef_names: list[str]
    log_prior: float
    fixed: NDArray[np.bool_]
    central: Array


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
    k = len(problem.param_names)
    regression = Regression(terms, design, k, len(coef_names))
    center = problem.start if problem.center is None else problem.center
    beliefs = make_prior(
        prior, problem.param_names, center, coef_names, regression.scale_of_coefs()
    )
    first = Prior(beliefs.mean[:k], beliefs.precision[:k])

    def climb(objective_of: Any, start: Array, prior: Prior, lower: Array | None) -> Optimum:
        return maximize_over_rows(
            lambda index: _with_prior(objective_of(index), prior),
            start,
            weights,
            tol=tol,
            max_iter=max_iter,
            lower=lower,
        )

    optimum = climb(problem.objective_of, problem.start, first, problem.lower)
    if not coef_names:
        theta = optimum.log_params
        return Estimate(optimum, [], first.log_density(theta), np.zeros(0, bool), theta)
    m = len(coef_names)
    lower = problem.lower if problem.lower is None else np.append(problem.lower, [-np.inf] * m)
    # A parameter on its boundary would stay there whatever the coefficients are.
    near = np.clip(optimum.log_params, problem.start - 4.0, problem.start + 4.0)
    found = climb(
        lambda index: _objective(problem, regression, weights, index),
        np.concatenate([near, np.zeros(m)]),
        beliefs,
        lower,
    )
    theta = found.log_params
    return Estimate(
        regression.in_own_units(found),
        coef_names,
        beliefs.log_density(theta),
        regression.fixed(),
        theta[:k],
    )


def _with_prior(objective: Objective, prior: Prior) -> Objective:
    return lambda theta: prior.plus(objective(theta), theta)


def _objective(problem: Problem, regression: Regression, weights: Array, index: Any) -> Objective:
    k = regression.n_params
    rows = np.arange(len(weights))[index]

    def objective(theta: Array) -> Derivatives:
        total = None
        for begin in range(0, len(rows), CHUNK):
            some = rows[begin : begin + CHUNK]
            part = regression.take(some)
            moved = shifts(regression.terms, part.design, theta[k:], k)
            derivatives = problem.row_derivatives(some, theta[:k], moved)
            sums = part.contract(derivatives, weights[some])
            total = sums if total is None else total.plus(sums)
        assert total is not None  # a fit without rows has been refused
        return total

    return objective
