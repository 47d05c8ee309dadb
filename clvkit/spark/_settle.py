"""From Spark's tables to one frame of rows and a reader that every partition shares."""

from __future__ import annotations

from typing import Any, NamedTuple

from clvkit.errors import LogError
from clvkit.history._clean import check_policy
from clvkit.history._granularity import get_granularity
from clvkit.history._history import format_cutoff
from clvkit.history._log import read_limits
from clvkit.history._log_columns import TRANSACTIONS, LogColumns, columns_of_logs, name_logs
from clvkit.history._read import check_columns, read_table
from clvkit.spark._facts import (
    Facts,
    Limits,
    before,
    check_duplicates,
    find_facts,
    is_missing,
    names_no_integer,
)
from clvkit.spark._frames import check_frame, check_kinds, column, modules, quiet_pandas, wall_clock
from clvkit.spark._reader import COVARIATES, CUSTOMER, SOURCE, Reader

__all__ = ["DEFAULTS", "Settled", "settle"]

#: How a log is read unless it is said otherwise, as by :func:`clvkit.history.latest_histories`.
DEFAULTS = {
    "customer_id": "customer_id",
    "date": "date",
    "amount": "amount",
    "attributes": (),
    "refunds": "net",
    "duplicates": "keep",
    "granularity": "D",
}


class Settled(NamedTuple):
    """A log that was looked at as a whole, and may now be cut into partitions.

    Attributes
    ----------
    frame : Spark DataFrame
        The rows that count, of all tables, with the column ``customer``.
    reader : Reader
        Makes histories of the rows of some customers.
    customer_id : str
        What the user calls the column of customers.
    cutoff : str
        The cutoff of all histories.
    n_events, n_rows : int
        Transactions that count, and events of all logs.
    covariate_types : dict of str to Spark type
    """

    frame: Any
    reader: Reader
    customer_id: str
    cutoff: str
    n_events: int
    n_rows: int
    covariate_types: dict[str, Any]


class _Table(NamedTuple):
    """The rows of a table that count; ``fields`` are the names of columns on the way and before."""

    frame: Any
    fields: dict[str, str]


def settle(
    log: Any,
    cutoff: Any = None,
    *,
    covariates: Any = None,
    end: Any = None,
    observed_until: int | None = None,
    **door: Any,
) -> Settled:
    """Check the log as a whole, and settle what partitions could not agree upon.

    Parameters
    ----------
    log : Spark DataFrame, or dict of them by name
    cutoff, end : date-like or None, default=None
    covariates : Spark DataFrame, table, path or None, default=None
    observed_until : int or None, default=None
        A moment until which events would have been seen, if neither ``end`` nor ``cutoff`` says
        so.
    **door
        Names of columns and policies, as :func:`clvkit.history.latest_histories` takes them.
    """
    check_policy("refunds", door["refunds"], ("net", "drop", "raise"))
    check_policy("duplicates", door["duplicates"], ("keep", "drop", "raise"))
    period = get_granularity(door["granularity"])
    limits = Limits(*read_limits(end, cutoff, period), period)
    logs, columns = _named(log, door)
    own = columns[TRANSACTIONS]
    table = _as_frame(covariates, logs[TRANSACTIONS], own.customer_id)
    logs[TRANSACTIONS] = _distinct(logs[TRANSACTIONS], door["duplicates"])
    facts = find_facts(logs[TRANSACTIONS], own, limits, door["refunds"])
    moment = _cutoff(limits, facts, observed_until)
    until = before(moment, period.resolution)
    drops = door["refunds"] == "drop"
    tables = {TRANSACTIONS: _rows(logs[TRANSACTIONS], own, until, facts, drops_refunds=drops)}
    if limits.known is None:
        limits = Limits(moment, None, period, given=False)
    n_rows = facts.n_events
    for name in list(columns)[1:]:
        found = find_facts(logs[name], columns[name], limits, name=name)
        tables[name] = _rows(logs[name], columns[name], until, found)
        n_rows += found.n_events
    if table is not None:
        tables[COVARIATES] = _covariates(table, own.customer_id)
    shown = format_cutoff(moment, period.resolution)
    settings = {
        "cutoff": shown,
        "end": None if limits.stop is None else format_cutoff(limits.stop, period.resolution),
        "granularity": period.name,
    }
    reader = Reader(columns, {name: part.fields for name, part in tables.items()}, settings)
    types = {} if table is None else {field.name: field.dataType for field in table.schema}
    frame = _unite(tables)
    return Settled(frame, reader, own.customer_id, shown, facts.n_events, n_rows, types)


def _named(log: Any, door: dict[str, Any]) -> tuple[dict[str, Any], dict[str, LogColumns]]:
    """Return the logs and their columns by name, if all of these are there and of fitting types."""
    logs = name_logs(log)
    for name, frame in logs.items():
        check_frame(frame, _label(name))
    roles = ("customer_id", "date", "amount", "attributes")
    columns = columns_of_logs(logs, **{role: door[role] for role in roles})
    for name, own in columns.items():
        check_columns(logs[name].columns, own.roles, logs[name], _label(name))
        check_kinds(logs[name], own.roles, _label(name))
    return logs, columns


def _label(name: str) -> str:
    return "the log" if name == TRANSACTIONS else f"log {name!r}"


def _as_frame(table: Any, like: Any, customer_id: str) -> Any:
    """Return covariates as a Spark DataFrame; those of one machine are sent to Spark."""
    modules()
    from pyspark.sql import DataFrame

    if table is None:
        return None
    name, roles = "the covariates table", {"customer_id": customer_id}
    if not isinstance(table, DataFrame):
        import polars as pl

        local = read_table(table, roles, whole=True, name=name)
        arrow = local.to_arrow(compat_level=pl.CompatLevel.oldest())
        with quiet_pandas():
            table = like.sparkSession.createDataFrame(arrow)
    check_frame(table, name)
    check_columns(table.columns, roles, table, name)
    check_kinds(table, roles, name)
    return table


def _distinct(frame: Any, policy: str) -> Any:
    if policy == "raise":
        check_duplicates(frame)
    return frame.dropDuplicates() if policy == "drop" else frame


def _cutoff(limits: Limits, facts: Facts, observed_until: int | None) -> int:
    if limits.known is not None:
        return limits.known
    assert facts.latest is not None
    return max(facts.latest, facts.latest if observed_until is None else observed_until)


def _rows(
    frame: Any, own: LogColumns, until: Any, facts: Facts, *, drops_refunds: bool = False
) -> _Table:
    """Return the rows of a log that count, their columns under names that cannot collide."""
    counts = ~is_missing(frame, own.customer_id) & (wall_clock(frame, own.date) < until)
    if drops_refunds and own.amount is not None:
        counts = counts & (column(own.amount) >= 0)
    names = [name for name in dict.fromkeys(own.roles.values()) if name != own.customer_id]
    return _select(frame.filter(counts), own.customer_id, names, whole=facts.whole)


def _covariates(frame: Any, customer_id: str) -> _Table:
    named = ~is_missing(frame, customer_id)
    names = [name for name in frame.columns if name != customer_id]
    is_float = _is_float(frame, customer_id)
    whole = is_float and frame.filter(names_no_integer(frame, customer_id)).isEmpty()
    return _select(frame.filter(named), customer_id, names, whole=whole)


def _select(frame: Any, customer_id: str, names: list[str], *, whole: bool) -> _Table:
    customer = column(customer_id)
    if _is_float(frame, customer_id) and whole:
        customer = customer.cast("bigint")
    fields = {f"field_{i}": name for i, name in enumerate(names)}
    others = [wall_clock(frame, name).alias(field) for field, name in fields.items()]
    return _Table(frame.select(customer.alias(CUSTOMER), *others), fields)


def _is_float(frame: Any, name: str) -> bool:
    return bool(frame.schema[name].dataType.typeName() in ("float", "double"))


def _unite(tables: dict[str, _Table]) -> Any:
    """Return the rows of all tables in one frame, so that a customer's come together."""
    F, _ = modules()
    if len(tables) == 1:
        return tables[TRANSACTIONS].frame
    customer = tables[TRANSACTIONS].frame.schema[CUSTOMER].dataType
    united = None
    for number, (name, table) in enumerate(tables.items()):
        frame = table.frame.withColumn(CUSTOMER, _matched(table.frame, customer, name))
        renamed = {field: f"{field}_of_{number}" for field in table.fields}
        frame = frame.withColumnsRenamed(renamed).withColumn(SOURCE, F.lit(number))
        united = frame if united is None else united.unionByName(frame, allowMissingColumns=True)
    return united


def _matched(frame: Any, customer: Any, name: str) -> Any:
    """Return customers in the type of the transactions': Spark would make text of numbers."""
    _, T = modules()
    own = frame.schema[CUSTOMER].dataType
    whole = all(isinstance(kind, T.IntegralType) for kind in (own, customer))
    if own != customer and not whole:
        of = "the covariates table" if name == COVARIATES else f"log {name!r}"
        raise LogError(
            f"the customers of {of} are {own.simpleString()}, those of the log "
            f"{customer.simpleString()}. Give both one type, for example "
            f"F.col(...).cast('{customer.simpleString()}')."
        )
    return column(CUSTOMER).cast(customer)
