"""Where a study is kept: in memory, in a journal file, or in a data base that Optuna knows."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clvkit.utils._imports import try_import

__all__ = ["import_optuna", "open_storage"]

#: Seconds before a data base that refused to be opened is tried again.
_WAITS = (0.2, 0.5, 1.0)


def import_optuna() -> Any:
    """Import Optuna, which is slow to load and needed while a search runs only."""
    return try_import("optuna", install="pip install optuna", purpose="search for candidates")


def open_storage(storage: Any) -> Any:
    """Return the Optuna storage that ``AutoCLV(storage=...)`` means.

    Parameters
    ----------
    storage : None, str, path or Optuna storage
        None keeps the study in memory. A string with ``://`` is a URL of a data base; any other
        string, or a path, is a journal file, which is made where it is missing.
    """
    optuna = import_optuna()
    if isinstance(storage, str) and "://" in storage:
        return _open_database(storage)
    if storage is None:
        return optuna.storages.get_storage(storage)
    if isinstance(storage, (str, os.PathLike)):
        return _open_journal(Path(storage))
    return optuna.storages.get_storage(storage)


def _open_database(url: str) -> Any:
    """Open a data base; of workers that start at once on a new one, only one makes the tables.

    The others' attempt to make them too is refused. By the next one they are there.
    """
    from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

    for wait in _WAITS:
        try:
            return import_optuna().storages.get_storage(url)
        except (IntegrityError, OperationalError, ProgrammingError):
            time.sleep(wait)
    return import_optuna().storages.get_storage(url)


def _open_journal(path: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    path.parent.mkdir(parents=True, exist_ok=True)
    lock: Any = _KernelLock(path) if _KernelLock.available() else JournalFileOpenLock(str(path))
    _mend(path, lock)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))


def _mend(path: Path, lock: Any) -> None:
    """Cut off the line that a killed process left half written: it was never read by anybody."""
    with _held(lock), open(path, "ab+") as file:
        size = file.tell()
        file.seek(0)
        whole = file.read().rfind(b"\n") + 1
        if whole < size:
            file.truncate(whole)


@contextmanager
def _held(lock: Any) -> Iterator[None]:
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


class _KernelLock:
    """A lock beside the journal that the system gives back when its holder is killed.

    Optuna's own locks are files, which a killed process leaves behind for half a minute.

    Parameters
    ----------
    path : Path
        The journal.
    """

    def __init__(self, path: Path) -> None:
        self._path = f"{path}.lock"
        self._file: Any = None

    @staticmethod
    def available() -> bool:
        """Whether the system has such locks: all but Windows."""
        return os.name == "posix"

    def acquire(self) -> bool:
        """Wait for the lock, and take it."""
        import fcntl

        file = open(self._path, "ab")  # noqa: SIM115 - closed by release
        fcntl.flock(file, fcntl.LOCK_EX)
        self._file = file
        return True

    def release(self) -> None:
        """Give the lock back, which closing its file does."""
        self._file.close()
