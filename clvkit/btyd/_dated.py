"""Customers with the date of their first purchase, under a calendar of covariates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from clvkit.btyd._covariates import Term, arrange_terms, by_process
from clvkit.btyd._design import covariate_names, join_covariates, one_row
from clvkit.btyd._exposure import Exposure
from clvkit.btyd._pieces import Calendar, Pieces
from clvkit.btyd._purchase_model import PurchaseModel
from clvkit.btyd._summary import Rows
from clvkit.btyd._varying_pareto import Rates
from clvkit.errors import ArgumentError, DateError, SummaryError, UnknownNameError
from clvkit.history import find_purchases, get_histories, rfm_summary
from clvkit.history._granularity import get_granularity
from clvkit.utils._duration import parse_duration
from clvkit.utils._ragged import segment_reduce

__all__ = ["Dated"]

Array = NDArray[np.float64]
Ints = NDArray[np.intp]

_DATE = "first_purchase"
_CUSTOMER = "customer_id"


class Dated(PurchaseModel):
    """What a model of rates that vary with time reads, beyond what the model it extends does.

    A mix-in for a purchase model whose constructor has ``calendar``, ``season``, ``holidays`` and
    ``calendar_covariates``. Of its rows ``more`` holds the moment of the first purchase, the
    number of the calendar and, if they are there, the sums over purchases.
    """

    calendar: Any
    season: Any
    holidays: Any
    calendar_covariates: Any
    origin_: float

    def summarise(self, X: pd.DataFrame) -> pd.DataFrame:
        """Summarise histories with the dates and covariates of their purchases.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, ...)
            With a column ``history``, static covariates of the model beside it, and customers in
            its index where the calendar has customers.

        Returns
        -------
        DataFrame of shape (n_samples, 5 or more)
            As :func:`clvkit.history.rfm_summary` returns it, in the model's unit of time, with
            ``first_purchase``, ``sum_<column>`` for the columns of the calendar, and static
            covariates.

        Raises
        ------
        HorizonError
            When the calendar does not cover the histories.
        """
        summary = rfm_summary(X, time_unit=self.time_unit, granularity="D")
        purchases = find_purchases(get_histories(X), get_granularity("D"))
        summary[_DATE] = purchases.birth.astype("M8[D]").astype("M8[s]")
        calendar = self._calendar()
        if calendar.columns and len(summary):
            code = calendar.codes(_customers(summary, calendar))
            pieces = calendar.pieces(float(purchases.birth.min()), float(purchases.now.max()) + 1.0)
            noon = purchases.period.astype(np.float64) + 0.5
            which = pieces.find(np.repeat(code, purchases.count), noon)
            begin = np.minimum(purchases.begin + 1, purchases.end)  # the first one is no repeat
            for (_, column), values in zip(calendar.columns, pieces.table.T, strict=True):
                summary[f"sum_{column}"] = segment_reduce(
                    np.add, values[which], begin, purchases.end, empty=0.0
                )
        return join_covariates(summary, X, self)

    # --- what varies -----------------------------------------------------------------------

    def _calendar(self) -> Calendar:
        return Calendar(self.calendar, self.season, self.holidays)

    @property
    def _varies(self) -> bool:
        return bool(self._calendar().columns)

    @property
    def _unit(self) -> float:
        """The unit of time in days."""
        return parse_duration(self.time_unit, name="time_unit").days

    def _moved_by_calendar(self) -> dict[str, list[str]]:
        known = self._calendar().covariates
        asked = self.calendar_covariates
        chosen = by_process({"purchase": known} if asked is None else asked, self._effects)
        names = [name for some in chosen.values() for name in some]
        unknown = [name for name in names if name not in known]
        both = [name for name in names if name in covariate_names(self)]
        if unknown:
            raise UnknownNameError(
                f"calendar_covariates names {unknown[0]!r}; there are {known}: the columns of "
                "the calendar, 'season' and the holidays that were given."
            )
        if both:
            raise ArgumentError(
                f"{both[0]!r} is in covariates and in the calendar. Leave it out of one of them."
            )
        return chosen

    def _covariates_of(self) -> dict[str, list[str]]:
        return by_process(self.covariates, self._effects, self._shared(calendar=False))

    def _shared(self, *, calendar: bool) -> list[str]:
        """Return the shared covariates that are static, or those of the calendar."""
        own = self._calendar().covariates
        return [name for name in self.shared_covariates if (name in own) == calendar]

    def _calendar_terms(self) -> tuple[list[str], list[Term]]:
        """Name the coefficients of the calendar, which come last, and say what they move."""
        static = self._names_and_terms()[0]
        moved = self._moved_by_calendar()
        by_process(moved, self._effects, self._shared(calendar=True))
        columns = self._calendar().columns
        return arrange_terms(
            [*self._param_names, *static],
            self._effects,
            moved,
            self._shared(calendar=True),
            columns,
        )

    def _coef_names(self) -> list[str]:
        return [*super()._coef_names(), *self._calendar_terms()[0]]

    def _named_covariates(self) -> list[str]:
        return [*super()._named_covariates(), *(column for _, column in self._calendar().columns)]

    def _validate_params(self) -> None:
        super()._validate_params()
        self._moved_by_calendar()

    # --- rows ------------------------------------------------------------------------------

    def fit(self, summary: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Any:
        """Estimate the parameters by maximum likelihood.

        Parameters
        ----------
        summary : DataFrame of shape (n_customers, ...)
            Histories (a column ``history``), or what :meth:`summarise` makes of them. Without a
            calendar also what :class:`ParetoNBD` takes.
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
            When the summary holds what no customer can have, or not when and under what
            covariates purchases were made.
        HorizonError
            When the calendar does not cover the histories.
        """
        self._validate_params()
        return super().fit(self._summarised(summary), y, sample_weight)

    def _rows(self, summary: Any) -> Rows:
        self._fitted_params()
        return super()._rows(self._summarised(summary))

    def _summarised(self, summary: Any) -> Any:
        return self.summarise(summary) if "history" in getattr(summary, "columns", ()) else summary

    def _read_rows(self, summary: Any) -> Rows:
        rows = super()._read_rows(summary)
        calendar = self._calendar()
        if not calendar.columns:
            return rows
        if _DATE not in getattr(summary, "columns", ()):
            raise SummaryError(
                f"The summary has no column {_DATE!r}: under a calendar it matters when customers "
                "bought first. Give histories (X), or what summarise(X) makes of them."
            )
        # A day is known, and a purchase made, at its end.
        begin = (_days(summary[_DATE]) + 1.0) / self._unit
        code = calendar.codes(_customers(summary, calendar)).astype(np.float64)
        names = [f"sum_{column}" for _, column in calendar.columns]
        has_sums = all(name in summary.columns for name in names)
        sums = [np.array(summary[name], dtype=float) for name in names] if has_sums else []
        return rows._replace(more=(begin, code, *sums))

    def _newcomers(self, n: int, covariates: Any) -> Rows:
        calendar = self._calendar()
        if not calendar.columns:
            return super()._newcomers(n, covariates)
        table = one_row(covariates)
        if _DATE not in getattr(table, "columns", ()):
            raise ArgumentError(
                f"Under a calendar newcomers differ by when they came: say it, as in "
                f"covariates={{{_DATE!r}: '2024-05-01'}}."
            )
        begin = (_days(table[_DATE]) + 1.0) / self._unit
        code = calendar.codes(_customers(table, calendar)).astype(np.float64)
        own = covariate_names(self)
        rows = super()._newcomers(n, table if own else None)
        if len(begin) not in (1, n):
            raise ArgumentError(
                f"covariates has {len(begin)} rows for {n} newcomers: give one row for all of "
                "them, or one for each."
            )
        more = tuple(np.broadcast_to(one, n).astype(float) for one in (begin, code))
        return rows._replace(more=more)

    def _newcomer_columns(self, X: pd.DataFrame) -> pd.DataFrame | None:
        """Return what tells newcomers apart, for those whose histories X holds."""
        names = covariate_names(self)
        if not self._varies:
            return self.summarise(X)[names] if names else None
        table = self.summarise(X)[[_DATE, *names]]
        if self._calendar().has_customers:
            table[_CUSTOMER] = _customers(table, self._calendar())
        return table.reset_index(drop=True)

    def _begin(self, rows: Rows) -> Array:
        return rows.more[0] if rows.more else np.zeros_like(rows.T)

    def _code(self, rows: Rows) -> Ints:
        return rows.more[1].astype(np.intp) if rows.more else np.zeros(len(rows.T), dtype=np.intp)

    def _sums(self, rows: Rows) -> Array:
        """Return the sums of the calendar's columns over the purchases of each row."""
        if not self._varies:
            return np.zeros((len(rows.T), 0))
        if len(rows.more) < 3:
            raise SummaryError(
                "The summary lacks the sums of the calendar's columns over the purchases "
                f"('sum_{self._calendar().columns[0][1]}', ...), on which the likelihood depends. "
                "Give histories (X), or what summarise(X) makes of them."
            )
        return np.column_stack(rows.more[2:])

    def _at_purchases(self, rows: Rows) -> Array:
        """Return the sum, over purchases, of the logarithm of what covariates make of the rate."""
        names, terms = self._calendar_terms()
        if not names:
            return np.zeros_like(rows.T)
        columns, coefs = self._coefs(terms[0])
        return np.asarray(self._sums(rows)[:, columns] @ coefs)

    # --- rates -----------------------------------------------------------------------------

    def _pieces_of(self, rows: Rows, until: Array) -> Pieces:
        """Return the pieces, in the model's unit, that cover the rows until some moments."""
        begin = self._begin(rows)
        calendar = self._calendar()
        # The same for all rows, so that what else is asked for moves no rounding.
        origin = max(getattr(self, "origin_", 0.0), calendar.first_day)
        first = min(origin, float(begin.min(initial=np.inf)) * self._unit)
        last = float(until.max(initial=first / self._unit)) * self._unit
        return calendar.pieces(first, last).in_units(self._unit)

    def _rates(self, rows: Rows, pieces: Pieces) -> Rates:
        params = self._params_with(rows.shifts)
        _, terms = self._calendar_terms()
        purchase, dropout = (Exposure(pieces, *self._coefs(term)) for term in terms)
        alpha, beta = (np.broadcast_to(params[name], rows.T.shape) for name in ("alpha", "beta"))
        return Rates(params["r"], alpha, params["s"], beta, purchase, dropout)

    def _coefs(self, term: Term) -> tuple[list[int], Array]:
        """Return columns and coefficients of a term of the calendar."""
        names = [*self._param_names, *self._coef_names()]
        return term.columns, np.array([self.params_[names[place]] for place in term.coefs])


def _days(dates: Any) -> Array:
    """Return dates as days since 1970-01-01."""
    values = pd.Series(dates)
    if pd.api.types.is_numeric_dtype(values.dtype):
        raise DateError(f"column {_DATE!r} holds numbers and no dates.")
    try:
        parsed = pd.to_datetime(values, format="ISO8601")
    except (TypeError, ValueError) as error:
        raise DateError(f"column {_DATE!r} cannot be read as dates: {error}.") from error
    if parsed.isna().any():
        raise DateError(
            f"column {_DATE!r} is missing in {parsed.isna().sum()} of {len(parsed)} rows: drop "
            "or repair them."
        )
    return parsed.to_numpy().astype("M8[D]").astype(np.float64)


def _customers(table: pd.DataFrame, calendar: Calendar) -> Any:
    """Return whose rows these are; anything as long where the calendar does not ask."""
    if not calendar.has_customers:
        return range(len(table))
    if _CUSTOMER in table.columns:
        return table[_CUSTOMER].to_numpy()
    if _CUSTOMER in table.index.names:
        return table.index.get_level_values(_CUSTOMER)
    raise SummaryError(
        f"The calendar has covariates of each customer, and nothing says whose the rows are: the "
        f"table has no {_CUSTOMER!r} in its columns or its index."
    )
