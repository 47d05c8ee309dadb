"""What every model fitted by maximum likelihood shares: its statistics, and `from_params`."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    validate_parameter_constraints,
)
from sklearn.utils.validation import check_is_fitted

from clvkit.btyd._covariates import Effect, Term, arrange_terms, by_process, shifts
from clvkit.btyd._design import columns_of, covariate_names, learn_levels, read_design
from clvkit.btyd._inference import estimates
from clvkit.btyd._maximum_likelihood import Estimate
from clvkit.errors import ArgumentError, BoundaryWarning, CovariateWarning, UnknownNameError
from clvkit.utils._warnings import warn_user

__all__ = ["ALIKE", "Boundary", "LikelihoodModel", "shifted"]

Array = NDArray[np.float64]

#: Above this a shape parameter says that its kind of variation is absent.
ALIKE = 1e4
#: Below this share of its diagonal the information of a direction is rounding.
_SINGULAR = 1e-11


class Boundary(NamedTuple):
    """Parameters that ran to the edge of their range, and what that amounts to."""

    parameters: tuple[str, ...]
    meaning: str


class LikelihoodModel(BaseEstimator):
    """Base of models with positive parameters that are fitted by maximum likelihood.

    A subclass names its parameters in ``_param_names`` and hands the end of its search to
    :meth:`_keep`. Think twice before adding to it: it knows nothing of purchases or spend.
    """

    _param_names: ClassVar[tuple[str, ...]]
    #: Exclusive least values of parameters that must exceed something other than 0.
    _param_floors: ClassVar[dict[str, float]] = {}
    #: The parameters that covariates may move.
    _effects: ClassVar[tuple[Effect, ...]] = ()

    @classmethod
    def from_params(cls, **params: Any) -> Any:
        """Make a fitted model from known parameters, without data.

        Parameters
        ----------
        **params
            The parameters of the model by their names in the literature, all of them, and
            any of the constructor, such as ``time_unit``. With ``covariates``, which must be
            numeric then, their coefficients too: ``**{"purchase.age": 0.1}``.

        Returns
        -------
        model
            A model that predicts. It has ``params_``, but no attribute that describes a fit.

        Raises
        ------
        UnknownNameError
            When a parameter is missing, or is not one of the model.
        ValueError
            When a parameter is no number, or outside its range.
        """
        settings = {name: params.pop(name) for name in cls._get_param_names() if name in params}
        model = cls(**settings)
        model._validate_params()
        model.covariate_levels_ = {name: [] for name in model._covariate_names()}
        names = [*cls._param_names, *model._coef_names()]
        cls._check_param_names(params, names)
        cls._check_param_values(params)
        model.params_ = {name: float(params[name]) for name in names}
        return model

    @classmethod
    def _check_param_names(cls, params: dict[str, Any], names: list[str]) -> None:
        missing = [name for name in names if name not in params]
        unknown = [name for name in params if name not in names]
        if missing or unknown:
            found = [f"{', '.join(map(repr, missing))} missing"] if missing else []
            found += [f"{', '.join(map(repr, unknown))} unknown"] if unknown else []
            raise UnknownNameError(
                f"{cls.__name__}.from_params: {' and '.join(found)}. Give each of the parameters "
                f"{', '.join(names)}, and of the settings "
                f"{', '.join(cls._get_param_names())} those that are not to be the default."
            )

    @classmethod
    def _check_param_values(cls, params: dict[str, Any]) -> None:
        caller = f"{cls.__name__}.from_params"
        ranges = {
            name: [Interval(Real, cls._least(name), None, closed="neither")] for name in params
        }
        validate_parameter_constraints(ranges, params, caller_name=caller)
        for name, value in params.items():
            if isinstance(value, bool):
                raise InvalidParameterError(
                    f"The {name!r} parameter of {caller} must be a number, got {value!r}."
                )

    @classmethod
    def _least(cls, name: str) -> float | None:
        # Coefficients have either sign.
        return cls._param_floors.get(name, 0.0) if name in cls._param_names else None

    def summary(self, coverage: float = 0.95) -> pd.DataFrame:
        """Return the estimates with their standard errors and intervals.

        Parameters
        ----------
        coverage : float, default=0.95
            Of the intervals, which are symmetric on the log scale for the positive parameters
            of a model, and as they are for the coefficients of covariates.

        Returns
        -------
        DataFrame of shape (n_parameters, 4 or 6)
            Indexed by ``parameter``: ``estimate``, ``standard_error``, ``lower`` and ``upper``;
            with covariates also ``z`` and ``p_value`` of their coefficients. Parameters on a
            boundary have NaN.

        Raises
        ------
        ArgumentError
            When ``coverage`` does not lie between 0 and 1, or the model was not fitted to data.
        """
        self._fitted_params()
        if not hasattr(self, "covariance_"):
            raise ArgumentError(
                f"This {type(self).__name__} was made by from_params: its parameters are known, "
                "so there is no error to report. They are in params_."
            )
        return estimates(self, coverage)

    # --- covariates ----------------------------------------------------------------------

    def _covariates_of(self) -> dict[str, list[str]]:
        covariates = getattr(self, "covariates", None)
        return by_process(covariates, self._effects, getattr(self, "shared_covariates", ()))

    def _covariate_names(self) -> list[str]:
        names = [name for chosen in self._covariates_of().values() for name in chosen]
        return list(dict.fromkeys(names))

    def _names_and_terms(self) -> tuple[list[str], list[Term]]:
        """Return the names of the coefficients, and what each of them moves."""
        return arrange_terms(
            self._param_names,
            self._effects,
            self._covariates_of(),
            getattr(self, "shared_covariates", ()),
            columns_of(self.covariate_levels_),
        )

    def _coef_names(self) -> list[str]:
        """Return the names of all coefficients, in the order of ``params_``."""
        return self._names_and_terms()[0]

    def _named_covariates(self) -> list[str]:
        """Return the names that the user gave covariates; a model may have others of its own."""
        return covariate_names(self)

    def _learn_design(self, summary: Any) -> Array:
        """Learn which values the covariates have, and return them as a matrix."""
        self.covariate_levels_ = learn_levels(summary, self._covariate_names())
        return read_design(summary, self.covariate_levels_)

    def _read_shifts(self, summary: Any) -> tuple[Array, ...]:
        """Return what each row's covariates add to the log-parameters."""
        names, terms = self._names_and_terms()
        if not names:
            return ()
        coefs = np.array([self.params_[name] for name in names])
        design = read_design(summary, self.covariate_levels_)
        return shifts(terms, design, coefs, len(self._param_names))

    def _params_with(self, moved: tuple[Array, ...]) -> dict[str, Any]:
        """Return the parameters: numbers, or an array for those that covariates move."""
        params: dict[str, Any] = {name: self.params_[name] for name in self._param_names}
        return shifted(params, self._effects, moved)

    # --- the end of a fit ----------------------------------------------------------------

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "params_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags

    def _fitted_params(self) -> dict[str, float]:
        check_is_fitted(self)
        return self.params_

    def _as_params(self, log_params: Array) -> dict[str, float]:
        """Return the parameters without coefficients."""
        k = len(self._param_names)
        return dict(zip(self._param_names, np.exp(log_params[:k]).tolist(), strict=True))

    def _keep(self, found: Estimate, n: float, boundaries: list[Boundary]) -> None:
        """Set the fitted attributes, and warn of what a user should know."""
        theta, k = found.optimum.log_params, len(self._param_names)
        coefs = dict(zip(found.coef_names, theta[k:].tolist(), strict=True))
        self.params_ = self._as_params(theta) | coefs
        at_boundary = {name for boundary in boundaries for name in boundary.parameters}
        inside = np.array([name not in at_boundary for name in self._param_names])
        inside = np.concatenate([inside, ~found.fixed])
        self.covariance_ = _covariance(found.optimum.at.hessian, inside)
        # Parameters are searched for on the log scale, coefficients on their own.
        slopes = np.concatenate([np.exp(theta[:k]), np.ones(len(theta) - k)])
        errors = slopes * np.sqrt(np.diag(self.covariance_))
        self.standard_errors_ = dict(zip(self.params_, errors.tolist(), strict=True))
        self.log_likelihood_ = float(found.optimum.at.value) - found.log_prior
        chosen = len(theta) + self._n_chosen()
        self.aic_ = 2.0 * chosen - 2.0 * self.log_likelihood_
        self.bic_ = float(np.log(n)) * chosen - 2.0 * self.log_likelihood_
        self.converged_ = found.optimum.converged
        self.n_iter_ = found.optimum.n_iter
        self.boundary_ = [name for name in self._param_names if name in at_boundary]
        self._warn_of_covariates(found.remarks)
        self._warn(boundaries)

    def _n_chosen(self) -> int:
        """Return how many numbers the data chose beside ``params_``."""
        return 0

    def _warn_of_covariates(self, remarks: Sequence[tuple[list[str], str]]) -> None:
        asked = self._named_covariates()
        findings = []
        for coefs, meaning in remarks:
            columns = [coef.partition(".")[2] for coef in coefs]
            named = [
                coef
                for coef, column in zip(coefs, columns, strict=True)
                if any(column == name or column.startswith(f"{name}=") for name in asked)
            ]
            if named:
                findings.append(f"{', '.join(named)}: {meaning}")
        if findings:
            warn_user(
                f"{type(self).__name__} cannot tell some coefficients, which have no standard "
                f"errors; predictions do not suffer. {' '.join(findings)}",
                CovariateWarning,
            )

    def _warn(self, boundaries: list[Boundary]) -> None:
        name = type(self).__name__
        if boundaries:
            findings = [
                f"{', '.join(f'{key}={self.params_[key]:.3g}' for key in boundary.parameters)}: "
                f"{boundary.meaning}"
                for boundary in boundaries
            ]
            warn_user(
                f"{name} has parameters on the boundary of their range. {' '.join(findings)}",
                BoundaryWarning,
            )
        if not self.converged_ and not boundaries:
            warn_user(
                f"{name} did not converge in {self.n_iter_} iterations: more customers or "
                "longer histories are needed, or a larger max_iter.",
                ConvergenceWarning,
            )


def shifted(
    params: dict[str, Any], effects: tuple[Effect, ...], moved: tuple[Array, ...]
) -> dict[str, Any]:
    """Return parameters with those that covariates move as arrays, one value a row."""
    for effect, shift in zip(effects, moved, strict=bool(moved)):
        params[effect.param] = params[effect.param] * np.exp(shift)
    return params


def _covariance(hessian: Array, inside: NDArray[np.bool_]) -> Array:
    # A parameter on the boundary has no standard error; the others have that of the nested model.
    # Nor have coefficients of collinear covariates, of which only a sum is known.
    covariance = np.full_like(hessian, np.nan)
    block = np.ix_(inside, inside)
    information = -hessian[block]
    spread = np.sqrt(np.maximum(np.diag(information), 0.0))
    if not information.size or not np.all(spread > 0.0):
        return covariance
    size, axes = np.linalg.eigh(information / np.outer(spread, spread))
    known = size > _SINGULAR
    if size.min() < -_SINGULAR:
        return covariance
    inverse = (axes[:, known] / size[known]) @ axes[:, known].T / np.outer(spread, spread)
    open_ = (np.abs(axes[:, ~known]) > 1e-4).any(axis=1)
    inverse[open_], inverse[:, open_] = np.nan, np.nan
    covariance[block] = inverse
    return covariance
