"""What must be known of a whole log before any part of it can be read like the whole."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from clvkit.errors import AmountError, ClvkitError, EmptyLogError
from clvkit.history._clean import apply_refunds, clean_columns, read_customers
from clvkit.history._dates import read_dates
from clvkit.history._log_columns import LogColumns
from clvkit.history._moments import as_moments

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Facts", "check_rows", "check_whole", "first_refused"]

#: What follows the time of day in ISO 8601 text: nothing, Z, or the distance from UTC.
_ZONE = r"\d[T ]\d.*?(Z|[+-]\d{2}(?::?\d{2})?)\s*$"


@dataclass
class Facts:
    """What some rows of a log tell about the whole.

    Attributes
    ----------
    rows, missing : int
        All rows, and those without a customer.
    first_missing : int or None
        The first of the latter.
    kept : int
        Rows that histories are made of.
    earliest, latest : int or None
        First and last moment of these.
    earliest_customer : str or None
    fractional : bool
        Whether customers are floats that are no whole numbers.
    gross : float
        Sum of the absolute amounts.
    zones : dict of str to list of str
        By the distance from UTC that texts of dates name: one of the texts, and its customer.
    """

    rows: int = 0
    missing: int = 0
    first_missing: int | None = None
    kept: int = 0
    earliest: int | None = None
    latest: int | None = None
    earliest_customer: str | None = None
    fractional: bool = False
    gross: float = 0.0
    zones: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def union(cls, parts: Iterable[Facts]) -> Facts:
        """Return what parts of a log, in their order, tell together."""
        total = cls()
        for part in parts:
            if total.first_missing is None and part.first_missing is not None:
                total.first_missing = total.rows + part.first_missing
            total.rows += part.rows
            total.missing += part.missing
            total.kept += part.kept
            total.fractional |= part.fractional
            total.gross += part.gross
            total.zones = part.zones | total.zones
            if part.earliest is None or part.latest is None:
                continue
            if total.earliest is None or part.earliest < total.earliest:
                total.earliest, total.earliest_customer = part.earliest, part.earliest_customer
            total.latest = part.latest if total.latest is None else max(total.latest, part.latest)
        return total

    def to_json(self) -> dict[str, Any]:
        """Return the facts for a file."""
        return asdict(self)


def check_rows(
    frame: pl.DataFrame, columns: LogColumns, resolution: str, refunds: str
) -> tuple[Facts, pl.Series, pl.DataFrame]:
    """Check rows as the door would, and return facts, customers and the rows that name one.

    The rows are returned as they were read: the door reads them again, part by part.

    Raises
    ------
    LogError
        As the door does.
    """
    customer_id, date, amount = columns[:3]
    ids = read_customers(frame[customer_id])
    known = ids.is_not_null()
    facts = Facts(rows=len(frame), missing=len(frame) - int(known.sum()))
    if facts.missing:
        facts.first_missing = int((~known).arg_true()[0])
        frame, ids = frame.filter(known), ids.filter(known)
    facts.fractional = ids.dtype.is_float() and len(ids) > 0
    roles = list(dict.fromkeys(columns.roles.values()))
    clean = clean_columns(frame.select(roles), customer_id, date, amount, may_be_empty=True)
    if amount is not None and len(clean):
        facts.gross = float(clean[amount].abs().sum())
        if refunds == "drop":
            clean = clean.filter(clean[amount] >= 0)
        clean = apply_refunds(clean, refunds, amount) if len(clean) else clean
    facts.kept = len(clean)
    if len(clean):
        time = as_moments(clean[date].to_numpy(), resolution)
        row = int(np.argmin(time))
        facts.earliest, facts.latest = int(time[row]), int(time.max())
        facts.earliest_customer = str(clean[customer_id][row])
        facts.zones = _zones(frame[date], ids)
    return facts, ids, frame


def check_whole(facts: Facts, columns: LogColumns) -> None:
    """Raise what only the whole log can tell.

    Raises
    ------
    EmptyLogError
        If nothing is left of it.
    AmountError
        If its amounts are too large to add up.
    DateError
        If its dates are in several time zones.
    """
    import polars as pl

    if not facts.rows:
        raise EmptyLogError("the log has no rows. Give at least one transaction.")
    if facts.missing == facts.rows:
        raise EmptyLogError(
            f"no row of the log names a customer: column '{columns.customer_id}' is missing in "
            f"all {facts.rows} rows. Check customer_id=."
        )
    if not facts.kept:
        raise EmptyLogError(
            f"column '{columns.amount}' is negative in all {facts.rows - facts.missing} rows, and "
            "refunds='drop' leaves none of them. Check the sign of the amounts, or pass "
            "refunds='net'."
        )
    if not math.isfinite(facts.gross):
        raise AmountError(
            f"column '{columns.amount}' holds amounts too large to add up. Correct or drop these "
            "rows."
        )
    if len(facts.zones) > 1:
        texts, customers = zip(*facts.zones.values(), strict=True)
        read_dates(pl.Series(columns.date, texts), pl.Series(customers))


def first_refused(
    frame: pl.DataFrame, columns: LogColumns, resolution: str, refunds: str
) -> int | None:
    """Return the first row without which the rows before it would pass; None if all do."""

    def passes(n_rows: int) -> bool:
        try:
            check_rows(frame.head(n_rows), columns, resolution, refunds)
        except ClvkitError:
            return False
        return True

    if passes(len(frame)):
        return None
    good, bad = 0, len(frame)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if passes(middle) else (good, middle)
    return bad - 1


def _zones(dates: pl.Series, ids: pl.Series) -> dict[str, list[str]]:
    import polars as pl

    if dates.dtype != pl.String:
        return {}
    frame = pl.DataFrame({"date": dates, "customer": ids.cast(pl.String)}).unique("date")
    zone = pl.col("date").str.extract(_ZONE).fill_null("").alias("zone")
    found = frame.with_columns(zone).unique("zone")
    return {zone: [date, customer] for date, customer, zone in found.iter_rows()}
