"""From durations and annual rates to numbers in a model's unit of time."""

from __future__ import annotations

from numbers import Real
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clvkit.errors import HorizonError
from clvkit.utils._duration import Duration, parse_duration

Horizon: TypeAlias = str | Duration | float | ArrayLike


def units_per_year(time_unit: str) -> float:
    """Return how many units a year has, by the convention of the literature.

    52 for weeks, 365.25 for days and 12 for months, so that an annual discount rate gives
    the published values per unit.

    Examples
    --------
    >>> units_per_year("7D"), units_per_year("1D"), units_per_year("1M")
    (52.0, 365.25, 12.0)
    """
    unit = parse_duration(time_unit, name="time_unit")
    if unit.is_calendar:
        return parse_duration("1Y").in_units(unit)
    return 52.0 / (unit.days / 7.0) if unit.days % 7 == 0 else 365.25 / unit.days


def rate_per_unit(discount_rate: float, time_unit: str) -> float:
    """Return the continuous rate per unit of an effective annual ``discount_rate``."""
    number = isinstance(discount_rate, Real) and not isinstance(discount_rate, bool)
    if not number or not np.isfinite(discount_rate) or discount_rate < 0:
        raise ValueError(
            f"discount_rate={discount_rate!r} must be a number, the effective annual rate of 0 "
            "or more, such as 0.1 for 10 % a year."
        )
    return float(np.log1p(discount_rate)) / units_per_year(time_unit)


def horizon_in_units(horizon: Horizon, time_unit: str) -> NDArray[np.float64]:
    """Return a horizon, or an array of them, as numbers in ``time_unit``.

    Calendar durations (months, quarters, years) count by their average length; where the
    calendar matters, give numbers.
    """
    if isinstance(horizon, str | Duration):
        unit = parse_duration(time_unit, name="time_unit")
        return np.asarray(parse_duration(horizon).in_units(unit))
    try:
        truth = np.asarray(horizon).dtype == bool
        lengths = np.asarray(np.nan if truth else horizon, dtype=float)
    except (TypeError, ValueError):
        lengths = np.asarray(np.nan)
    if lengths.ndim > 1 or not np.isfinite(lengths).all() or (lengths < 0).any():
        raise HorizonError(
            f"horizon={horizon!r} must be a duration such as '26W', a number of 0 or more in "
            f"the model's unit of time ({time_unit!r}), or a 1-d array of such numbers."
        )
    return lengths


def horizon_per_row(horizon: Horizon, n_rows: int, time_unit: str) -> NDArray[np.float64]:
    """Return one horizon for each row; an array must have one for each already."""
    lengths = horizon_in_units(horizon, time_unit)
    if lengths.ndim == 1 and len(lengths) != n_rows:
        raise HorizonError(
            f"An array of horizons has one for each customer: got {len(lengths)} horizons for "
            f"{n_rows} rows. For several horizons of the same customers call the method once "
            "for each of them."
        )
    return np.broadcast_to(lengths, (n_rows,))


def whole_horizon(
    lengths: NDArray[np.float64], time_unit: str, most: float = np.inf
) -> NDArray[np.float64]:
    """Return horizons of a model in discrete time as whole numbers of opportunities.

    Raises
    ------
    HorizonError
        Where one is no whole number, or is more than ``most``.
    """
    whole = np.rint(lengths)
    bad = np.abs(lengths - whole) > 1e-9 * (1.0 + lengths)
    if bad.any():
        raise HorizonError(
            f"This model counts opportunities, one each {time_unit!r}, and a horizon of "
            f"{lengths[bad][0]:.6g} of them is no whole number (in {bad.sum()} of {len(bad)} "
            "rows). Give a multiple of time_unit, or a whole number."
        )
    if (whole > most).any():
        raise HorizonError(
            f"A horizon of {whole.max():.6g} opportunities is too long here, where each is a step "
            f"of the computation: give at most {most:.6g}."
        )
    return whole
