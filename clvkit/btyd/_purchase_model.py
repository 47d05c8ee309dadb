"""The base class of purchase models: one door for data, units and horizons."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from clvkit.btyd._covariates import RowDerivatives
from clvkit.btyd._dedup import group_rows
from clvkit.btyd._likelihood_model import Boundary, shifted
from clvkit.btyd._maximum_likelihood import Estimate, Problem, estimate
from clvkit.btyd._nested import dropout_gain, no_dropout, shows_dropout
from clvkit.btyd._newton import Objective
from clvkit.btyd._purchase_intervals import PurchaseIntervals
from clvkit.btyd._summary import Rows, read_weights
from clvkit.errors import SummaryError
from clvkit.utils._duration import parse_duration

__all__ = ["PurchaseModel"]

Array = NDArray[np.float64]

#: Another peak of the likelihood counts if it is higher by so much, a likelihood-ratio statistic
#: of 4; below that chance may have made it, and the end of the first search stays.
_HIGHER = 2.0
#: A gain of the log-likelihood that says nothing: without dropout, chance alone makes that or more
#: of two parameters in one data set of three.
_AS_WELL = 0.5


class PurchaseModel(PurchaseIntervals):
    """Base of models of when customers buy, and whether they will again.

    Public methods check the summary, convert units and horizons, and hand plain arrays in the
    model's unit to the hooks. A new model implements the hooks and nothing else (see
    :class:`~clvkit.btyd._purchase_hooks.PurchaseHooks`);
    ``clvkit.testing.check_purchase_model`` tells whether they fit together.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "time_unit": [str],
        "covariates": ["array-like", dict, None],
        "shared_covariates": ["array-like"],
        "prior": [StrOptions({"weak"}), dict, None],
        "tol": [Interval(Real, 0.0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        time_unit: str = "7D",
        covariates: list[str] | dict[str, list[str]] | None = None,
        shared_covariates: Sequence[str] = (),
        prior: str | dict[str, Any] | None = None,
        tol: float = 1e-8,
        max_iter: int = 200,
    ) -> None:
        self.time_unit = time_unit
        self.covariates = covariates
        self.shared_covariates = shared_covariates
        self.prior = prior
        self.tol = tol
        self.max_iter = max_iter

    def _validate_params(self) -> None:
        super()._validate_params()
        parse_duration(self.time_unit, name="time_unit")

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, summary: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Any:
        """Estimate the parameters by maximum likelihood.

        Parameters
        ----------
        summary : DataFrame or array-like of shape (n_customers, 3 or more)
            A frame with the columns ``frequency`` (repeat purchases), ``recency`` (age at the
            last one) and ``T`` (age at the cutoff), whose ``attrs["time_unit"]`` says the unit
            of its times, or an array with these columns in this order, in the model's unit.
            Covariates are further columns; in an array they stand behind a fourth one,
            ``monetary_value``, in the order in which ``covariates`` names them.
        y : ignored
            Present for the API of scikit-learn.
        sample_weight : array-like of shape (n_customers,), optional
            How many customers each row stands for.

        Returns
        -------
        self

        Raises
        ------
        SummaryError
            When the summary holds what no customer can have, or no customer at all, or a
            covariate is missing or infinite somewhere.
        UnknownNameError
            When there is no such covariate, process or parameter as ``covariates``,
            ``shared_covariates`` or ``prior`` names.
        InvalidParameterError
            When a parameter of the constructor is of the wrong type or out of range.

        Warns
        -----
        BoundaryWarning
            When a simpler model fits as well, such as one without dropout. Estimates stay where the
            likelihood is highest; nothing tells how far those that it names may be off.
        CovariateWarning
            When covariates are the same for every customer, or collinear: their coefficients have
            no standard errors.
        UnitWarning
            When a frame does not say its unit of time.
        """
        rows = self._read_rows(summary)
        design = self._learn_design(summary)
        weights = read_weights(sample_weight, len(rows.T))
        rows, design, weights = _distinct(rows, design, weights)
        n = float(weights.sum())
        if n == 0.0:
            raise SummaryError(
                "The summary has no customer (or none of positive weight): there is nothing to "
                "fit. A model with known parameters comes from from_params."
            )
        found = self._search(rows, design, weights)
        self._keep(found, n, self._diagnose(found, rows, design, weights))
        return self

    def _diagnose(
        self, found: Estimate, rows: Rows, design: Array, weights: Array
    ) -> list[Boundary]:
        boundaries = self._boundaries(self._as_params(found.central), rows)
        names = self._dropout_params
        if not names or self.prior is not None or not rows.frequency.any():
            return boundaries
        if shows_dropout(self, found, names):
            return boundaries
        gain = dropout_gain(self, found, rows, design, weights)
        if gain >= _AS_WELL:
            return boundaries
        others = [boundary for boundary in boundaries if boundary.parameters != names]
        return [*others, no_dropout(names, gain, self._nested)]

    def _search(self, rows: Rows, design: Array, weights: Array) -> Estimate:
        start, center = self._start(rows, weights), self._typical(rows, weights)
        found = self._search_from(start, center, rows, design, weights)
        for other in self._other_starts(start, self._as_params(found.central), rows):
            again = self._search_from(other, center, rows, design, weights)
            if again.optimum.at.value > found.optimum.at.value + _HIGHER:
                found = again
        return found

    def _search_from(
        self, start: Array, center: Array, rows: Rows, design: Array, weights: Array
    ) -> Estimate:
        def objective_of(index: Any, own: Array) -> Objective:
            return self._objective(rows.take(index), own)

        def row_derivatives(index: Any, log_params: Array, moved: Any) -> RowDerivatives:
            params = shifted(dict(self._as_params(log_params)), self._effects, moved)
            return self._row_derivatives(params, rows.take(index))

        return estimate(
            Problem(
                self._param_names,
                start,
                objective_of,
                row_derivatives,
                center=center,
                many=self._many_rows,
            ),
            weights,
            design=design,
            names_and_terms=self._names_and_terms(),
            prior=self.prior,
            tol=self.tol,
            max_iter=self.max_iter,
        )


def _distinct(rows: Rows, design: Array, weights: Array) -> tuple[Rows, Array, Array]:
    """Merge equal rows, adding their weights; rows of weight 0 vanish."""
    used = weights > 0
    if not used.all():
        rows, design, weights = rows.take(used), design[used], weights[used]
    groups = group_rows(*rows.columns, *design.T)
    merged = np.bincount(groups.code, weights, len(groups.first)).astype(float)
    return rows.take(groups.first), design[groups.first], merged
