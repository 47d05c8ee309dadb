"""Checking what a simulation is asked for, once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.datasets._simulation.processes import PROCESSES
from clvkit.datasets._simulation.spends import SPENDS
from clvkit.errors import ArgumentError, CutoffError, UnknownNameError
from clvkit.utils._duration import parse_duration

__all__ = ["Settings", "read_settings"]

Array = NDArray[np.float64]

#: Parameters that are logarithms, of any sign, and chances; all others are above 0.
_ANY_SIGN, _CHANCES = {"mu"}, {"zero"}


@dataclass(frozen=True)
class Settings:
    """What :func:`simulate_log` was asked for, checked; times in days since ``start``."""

    process: str
    n_customers: int
    params: dict[str, float]
    spend: str
    spend_params: dict[str, float]
    start: np.datetime64
    cutoff_day: int
    end_day: int
    horizon: str
    entry_days: float
    months: Array
    growth: float
    refunds: float
    attributes: dict[str, Mapping[Any, float]]
    granularity: str
    time_unit: str

    @property
    def unit_days(self) -> float:
        """The unit of time of the parameters in days."""
        return parse_duration(self.time_unit, name="time_unit").days

    def dates(self, days: Array) -> NDArray[np.datetime64]:
        """Return days since the start as dates, NaT for never."""
        ticks = 86_400 if self.granularity == "s" else 1
        finite = np.isfinite(days)
        whole = np.floor(np.where(finite, days, 0.0) * ticks).astype(np.int64)
        dates = self.start.astype(f"datetime64[{self.granularity}]") + whole
        return np.where(finite, dates, np.datetime64("NaT")).astype("datetime64[us]")

    def told(self) -> dict[str, Any]:
        """Return what the result repeats of the settings."""
        return {
            "params": self.params,
            "spend_params": self.spend_params,
            "start": str(self.start),
            "cutoff": str(self.start + (self.cutoff_day - 1)),
            "end": str(self.start + (self.end_day - 1)),
            "horizon": self.horizon,
            "time_unit": self.time_unit,
        }


def read_settings(
    *,
    process: str,
    n_customers: int,
    params: Mapping[str, float] | None,
    spend: str,
    spend_params: Mapping[str, float] | None,
    start: str,
    cutoff: str,
    horizon: str,
    entry: str | None,
    season: Mapping[int, float] | None,
    growth: float,
    refunds: float,
    attributes: Mapping[str, Mapping[Any, float]] | None,
    granularity: str,
    time_unit: str,
) -> Settings:
    """Check the arguments of :func:`clvkit.datasets.simulate_log`."""
    _one_of("process", process, PROCESSES)
    _one_of("spend", spend, SPENDS)
    _one_of("granularity", granularity, ("D", "s"))
    whole = isinstance(n_customers, Integral) and not isinstance(n_customers, bool)
    if not whole or n_customers < 1:
        raise ArgumentError(f"n_customers={n_customers!r} must be a whole number of 1 or more.")
    first, last = _day("start", start), _day("cutoff", cutoff)
    if last < first:
        raise CutoffError(f"cutoff={cutoff!r} is before start={start!r}: give a later day.")
    parse_duration(time_unit, name="time_unit")
    end = parse_duration(horizon).after(last.astype(np.int64)) - first.astype(np.int64) + 1
    cutoff_day = int((last - first).astype(np.int64)) + 1
    return Settings(
        process=process,
        n_customers=int(n_customers),
        params=_read_params("params", params, process, PROCESSES[process].defaults),
        spend=spend,
        spend_params=_read_params("spend_params", spend_params, spend, SPENDS[spend].defaults),
        start=first,
        cutoff_day=cutoff_day,
        end_day=int(end),
        horizon=str(parse_duration(horizon)),
        entry_days=_entry_days(entry, first, cutoff_day),
        months=_months(season),
        growth=_number("growth", growth, above=-1.0),
        refunds=_number("refunds", refunds, least=0.0, most=1.0),
        attributes=_read_attributes(attributes),
        granularity=granularity,
        time_unit=time_unit,
    )


def _one_of(name: str, value: object, known: Any) -> None:
    if value not in known:
        choice = ", ".join(map(repr, known))
        raise UnknownNameError(f"{name}={value!r} is not known. Choose one of {choice}.")


def _day(name: str, text: str) -> np.datetime64:
    try:
        moment = pd.Timestamp(text)
    except (TypeError, ValueError) as error:
        raise CutoffError(
            f"{name}={text!r} cannot be read as a day: write it as '2021-12-31'."
        ) from error
    if moment is pd.NaT or moment.tz is not None or moment != moment.normalize():
        raise CutoffError(f"{name}={text!r} must be a day without a time: '2021-12-31'.")
    return moment.to_datetime64().astype("datetime64[D]")


def _number(
    name: str,
    value: object,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    most: float = math.inf,
) -> float:
    fine = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if fine and above < value and least <= value <= most:  # type: ignore[operator]
        return float(value)  # type: ignore[arg-type]
    limits = [
        f"{word} {limit:g}"
        for word, limit in (("above", above), ("at least", least), ("at most", most))
        if math.isfinite(limit)
    ]
    wanted = f", {' and '.join(limits)}" if limits else ""
    raise ArgumentError(f"{name}={value!r} must be a finite number{wanted}.")


def _mapping(name: str, value: object, what: str) -> dict[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ArgumentError(f"{name}={value!r} must be a dict: {what}.")
    return dict(value)


def _read_params(
    name: str, given: Mapping[str, float] | None, of: str, defaults: dict[str, float]
) -> dict[str, float]:
    given = _mapping(name, given, "name to number")
    unknown = [key for key in given if key not in defaults]
    if unknown:
        raise ArgumentError(
            f"{name} has {unknown[0]!r}, which is no parameter of {of!r}. It has "
            f"{', '.join(defaults)}."
        )
    return {key: _parameter(name, key, given.get(key, defaults[key])) for key in defaults}


def _parameter(name: str, key: str, value: object) -> float:
    called = f"{name}[{key!r}]"
    if key in _ANY_SIGN:
        return _number(called, value)
    if key in _CHANCES:
        return _number(called, value, least=0.0, most=1.0)
    if key == "q":  # the mean spend is p gamma / (q - 1)
        return _number(called, value, above=1.0)
    return _number(called, value, above=0.0)


def _entry_days(entry: str | None, start: np.datetime64, cutoff_day: int) -> float:
    first = start.astype(np.int64)
    duration = parse_duration("1D" if entry is None else entry, name="entry")
    days = float(duration.after(first) - first)
    if days > cutoff_day:
        raise ArgumentError(
            f"entry={entry!r} ends after the cutoff, which is {cutoff_day} days from the start: "
            "customers who are not seen by the cutoff cannot be predicted. Give a shorter one."
        )
    return days


def _months(season: Mapping[int, float] | None) -> Array:
    factors = np.ones(12)
    for month, factor in _mapping("season", season, "month to factor").items():
        if month not in range(1, 13):
            raise ArgumentError(f"season has the month {month!r}: months are numbers 1 to 12.")
        factors[month - 1] = _number(f"season[{month}]", factor, above=0.0)
    return factors


def _read_attributes(
    attributes: Mapping[str, Mapping[Any, float]] | None,
) -> dict[str, Mapping[Any, float]]:
    attributes = _mapping("attributes", attributes, "name to shares")
    for name, shares in attributes.items():
        shares = _mapping(f"attributes[{name!r}]", shares, "value to share")
        if name in ("customer_id", "date", "amount"):
            raise ArgumentError(f"attributes has {name!r}, which every log has: rename it.")
        weights = [_number(f"attributes[{name!r}][{v!r}]", w, least=0.0) for v, w in shares.items()]
        if not sum(weights) > 0:
            raise ArgumentError(f"attributes[{name!r}]={shares!r} has no value of any share.")
    return attributes
