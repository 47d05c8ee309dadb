"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clvkit.errors import OutputError

__all__ = ["replacing"]


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a name beside ``target`` to write to; the file takes its place when all went well.

    Whatever happens to the process or the machine, ``target`` is the old file or the new one.

    Parameters
    ----------
    target : Path

    Raises
    ------
    OutputError
        If the disk does not take it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     with replacing(Path(place, "note.txt")) as partial:
    ...         _ = partial.write_text("whole")
    ...     [file.name for file in Path(place).iterdir()]
    ['note.txt']
    >>> with replacing(Path("no/such/folder/note.txt")) as partial:
    ...     _ = partial.write_text("whole")
    Traceback (most recent call last):
        ...
    clvkit.errors.OutputError: 'no/such/folder/note.txt' cannot be written (No such file ...).
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        yield partial
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.replace(target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"'{target}' cannot be written ({reason}).") from error
    finally:
        partial.unlink(missing_ok=True)
