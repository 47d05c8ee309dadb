"""The first pass: all lines of a customer into the same part.

The log is read chunk by chunk. Of each chunk one file is written, in which the lines lie part by
part: one record batch a part, so that a part is read later without the others. There are as many
files as chunks, however many parts.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clvkit.errors import LogError, OutputError
from clvkit.history._customer_hash import hash_customers
from clvkit.history._log_columns import LogColumns
from clvkit.history._log_files import Chunk, LogFiles
from clvkit.serving._batches.facts import Facts, check_rows, first_refused
from clvkit.serving._batches.run import RunFolder
from clvkit.utils._files import replacing

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Partitioner"]


@dataclass(frozen=True)
class Partitioner:
    """Writes the lines of a log by customer, and reads them back part by part.

    Attributes
    ----------
    run : RunFolder
    files : LogFiles
    columns : LogColumns
    resolution : str
        Of the model's granularity.
    refunds : str
    n_partitions : int
    """

    run: RunFolder
    files: LogFiles
    columns: LogColumns
    resolution: str
    refunds: str
    n_partitions: int

    def write(self, advance: Callable[[int], None]) -> Facts:
        """Write what is not written yet; return what the whole log told.

        Raises
        ------
        LogError
            With the file and the row, where a row cannot be used.
        OutputError
            If the disk does not take it.
        """
        facts = []
        with closing(self.files):
            for number, chunk in enumerate(self.files.chunks):
                facts.append(self._written(number) or self._write_chunk(number, chunk))
                if number == 0:
                    self._check_space()
                advance(sum(piece.rows for piece in chunk))
        return Facts.union(facts)

    def read(self, partition: int) -> pl.DataFrame:
        """Return the lines of a part in the order of the log, with the columns as they were."""
        import polars as pl
        import pyarrow as pa

        batches = []
        for number in range(len(self.files.chunks)):
            with pa.ipc.open_file(str(self._place(number))) as opened:
                batches.append(opened.get_batch(partition))
        table = pl.from_arrow(pa.Table.from_batches(batches))
        assert isinstance(table, pl.DataFrame)
        return table

    def _written(self, number: int) -> Facts | None:
        told = self.run.read_json(f"log-{number:06}.json")
        return Facts(**told) if told and self._place(number).is_file() else None

    def _write_chunk(self, number: int, chunk: Chunk) -> Facts:
        import polars as pl

        parts = [self._checked(*checked) for checked in self._pieces(chunk)]
        frame = pl.concat([frame for _, _, frame in parts])
        target = np.concatenate([target for _, target, _ in parts])
        facts = Facts.union(told for told, _, _ in parts)
        del parts
        order = np.argsort(target, kind="stable")
        counts = np.bincount(target, minlength=self.n_partitions)
        self._write_sorted(self._place(number), frame[order], counts)
        self.run.write_json(f"log-{number:06}.json", facts.to_json())
        return facts

    def _pieces(self, chunk: Chunk) -> Iterator[tuple[pl.DataFrame, Path, int]]:
        import polars as pl

        named = (pl.Categorical, pl.Enum)
        for piece in chunk:
            frame = self.files.read(piece)
            texts = [name for name, dtype in frame.schema.items() if isinstance(dtype, named)]
            frame = frame.with_columns(pl.col(texts).cast(pl.String)) if texts else frame
            yield frame, self.files.paths[piece.file], piece.first

    def _checked(
        self, frame: pl.DataFrame, path: Path, first: int
    ) -> tuple[Facts, Any, pl.DataFrame]:
        """Return facts, the part of each row, and the rows."""
        import polars as pl

        settings = (self.columns, self.resolution, self.refunds)
        try:
            facts, ids, kept = check_rows(frame, *settings)
        except LogError as error:
            row = first_refused(frame, *settings)
            where = "" if row is None else f", row {first + row + 1:,}"
            raise type(error)(f"'{path}'{where}: {error}") from error
        if frame.schema[self.columns.customer_id].is_float():
            ids = ids.cast(pl.Float64)  # whether they are all whole numbers is not known yet
        target = (hash_customers(ids) % np.uint64(self.n_partitions)).astype(np.uint16)
        return facts, target, kept

    def _write_sorted(self, place: Path, frame: pl.DataFrame, counts: Any) -> None:
        import polars as pl
        import pyarrow as pa

        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        stops = np.cumsum(counts).tolist()
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with (
            replacing(place) as partial,
            pa.ipc.new_file(str(partial), table.schema, options=options) as writer,
        ):
            for start, stop in zip([0, *stops[:-1]], stops, strict=True):
                writer.write_batch(_one_batch(table.slice(start, stop - start)))

    def _check_space(self) -> None:
        """Raise where the disk has no room for the rest, before hours are spent."""
        rows = [sum(piece.rows for piece in chunk) for chunk in self.files.chunks]
        written = self._place(0).stat().st_size
        there = sum(place.stat().st_size for place in self.run.place.glob("log-*.arrow"))
        needed = int(written / max(rows[0], 1) * sum(rows)) - there
        free = shutil.disk_usage(self.run.place).free
        if needed > free:
            raise OutputError(
                f"the working files in '{self.run.place}' will take {needed / 1e9:,.1f} GB more, "
                f"and {free / 1e9:,.1f} GB are free. Make room, or name a working folder on "
                "another disk: work=."
            )

    def _place(self, number: int) -> Path:
        return self.run.place / f"log-{number:06}.arrow"


def _one_batch(table: Any) -> Any:
    """Return the rows of an Arrow table as one record batch, of no rows where there are none."""
    import pyarrow as pa

    if not table.num_rows:
        return pa.RecordBatch.from_pylist([], schema=table.schema)
    (batch,) = table.combine_chunks().to_batches()
    return batch
