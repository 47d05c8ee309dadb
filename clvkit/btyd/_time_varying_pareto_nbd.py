"""The Pareto/NBD model with covariates that vary with time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.utils._param_validation import Interval, StrOptions

from clvkit.btyd import _varying_future as future
from clvkit.btyd import _varying_pareto as varying
from clvkit.btyd._dated import Dated
from clvkit.btyd._design import one_row
from clvkit.btyd._likelihood_model import Boundary
from clvkit.btyd._maximum_likelihood import Estimate
from clvkit.btyd._pareto_nbd import ParetoNBD
from clvkit.btyd._pieces import Pieces
from clvkit.btyd._summary import Rows
from clvkit.btyd._units import horizon_in_units
from clvkit.btyd._varying_fit import estimate_varying
from clvkit.errors import HorizonError

__all__ = ["TimeVaryingParetoNBD"]

Array = NDArray[np.float64]

#: Discount factors below e^-32 are nothing, and a season has many pieces until then.
_NEGLIGIBLE = 32.0


class TimeVaryingParetoNBD(Dated, ParetoNBD):
    r"""Pareto/NBD with rates that follow season, campaigns, prices: covariates that vary with time.

    While alive a customer buys at rate :math:`\lambda e^{\gamma' x(t)}` and is lost at rate
    :math:`\mu e^{\delta' z(t)}`; :math:`\lambda` and :math:`\mu` differ between customers as in
    :class:`ParetoNBD`. The covariates are constant within weeks, or whatever the periods of the
    calendar are.

    Use it where something that is known ahead makes everybody, or some, buy more for a time: the
    expectation for a horizon then knows what it holds, and a silence in the slack season is no sign
    of having left. Built seasons (``season``, ``holidays``) need a log of at least a year, better
    two. Do not use it for what nobody knows ahead: predictions need the covariates of the horizon.

    Parameters
    ----------
    calendar : dict or None, default=None
        A table of covariates by period, as :func:`covariate_calendar` makes it from a DataFrame:
        the same for all customers, or each one's own.
    season : {"month"}, int or None, default=None
        A season that is the same every year: a coefficient for each month but January, or so many
        pairs of sine and cosine, evaluated by the week. It has no end.
    holidays : mapping, optional
        Times of every year, as in ``{"christmas": ("11-25", "12-24")}``: first and last day. Feasts
        that move belong in the calendar.
    calendar_covariates : list of str or mapping, optional
        Which covariates move what: columns of the calendar, ``"season"`` and names of holidays. A
        list holds for both processes; a mapping has the keys ``"purchase"`` and ``"dropout"``. By
        default all of them move purchases, and none dropout, of which logs tell much less.
    time_unit, covariates, prior, tol, max_iter
        As in :class:`ParetoNBD`. ``covariates`` are the static ones.
    shared_covariates : sequence of str, default=()
        Covariates, static or not, that have one coefficient for both processes.

    Attributes
    ----------
    params_ : dict
        ``r``, ``alpha``, ``s`` and ``beta`` of a customer whose covariates are all 0, then the
        coefficients: static ones, and ``purchase.high_season``, ``dropout.high_season``,
        ``purchase.month=12``, ``purchase.sin1`` and the like; the other attributes are those of
        :class:`ParetoNBD`.
    origin_ : float
        Day, since 1970-01-01, from which exposures are counted.

    Raises
    ------
    HorizonError
        By predictions, when the calendar ends before the horizon; the message names the missing
        periods.

    See Also
    --------
    covariate_calendar : Reads the table of covariates.
    ParetoNBD : The model with static covariates only, which this is without a calendar.
    track_purchases : Expected against actual purchases, week by week.

    Notes
    -----
    Moments of purchases matter here. Give :meth:`fit` and predictions histories (X with a column
    ``history``), or the summary that :meth:`summarise` makes of them: a frame with the columns
    ``first_purchase`` (the date) and, for the likelihood, ``sum_<column>``, the sums of the
    calendar's columns over the repeat purchases. A purchase happens at the end of its day, and
    under the covariates of that day.

    References
    ----------
    Bachmann, P., Meierer, M. and Naef, J. (2021), The Role of Time-Varying Contextual Factors in
    Latent Attrition Models for Customer Base Analysis. Marketing Science 40(4), 783-809. The
    likelihood is derived in the documentation, page "Covariates that vary with time".

    Examples
    --------
    >>> import pandas as pd
    >>> from clvkit.btyd import TimeVaryingParetoNBD
    >>> model = TimeVaryingParetoNBD.from_params(
    ...     holidays={"christmas": ("11-25", "12-24")},
    ...     **{"r": 0.55, "alpha": 10.6, "s": 0.61, "beta": 11.7, "purchase.christmas": 0.8},
    ... )
    >>> summary = pd.DataFrame({"frequency": [2, 2], "recency": [5.0, 5.0], "T": [8.0, 8.0]})
    >>> summary["first_purchase"] = pd.to_datetime(["2024-05-01", "2024-10-01"])
    >>> summary.attrs["time_unit"] = "7D"

    The next four weeks of the second customer hold Christmas:

    >>> model.expected_purchases(summary, horizon="4W").round(2)
    array([0.46, 0.99])

    A table of covariates has an end:

    >>> from clvkit.btyd import covariate_calendar
    >>> weeks = pd.date_range("2024-01-01", periods=52, freq="7D")
    >>> table = pd.DataFrame({"date": weeks, "campaign": [1.0] + [0.0] * 51})
    >>> params = {"r": 0.55, "alpha": 10.6, "s": 0.61, "beta": 11.7, "purchase.campaign": 0.8}
    >>> model = TimeVaryingParetoNBD.from_params(calendar=covariate_calendar(table), **params)
    >>> model.expected_purchases(summary, horizon="26W")
    Traceback (most recent call last):
        ...
    clvkit.errors.HorizonError: The calendar ends on 2024-12-29 and is asked for what happens ...
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **ParetoNBD._parameter_constraints,
        "calendar": [dict, None],
        "season": [StrOptions({"month"}), Interval(Integral, 1, 26, closed="both"), None],
        "holidays": [dict, None],
        "calendar_covariates": ["array-like", dict, None],
    }

    def __init__(
        self,
        *,
        calendar: dict[str, Any] | None = None,
        season: str | int | None = None,
        holidays: dict[str, tuple[str, str]] | None = None,
        calendar_covariates: list[str] | dict[str, list[str]] | None = None,
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
        self.calendar = calendar
        self.season = season
        self.holidays = holidays
        self.calendar_covariates = calendar_covariates

    def simulate_summary(
        self,
        T: ArrayLike,
        random_state: int | np.random.Generator | None = None,
        *,
        covariates: Any = None,
    ) -> Any:
        """Draw the purchase histories of newcomers.

        Parameters
        ----------
        T : array-like of shape (n_customers,)
            Ages at the cutoff, in the model's unit of time.
        random_state : int or numpy.random.Generator, optional
            Seed, or the generator to draw from.
        covariates : mapping or DataFrame of 1 or n_customers rows, optional
            As in :meth:`expected_purchases_newcomer`: ``first_purchase`` and static covariates.

        Returns
        -------
        DataFrame of shape (n_customers, 4 or more)
            What :meth:`fit` takes: frequency, recency, T, first_purchase, sums over the purchases,
            and the covariates; an array of the first three for a model without a calendar.
        """
        self._fitted_params()
        rng = np.random.default_rng(random_state)
        age = np.atleast_1d(horizon_in_units(T, self.time_unit))
        rows = self._newcomers(len(age), covariates)
        begin, code = self._begin(rows), self._code(rows)
        pieces = self._pieces_of(rows, begin + age)
        rates = self._rates(rows, pieces)
        lives = varying.stretch(pieces, code, begin, begin + age, begin + age)
        active, at_birth = future.active_exposure(rates, lives, rng)
        count = rng.poisson(rng.gamma(rates.r, size=len(age)) / rates.alpha * active)
        row = np.repeat(np.arange(len(age)), count)
        reached = at_birth[row] + rng.random(len(row)) * active[row]
        piece, moment = rates.purchase.moment_of(code[row], reached)
        recency = np.zeros(len(age))
        since = np.minimum(moment - begin[row], age[row])
        np.maximum.at(recency, row, np.maximum(since, np.finfo(float).tiny))
        drawn = np.column_stack([count.astype(float), recency, age])
        if not self._varies:
            return drawn
        summary = pd.DataFrame(drawn, columns=["frequency", "recency", "T"])
        for (_, column), values in zip(self._calendar().columns, pieces.table.T, strict=True):
            summary[f"sum_{column}"] = np.bincount(row, values[piece], len(age))
        given = one_row(covariates).reset_index(drop=True)
        given = given.loc[np.resize(np.arange(len(given)), len(age))].set_axis(summary.index)
        summary[given.columns] = given
        summary.attrs["time_unit"] = self.time_unit
        return summary

    # --- the search ------------------------------------------------------------------------

    def _search(self, rows: Rows, design: Array, weights: Array) -> Estimate:
        self.origin_ = float(np.min(self._begin(rows))) * self._unit
        return estimate_varying(self, rows, design, weights)

    def _plain(self, rows: Rows, weights: Array) -> Estimate:
        """Return the estimate without any covariate, from which the search starts."""
        plain = ParetoNBD(time_unit=self.time_unit, max_iter=self.max_iter)
        plain.covariate_levels_ = {}
        return plain._search(rows._replace(more=()), np.zeros((len(weights), 0)), weights)

    def _diagnose(
        self, found: Estimate, rows: Rows, design: Array, weights: Array
    ) -> list[Boundary]:
        # Without dropout this is an NBD in which exposure takes the place of time.
        theta, at = found.optimum.log_params, found.optimum.at
        coefs = dict(zip(found.coef_names, theta[len(self._param_names) :].tolist(), strict=True))
        self.params_ = self._as_params(theta) | coefs
        begin, code = self._begin(rows), self._code(rows)
        purchase = self._rates(rows, self._pieces_of(rows, begin + rows.T)).purchase
        born, last, now = (
            purchase.at(purchase.pieces.find(code, moment), moment)
            for moment in (begin, begin + rows.recency, begin + rows.T)
        )
        exposed = rows._replace(recency=np.minimum(last, now) - born, T=now - born, more=())
        value = at.value - float(weights @ self._at_purchases(rows))
        optimum = found.optimum._replace(at=at._replace(value=value))
        return super()._diagnose(found._replace(optimum=optimum), exposed, design, weights)

    # --- the hooks -------------------------------------------------------------------------

    def _log_likelihood(self, rows: Rows) -> Array:
        out = self._at_purchases(rows)
        for part, rates, lives in self._lives(rows):
            out[part] = varying.log_likelihood(rates, rows.take(part), lives, out[part])
        return out

    def _alive(self, rows: Rows) -> Array:
        out = np.empty(len(rows.T))
        for part, rates, lives in self._lives(rows):
            alive, dead = varying.log_states(rates, rows.take(part), lives)
            out[part] = expit(alive - dead)
        return out

    def _lives(self, rows: Rows) -> Iterator[tuple[slice, varying.Rates, varying.Stretch]]:
        """Yield parts of the rows with their lives, in spans since the last purchase."""
        begin, code = self._begin(rows), self._code(rows)
        last, now = begin + rows.recency, begin + rows.T
        pieces = self._pieces_of(rows, now)
        rates = self._rates(rows, pieces)
        for part in varying.parts_of(pieces, last, now):
            moments = (moment[part] for moment in (begin, last, now))
            yield part, rates.take(part), varying.stretch(pieces, code[part], *moments)

    def _ahead(
        self, value: Callable[[varying.Rates, varying.Stretch], Array], rows: Rows, length: Array
    ) -> Array:
        """Evaluate what a customer who is alive at T will do within a length of time."""
        begin, code = self._begin(rows), self._code(rows)
        now = begin + rows.T
        pieces = self._pieces_of(rows, now + length)
        given = self._posterior(rows, pieces)
        parts = [
            value(
                given.take(part),
                varying.stretch(pieces, code[part], now[part], now[part], (now + length)[part]),
            )
            for part in varying.parts_of(pieces, now, now + length)
        ]
        return np.concatenate(parts) if parts else np.empty(0)

    def _posterior(self, rows: Rows, pieces: Pieces) -> varying.Rates:
        """Return the parameters of whoever is alive at T: those of a newcomer then."""
        rates, code, begin = self._rates(rows, pieces), self._code(rows), self._begin(rows)
        grown = [
            np.maximum(
                np.subtract(
                    *(
                        process.at(pieces.find(code, moment), moment)
                        for moment in (begin + rows.T, begin)
                    )
                ),
                0.0,
            )
            for process in (rates.purchase, rates.dropout)
        ]
        return rates._replace(
            r=rates.r + rows.frequency, alpha=rates.alpha + grown[0], beta=rates.beta + grown[1]
        )

    def _stays_alive(self, rows: Rows, ahead: Array) -> Array:
        return self._ahead(future.stays_alive, rows, ahead)

    def _purchases_if_alive(self, rows: Rows, horizon: Array) -> Array:
        return self._ahead(future.purchases_if_alive, rows, horizon)

    def _active_if_alive(self, rows: Rows, horizon: Array) -> Array:
        return self._ahead(future.active_if_alive, rows, horizon)

    def _pmf_if_alive(self, rows: Rows, horizon: Array, n_max: int) -> Array:
        return self._ahead(partial(future.pmf_if_alive, n_max=n_max), rows, horizon)

    def _discounted_if_alive(self, rows: Rows, horizon: Array, rate: float) -> Array:
        if rate == 0.0:
            return self._purchases_if_alive(rows, horizon)
        reach = _NEGLIGIBLE / rate
        if self._calendar().ends and (horizon > reach).any():
            raise HorizonError(
                "The calendar has an end, and what customers buy in the rest of their lives "
                "depends on covariates for ever: give a horizon that the calendar covers."
            )
        value = partial(future.discounted_if_alive, rate=rate)
        return self._ahead(value, rows, np.minimum(horizon, reach))

    def _draw(self, rows: Rows, horizon: Array, rng: np.random.Generator) -> NDArray[np.int64]:
        lives = rng.random(len(rows.T)) < self._alive(rows)
        bought = self._ahead(partial(future.draw_purchases, rng=rng), rows, horizon)
        return np.where(lives, bought, 0).astype(np.int64)

    def _given_alive(self, rows: Rows) -> Rows:
        return super()._given_alive(rows)._replace(more=rows.more[:2])
