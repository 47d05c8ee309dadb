"""A CSV file in blocks of whole rows, for files that are larger than memory."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from clvkit.history._read import read_codes

if TYPE_CHECKING:
    import polars as pl

__all__ = ["CSVBlocks", "CSVTypes"]

_QUOTE, _NEWLINE = ord('"'), ord("\n")


class CSVBlocks:
    """Reads a CSV file, compressed or not, block by block; a context manager.

    Parameters
    ----------
    path : Path
    size : int, default=2**25
        Bytes of a block, before it is cut after the last whole row.
    """

    def __init__(self, path: Path, size: int = 2**25) -> None:
        self.path = path
        self.size = size
        reader: Any = gzip.open if path.name.lower().endswith(".gz") else open
        self._file: IO[bytes] = reader(path, "rb")
        self.header = self._read_header()

    def __enter__(self) -> CSVBlocks:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield where each block begins and ends, in bytes without compression, and its rows.

        The header stands before the rows, so that each block is a small CSV file.
        """
        start = len(self.header)
        self._file.seek(start)
        held = b""
        while read := self._file.read(self.size):
            held += read
            if cut := _last_row_end(held):
                yield start, start + cut, self.header + held[:cut]
                start, held = start + cut, held[cut:]
        if held:
            yield start, start + len(held), self.header + held

    def read(self, start: int, stop: int) -> bytes:
        """Return a block, as iteration does.

        A compressed file is read from its beginning on unless the blocks are asked for in order.
        """
        self._file.seek(start)
        return self.header + self._file.read(stop - start)

    def _read_header(self) -> bytes:
        header = line = self._file.readline()
        # Empty lines may stand before the names, and a name may hold a line break.
        while line and (not header.strip() or header.count(b'"') % 2):
            line = self._file.readline()
            header += line
        return header if header.endswith(b"\n") or not header else header + b"\n"


def _last_row_end(data: bytes) -> int:
    """Return the length of the whole rows: up to the last line break outside of quotes."""
    if b'"' not in data:
        return data.rfind(b"\n") + 1
    values = np.frombuffer(data, dtype=np.uint8)
    inside = np.cumsum(values == _QUOTE) % 2
    ends = np.flatnonzero((values == _NEWLINE) & (inside == 0))
    return int(ends[-1]) + 1 if len(ends) else 0


class CSVTypes:
    """The types of the columns of a CSV file, as if they had been told from all rows at once.

    Polars tells the types of a file from its values. Of a block it does the same, and what the
    blocks say is put together here by the same rules: whole numbers and others are numbers,
    anything else beside another type is text, and what is missing throughout says nothing.

    Parameters
    ----------
    columns : list of str
    names : list of str
        Columns of names rather than quantities: they are text as soon as one value has a leading
        zero.
    """

    def __init__(self, columns: list[str], names: list[str]) -> None:
        self.columns = columns
        self.names = names
        self._found: dict[str, pl.DataType] = {}
        self._codes: set[str] = set()

    def learn(self, block: bytes) -> int:
        """Take note of one block; return its number of rows."""
        import polars as pl

        # All columns, as the door does: with some of them only, Polars takes a stray quotation mark
        # for the begin of a quoted text, and makes one row of many without a word.
        frame = pl.read_csv(block, infer_schema_length=None)
        for name in self.columns:
            if frame[name].null_count() < len(frame):
                known = self._found.get(name, frame[name].dtype)
                self._found[name] = _united(known, frame[name].dtype)
        numbers = [name for name in self.names if frame[name].dtype.is_numeric()]
        if doubtful := [name for name in numbers if name not in self._codes]:
            self._codes.update(column.name for column in read_codes(block, doubtful))
        return len(frame)

    def schema(self) -> dict[str, str]:
        """Return the name of Polars' type of each column."""
        known = {name: str(self._found.get(name, "String")) for name in self.columns}
        return known | dict.fromkeys(self._codes, "String")


def _united(one: pl.DataType, other: pl.DataType) -> pl.DataType:
    import polars as pl

    if one == other:
        return one
    if one.is_numeric() and other.is_numeric():
        pair = [pl.DataFrame(schema={"": dtype}) for dtype in (one, other)]
        return pl.concat(pair, how="vertical_relaxed").schema[""]
    return pl.String()
