"""The BG/NBD model on a log that starts mid-life."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd import _negative_binomial as nbd
from clvkit.btyd import _truncated_beta_geometric as truncated
from clvkit.btyd._beta_geo_nbd import BetaGeoNBD
from clvkit.btyd._covariates import RowDerivatives
from clvkit.btyd._left_truncation import LeftTruncation, unseen_of
from clvkit.btyd._likelihood_model import shifted
from clvkit.btyd._purchase_hooks import Params
from clvkit.btyd._row_algebra import given_any
from clvkit.btyd._summary import Rows

__all__ = ["LeftTruncatedBetaGeoNBD"]

Array = NDArray[np.float64]

_CHUNK = 2_048


class LeftTruncatedBetaGeoNBD(LeftTruncation, BetaGeoNBD):
    r"""BG/NBD on a log that starts when some customers are customers already.

    A log that starts mid-life shows of older customers those who are still there. Taken for
    newcomers they make dropout look rare. Here how often they bought and stayed before is summed
    over, and they are in the log only if they have bought in it, by which their likelihood is
    divided. Who has been there for long, and bought often, drops out rarely.

    Use it where it is known when older customers were acquired (a customer table). Where it is
    known only that they were, they are left out of the estimates and predicted for at an age that
    suits them as a whole.
    Older customers cost an integral over p each: with 100,000 distinct histories
    of them a fit takes minutes. :class:`LeftTruncatedParetoNBD` is faster.

    Parameters
    ----------
    time_unit : str, default="7D"
        As in :class:`BetaGeoNBD`.
    covariates, shared_covariates, prior, tol, max_iter
        As in :class:`BetaGeoNBD`.
    acquired : str, default="acquired"
        Column of ``X``, which :meth:`summarise` reads, with the date of acquisition, or a truth
        value: whether that was before the log starts.
    log_start : str or None, default=None
        First day on which the log would have shown a purchase, which :meth:`summarise` needs.

    Attributes
    ----------
    params_ : dict
        ``r``, ``alpha``, ``a`` and ``b`` of newcomers, then coefficients; the other attributes
        are those of :class:`BetaGeoNBD`.

    unseen_ : float
        Age at the start of the log that customers are taken to have of whom it is not known; NaN
        where the model was fitted without such.

    See Also
    --------
    BetaGeoNBD : The model, on a log that shows customers from the first purchase.
    LeftTruncatedParetoNBD : The same for the Pareto/NBD model.

    Notes
    -----
    The summary has a column ``unseen``, the age at the start of the log, 0 for customers acquired
    later (and for all rows of an array). Where it is positive, ``frequency`` counts **all**
    purchases in the log, and ``recency`` and ``T`` are counted from its start. ``log_likelihood``
    is conditional on a purchase in the log there. Newcomers are what they are in
    :class:`BetaGeoNBD`.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), "Counting Your Customers" the Easy
    Way: An Alternative to the Pareto/NBD Model. Marketing Science 24(2), 275-284. The
    conditioning is derived in the documentation, page "Logs that start mid-life".

    Examples
    --------
    >>> import pandas as pd
    >>> from clvkit.btyd import LeftTruncatedBetaGeoNBD
    >>> model = LeftTruncatedBetaGeoNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> summary = pd.DataFrame({"frequency": [2, 2], "recency": [20.0, 20.0], "T": [39.0, 39.0]})
    >>> summary.attrs["time_unit"] = "7D"

    Who has been there for two years when the log starts is the more likely to be there still:

    >>> model.probability_alive(summary.assign(unseen=[0.0, 104.0])).round(2)
    array([0.54, 0.78])
    >>> model.probability_alive(summary.assign(unseen=-1.0))
    Traceback (most recent call last):
        ...
    clvkit.errors.SummaryError: In the summary unseen is negative, missing or infinite in 2 of 2 ...
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BetaGeoNBD._parameter_constraints,
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

    # Customers acquired within the log are those of the BG/NBD; every hook asks it first, and then
    # puts older ones in their places.

    def _row_derivatives(self, params: Params, rows: Rows) -> RowDerivatives:
        out = super()._row_derivatives(params, rows)
        old = np.flatnonzero(unseen_of(rows) > 0)
        if len(old):
            own = {k: v[old] if np.ndim(v) else v for k, v in params.items()}
            part = truncated.conditional(own, rows.take(old), unseen_of(rows)[old])
            for whole, some in zip(out, part, strict=True):
                whole[..., old] = some
        return out

    def _without_dropout(self, params: Params, rows: Rows) -> RowDerivatives:
        own = super()._without_dropout(params, rows)
        nothing = np.zeros_like(rows.T)
        none = nbd.row_derivatives(params["r"], params["alpha"], nothing, rows.T)
        return given_any(own, none, unseen_of(rows) > 0)

    def _log_likelihood(self, rows: Rows) -> Array:
        return self._filled(super()._log_likelihood(rows), rows, truncated.log_likelihood)

    def _alive(self, rows: Rows) -> Array:
        return self._filled(super()._alive(rows), rows, truncated.probability_alive)

    def _stays_alive(self, rows: Rows, ahead: Array) -> Array:
        def older(params: Params, rows: Rows, unseen: Array, ahead: Array) -> Array:
            return truncated.future(params, rows, unseen).stays(ahead)

        return self._filled(super()._stays_alive(rows, ahead), rows, older, ahead)

    def _purchases_if_alive(self, rows: Rows, horizon: Array) -> Array:
        def older(params: Params, rows: Rows, unseen: Array, horizon: Array) -> Array:
            return truncated.future(params, rows, unseen).purchases(horizon)

        return self._filled(super()._purchases_if_alive(rows, horizon), rows, older, horizon)

    def _active_if_alive(self, rows: Rows, horizon: Array) -> Array:
        def older(params: Params, rows: Rows, unseen: Array, horizon: Array) -> Array:
            return 1.0 - truncated.future(params, rows, unseen).none(horizon)

        return self._filled(super()._active_if_alive(rows, horizon), rows, older, horizon)

    def _pmf_if_alive(self, rows: Rows, horizon: Array, n_max: int) -> Array:
        def older(params: Params, rows: Rows, unseen: Array, horizon: Array) -> Array:
            return truncated.future(params, rows, unseen).pmf(horizon, n_max)

        return self._filled(super()._pmf_if_alive(rows, horizon, n_max), rows, older, horizon)

    def _draw(self, rows: Rows, horizon: Array, rng: np.random.Generator) -> NDArray[np.int64]:
        def older(params: Params, rows: Rows, unseen: Array, horizon: Array) -> Array:
            bought = truncated.future(params, rows, unseen).draw(horizon, rng)
            alive = truncated.probability_alive(params, rows, unseen)
            return np.where(rng.random(len(alive)) < alive, bought, 0)

        return self._filled(super()._draw(rows, horizon, rng), rows, older, horizon)

    def _filled(self, out: Any, rows: Rows, older: Callable[..., Array], *more: Array) -> Any:
        """Put what older customers have in its place, some rows at a time."""
        unseen = unseen_of(rows)
        every = np.flatnonzero(unseen > 0)
        for begin in range(0, len(every), _CHUNK):
            old = every[begin : begin + _CHUNK]
            part = rows.take(old)
            plain: Params = {name: self.params_[name] for name in self._param_names}
            params = shifted(plain, self._effects, part.shifts)
            out[old] = older(params, part, unseen[old], *(column[old] for column in more))
        return out
