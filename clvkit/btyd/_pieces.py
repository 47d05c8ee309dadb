"""The pieces of time in which covariates stay as they are: from a table, or built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.errors import ArgumentError, HorizonError, UnknownNameError

__all__ = ["Calendar", "Pieces"]

Array = NDArray[np.float64]

#: Length of a piece of the harmonics, in days, and of a year.
_STEP = 7
_YEAR = 365.2425
#: A moment may lie outside by so much, in days, because a unit was converted.
_ROUNDING = 1e-6
_KEYS = {"date", "end", "columns", "values"}
_SHOWN = 3


class Pieces(NamedTuple):
    """Covariates that are constant between edges.

    ``edges`` of shape (n_pieces + 1,) in any unit since 1970-01-01, where a day begins;
    ``values`` of shape (n_calendars, n_pieces, n_columns). A piece is found by its number in the
    first two axes flattened.
    """

    edges: Array
    values: Array

    def find(self, code: NDArray[np.intp], moment: Array) -> NDArray[np.intp]:
        """Return the piece of each moment; an edge belongs to what follows."""
        n = len(self.edges) - 1
        place = np.searchsorted(self.edges, moment, side="right") - 1
        return np.asarray(code * n + np.clip(place, 0, n - 1), dtype=np.intp)

    def begin(self, piece: NDArray[np.intp]) -> Array:
        """Return when pieces begin."""
        return np.asarray(self.edges[piece % (len(self.edges) - 1)])

    def in_units(self, days: float) -> Pieces:
        """Return the pieces in a unit of so many days."""
        return self._replace(edges=self.edges / days)

    @property
    def table(self) -> Array:
        """The covariates of shape (n_calendars * n_pieces, n_columns)."""
        calendars, n, columns = self.values.shape
        return self.values.reshape(calendars * n, columns)


class Calendar:
    """All that varies with time: a table, and what is built for any time.

    Parameters
    ----------
    table : dict or None
        As :func:`clvkit.btyd.covariate_calendar` returns it.
    season : "month", int or None
        Months of the year, or the number of harmonics of a year.
    holidays : mapping or None
        From names to the first and the last day ("MM-DD") of a time of every year.
    """

    def __init__(self, table: Any, season: Any, holidays: Any) -> None:
        self._table = _checked_table(table)
        self._season = season
        self._holidays = _checked_holidays(holidays)
        names = [name for name, _ in self.columns]
        twice = [name for name in dict.fromkeys(names) if self._sources(name) > 1]
        if twice:
            raise ArgumentError(
                f"{twice[0]!r} is both a column of the calendar and built by season= or holidays=. "
                "Rename one of them."
            )

    def _sources(self, name: str) -> int:
        own = self._table["columns"] if self._table else []
        return (name in own) + (name == "season" and bool(self._season)) + (name in self._holidays)

    @property
    def columns(self) -> list[tuple[str, str]]:
        """The (covariate, column) of each column."""
        table = [] if self._table is None else [(name, name) for name in self._table["columns"]]
        return [*table, *_season_columns(self._season), *((one, one) for one in self._holidays)]

    @property
    def covariates(self) -> list[str]:
        """The names of the covariates."""
        return list(dict.fromkeys(name for name, _ in self.columns))

    @property
    def ends(self) -> bool:
        """Whether there is a time after which covariates are not known."""
        return self._table is not None

    @property
    def first_day(self) -> float:
        """The first day of the table."""
        return -np.inf if self._table is None else float(_days(self._table["date"][:1])[0])

    @property
    def has_customers(self) -> bool:
        """Whether customers have covariates of their own."""
        return self._table is not None and "customer_id" in self._table

    def codes(self, customers: Sequence[Any]) -> NDArray[np.intp]:
        """Return which calendar each customer has."""
        if not self.has_customers:
            return np.zeros(len(customers), dtype=np.intp)
        assert self._table is not None
        known = np.asarray(self._table["customer_id"])
        ids = np.asarray(list(map(str, customers)), dtype=str)
        place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
        absent = known[place] != ids
        if absent.any():
            raise ArgumentError(
                f"{absent.sum()} of {len(ids)} customers are not in the calendar, for example "
                f"{str(ids[absent][0])!r}. Give covariate_calendar a row for each customer and "
                "period."
            )
        return np.asarray(self._table["code"])[place].astype(np.intp)

    def pieces(self, first: float, last: float) -> Pieces:
        """Return the pieces from ``first`` to ``last``, in days since 1970-01-01.

        Raises
        ------
        HorizonError
            When the table does not reach so far.
        """
        edges = [np.array([first, max(last, first + 1.0)])]
        if self._table is not None:
            edges.append(self._of_table(first, last))
        edges += _edges_of_season(self._season, first, last)
        edges += [np.ravel(span) for span in _spans(self._holidays, first, last).values()]
        every = np.unique(np.concatenate(edges))
        every = every[(every >= edges[0][0]) & (every <= edges[0][1])]
        values = self._values(0.5 * (every[1:] + every[:-1]))
        # Neighbours that are alike are one piece.
        new = np.ones(values.shape[1], dtype=bool)
        new[1:] = np.not_equal(values[:, 1:], values[:, :-1]).any(axis=(0, 2))
        return Pieces(np.append(every[:-1][new], every[-1]), values[:, new])

    def _of_table(self, first: float, last: float) -> Array:
        assert self._table is not None
        starts = _days(self._table["date"])
        end = _days([self._table["end"]])[0]
        if first < starts[0] - _ROUNDING:
            raise HorizonError(
                f"The calendar begins on {_date(starts[0])}, and customers are known from "
                f"{_date(first)}. Give covariate_calendar the periods since then."
            )
        if last > end + _ROUNDING:
            raise HorizonError(_what_is_missing(starts, end, last))
        return starts

    def _values(self, middle: Array) -> Array:
        """Return the covariates at moments, of shape (n_calendars, n_moments, n_columns)."""
        parts = [_season_values(self._season, middle)]
        parts += [
            np.any((middle >= span[:, :1]) & (middle < span[:, 1:]), axis=0, keepdims=True).T * 1.0
            for span in _spans(self._holidays, middle[0], middle[-1]).values()
        ]
        built = np.concatenate(parts, axis=1)[None]
        if self._table is None:
            return built
        starts, own = _days(self._table["date"]), np.asarray(self._table["values"], dtype=float)
        place = np.clip(np.searchsorted(starts, middle, side="right") - 1, 0, None)
        return np.concatenate(
            [own[:, place], np.broadcast_to(built, (len(own), *built.shape[1:]))], axis=2
        )


def _checked_table(table: Any) -> dict[str, Any] | None:
    if table is None:
        return None
    if not isinstance(table, Mapping) or not set(table) >= _KEYS:
        raise ArgumentError(
            f"calendar={type(table).__name__} is not what covariate_calendar returns: give "
            "calendar=covariate_calendar(table)."
        )
    return dict(table)


def _checked_holidays(holidays: Any) -> dict[str, tuple[str, str]]:
    checked = {}
    for name, days in (holidays or {}).items():
        try:
            first, last = days
            for day in (first, last):
                np.datetime64(f"2024-{day}", "D")
                if len(day) != 5:
                    raise ValueError(day)
        except (TypeError, ValueError) as error:
            raise ArgumentError(
                f"holidays[{name!r}]={days!r} must be the first and the last day of a time of "
                "every year, such as ('11-25', '12-24'). Feasts that move belong in the calendar."
            ) from error
        checked[name] = (str(first), str(last))
    return checked


def _season_columns(season: Any) -> list[tuple[str, str]]:
    if season is None:
        return []
    if season == "month":
        return [("season", f"month={month:02d}") for month in range(2, 13)]
    if isinstance(season, Integral):
        harmonics = range(1, int(season) + 1)
        return [("season", f"{wave}{k}") for k in harmonics for wave in ("sin", "cos")]
    raise UnknownNameError(f"season={season!r} must be 'month', or a number of harmonics.")


def _season_values(season: Any, middle: Array) -> Array:
    if season is None:
        return np.empty((len(middle), 0))
    if season == "month":
        months = np.floor(middle).astype("M8[D]").astype("M8[M]").astype(np.int64) % 12
        return (months[:, None] == np.arange(1, 12)).astype(float)
    # All of a piece has the phase of its middle; a week lies within a piece of the lattice.
    center = (np.floor(middle / _STEP) + 0.5) * _STEP
    angle = 2.0 * np.pi / _YEAR * center[:, None] * np.arange(1, season + 1)
    return np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(len(middle), -1)


def _edges_of_season(season: Any, first: float, last: float) -> list[Array]:
    if season is None:
        return []
    if season == "month":
        begin, end = np.array([first, last]).astype("M8[D]").astype("M8[M]")
        return [np.arange(begin, end + 2).astype("M8[D]").astype(np.float64)]
    return [np.arange(np.floor(first / _STEP), np.ceil(last / _STEP) + 1) * _STEP]


def _spans(holidays: Mapping[str, Any], first: float, last: float) -> dict[str, Array]:
    """Return the begin and end of each holiday in every year that counts."""
    days = np.array([first, last]).astype("M8[D]")
    years: list[int] = (1970 + days.astype("M8[Y]").astype(np.int64)).tolist()
    spans = {}
    for name, (begin, end) in holidays.items():
        over = int(end < begin)  # into the next year
        spans[name] = np.array(
            [
                [_day_of(year, begin), _day_of(year + over, end) + 1.0]
                for year in range(years[0] - 1, years[1] + 1)
            ]
        )
    return spans


def _day_of(year: int, day: str) -> float:
    day = "02-28" if day == "02-29" and not _is_leap(year) else day
    return float(np.datetime64(f"{year}-{day}", "D").astype(np.int64))


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _days(dates: Sequence[str]) -> Array:
    return np.array(dates, dtype="M8[D]").astype(np.int64).astype(np.float64)


def _date(day: float) -> str:
    return str(np.int64(np.floor(day + _ROUNDING)).astype("M8[D]"))


def _what_is_missing(starts: Array, end: float, last: float) -> str:
    length = end - starts[-1]
    n = int(np.ceil((last - end) / length - _ROUNDING))
    some = ", ".join(_date(end + k * length) for k in range(min(n, _SHOWN)))
    return (
        f"The calendar ends on {_date(end - 1)} and is asked for what happens until "
        f"{_date(last - 0.5)}: {n} period{'s' * (n > 1)} of {length:.0f} days "
        f"{'are' if n > 1 else 'is'} missing, from {some}{', ...' if n > _SHOWN else ''}. Give "
        "covariate_calendar a table that holds them, or ask for a shorter horizon."
    )
