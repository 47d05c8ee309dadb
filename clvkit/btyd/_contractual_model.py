"""The base class of contractual models: renewals of contracts, one a period."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from clvkit.btyd import _renewal_likelihood as renewals
from clvkit.btyd._contractual_vocabulary import ContractualVocabulary
from clvkit.btyd._covariates import Effect, RowDerivatives
from clvkit.btyd._dedup import group_rows
from clvkit.btyd._likelihood_model import Boundary, shifted
from clvkit.btyd._maximum_likelihood import Estimate, Problem, estimate
from clvkit.btyd._newton import Objective
from clvkit.btyd._summary import read_weights
from clvkit.btyd._tenures import Tenures, read_tenures
from clvkit.errors import SummaryError
from clvkit.utils._duration import parse_duration

__all__ = ["ContractualModel"]

Array = NDArray[np.float64]


class ContractualModel(ContractualVocabulary):
    """Base of models of customers who must renew a contract, or are seen to leave.

    A subclass names its parameters (``alpha``, ``beta`` and maybe ``c``), where to start and
    what the edges of their ranges mean.
    """

    # As in the Beta-geometric models, scaling alpha and beta alike could not move the mean.
    _effects: ClassVar[tuple[Effect, ...]] = (
        Effect("churn_alpha", "churn", "alpha", 1.0),
        Effect("churn_beta", "churn", "beta", 1.0),
    )
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "time_unit": [str],
        "covariates": ["array-like", dict, None],
        "prior": [StrOptions({"weak"}), dict, None],
        "tol": [Interval(Real, 0.0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        time_unit: str = "1M",
        covariates: list[str] | dict[str, list[str]] | None = None,
        prior: str | dict[str, Any] | None = None,
        tol: float = 1e-8,
        max_iter: int = 200,
    ) -> None:
        self.time_unit = time_unit
        self.covariates = covariates
        self.prior = prior
        self.tol = tol
        self.max_iter = max_iter

    def _validate_params(self) -> None:
        super()._validate_params()
        parse_duration(self.time_unit, name="time_unit")

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, tenures: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Any:
        """Estimate the parameters by maximum likelihood.

        Parameters
        ----------
        tenures : DataFrame or array-like of shape (n, 2)
            ``tenure``, the number of renewals that were due, and ``churned``, 1 where the last
            of them was refused and 0 where the customer is still there (censored). A frame may
            have ``count``, how many customers a row stands for, and ``entry``, the number of
            renewals that were due before the data begin (the customer is there only because he
            took them all), and has the covariates.
            :func:`tenures_from_cohorts` makes one of counts by cohort.
        y : ignored
            Present for the API of scikit-learn.
        sample_weight : array-like of shape (n,), optional
            How many customers each row stands for, beyond its ``count``.

        Returns
        -------
        self

        Raises
        ------
        SummaryError
            When the tenures hold what no customer can have, or nobody was asked to renew.
        UnknownNameError
            When there is no such covariate, process or parameter as ``covariates`` or ``prior``
            names.

        Warns
        -----
        BoundaryWarning
            When a simpler model fits as well, such as one of customers who are all alike.
        """
        rows, count = read_tenures(tenures)
        design = self._learn_design(tenures)
        weights = count * read_weights(sample_weight, len(count))
        used = (weights > 0) & (rows.tenure > rows.entry)
        if not used.any():
            raise SummaryError(
                f"None of {len(weights)} customers has been asked to renew since the data begin: "
                "there is nothing to learn about churn. Wait for a renewal, or use from_params."
            )
        n = float(weights[weights > 0].sum())
        groups = group_rows(*(c[used] for c in rows), *design[used].T)
        merged = np.bincount(groups.code, weights[used], len(groups.first)).astype(float)
        rows, design = rows.take(used).take(groups.first), design[used][groups.first]
        found = self._search(rows, design, merged)
        boundaries = self._boundaries(self._as_params(found.central), rows, merged)
        self._keep(found, n, boundaries)
        self.information_ = -found.optimum.at.hessian
        return self

    # --- hooks ---------------------------------------------------------------------------

    def _starts(self, rows: Tenures, weights: Array) -> list[Array]:
        """Return log-parameters from which to search; the highest end counts."""
        raise NotImplementedError

    def _boundaries(
        self, params: dict[str, float], rows: Tenures, weights: Array
    ) -> list[Boundary]:
        """Say which parameters ran to a boundary, and what that means."""
        raise NotImplementedError

    def _search(self, rows: Tenures, design: Array, weights: Array) -> Estimate:
        starts = self._starts(rows, weights)
        found = [self._search_from(start, starts[0], rows, design, weights) for start in starts]
        return max(found, key=lambda one: one.optimum.at.value)

    def _search_from(
        self, start: Array, center: Array, rows: Tenures, design: Array, weights: Array
    ) -> Estimate:
        def of_rows(index: Any, log_params: Array, moved: Any) -> RowDerivatives:
            params = shifted(dict(self._as_params(log_params)), self._effects, moved)
            return _first(renewals.row_derivatives(params, rows.take(index)), len(start))

        def objective_of(index: Any, own: Array) -> Objective:
            return lambda log_params: of_rows(index, log_params, ()).sum(own)

        return estimate(
            Problem(self._param_names, start, objective_of, of_rows, center=center),
            weights,
            design=design,
            names_and_terms=self._names_and_terms(),
            prior=self.prior,
            tol=self.tol,
            max_iter=self.max_iter,
        )


def _first(rows: RowDerivatives, k: int) -> RowDerivatives:
    """Return the derivatives in the first k parameters; the others are known."""
    return RowDerivatives(rows.value, rows.gradient[:k], rows.hessian[:k, :k])
