"""What the models of regular purchases share: Erlang-k intervals, with k fixed or chosen."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval

from clvkit.btyd import _beta_geometric as bg
from clvkit.btyd._beta_geometric_model import BetaGeometricModel
from clvkit.btyd._covariates import RowDerivatives
from clvkit.btyd._erlang import log_gap_density
from clvkit.btyd._maximum_likelihood import Estimate
from clvkit.btyd._newton import Derivatives, Objective
from clvkit.btyd._purchase_hooks import Params
from clvkit.btyd._purchase_model import PurchaseModel
from clvkit.btyd._summary import COLUMNS, Rows, read_rows
from clvkit.errors import UnknownNameError

__all__ = ["RegularModel"]

Array = NDArray[np.float64]

#: What is tried where k is left to the data.
_CANDIDATES = range(1, 13)
#: More phases than this are a timetable, for which there are better models.
_MOST = 50


class RegularModel(BetaGeometricModel):
    """Base of the Beta-geometric models with Erlang-k times between purchases."""

    #: Asks for the sums of log gaps wherever histories are summarised for this model.
    _needs_log_gaps: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **PurchaseModel._parameter_constraints,
        "k": [Interval(Integral, 1, _MOST, closed="both"), None],
    }

    def __init__(
        self,
        *,
        k: int | None = None,
        time_unit: str = "7D",
        covariates: list[str] | dict[str, list[str]] | None = None,
        shared_covariates: Any = (),
        prior: str | dict[str, Any] | None = None,
        tol: float = 1e-8,
        max_iter: int = 200,
    ) -> None:
        super().__init__(
            time_unit=time_unit,
            covariates=covariates,
            shared_covariates=shared_covariates,
            prior=prior,
            tol=tol,
            max_iter=max_iter,
        )
        self.k = k

    @classmethod
    def from_params(cls, **params: Any) -> Any:
        """Make a fitted model from known parameters, without data.

        Parameters
        ----------
        **params
            ``r``, ``alpha``, ``a``, ``b`` and ``k``, and any parameter of the constructor, such as
            ``time_unit``; with covariates their coefficients too.

        Returns
        -------
        model
            A model that predicts. It has ``params_`` and ``k_``, but no attribute that describes
            a fit.

        Raises
        ------
        UnknownNameError
            When a parameter is missing, or is not one of the model.
        ValueError
            When a parameter is no number, or outside its range.
        """
        model = super().from_params(**params)
        if model.k is None:
            raise UnknownNameError(
                f"{cls.__name__}.from_params: 'k' missing. Without data it cannot be chosen: give "
                "the number of phases that r, alpha, a and b belong to, such as k=2."
            )
        model.k_ = int(model.k)
        return model

    def simulate_summary(
        self,
        T: ArrayLike,
        random_state: int | np.random.Generator | None = None,
        *,
        covariates: Any = None,
        gaps: bool = False,
    ) -> Array:
        """Draw the purchase histories of newcomers.

        Parameters
        ----------
        T : array-like of shape (n_customers,)
            Ages at the cutoff, in the model's unit of time.
        random_state : int or numpy.random.Generator, optional
            Seed, or the generator to draw from.
        covariates : mapping or DataFrame of 1 or n_customers rows, optional
            As in :meth:`expected_purchases_newcomer`.
        gaps : bool, default=False
            Whether to draw the times between purchases too, from which k is best estimated.

        Returns
        -------
        ndarray of shape (n_customers, 3 or 5)
            Frequency, recency and T, as :meth:`fit` takes them; with ``gaps`` a monetary value
            of 0 and the sum of the logarithms of the gaps besides.
        """
        rng = np.random.default_rng(random_state)
        drawn = super().simulate_summary(T, rng, covariates=covariates)
        if not gaps:
            return drawn
        logs = _draw_log_gaps(drawn[:, 0], drawn[:, 1], self.k_, rng)
        return np.column_stack([drawn, np.zeros(len(drawn)), logs])

    @property
    def _kind(self) -> bg.Kind:
        return bg.Kind(first=self._first, k=self.k_)

    def _read_rows(self, summary: Any) -> Rows:
        place = len(COLUMNS) + len(self._covariate_names())
        return read_rows(summary, time_unit=self.time_unit, gaps_at=place)

    def _n_chosen(self) -> int:
        return int(self.k is None)

    def _search(self, rows: Rows, design: Array, weights: Array) -> Estimate:
        """Fit with every k that is allowed, and keep the one of the highest likelihood."""
        found: dict[int, Estimate] = {}
        for k in _CANDIDATES if self.k is None else [int(self.k)]:
            self.k_ = k
            found[k] = super()._search(rows, design, weights)
        values = {k: float(each.optimum.at.value) for k, each in found.items()}
        self.k_ = max(values, key=values.__getitem__)
        self.log_likelihood_by_k_ = [values[k] - found[k].log_prior for k in found]
        return found[self.k_]

    def _objective(self, rows: Rows, weights: Array) -> Objective:
        without_gaps = super()._objective(rows, weights)
        gaps = float(weights @ log_gap_density(rows, self.k_))

        def objective(log_params: Array) -> Derivatives:
            at = without_gaps(log_params)
            return at._replace(value=at.value + gaps)

        return objective

    def _row_derivatives(self, params: Params, rows: Rows) -> RowDerivatives:
        at = super()._row_derivatives(params, rows)
        return at._replace(value=at.value + log_gap_density(rows, self.k_))

    @property
    def _nested(self) -> str:
        return "NBD" if self.k_ == 1 else "the model without dropout"

    def _without_dropout(self, params: Params, rows: Rows) -> RowDerivatives:
        with np.errstate(divide="ignore"):  # the log-odds of a dropout that never happens
            at = self._row_derivatives({**params, "a": 0.0, "b": 1.0}, rows)
        return RowDerivatives(at.value, at.gradient[:2], at.hessian[:2, :2])

    def _log_likelihood(self, rows: Rows) -> Array:
        return super()._log_likelihood(rows) + log_gap_density(rows, self.k_)

    def _given_alive(self, rows: Rows) -> Rows:
        # The time since the last purchase tells how many phases have ended, if there are several.
        rows = rows._replace(log_gaps=None)
        return super()._given_alive(rows) if self.k_ == 1 else rows


def _draw_log_gaps(x: Array, t_x: Array, k: int, rng: np.random.Generator) -> Array:
    """Draw the sums of log gaps, given that the x gaps add up to ``t_x``.

    As shares of it they are Dirichlet(k, ..., k): gammas over their sum.
    """
    counts = x.astype(np.int64)
    row = np.repeat(np.arange(len(x)), counts)
    gaps = rng.gamma(k, size=len(row))
    total = np.bincount(row, gaps, len(x))
    shares = np.bincount(row, np.log(gaps), len(x))
    bought = counts > 0
    scale = np.log(np.where(bought, t_x, 1.0) / np.where(bought, total, 1.0))
    return shares + x * scale
