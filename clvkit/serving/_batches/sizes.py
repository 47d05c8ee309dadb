"""Into how many parts a log must fall for a size of memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from clvkit.errors import ArgumentError
from clvkit.history._log_files import count_rows
from clvkit.history._read import find_files
from clvkit.utils._memory import parse_memory

__all__ = ["MemoryPlan"]

#: What Python, the libraries and a block of features take, whatever the log.
_BASE = 1_000_000_000
#: Bytes at the highest that a line takes on its way to histories, and what an attribute adds.
_LINE, _ATTRIBUTE = 170, 40
#: Bytes at the highest that a line takes in the first pass: it is read, checked and sorted.
_CHUNK_LINE = 200
#: Bytes in memory for one of a CSV file, and for one of a compressed one.
_CSV, _GZIP = 12, 80
#: A hash fills parts unevenly, and some customers have many lines.
_SLACK = 0.7
#: Parts have numbers of 16 bits.
_MOST = 2**16


@dataclass(frozen=True)
class MemoryPlan:
    """What may be in memory at a time.

    Attributes
    ----------
    room : int
        Bytes beside what Python and the libraries take.
    """

    room: int

    @classmethod
    def of(cls, memory: str) -> MemoryPlan:
        """Return the plan for a size such as ``"4GB"``.

        Raises
        ------
        ArgumentError
            If it is no size, or too little to do anything with.
        """
        room = parse_memory(memory) - _BASE
        if room < _BASE // 4:
            raise ArgumentError(
                f"memory={memory!r} is too little: Python and the libraries take about "
                f"{_BASE / 1e9:g} GB. Give at least '1.25GB'."
            )
        return cls(room)

    def is_enough(self, log: Path, n_attributes: int) -> bool:
        """Tell whether a log fits into memory, without reading it."""
        n_rows = count_rows(log)
        if n_rows is not None:
            return self.n_partitions(n_rows, n_attributes) == 1
        files = find_files(log, "the log")
        size = sum(f.stat().st_size * (_GZIP if f.suffix == ".gz" else _CSV) for f in files)
        return size <= _SLACK * self.room

    def n_partitions(self, n_rows: int, n_attributes: int) -> int:
        """Return the number of parts for a log of so many lines."""
        needed = n_rows * (_LINE + _ATTRIBUTE * n_attributes)
        return min(_MOST, max(1, math.ceil(needed / (_SLACK * self.room))))

    @property
    def chunk_rows(self) -> int:
        """Lines that are read at a time in the first pass."""
        return max(2**14, min(2**21, int(_SLACK * self.room / _CHUNK_LINE)))
