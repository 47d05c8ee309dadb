"""Joining covariates of customers to samples, as they were known at the cutoff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvkit.errors import DataWarning, LogError
from clvkit.history._clean import match_customers, read_customers
from clvkit.history._dates import read_dates
from clvkit.history._history_array import HistoryArray
from clvkit.history._moments import as_moments
from clvkit.history._read import read_table
from clvkit.utils._warnings import warn_user

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Covariates"]

_RESERVED = ("history", "customer_id", "cutoff")


class Covariates:
    """A table of covariates: one row a customer, or one row a change.

    Parameters
    ----------
    table : table or path
        With the column of the customer and any others. A column ``valid_from`` makes it a
        history of changes: a sample gets the latest row that was valid at its cutoff, so that
        today's loyalty tier cannot leak into the past.
    customer_id : str
        Name of the column with the customer.
    resolution : str
        Resolution of the histories.
    """

    def __init__(self, table: Any, customer_id: str, resolution: str) -> None:
        import polars as pl

        name = "the covariates table"
        frame = read_table(table, {"customer_id": customer_id}, whole=True, name=name)
        self.customer_id = customer_id
        self.dated = "valid_from" in frame.columns
        keys = [customer_id, *(["valid_from"] if self.dated else [])]
        frame = frame.with_columns(read_customers(frame[customer_id]))
        missing = int(frame[customer_id].is_null().sum())
        if missing:
            warn_user(
                f"{missing} of {len(frame)} rows of {name} have no customer in column "
                f"'{customer_id}' and were left out. Drop them beforehand to silence this: "
                f"covariates.dropna(subset=['{customer_id}']).",
                DataWarning,
            )
        frame = frame.filter(pl.col(customer_id).is_not_null())
        if self.dated:
            dates = read_dates(frame["valid_from"], frame[customer_id]).to_numpy()
            moments = pl.Series("valid_from", as_moments(dates, resolution))
            frame = frame.with_columns(moments)
        repeated = frame.select(pl.struct(keys).is_duplicated()).to_series()
        if repeated.any():
            raise LogError(
                f"{name} has several rows for {frame.filter(repeated)[customer_id].n_unique()} "
                f"customers, such as {frame.filter(repeated)[customer_id][0]!r}. Keep one row a "
                f"customer{' and valid_from' if self.dated else ', or add a column valid_from'}."
            )
        taken = [c for c in frame.columns if c in _RESERVED and c not in keys]
        if taken:
            raise LogError(f"{name} has columns of reserved names: {taken}. Rename them.")
        self.frame: pl.DataFrame = frame.rename({customer_id: "customer_id"})

    def join(self, X: pd.DataFrame, array: HistoryArray) -> pd.DataFrame:
        """Return ``X`` with the covariates of each row's customer beside the history."""
        import polars as pl

        customers = pl.from_pandas(X.index.get_level_values(0).to_series(), include_index=False)
        rows = pl.DataFrame({"customer_id": customers})
        ids = match_customers(
            self.frame["customer_id"].alias(self.customer_id),
            customers,
            of="the covariates table",
            than="log",
            table="covariates",
            read_as_text=True,
        )
        keys = self.frame.with_columns(ids.alias("customer_id"))
        if self.dated:
            joined = self._as_of(rows, keys, array)
        else:
            joined = rows.join(keys, on="customer_id", how="left", maintain_order="left")
        values = joined.drop("customer_id").to_pandas()
        return pd.concat([X, values.set_axis(X.index, axis=0)], axis=1)

    def _as_of(self, rows: pl.DataFrame, keys: pl.DataFrame, array: HistoryArray) -> Any:
        import polars as pl

        # Longer than the name of any covariate, and so the name of none.
        row = "row" + "_" * max(map(len, keys.columns))
        rows = rows.with_columns(
            pl.Series("valid_from", array.cutoff_moments), pl.Series(row, np.arange(len(rows)))
        )
        joined = rows.sort("valid_from").join_asof(
            keys.sort("valid_from"),
            on="valid_from",
            by="customer_id",
            strategy="backward",
            check_sortedness=False,
        )
        return joined.sort(row).drop(row, "valid_from")
