"""Several logs by name, and which of their columns mean what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from clvkit.errors import LogError, LogTypeError, UnknownNameError
from clvkit.history._read import column_names

__all__ = ["TRANSACTIONS", "LogColumns", "columns_of_logs", "name_logs", "names_of"]

#: The log that becomes the column ``history`` and that ``y`` is read from.
TRANSACTIONS = "transactions"

_RESERVED_FIELDS = ("time", "date", "amount")
_RESERVED_STREAMS = ("history", "customer_id", "cutoff")


class LogColumns(NamedTuple):
    """Which columns of one log to read; ``amount`` is None where events are only counted."""

    customer_id: str
    date: str
    amount: str | None
    attributes: tuple[str, ...]

    @property
    def roles(self) -> dict[str, str]:
        """Parameter name -> column name."""
        roles = {"customer_id": self.customer_id, "date": self.date}
        if self.amount is not None:
            roles["amount"] = self.amount
        return roles | {f"attributes[{i}]": name for i, name in enumerate(self.attributes)}


def names_of(attributes: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of attribute columns, each once; one alone may be given as it is."""
    return tuple(dict.fromkeys([attributes] if isinstance(attributes, str) else attributes))


def name_logs(log: Any) -> dict[str, Any]:
    """Return the logs by name: one alone is the transactions.

    Raises
    ------
    LogTypeError
        If a mapping has no transactions.
    LogError
        If a log has a name that no column of ``X`` can have.
    """
    if not isinstance(log, Mapping):
        return {TRANSACTIONS: log}
    if TRANSACTIONS not in log:
        raise LogTypeError(
            f"a dict is read as several logs by name, and {TRANSACTIONS!r} must be one of them; "
            f"got {list(log)[:8]}. Pass {{'transactions': log, 'visits': visits}}, or for one log "
            "the table itself."
        )
    odd = [name for name in log if not isinstance(name, str) or name in _RESERVED_STREAMS]
    if odd:
        raise LogError(
            f"a log cannot be called {', '.join(map(repr, odd))}: each becomes a column of X by "
            f"its name, which must be text and none of {', '.join(_RESERVED_STREAMS)}."
        )
    return {TRANSACTIONS: log[TRANSACTIONS], **log}


def columns_of_logs(logs: Mapping[str, Any], **given: Any) -> dict[str, LogColumns]:
    """Return the columns of each log.

    A setting is a mapping by the name of the log, or one value for all of them. With one value
    for all, logs other than the transactions may lack the amount and any attribute.

    Parameters
    ----------
    logs : mapping of str to table or path
    **given : str, sequence of str, or mapping by the name of the log
        ``customer_id``, ``date``, ``amount`` and ``attributes``.

    Raises
    ------
    UnknownNameError
        If a mapping names a log that there is not.
    LogError
        If an attribute is called like a field of a history.
    """
    for setting, value in given.items():
        unknown = [n for n in value if n not in logs] if isinstance(value, Mapping) else []
        if unknown:
            raise UnknownNameError(
                f"{setting} names the logs {', '.join(map(repr, unknown))}, which were not given. "
                f"The logs are {', '.join(map(repr, logs))}."
            )
    return {name: _columns_of(name, table, given) for name, table in logs.items()}


def _columns_of(name: str, table: Any, given: Mapping[str, Any]) -> LogColumns:
    defaults = {"customer_id": "customer_id", "date": "date", "attributes": ()}
    optional = {s for s in ("amount", "attributes") if not isinstance(given[s], Mapping)}
    if name == TRANSACTIONS:
        defaults["amount"], optional = "amount", set()
    own = {
        setting: value.get(name, defaults.get(setting)) if isinstance(value, Mapping) else value
        for setting, value in given.items()
    }
    attributes = names_of(own.pop("attributes"))
    if optional and ("amount" in optional or attributes):
        present = column_names(table, name=f"log {name!r}")
        if "amount" in optional and own["amount"] not in present:
            own["amount"] = None
        if "attributes" in optional:
            attributes = tuple(attribute for attribute in attributes if attribute in present)
    taken = [attribute for attribute in attributes if attribute in _RESERVED_FIELDS]
    if taken:
        raise LogError(
            f"attributes may not be called {', '.join(map(repr, taken))}, as histories have a "
            "field of that name. Rename the column."
        )
    return LogColumns(**own, attributes=attributes)
