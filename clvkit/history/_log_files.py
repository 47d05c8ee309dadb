"""A log in files that need not fit into memory, in pieces that have the types of the whole."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from clvkit.errors import LogError
from clvkit.history._csv_blocks import CSVBlocks, CSVTypes
from clvkit.history._read import check_columns, file_kind, find_files

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Chunk", "LogFiles", "Piece", "count_rows", "would_read"]


class Piece(NamedTuple):
    """Rows of one file: from row to row of Parquet, from byte to byte of CSV.

    Attributes
    ----------
    file : int
        Position of the file.
    start, stop : int
    first : int
        Number of the first row within the file, from 0.
    rows : int
    """

    file: int
    start: int
    stop: int
    first: int
    rows: int


Chunk = list[Piece]


@dataclass
class LogFiles:
    """The files of a log, what types their columns have, and in which pieces they are read.

    The types are those that :func:`clvkit.history._read.read_table` finds for all files at once:
    they never hang on the piece.

    Attributes
    ----------
    paths : list of Path
    columns : list of str
        Those that are read.
    types : list of dict of str to str
        Polars' types of the columns of each CSV file; none for Parquet files, which know theirs.
    chunks : list of list of Piece
        What is read at a time: pieces with about as many rows as were asked for.
    """

    paths: list[Path]
    columns: list[str]
    types: list[dict[str, str]]
    chunks: list[Chunk]
    _open: dict[int, CSVBlocks] = field(default_factory=dict, repr=False, compare=False)
    _schema: Any = field(default=None, repr=False, compare=False)

    @classmethod
    def survey(
        cls, place: Path, roles: dict[str, str], *, whole: bool = False, chunk_rows: int = 2**21
    ) -> LogFiles:
        """Look at the files of a log: of Parquet at the footers, of CSV at every value.

        Parameters
        ----------
        place : Path
            A file, a folder or a pattern.
        roles : dict of str to str
            Parameter name -> column name.
        whole : bool, default=False
            Read all columns.
        chunk_rows : int, default=2**21

        Raises
        ------
        LogTypeError, MissingColumnError, LogError
            As :func:`clvkit.history._read.read_table`.
        """
        import polars as pl

        paths = find_files(place, "the log")
        surveyed = _survey_csv if file_kind(paths[0]) == "csv" else _survey_parquet
        try:
            types: list[dict[str, str]] = []
            pieces: Chunk = []
            columns: dict[str, None] = {}
            for number, path in enumerate(paths):
                known, own, names = surveyed(number, path, roles, whole, chunk_rows)
                types += known
                pieces += own
                columns |= dict.fromkeys(names)
            files = cls(paths, list(columns), types, _gathered(pieces, chunk_rows))
            files.schema()  # which may find that the files contradict each other
        except (pl.exceptions.PolarsError, OSError) as error:
            raise LogError(f"'{place}' could not be read: {error}") from error
        return files

    @property
    def n_rows(self) -> int:
        """Number of rows in all files."""
        return sum(piece.rows for chunk in self.chunks for piece in chunk)

    def schema(self) -> Any:
        """Return the types of the columns over all files."""
        import polars as pl

        if self._schema is None:
            parts = [pl.DataFrame(schema=self._own_schema(i)) for i in range(len(self.paths))]
            self._schema = pl.concat(parts, how="diagonal_relaxed").schema
        return self._schema

    def read(self, piece: Piece) -> pl.DataFrame:
        """Return the rows of a piece, with the columns and types of the whole log."""
        import polars as pl

        path = self.paths[piece.file]
        own = self._own_schema(piece.file)
        try:
            if self.types:
                text = self._csv(piece.file).read(piece.start, piece.stop)
                frame = pl.read_csv(text, columns=list(own), schema_overrides=own)
            else:
                rows = pl.scan_parquet(path).select(list(own)).slice(piece.start, piece.rows)
                frame = rows.collect()
            _check_same_rows(frame, piece, path)
            parts = [frame, pl.DataFrame(schema=self.schema())]
            return pl.concat(parts, how="diagonal_relaxed").select(self.columns)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise LogError(f"'{path}' could not be read: {error}") from error

    def close(self) -> None:
        """Close the files that are open."""
        for blocks in self._open.values():
            blocks.__exit__(None, None, None)
        self._open.clear()

    def to_json(self) -> dict[str, Any]:
        """Return what the survey found, for :meth:`from_json`."""
        return {
            "paths": [str(path) for path in self.paths],
            "columns": self.columns,
            "types": self.types,
            "chunks": self.chunks,
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> LogFiles:
        """Return what a survey found."""
        chunks = [[Piece(*piece) for piece in chunk] for chunk in found["chunks"]]
        paths = [Path(path) for path in found["paths"]]
        return cls(paths, found["columns"], found["types"], chunks)

    def _own_schema(self, number: int) -> Any:
        import polars as pl

        if self.types:
            return {name: getattr(pl, kind)() for name, kind in self.types[number].items()}
        schema = pl.scan_parquet(self.paths[number]).collect_schema()
        return {name: schema[name] for name in self.columns if name in schema}

    def _csv(self, number: int) -> CSVBlocks:
        """Return the open file; pieces come file by file, so one at a time is enough."""
        if number not in self._open:
            self.close()
            self._open[number] = CSVBlocks(self.paths[number])
        return self._open[number]


def would_read(log: Path, file: Path) -> bool:
    """Tell whether a file, which need not exist yet, would be read as one of a log."""
    log, file = Path(os.path.realpath(log)), Path(os.path.realpath(file))
    if log.exists():
        return file.is_relative_to(log)
    parts = log.parts
    if "**" not in parts:
        return file.match(str(log))
    base = Path(*parts[: min(i for i, part in enumerate(parts) if glob.has_magic(part))])
    within = file.is_relative_to(base) and file.match(log.name)
    return within and not any(part.startswith(".") for part in file.relative_to(base).parts)


def count_rows(place: Path) -> int | None:
    """Return the number of rows of a log in Parquet files; None for CSV, which does not tell."""
    import pyarrow.parquet as pq

    paths = find_files(place, "the log")
    if file_kind(paths[0]) == "csv":
        return None
    try:
        return sum(pq.read_metadata(path).num_rows for path in paths)
    except (OSError, ValueError) as error:
        raise LogError(f"'{place}' could not be read: {error}") from error


def _check_same_rows(frame: pl.DataFrame, piece: Piece, path: Path) -> None:
    if len(frame) != piece.rows:
        raise LogError(
            f"'{path}' changed after it had been looked at: {len(frame):,} rows stand where there "
            f"were {piece.rows:,}. Let the files be until they are read, and start again."
        )


_Survey = tuple[list[dict[str, str]], list[Piece], list[str]]


def _survey_parquet(
    number: int, path: Path, roles: dict[str, str], whole: bool, chunk_rows: int
) -> _Survey:
    import polars as pl
    import pyarrow.parquet as pq

    names = pl.scan_parquet(path).collect_schema().names()
    n_rows = pq.read_metadata(path).num_rows
    starts = range(0, n_rows, chunk_rows)
    stops = [min(start + chunk_rows, n_rows) for start in starts]
    pieces = [Piece(number, a, b, a, b - a) for a, b in zip(starts, stops, strict=True)]
    return [], pieces, _wanted(path, names, roles, whole)


def _survey_csv(
    number: int, path: Path, roles: dict[str, str], whole: bool, chunk_rows: int
) -> _Survey:
    import polars as pl

    if not path.stat().st_size:
        raise LogError(f"'{path}' is empty. Give a file with a header and rows.")
    with CSVBlocks(path) as blocks:
        names = pl.read_csv(blocks.header, infer_schema_length=0).columns
        columns = _wanted(path, names, roles, whole)
        quantities = (roles.get("date"), roles.get("amount"))
        types = CSVTypes(columns, [name for name in columns if name not in quantities])
        pieces, first = [], 0
        for start, stop, block in blocks:
            rows = types.learn(block)
            pieces.append(Piece(number, start, stop, first, rows))
            first += rows
    return [types.schema()], pieces, columns


def _wanted(path: Path, names: list[str], roles: dict[str, str], whole: bool) -> list[str]:
    check_columns(names, roles, None, f"'{path}'")
    return names if whole else list(dict.fromkeys(roles.values()))


def _gathered(pieces: list[Piece], chunk_rows: int) -> list[Chunk]:
    """Put small pieces together, so that many small files are no trouble."""

    def chunks() -> Iterator[Chunk]:
        chunk: Chunk = []
        for piece in pieces:
            if chunk and sum(other.rows for other in chunk) + piece.rows > chunk_rows:
                yield chunk
                chunk = []
            chunk.append(piece)
        if chunk:
            yield chunk

    return list(chunks())
