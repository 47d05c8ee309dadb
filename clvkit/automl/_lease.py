"""Who works on a trial, and whether he still does.

A process that is killed leaves its trials marked as running. Each of them therefore names its
worker, who beats while he works. On the same machine the system says at once whether a process
lives; of other machines nobody knows, so a worker there counts as dead when his beat has not
changed for a while. Nobody's clock is compared with anybody else's.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["BEAT_SECONDS", "Worker"]

#: A worker beats so often, and is given up after so long without one.
BEAT_SECONDS = 5.0
SILENT_SECONDS = 60.0

Lease = dict[str, Any]

#: Workers of this very process.
_ACTIVE: set[str] = set()


class Worker:
    """One fit that serves a study.

    Parameters
    ----------
    write : callable
        ``write(trial_id, lease)`` stores a lease with a trial.
    """

    def __init__(self, write: Callable[[int, Lease], None]) -> None:
        self.name = uuid.uuid4().hex
        self.machine = _machine()
        self._write = write
        self._held: set[int] = set()
        self._beats = itertools.count()
        self._seen: dict[int, tuple[Lease, float]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Worker:
        _ACTIVE.add(self.name)
        self._thread = threading.Thread(target=self._beat, name="clvkit-lease", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        _ACTIVE.discard(self.name)

    def take(self, trial_id: int) -> None:
        """Note that this worker works on a trial."""
        self._write(trial_id, self._lease())
        with self._lock:
            self._held.add(trial_id)

    def drop(self, trial_id: int) -> None:
        """Stop beating for a trial."""
        with self._lock:
            self._held.discard(trial_id)

    def is_abandoned(self, trial_id: int, lease: Lease | None) -> bool:
        """Whether nobody works any more on a trial that is marked as running.

        A trial without a lease belongs to a worker who is about to write one, or who was killed
        before he could: only time tells.
        """
        if lease is not None and lease["started"] and lease["machine"] == self.machine:
            return not _lives(lease)
        seen, since = self._seen.get(trial_id, (None, 0.0))
        now = time.monotonic()
        if seen != (lease or {}):
            self._seen[trial_id] = (lease or {}, now)
            return False
        return now - since > (SILENT_SECONDS if lease else BEAT_SECONDS)

    def _lease(self) -> Lease:
        return {
            "worker": self.name,
            "machine": self.machine,
            "process": os.getpid(),
            "started": _started(os.getpid()),
            "beat": next(self._beats),
        }

    def _beat(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            with self._lock:
                held = list(self._held)
            for trial_id in held:
                try:
                    self._write(trial_id, self._lease())
                except Exception:  # a data base that is gone for a moment, or a finished trial
                    continue


def _machine() -> str:
    """Return a name of the machine, or of the container: of what numbers its processes."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""
    host = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    return f"{host} {namespace}"


def _started(process: int) -> str:
    """Return when a process was started; nothing where it has ended, or nobody can tell."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    # State is field 3 and the start field 22, behind a name in brackets that may hold anything.
    state, *fields = status.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]


def _lives(lease: Lease) -> bool:
    if lease["process"] == os.getpid() and lease["started"] == _started(os.getpid()):
        return lease["worker"] in _ACTIVE
    return _started(lease["process"]) == lease["started"]
