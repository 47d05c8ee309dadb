"""Work on the histories of each partition, in Spark's Python processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from clvkit.errors import ArgumentError
from clvkit.history import get_histories
from clvkit.history._history import as_cutoffs
from clvkit.spark._frames import modules, quiet_pandas
from clvkit.spark._reader import CUSTOMER, Reader
from clvkit.spark._settle import Settled

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Work",
    "as_columns",
    "check_partitions",
    "default_partitions",
    "key_fields",
    "map_histories",
    "with_keys",
]

#: Customers whose features are held at a time.
_AT_ONCE = 100_000
#: Events of a partition: a tenth of a gigabyte and a second or two, or less where cores would idle.
_MOST, _LEAST = 1_000_000, 100_000
#: Rows that are handed back at a time.
_BATCH = 16_384


class Work(NamedTuple):
    """What is broadcast: how to read histories, and what to do with them."""

    reader: Reader
    compute: Callable[[pd.DataFrame], list[Any]]
    schema: Any


def key_fields(settled: Settled) -> list[Any]:
    """Return the fields of customer and cutoff, with which each row of a result begins."""
    _, T = modules()
    kind = settled.frame.schema[CUSTOMER].dataType
    daily = settled.reader.settings["granularity"] in ("D", "W")
    when = T.DateType() if daily else T.TimestampNTZType()
    return [T.StructField(settled.customer_id, kind), T.StructField("cutoff", when)]


def with_keys(X: pd.DataFrame, columns: list[Any]) -> list[Any]:
    """Return the columns behind those of customer and cutoff."""
    array = get_histories(X)
    cutoff = as_cutoffs(array.cutoff_moments, array.dtype.resolution)
    return [X.index.get_level_values(0), cutoff, *columns]


def check_partitions(n_partitions: int | None) -> None:
    """Raise unless Spark can bring customers into so many partitions; None chooses.

    Raises
    ------
    ArgumentError
    """
    whole = isinstance(n_partitions, Integral) and not isinstance(n_partitions, bool)
    if n_partitions is not None and not (whole and n_partitions >= 1):
        raise ArgumentError(
            f"n_partitions={n_partitions!r} must be a whole number from 1 on, or None."
        )


def map_histories(
    settled: Settled,
    compute: Callable[[pd.DataFrame], list[Any]],
    fields: list[Any],
    n_partitions: int | None,
) -> Any:
    """Return a Spark DataFrame of what is computed from the histories of each partition.

    Parameters
    ----------
    settled : Settled
    compute : callable
        From histories to the columns of the result. It is sent to the executors once.
    fields : list of Spark fields
    n_partitions : int or None
        None takes :func:`default_partitions`.
    """
    _, T = modules()
    from pyspark.sql.pandas.types import to_arrow_schema

    schema = T.StructType(fields)
    frame = settled.frame
    context = frame.sparkSession.sparkContext
    if n_partitions is None:
        n_partitions = default_partitions(settled.n_rows, context.defaultParallelism)
    rows = frame.repartition(n_partitions, CUSTOMER)
    work = Work(settled.reader, compute, to_arrow_schema(schema))
    broadcast = context.broadcast(work)

    def apply(batches: Iterator[Any]) -> Iterator[Any]:
        return _run(broadcast, batches)

    with quiet_pandas():
        return rows.mapInArrow(apply, schema)


def default_partitions(n_events: int, n_cores: int) -> int:
    """Return how many partitions are large enough to pay and small enough for memory.

    More than one for each core come in multiples of the cores, so that all end together.

    Examples
    --------
    >>> [default_partitions(n, n_cores=4) for n in (10, 250_000, 2_000_000, 9_000_000)]
    [1, 3, 4, 12]
    """
    most = max(1, -(-n_events // _LEAST))
    if most <= n_cores:
        return most
    return n_cores * -(-n_events // (_MOST * n_cores))


def _run(broadcast: Any, batches: Iterator[Any]) -> Iterator[pa.RecordBatch]:
    """Work on one partition: all of its batches together, for a customer may span several."""
    import pyarrow as pa

    whole = list(batches)
    if not whole:
        return
    _use_one_core()
    work: Work = broadcast.value
    X = work.reader.read(pa.Table.from_batches(whole))
    del whole
    if X is None:
        return
    for begin in range(0, len(X), _AT_ONCE):
        columns = work.compute(X.iloc[begin : begin + _AT_ONCE])
        table = _table(columns, work.schema)
        yield from table.to_batches(max_chunksize=_BATCH)


def _table(columns: list[Any], schema: Any) -> pa.Table:
    import pyarrow as pa

    arrays = []
    for values, field in zip(columns, schema, strict=True):
        # Of numbers NaN is what is lacking, which Spark calls null.
        array = pa.array(values, from_pandas=True)
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks()
        arrays.append(array if array.type == field.type else array.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _use_one_core() -> None:
    """Keep libraries from starting a thread for each core: Spark runs a task on each of them."""
    for name in ("POLARS_MAX_THREADS", "LOKY_MAX_CPU_COUNT", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def as_columns(values: Any) -> list[Any]:
    """Return the columns of a matrix, each in one piece."""
    return list(np.ascontiguousarray(np.asarray(values, dtype=np.float64).T))
