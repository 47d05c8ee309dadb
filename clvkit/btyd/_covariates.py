r"""Static covariates: customers differ by what is known of them.

A covariate z moves a parameter of a process, as in :math:`\alpha_i = \alpha e^{-\gamma' z_i}`
(Fader and Hardie 2007, Incorporating Time-Invariant Covariates into the Pareto/NBD and BG/NBD
Models). The models know the derivatives of each row with respect to its own parameters; what
those mean for the coefficients is the chain rule, which is here once for all models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._newton import Derivatives, Optimum
from clvkit.errors import UnknownNameError

__all__ = [
    "Effect",
    "Regression",
    "RowDerivatives",
    "Term",
    "arrange_terms",
    "by_process",
    "shifts",
]

Array = NDArray[np.float64]


#: Below this a combination of columns, of variance 1 each, does not vary but for rounding.
_COLLINEAR = 1e-11


class Effect(NamedTuple):
    """A parameter that the covariates of a process move: ``sign`` times the coefficients.

    ``label`` stands before the covariate in the name of a coefficient: "purchase.age".
    """

    label: str
    process: str
    param: str
    sign: float


class Term(NamedTuple):
    """An effect by position: of its parameter, its columns of the design, its coefficients."""

    param: int
    sign: float
    columns: list[int]
    coefs: list[int]


class RowDerivatives(NamedTuple):
    """Log-likelihood of each row, with derivatives in the row's own k log-parameters.

    Of shapes (n,), (k, n) and (k, k, n).
    """

    value: Array
    gradient: Array
    hessian: Array

    def sum(self, weights: Array) -> Derivatives:
        """Return the weighted sum over the rows."""
        return Derivatives(
            float(weights @ self.value), self.gradient @ weights, self.hessian @ weights
        )


def by_process(
    covariates: Any, effects: Sequence[Effect], shared: Sequence[str] = ()
) -> dict[str, list[str]]:
    """Return the names of the covariates of each process.

    Parameters
    ----------
    covariates : list of str, mapping or None
        Names that hold for every process, or a mapping from process to names.
    effects : sequence of Effect
        What the model lets covariates move.
    shared : sequence of str
        Names that must be given for every process.

    Returns
    -------
    dict of lists of str

    Raises
    ------
    UnknownNameError
        For a process that the model does not have, or a shared covariate that is not in all.
    """
    processes = list(dict.fromkeys(effect.process for effect in effects))
    if covariates is None:
        chosen: dict[str, list[str]] = {process: [] for process in processes}
    elif isinstance(covariates, Mapping):
        unknown = [process for process in covariates if process not in processes]
        if unknown:
            raise UnknownNameError(
                f"covariates names the process {unknown[0]!r}; this model has "
                f"{' and '.join(map(repr, processes))}."
            )
        chosen = {process: list(covariates.get(process, [])) for process in processes}
    else:
        chosen = {process: list(covariates) for process in processes}
    for name in shared:
        if not all(name in names for names in chosen.values()):
            raise UnknownNameError(
                f"shared_covariates names {name!r}, which is not a covariate of every process: "
                f"{chosen}. Give it to each of them in covariates."
            )
    return chosen


def arrange_terms(
    param_names: Sequence[str],
    effects: Sequence[Effect],
    covariates: Mapping[str, Sequence[str]],
    shared: Sequence[str],
    columns: Sequence[tuple[str, str]],
) -> tuple[list[str], list[Term]]:
    """Name the coefficients, and say which column of the design drives what.

    Parameters
    ----------
    param_names : sequence of str
        The parameters of the model, which come first in the vector of the search.
    effects : sequence of Effect
    covariates : mapping from process to names of covariates
    shared : sequence of str
        Covariates with one coefficient for all processes.
    columns : sequence of (covariate, column)
        The columns of the design; a categorical covariate has several.

    Returns
    -------
    names : list of str
        The coefficients, in the order of the search.
    terms : list of Term
    """
    place: dict[str, int] = {}
    terms = []
    for effect in effects:
        used, coefs = [], []
        for j, (covariate, column) in enumerate(columns):
            if covariate in covariates[effect.process]:
                label = "shared" if covariate in shared else effect.label
                name = f"{label}.{column}"
                coefs.append(place.setdefault(name, len(param_names) + len(place)))
                used.append(j)
        terms.append(Term(list(param_names).index(effect.param), effect.sign, used, coefs))
    return list(place), terms


def shifts(terms: Sequence[Term], design: Array, coefs: Array, n_params: int) -> tuple[Array, ...]:
    """Return what the covariates add to the log-parameter of each term, row by row.

    Parameters
    ----------
    terms : sequence of Term
    design : ndarray of shape (n, m)
    coefs : ndarray
        The coefficients alone, which stand behind ``n_params`` parameters in the search.
    n_params : int

    Returns
    -------
    tuple of ndarrays of shape (n,)
    """
    return tuple(
        term.sign * (design[:, term.columns] @ coefs[np.array(term.coefs, dtype=int) - n_params])
        for term in terms
    )


class Regression:
    """A design matrix with the terms that it drives, centred and scaled for the search.

    Parameters
    ----------
    terms : list of Term
    design : ndarray of shape (n, m)
    n_params, n_coefs : int
        Numbers of parameters and of coefficients.
    """

    def __init__(self, terms: list[Term], design: Array, n_params: int, n_coefs: int) -> None:
        self.terms = terms
        self.n_params, self.n_coefs = n_params, n_coefs
        self.center = design.mean(axis=0) if len(design) else np.zeros(design.shape[1])
        spread = design.std(axis=0) if len(design) else np.zeros(design.shape[1])
        # A column that does not vary is 0 then, and its coefficient stays 0.
        self.varies = spread > 1e-12 * np.maximum(np.abs(self.center), 1e-300)
        self.scale = np.where(self.varies, spread, 1.0)
        self.design = np.where(self.varies, (design - self.center) / self.scale, 0.0)

    def take(self, index: Any) -> Regression:
        """Return the regression of some of the rows."""
        part = copy(self)
        part.design = self.design[index]
        return part

    def contract(self, rows: RowDerivatives, weights: Array) -> Derivatives:
        """Return the weighted sum over the rows, with derivatives in the whole vector."""
        inner = rows.sum(weights)
        k, size = self.n_params, self.n_params + self.n_coefs
        gradient, hessian = np.zeros(size), np.zeros((size, size))
        gradient[:k], hessian[:k, :k] = inner.gradient, inner.hessian
        design = self.design
        for term in self.terms:
            if not term.columns:
                continue
            Z = term.sign * design[:, term.columns]
            gradient[term.coefs] += Z.T @ (weights * rows.gradient[term.param])
            cross = (rows.hessian[term.param] * weights) @ Z
            hessian[:k, term.coefs] += cross
            hessian[np.ix_(term.coefs, range(k))] += cross.T
            for other in self.terms:
                if other.columns:
                    bend = weights * rows.hessian[term.param, other.param]
                    block = (Z * bend[:, None]).T @ (other.sign * design[:, other.columns])
                    hessian[np.ix_(term.coefs, other.coefs)] += block
        return Derivatives(inner.value, gradient, hessian)

    def scale_of_coefs(self) -> Array:
        """Return the standard deviation of the column behind each coefficient."""
        scale = np.ones(self.n_coefs)
        for term in self.terms:
            for column, coef in zip(term.columns, term.coefs, strict=True):
                scale[coef - self.n_params] = self.scale[column]
        return scale

    def in_own_units(self, optimum: Optimum) -> Optimum:
        r"""Return the optimum in the covariates' own units: theta = A theta'.

        :math:`\gamma z' = (\gamma / s) (z - m)`, so that a parameter loses
        :math:`\pm \gamma m / s` of its logarithm, and a coefficient is divided by s.
        """
        back = np.eye(self.n_params + self.n_coefs)
        for term in self.terms:
            for column, coef in zip(term.columns, term.coefs, strict=True):
                back[coef, coef] = 1.0 / self.scale[column]
                back[term.param, coef] -= term.sign * self.center[column] / self.scale[column]
        there = np.linalg.inv(back)
        at = Derivatives(
            optimum.at.value,
            there.T @ optimum.at.gradient,
            there.T @ optimum.at.hessian @ there,
        )
        return optimum._replace(log_params=back @ optimum.log_params, at=at)

    def remarks(self, coef_names: Sequence[str]) -> list[tuple[list[str], str]]:
        """Return coefficients that the covariates tell nothing about, with the reason in words."""
        constant = (
            "the covariate is the same for every customer, so that its coefficient stays 0. "
            "Leave it out."
        )
        collinear = (
            "collinear covariates, of which each follows from the others, so that only a sum of "
            "their effects is known. Leave out one."
        )
        reasons = ((self.fixed(), constant), (self._collinear(), collinear))
        return [
            ([name for name, is_one in zip(coef_names, which, strict=True) if is_one], why)
            for which, why in reasons
            if which.any()
        ]

    def _collinear(self) -> NDArray[np.bool_]:
        """Return which coefficients can change together without moving any parameter."""
        moves = np.zeros((self.n_coefs, self.n_coefs))
        for term in self.terms:
            coefs = np.array(term.coefs, dtype=int) - self.n_params
            Z = self.design[:, term.columns]
            moves[np.ix_(coefs, coefs)] += Z.T @ Z / max(len(Z), 1)
        moves[np.diag_indices_from(moves)] += self.fixed()
        size, axes = np.linalg.eigh(moves)
        nothing: NDArray[np.bool_] = (np.abs(axes[:, size < _COLLINEAR]) > 1e-4).any(axis=1)
        return nothing

    def fixed(self) -> NDArray[np.bool_]:
        """Return which coefficients belong to columns that do not vary."""
        fixed = np.zeros(self.n_coefs, dtype=bool)
        for term in self.terms:
            for column, coef in zip(term.columns, term.coefs, strict=True):
                fixed[coef - self.n_params] |= not self.varies[column]
        return fixed
