"""Histories on the driver: of all customers where they fit, else of a sample of them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from clvkit.errors import DataWarning, FewCustomersError
from clvkit.history import get_histories
from clvkit.history._log_columns import TRANSACTIONS
from clvkit.spark._frames import modules
from clvkit.spark._reader import CUSTOMER, SOURCE
from clvkit.spark._settle import Settled
from clvkit.utils._warnings import warn_user

__all__ = ["collect_histories"]

#: Parts of which chance is drawn for a stratum.
_FINE = 2**40


def collect_histories(settled: Settled, max_events: int, random_state: int) -> pd.DataFrame:
    """Return the histories of the customers, or of a sample with about ``max_events`` events.

    Warns
    -----
    DataWarning
        When it is a sample, with its size.
    """
    if settled.n_events <= max_events:
        return _read(settled, settled.frame.toArrow())
    customers = _draw(settled, max_events / settled.n_events, random_state).persist()
    try:
        n_customers = customers.count()
        chosen = customers.filter("chosen").select(CUSTOMER)
        rows = settled.frame.join(chosen, CUSTOMER, "left_semi").toArrow()
    finally:
        customers.unpersist()
    X = _read(settled, rows)
    n_events = int(get_histories(X).n_events.sum())
    warn_user(
        f"the log has {settled.n_events:,} events, more than max_events={max_events:,}: fitted on "
        f"{len(X):,} of {n_customers:,} customers with {n_events:,} events, drawn in proportion "
        "from strata by first quarter, number of events and time since the last. Give more "
        "max_events where the driver has the memory.",
        DataWarning,
    )
    return X


def _read(settled: Settled, rows: Any) -> pd.DataFrame:
    X = settled.reader.read(rows)
    if X is None:
        raise FewCustomersError(
            f"no customer was drawn from {settled.n_events:,} events. Give more max_events."
        )
    return X


def _draw(settled: Settled, share: float, random_state: int) -> Any:
    """Return each customer and whether it was drawn; the same ones however rows are partitioned.

    Of the n customers of a stratum ``floor(n share + u)`` are drawn, u being uniform: as many as
    the share says or one more, so that rare strata are not left out on the whole.
    """
    F, _ = modules()
    from pyspark.sql import Window

    seed = F.lit(random_state)
    customers = _strata(settled)
    order = Window.partitionBy("stratum").orderBy(F.xxhash64(seed, CUSTOMER), CUSTOMER)
    rank = F.row_number().over(order)
    chance = F.pmod(F.xxhash64(seed, "stratum"), F.lit(_FINE)) / float(_FINE)
    taken = F.floor(rank * share + chance) - F.floor((rank - 1) * share + chance)
    return customers.select(CUSTOMER, (taken > 0).alias("chosen"))


def _strata(settled: Settled) -> Any:
    """Return each customer's stratum: when he came, how often he was seen, how long ago."""
    F, _ = modules()
    fields = settled.reader.fields
    frame = settled.frame
    date = next(
        field
        for field, name in fields[TRANSACTIONS].items()
        if name == settled.reader.columns[TRANSACTIONS].date
    )
    if len(fields) > 1:
        frame = frame.filter(F.col(SOURCE) == 0)
        date = f"{date}_of_0"
    seen = frame.groupBy(CUSTOMER).agg(
        F.count(F.lit(1)).alias("n"), F.min(date).alias("first"), F.max(date).alias("last")
    )
    since = F.datediff(F.lit(settled.cutoff).cast("date"), "last")
    stratum = F.concat_ws(
        "/",
        F.year("first"),
        F.quarter("first"),
        F.floor(F.log2("n")),
        F.floor(F.log2(1 + F.greatest(since, F.lit(0)))),
    )
    return seen.select(CUSTOMER, stratum.alias("stratum"))
