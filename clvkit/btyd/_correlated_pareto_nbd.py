"""The Pareto/NBD model with correlated purchase and dropout rates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clvkit.btyd import _correlated_pareto as correlated
from clvkit.btyd import _pareto as pareto
from clvkit.btyd._boundaries import dependence_boundaries
from clvkit.btyd._covariates import RowDerivatives
from clvkit.btyd._likelihood_model import Boundary
from clvkit.btyd._maximum_likelihood import Estimate
from clvkit.btyd._newton import Objective
from clvkit.btyd._pareto_counts import pmf_if_alive
from clvkit.btyd._pareto_nbd import ParetoNBD
from clvkit.btyd._purchase_hooks import Params
from clvkit.btyd._purchase_model import PurchaseModel
from clvkit.btyd._sarmanov import log_gap, strength
from clvkit.btyd._summary import Rows
from clvkit.btyd._units import horizon_in_units
from clvkit.utils._duration import parse_duration

__all__ = ["CorrelatedParetoNBD"]

Array = NDArray[np.float64]


class CorrelatedParetoNBD(ParetoNBD):
    r"""Pareto/NBD whose customers' purchase and dropout rates are correlated.

    As :class:`ParetoNBD`, but whoever buys often may be lost the sooner, or the later: the rates
    :math:`\lambda` and :math:`\mu` have gamma distributions and the joint density

    .. math::
        g(\lambda) \, h(\mu) \, [1 + m (e^{-w \lambda} - E e^{-w \lambda})
        (e^{-w \mu} - E e^{-w \mu})]

    of the Sarmanov family. Use it to test whether the independence that other models assume holds
    (:func:`likelihood_ratio_test` against :class:`ParetoNBD`), and for many customers where it does
    not. Do not expect much of it on small data, nor a strong correlation: the family holds none
    beyond -0.3 and 0.4, and often less.

    Parameters
    ----------
    kernel_time : str, default="13W"
        The duration w, within which some customers should buy, and some be lost, and others not:
        where all rates are small, or all large, beside 1 / w, the family holds next to no
        correlation. A day or a week is often too short for that.
    time_unit, covariates, shared_covariates, prior, tol, max_iter
        As in :class:`ParetoNBD`. With covariates the dependence is the same for all customers, each
        of whom has a range of his own for m.

    Attributes
    ----------
    params_ : dict
        ``r``, ``alpha``, ``s`` and ``beta`` as in :class:`ParetoNBD`, and ``dependence``, a
        positive number c that places m in its range: 1 is independence, large ones are the largest
        m (rates correlated positively), small ones the least. Then the coefficients; the other
        attributes are those of :class:`ParetoNBD`.
    m_ : float
        m of the density.
    correlation_ : float
        Correlation of the two rates; with covariates, among customers who have 0 for all.

    See Also
    --------
    ParetoNBD : The model with independent rates, which this is at a dependence of 1.
    likelihood_ratio_test : Whether the correlation is more than chance.

    Notes
    -----
    With A and B the means of :math:`e^{-w \lambda}` and :math:`e^{-w \mu}`, the density is
    nowhere negative for m between :math:`-1 / \max\{A B, (1 - A)(1 - B)\}` and
    :math:`1 / \max\{A (1 - B), (1 - A) B\}`. m is always inside: the ends are cut by up to a tenth
    where the two numbers of a maximum are near each other, so that the likelihood is smooth. Where
    w is taken to be one unit of time, as is usual, the model changes with the unit; for that one
    give the unit as ``kernel_time``.

    References
    ----------
    Lee, M.-L. T. (1996), Properties and Applications of the Sarmanov Family of Bivariate
    Distributions. Communications in Statistics - Theory and Methods 25(6), 1207-1222.

    Park, Y.-H. and Fader, P. S. (2004), Modeling Browsing Behavior at Multiple Websites. Marketing
    Science 23(3), 280-303, who have the family with gamma distributions.

    Examples
    --------
    >>> import pandas as pd
    >>> from clvkit.btyd import CorrelatedParetoNBD
    >>> params = {"r": 0.553, "alpha": 10.58, "s": 0.606, "beta": 11.67}
    >>> model = CorrelatedParetoNBD.from_params(**params, dependence=20.0)
    >>> round(model.correlation_, 3)
    0.237
    >>> summary = pd.DataFrame({"frequency": [9, 0], "recency": [30.43, 0.0], "T": [38.86, 38.86]})
    >>> summary.attrs["time_unit"] = "7D"
    >>> model.expected_purchases(summary, horizon="39W").round(3)
    array([3.522, 0.109])

    The dependence is positive, and 1 where there is none:

    >>> CorrelatedParetoNBD.from_params(**params, dependence=0.0)
    Traceback (most recent call last):
        ...
    sklearn.utils._param_validation.InvalidParameterError: The 'dependence' parameter of ...
    """

    #: Customers that ``check_purchase_model`` tries the model on.
    _example: ClassVar[str] = "correlated"
    _param_names: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta", "dependence")
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **ParetoNBD._parameter_constraints,
        "kernel_time": [str],
    }

    def __init__(
        self,
        *,
        kernel_time: str = "13W",
        time_unit: str = "7D",
        covariates: list[str] | dict[str, list[str]] | None = None,
        shared_covariates: Sequence[str] = (),
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
        self.kernel_time = kernel_time

    @property
    def m_(self) -> float:
        """Return m of the density."""
        params = self._fitted_params()
        in_a = log_gap(params["r"], params["alpha"], self._kernel)
        in_b = log_gap(params["s"], params["beta"], self._kernel)
        return float(strength(params, self._kernel) * (1.0 + np.exp(in_a)) * (1.0 + np.exp(in_b)))

    @property
    def correlation_(self) -> float:
        r"""Return the correlation of the rates.

        The covariance of :math:`\lambda` and :math:`e^{-w \lambda}` is :math:`-A r w / (\alpha
        (\alpha + w))`.
        """
        params, w = self._fitted_params(), self._kernel
        spread = np.sqrt(params["r"] * params["s"])
        reach = w / (params["alpha"] + w) * w / (params["beta"] + w)
        return float(strength(params, w) * spread * reach)

    def simulate_summary(
        self,
        T: ArrayLike,
        random_state: int | np.random.Generator | None = None,
        *,
        covariates: Any = None,
    ) -> Array:
        """Draw the purchase histories of newcomers, as :meth:`ParetoNBD.simulate_summary` does."""
        self._fitted_params()
        age = np.atleast_1d(horizon_in_units(T, self.time_unit))
        rows = self._newcomers(len(age), covariates)
        rng = np.random.default_rng(random_state)
        return correlated.draw_histories(
            self._params_with(rows.shifts), rows, age, self._kernel, rng
        )

    def _validate_params(self) -> None:
        super()._validate_params()
        parse_duration(self.kernel_time, name="kernel_time")

    @property
    def _kernel(self) -> float:
        return float(horizon_in_units(self.kernel_time, self.time_unit))

    # --- the search ------------------------------------------------------------------------

    def _start(self, rows: Rows, weights: Array) -> Array:
        # Where the rates are independent.
        plain = ParetoNBD(time_unit=self.time_unit, tol=1e-4, max_iter=self.max_iter)
        plain.covariate_levels_ = {}
        found = plain._search(rows._replace(more=()), np.zeros((len(weights), 0)), weights)
        start = plain._start(rows, weights)
        return np.append(np.clip(found.optimum.log_params, start - 4.0, start + 4.0), 0.0)

    def _typical(self, rows: Rows, weights: Array) -> Array:
        return np.append(super()._typical(rows, weights), 0.0)

    def _other_starts(self, start: Array, params: dict[str, float], rows: Rows) -> list[Array]:
        return []

    def _objective(self, rows: Rows, weights: Array) -> Objective:
        return PurchaseModel._objective(self, rows, weights)

    def _row_derivatives(self, params: Params, rows: Rows) -> RowDerivatives:
        return correlated.row_derivatives(params, rows, self._kernel)

    def _boundaries(self, params: dict[str, float], rows: Rows) -> list[Boundary]:
        found = super()._boundaries(params, rows)
        return found or dependence_boundaries(params)

    def _diagnose(
        self, found: Estimate, rows: Rows, design: Array, weights: Array
    ) -> list[Boundary]:
        # Where rates do not differ, or nobody is lost, nothing tells of the dependence either.
        return [
            boundary._replace(parameters=tuple(dict.fromkeys((*boundary.parameters, "dependence"))))
            for boundary in super()._diagnose(found, rows, design, weights)
        ]

    # --- the hooks -------------------------------------------------------------------------

    def _given(self, value: Callable[..., Array], rows: Rows, *args: Any) -> Array:
        params = self._params_with(rows.shifts)
        return correlated.given_alive(value, params, rows, self._kernel, *args)

    def _log_likelihood(self, rows: Rows) -> Array:
        return correlated.log_likelihood(self._params_with(rows.shifts), rows, self._kernel)

    def _alive(self, rows: Rows) -> Array:
        return correlated.probability_alive(self._params_with(rows.shifts), rows, self._kernel)

    def _stays_alive(self, rows: Rows, ahead: Array) -> Array:
        return self._given(pareto.stays_alive, rows, ahead)

    def _purchases_if_alive(self, rows: Rows, horizon: Array) -> Array:
        return self._given(pareto.purchases_if_alive, rows, horizon)

    def _active_if_alive(self, rows: Rows, horizon: Array) -> Array:
        return self._given(pareto.active_if_alive, rows, horizon)

    def _pmf_if_alive(self, rows: Rows, horizon: Array, n_max: int) -> Array:
        return self._given(pmf_if_alive, rows, horizon, n_max)

    def _draw(self, rows: Rows, horizon: Array, rng: np.random.Generator) -> NDArray[np.int64]:
        params = self._params_with(rows.shifts)
        return correlated.draw(params, rows, horizon, self._kernel, rng)
