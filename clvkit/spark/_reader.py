"""From the rows of some customers, as Spark hands them over, to their histories."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from clvkit.errors import DataWarning, EmptyLogError
from clvkit.history import latest_histories
from clvkit.history._log_columns import TRANSACTIONS, LogColumns
from clvkit.utils._warnings import silenced

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["COVARIATES", "CUSTOMER", "SOURCE", "Reader"]

#: Names of columns on the way: of which table a row is, and of which customer.
SOURCE, CUSTOMER = "source", "customer"
#: The name of the covariates among the tables, which no log can have.
COVARIATES = "\0covariates"


@dataclass(frozen=True)
class Reader:
    """Reads histories through the door, with what was settled for the whole log.

    Parameters
    ----------
    columns : dict of str to LogColumns
        Of each log; the transactions come first.
    fields : dict of str to dict of str to str
        Names on the way -> names of columns, of each table in the order of their numbers.
    settings : dict
        Further settings of :func:`clvkit.history.latest_histories`.
    """

    columns: dict[str, LogColumns]
    fields: dict[str, dict[str, str]]
    settings: dict[str, Any] = field(default_factory=dict)

    def read(self, table: pa.Table) -> pd.DataFrame | None:
        """Return the histories of the customers in a table, or None if there are none."""
        parts = {name: self._part(table, name) for name in self.fields}
        if not parts[TRANSACTIONS].num_rows:
            return None
        covariates = parts.pop(COVARIATES, None)
        try:
            # The driver has said what there is to say of the whole log.
            with silenced(DataWarning):
                settings = self._names() | self.settings
                return latest_histories(parts, covariates=covariates, **settings)
        except EmptyLogError:
            return None

    def _names(self) -> dict[str, Any]:
        roles = ("customer_id", "date", "amount", "attributes")
        return {
            role: {name: getattr(own, role) for name, own in self.columns.items()} for role in roles
        }

    def _part(self, table: pa.Table, name: str) -> pa.Table:
        """Return the rows and columns of one of the tables, under their own names."""
        import pyarrow.compute as pc

        fields = self.fields[name]
        if len(self.fields) > 1:
            number = list(self.fields).index(name)
            table = table.filter(pc.equal(table[SOURCE], number))
            fields = {f"{field}_of_{number}": column for field, column in fields.items()}
        own = self.columns.get(name, self.columns[TRANSACTIONS])
        return table.select([CUSTOMER, *fields]).rename_columns([own.customer_id, *fields.values()])
