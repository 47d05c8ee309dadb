"""What every contractual model can be asked."""

from __future__ import annotations

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from clvkit.btyd import _renewal_likelihood as renewals
from clvkit.btyd._contract_curve import ContractCurve, Spread, interval_of_share, spread_of
from clvkit.btyd._covariates import shifts
from clvkit.btyd._dedup import group_rows
from clvkit.btyd._design import one_row, read_design
from clvkit.btyd._inference import check_coverage
from clvkit.btyd._likelihood_model import LikelihoodModel
from clvkit.btyd._residual_lifetime import discounted_renewals
from clvkit.btyd._tenures import read_tenures
from clvkit.btyd._units import Horizon, horizon_in_units, rate_per_unit, whole_horizon
from clvkit.errors import ArgumentError, HorizonError

__all__ = ["ContractualVocabulary"]

Array = NDArray[np.float64]


class _Asked(NamedTuple):
    """Customers that were asked about, all arrays of one length."""

    tenure: Array
    periods: Array
    design: Array
    scalar: bool


class ContractualVocabulary(LikelihoodModel):
    """The public methods of contractual models, but for how they are fitted."""

    time_unit: str

    def log_likelihood(self, tenures: Any) -> Array:
        """Return the log-likelihood of each row, of one customer where it stands for several.

        Parameters
        ----------
        tenures : DataFrame or array-like of shape (n, 2)
            As in :meth:`fit`.

        Returns
        -------
        ndarray of shape (n,)
        """
        self._fitted_params()
        rows, _ = read_tenures(tenures)
        params = self._params_with(self._read_shifts(tenures))
        return renewals.row_derivatives(params, rows).value

    def survival(self, periods: ArrayLike, *, tenure: ArrayLike = 0, covariates: Any = None) -> Any:
        """Return the probability of being a customer after so many further renewals.

        Parameters
        ----------
        periods : int or array-like of shape (n,)
            Renewals that are due from now on.
        tenure : int or array-like of shape (n,), default=0
            Renewals that were due, and taken, until now: 0 for a new customer.
        covariates : mapping or DataFrame of 1 or n rows, optional
            Which a model that has any needs.

        Returns
        -------
        float or ndarray of shape (n,)
        """
        asked = self._ask(periods, tenure, covariates)
        params = self._params_of(asked)
        kept = np.exp(renewals.log_keep(params, asked.tenure, asked.tenure + asked.periods))
        return float(kept[0]) if asked.scalar else kept

    def retention_rate(self, period: ArrayLike, *, covariates: Any = None) -> Any:
        """Return the share of the remaining customers who take a renewal.

        Parameters
        ----------
        period : int or array-like of shape (n,)
            Which renewal: 1 for the first. S(period) / S(period - 1).
        covariates : mapping or DataFrame of 1 or n rows, optional
            As in :meth:`survival`.

        Returns
        -------
        float or ndarray of shape (n,)
        """
        asked = self._ask(period, 0, covariates)
        if (asked.periods < 1).any():
            raise ArgumentError(
                f"period={asked.periods[asked.periods < 1][0]:g} must be 1 or more: the first "
                "renewal is number 1."
            )
        params = self._params_of(asked)
        kept = np.exp(renewals.log_keep(params, asked.periods - 1.0, asked.periods))
        return float(kept[0]) if asked.scalar else kept

    def expected_residual_lifetime(
        self,
        tenure: ArrayLike = 0,
        discount_rate: float = 0.0,
        horizon: Horizon | None = None,
        *,
        due: float | ArrayLike = 1.0,
        covariates: Any = None,
    ) -> Any:
        """Return the expected number of further renewals, each discounted from when it is due.

        Times the margin of a period it is the residual lifetime value; the period that is
        running, and paid for, is not in it.

        Parameters
        ----------
        tenure : int or array-like of shape (n,), default=0
            Renewals taken until now.
        discount_rate : float, default=0.0
            Effective **annual** rate, such as 0.1; the model's ``time_unit`` says how long a
            period is.
        horizon : str, int or array-like of shape (n,), optional
            How many renewals count, as a number or as a duration; all that will ever be when
            left out.
        due : float or array-like of shape (n,), default=1.0
            How far ahead, in periods, the next renewal is: 1 for somebody who has just renewed,
            0 for somebody about to (as in the literature's DERL).
        covariates : mapping or DataFrame of 1 or n rows, optional
            As in :meth:`survival`.

        Returns
        -------
        float or ndarray of shape (n,)

        Raises
        ------
        HorizonError
            When neither a positive rate nor a horizon bounds the sum.
        """
        rate = rate_per_unit(discount_rate, self.time_unit)
        if horizon is None and rate == 0.0:
            raise HorizonError(
                "Without a horizon and with discount_rate=0 the renewals of a lifetime need not "
                "have a finite expectation: give a positive discount_rate or a horizon."
            )
        most: Any = np.inf
        if horizon is not None:
            most = self._renewals_in(horizon)
        asked = self._ask(most, tenure, covariates, also=due)
        wait = np.broadcast_to(_nonnegative(due, "due"), asked.tenure.shape)
        groups = group_rows(asked.tenure, asked.periods, *asked.design.T)
        one = asked._replace(tenure=asked.tenure[groups.first], design=asked.design[groups.first])
        sums = discounted_renewals(
            self._params_of(one), one.tenure, asked.periods[groups.first], rate
        )
        value = sums[groups.code] * np.exp(-rate * wait)
        return float(value[0]) if asked.scalar else value

    def survival_curve(
        self,
        n_periods: int,
        *,
        tenure: int = 0,
        covariates: Any = None,
        coverage: float = 0.9,
    ) -> ContractCurve:
        """Return the probability of being a customer after 1, 2, ... further renewals.

        Parameters
        ----------
        n_periods : int
        tenure : int, default=0
            Renewals taken until now.
        covariates : mapping or DataFrame of 1 row, optional
            As in :meth:`survival`.
        coverage : float, default=0.9
            Of the intervals: how far the estimate may be off because the parameters are
            estimated (delta method on the logit scale). They say nothing of what chance will do to
            a cohort of few customers.

        Returns
        -------
        ContractCurve
            With :meth:`~ContractCurve.frame` and :meth:`~ContractCurve.plot`.
        """
        ahead = _periods(n_periods)
        return self._curve("survival", tenure, np.zeros_like(ahead), ahead, covariates, coverage)

    def retention_curve(
        self,
        n_periods: int,
        *,
        tenure: int = 0,
        covariates: Any = None,
        coverage: float = 0.9,
    ) -> ContractCurve:
        """Return the share of the remaining customers who take each of the next renewals.

        Parameters
        ----------
        n_periods : int
        tenure : int, default=0
            Renewals taken until now.
        covariates : mapping or DataFrame of 1 row, optional
            As in :meth:`survival`.
        coverage : float, default=0.9
            As in :meth:`survival_curve`.

        Returns
        -------
        ContractCurve
            With :meth:`~ContractCurve.frame` and :meth:`~ContractCurve.plot`.
        """
        ahead = _periods(n_periods)
        return self._curve("retention", tenure, ahead - 1.0, ahead, covariates, coverage)

    def simulate(
        self,
        tenure: ArrayLike,
        horizon: Horizon,
        random_state: int | np.random.Generator | None = None,
        *,
        covariates: Any = None,
    ) -> NDArray[np.int64]:
        """Draw how many of the next renewals each customer takes.

        Parameters
        ----------
        tenure : array-like of shape (n,)
            Renewals taken until now.
        horizon : str, int or array-like of shape (n,)
            How many renewals are due.
        random_state : int or numpy.random.Generator, optional
            Seed, or the generator to draw from.
        covariates : mapping or DataFrame of 1 or n rows, optional
            As in :meth:`survival`.

        Returns
        -------
        ndarray of int64, of shape (n,)
        """
        most = self._renewals_in(horizon)
        asked = self._ask(most, tenure, covariates)
        rng = np.random.default_rng(random_state)
        return renewals.draw_renewals(self._params_of(asked), asked.tenure, asked.periods, rng)

    def simulate_tenures(
        self,
        n_due: ArrayLike,
        random_state: int | np.random.Generator | None = None,
        *,
        covariates: Any = None,
    ) -> pd.DataFrame:
        """Draw the tenures of new customers.

        Parameters
        ----------
        n_due : array-like of shape (n,)
            How many renewals would be due until the data end.
        random_state : int or numpy.random.Generator, optional
            Seed, or the generator to draw from.
        covariates : mapping or DataFrame of 1 or n rows, optional
            As in :meth:`survival`.

        Returns
        -------
        DataFrame of shape (n, 2)
            ``tenure`` and ``churned``, as :meth:`fit` takes them (but for covariates).
        """
        due = np.atleast_1d(_whole(n_due, "n_due"))
        taken = self.simulate(np.zeros(len(due)), due, random_state, covariates=covariates)
        churned = taken < due
        return pd.DataFrame(
            {"tenure": taken + churned.astype(float), "churned": churned.astype(float)}
        )

    def _ask(self, periods: Any, tenure: Any, covariates: Any, also: Any = 0.0) -> _Asked:
        """Bring what was asked to one length."""
        self._fitted_params()
        periods = periods if np.ndim(periods) == 0 and periods == np.inf else _whole(periods)
        tenure = _whole(tenure, "tenure")
        design = self._read_covariates(covariates)
        lengths = [np.shape(one) for one in (periods, tenure, also)]
        lengths += [design.shape[:1]] if len(design) > 1 else []
        try:
            shape = np.broadcast_shapes(*lengths)
        except ValueError:
            shape = (0, 0)
        if len(shape) > 1:
            raise ArgumentError(
                f"periods, tenure and covariates do not go together (shapes {lengths}): give "
                "single values, or one for each customer."
            )
        n = shape[0] if shape else 1
        return _Asked(
            np.broadcast_to(tenure, n).astype(float),
            np.broadcast_to(periods, n).astype(float),
            np.broadcast_to(design, (n, design.shape[1])),
            not shape,
        )

    def _renewals_in(self, horizon: Horizon) -> Array:
        lengths = horizon_in_units(horizon, self.time_unit)
        return whole_horizon(np.atleast_1d(lengths), self.time_unit).reshape(lengths.shape)

    def _read_covariates(self, covariates: Any) -> Array:
        names = self._covariate_names()
        name = type(self).__name__
        if not names:
            if covariates is not None:
                raise ArgumentError(f"This {name} has no covariates: leave covariates out.")
            return np.zeros((1, 0))
        if covariates is None:
            example = ", ".join(f"{one!r}: ..." for one in names)
            raise ArgumentError(
                f"This {name} has the covariates {', '.join(map(repr, names))}, so that customers "
                f"differ: say which are meant, as in covariates={{{example}}}."
            )
        return read_design(one_row(covariates), self.covariate_levels_)

    def _shifts_of(self, design: Array) -> tuple[Array, ...]:
        names, terms = self._names_and_terms()
        coefs = np.array([self.params_[name] for name in names])
        return shifts(terms, design, coefs, len(self._param_names)) if names else ()

    def _params_of(self, asked: _Asked) -> dict[str, Any]:
        return self._params_with(self._shifts_of(asked.design))

    def _curve(
        self, quantity: str, tenure: int, since: Array, until: Array, covariates: Any, coverage: Any
    ) -> ContractCurve:
        check_coverage(coverage)
        asked = self._ask(until, tenure, covariates)
        params = self._params_of(asked)
        begin, end = asked.tenure + since, asked.tenure + until
        log_share = renewals.log_keep(params, begin, end)
        own = renewals.log_keep_slopes(params, begin, end)[: len(self._param_names)]
        low, high = interval_of_share(
            log_share, self._all_slopes(own, asked.design), self._spread(), coverage
        )
        period = until.astype(np.int64)
        return ContractCurve(quantity, period, np.exp(log_share), low, high, float(coverage))

    def _all_slopes(self, own: Array, design: Array) -> Array:
        """Add the slopes in the coefficients to those in the parameters."""
        names, terms = self._names_and_terms()
        out = np.vstack([own, np.zeros((len(names), own.shape[1]))])
        for term in terms:
            out[term.coefs] += term.sign * design[:, term.columns].T * own[term.param]
        return out

    def _spread(self) -> Spread | None:
        information = getattr(self, "information_", None)
        return None if information is None else spread_of(information)


def _periods(n_periods: Any) -> Array:
    whole = isinstance(n_periods, Integral) and not isinstance(n_periods, bool)
    if not whole or n_periods < 1:
        raise ArgumentError(f"n_periods={n_periods!r} must be a whole number of 1 or more.")
    return np.arange(1.0, int(n_periods) + 1.0)


def _whole(values: Any, name: str = "periods") -> Array:
    numbers = _nonnegative(values, name)
    if (numbers != np.rint(numbers)).any():
        raise ArgumentError(f"{name}={values!r} must be whole: it counts renewals.")
    return numbers


def _nonnegative(values: Any, name: str) -> Array:
    try:
        numbers = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        numbers = np.array(np.nan)
    if numbers.ndim > 1 or not np.isfinite(numbers).all() or (numbers < 0).any():
        raise ArgumentError(
            f"{name}={values!r} must be a number of 0 or more, or a 1-d array of such numbers."
        )
    return numbers
