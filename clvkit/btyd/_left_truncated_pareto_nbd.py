"""The Pareto/NBD model on a log that starts mid-life."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd import _negative_binomial as nbd
from clvkit.btyd import _pareto as pareto
from clvkit.btyd._covariates import RowDerivatives
from clvkit.btyd._left_truncation import LeftTruncation, unseen_of
from clvkit.btyd._pareto_nbd import ParetoNBD
from clvkit.btyd._purchase_hooks import Params
from clvkit.btyd._row_algebra import given_any, moved_parameter
from clvkit.btyd._summary import Rows

__all__ = ["LeftTruncatedParetoNBD"]

Array = NDArray[np.float64]

_BETA = 3


class LeftTruncatedParetoNBD(LeftTruncation, ParetoNBD):
    r"""Pareto/NBD on a log that starts when some customers are customers already.

    A log that starts mid-life shows of older customers those who are still there. Taken for
    newcomers they make dropout look rare, and late. Here they have the age :math:`\tau` at the
    start of the log: given that somebody is alive at that age, the rate of his dropout is
    :math:`Gamma(s, \beta + \tau)`, while the rate of his purchases is as it was; and he is in the
    log only if he has bought in it, so that his likelihood is divided by the chance of that.

    Use it where it is known when older customers were acquired (a customer table). Where it is
    known only that they were, they are left out of the estimates and predicted for at an age that
    suits them as a whole.

    Parameters
    ----------
    time_unit : str, default="7D"
        As in :class:`ParetoNBD`.
    covariates, shared_covariates, prior, tol, max_iter
        As in :class:`ParetoNBD`.
    acquired : str, default="acquired"
        Column of ``X``, which :meth:`summarise` reads, with the date of acquisition, or a truth
        value: whether that was before the log starts.
    log_start : str or None, default=None
        First day on which the log would have shown a purchase, which :meth:`summarise` needs.

    Attributes
    ----------
    params_ : dict
        ``r``, ``alpha``, ``s`` and ``beta`` of newcomers, then coefficients; the other attributes
        are those of :class:`ParetoNBD`.

    unseen_ : float
        Age at the start of the log that customers are taken to have of whom it is not known; NaN
        where the model was fitted without such.

    See Also
    --------
    ParetoNBD : The model, on a log that shows customers from the first purchase.
    LeftTruncatedBetaGeoNBD : The same for the BG/NBD model.

    Notes
    -----
    The summary has a column ``unseen``, the age at the start of the log, 0 for customers acquired
    later (and for all rows of an array). Where it is positive, ``frequency`` counts **all**
    purchases in the log, and ``recency`` and ``T`` are counted from its start. ``log_likelihood``
    is conditional on a purchase in the log there. Newcomers are what they are in
    :class:`ParetoNBD`.

    References
    ----------
    Schmittlein, D. C., Morrison, D. G. and Colombo, R. (1987), Counting Your Customers: Who Are
    They and What Will They Do Next? Management Science 33(1), 1-24. The conditioning is derived
    in the documentation, page "Logs that start mid-life".

    Examples
    --------
    >>> import pandas as pd
    >>> from clvkit.btyd import LeftTruncatedParetoNBD
    >>> model = LeftTruncatedParetoNBD.from_params(r=0.55, alpha=10.6, s=0.61, beta=11.7)
    >>> summary = pd.DataFrame({"frequency": [2, 2], "recency": [20.0, 20.0], "T": [39.0, 39.0]})
    >>> summary.attrs["time_unit"] = "7D"

    Who has been there for two years when the log starts is the more likely to be there still:

    >>> model.probability_alive(summary.assign(unseen=[0.0, 104.0])).round(2)
    array([0.6 , 0.86])
    >>> model.probability_alive(summary.assign(unseen=104.0, frequency=0, recency=0.0))
    Traceback (most recent call last):
        ...
    clvkit.errors.SummaryError: In the summary frequency is 0 although unseen is positive in 2 ...
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **ParetoNBD._parameter_constraints,
        "acquired": [str],
        "log_start": [str, None],
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
        acquired: str = "acquired",
        log_start: str | None = None,
    ) -> None:
        super().__init__(
            time_unit=time_unit,
            covariates=covariates,
            shared_covariates=shared_covariates,
            prior=prior,
            tol=tol,
            max_iter=max_iter,
        )
        self.acquired = acquired
        self.log_start = log_start

    # The hooks of the Pareto/NBD ask for its parameters by the rows' shifts. A further shift is the
    # age at the start of the log, so that each of them sees beta + tau.

    def _rows(self, summary: Any) -> Rows:
        rows = super()._rows(summary)
        nothing = np.zeros_like(rows.T)
        shifts = rows.shifts or (nothing, nothing)
        return rows._replace(shifts=(*shifts, unseen_of(rows)))

    def _params_with(self, moved: tuple[Array, ...]) -> dict[str, Any]:
        params = super()._params_with(moved[:2])
        if len(moved) > 2:
            params["beta"] = params["beta"] + moved[2]
        return params

    def _row_derivatives(self, params: Params, rows: Rows) -> RowDerivatives:
        unseen = unseen_of(rows)
        older = {**params, "beta": params["beta"] + unseen}
        own = pareto.row_derivatives(older, rows)
        none = pareto.row_derivatives(older, _without_purchases(rows))
        known = given_any(own, none, unseen > 0)
        return moved_parameter(known, _BETA, params["beta"] / older["beta"])

    def _without_dropout(self, params: Params, rows: Rows) -> RowDerivatives:
        own = super()._without_dropout(params, rows)
        nothing = np.zeros_like(rows.T)
        none = nbd.row_derivatives(params["r"], params["alpha"], nothing, rows.T)
        return given_any(own, none, unseen_of(rows) > 0)

    def _log_likelihood(self, rows: Rows) -> Array:
        value = super()._log_likelihood(rows)
        none = super()._log_likelihood(_without_purchases(rows))
        with np.errstate(divide="ignore"):
            return np.where(unseen_of(rows) > 0, value - np.log(-np.expm1(none)), value)


def _without_purchases(rows: Rows) -> Rows:
    nothing = np.zeros_like(rows.T)
    return rows._replace(frequency=nothing, recency=nothing)
