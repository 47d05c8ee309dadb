"""The last pass: the values of all parts in one order, in one file or a folder of files."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from clvkit.errors import OutputError
from clvkit.utils._files import replacing

__all__ = ["check_target", "write_parts", "write_table"]

#: Bytes of memory that sorting a row takes, about: three copies of its columns.
_ROW = 3 * 7 * 8

_SUFFIXES = (".csv", ".parquet")


def check_target(target: Path) -> None:
    """Raise unless values can be written there.

    Raises
    ------
    OutputError
        If it is neither the name of a CSV or Parquet file nor a new folder, or if what it shall
        lie in is missing or may not be written to.
    """
    if target.suffix and target.suffix not in _SUFFIXES:
        raise OutputError(
            f"--out {target}: the table is written as CSV or Parquet, by its name. End it in "
            "'.csv' or '.parquet'; a name without an ending is a folder of Parquet files."
        )
    if not target.suffix and target.exists():
        raise OutputError(
            f"--out {target}: it exists. A folder of values appears when all of them are in it, "
            "also where the command was killed afterwards. Move it away, or name another folder."
        )
    if target.is_dir():
        raise OutputError(f"--out {target}: it is a folder. Give it a name without an ending.")
    if not target.parent.is_dir():
        raise OutputError(f"--out {target}: there is no folder '{target.parent}'. Make it first.")
    if not os.access(target.parent, os.W_OK):
        raise OutputError(f"--out {target}: '{target.parent}' may not be written to.")


def write_table(table: pd.DataFrame, target: Path) -> None:
    """Write values that fit into memory."""
    import pyarrow as pa

    whole = pa.Table.from_pandas(table.reset_index(), preserve_index=False)
    _write([whole], whole.schema, target)


def write_parts(
    parts: Sequence[Path], n_rows: int, target: Path, memory: int, advance: Callable[[int], None]
) -> None:
    """Write the values of all parts in ascending order of the customers.

    Parameters
    ----------
    parts : sequence of Path
        Parquet files, each sorted.
    n_rows : int
        Of all of them.
    target : Path
    memory : int
        Bytes that the rows that are sorted at a time may take.
    advance : callable
        Told of the rows that were written.
    """
    import pyarrow.parquet as pq

    n_ranges = max(1, math.ceil(n_rows * _ROW / memory))
    schema = pq.read_schema(parts[0])

    def tables() -> Iterator[Any]:
        for table in _sorted_ranges(parts, n_ranges):
            yield table.cast(schema)
            advance(len(table))

    _write(tables(), schema, target)


def _sorted_ranges(parts: Sequence[Path], n_ranges: int) -> Iterator[Any]:
    """Yield the rows of one range of customers after the other, as Arrow tables."""
    import polars as pl

    rows = pl.scan_parquet(list(parts))
    bounds = _bounds(parts, n_ranges)
    who = pl.col("customer_id")
    for low, high in zip([None, *bounds], [*bounds, None], strict=True):
        chosen = rows if low is None else rows.filter(who >= low)
        chosen = chosen if high is None else chosen.filter(who < high)
        yield chosen.collect().sort("customer_id").to_arrow()


def _bounds(parts: Sequence[Path], n_ranges: int) -> list[Any]:
    """Return customers between ranges of about as many rows each."""
    import polars as pl

    if n_ranges == 1:
        return []
    sample = pl.concat(
        pl.read_parquet(part, columns=["customer_id"])["customer_id"].gather_every(16)
        for part in parts
    ).sort()
    places = np.linspace(0, len(sample), n_ranges + 1)[1:-1].astype(np.int64)
    return sample[places].unique(maintain_order=True).to_list()


def _write(tables: Any, schema: Any, target: Path) -> None:
    """Write tables one after the other, at one stroke."""
    if target.suffix:
        with replacing(target) as partial:
            write = _write_csv if target.suffix == ".csv" else _write_parquet
            write(tables, schema, partial)
        return
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        for number, table in enumerate(tables):
            with replacing(partial / f"part-{number:05}.parquet") as place:
                _write_parquet([table], schema, place)
        partial.rename(target)
    except OSError as error:
        raise OutputError(f"'{target}' cannot be written ({error.strerror}).") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_parquet(tables: Any, schema: Any, place: Path) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(place, schema) as writer:
        for table in tables:
            writer.write_table(table)


def _write_csv(tables: Any, schema: Any, place: Path) -> None:
    import polars as pl

    with place.open("wb") as opened:
        for number, table in enumerate(tables):
            frame = pl.from_arrow(table)
            assert isinstance(frame, pl.DataFrame)
            frame.write_csv(opened, include_header=number == 0)
