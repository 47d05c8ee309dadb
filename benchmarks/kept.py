"""What competitors predicted, kept as it comes, so that a run can go on where it was ended."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd

from benchmarks.logs import COLUMNS
from benchmarks.runner import Outcome
from benchmarks.tasks import Task

__all__ = ["Outcomes", "fingerprint"]


class Outcomes:
    """A folder of outcomes, a Parquet and a JSON file each.

    An outcome is of the log that it was made from: one of the same name with other customers,
    dates or amounts is another. Predictions are of customers, so the folder is none to be
    published.

    Parameters
    ----------
    folder : Path
    resume : bool
        Whether what an earlier run left there is used; failures as well.
    again : collection of str
        Competitors that are run anew all the same.
    """

    def __init__(self, folder: Path, *, resume: bool = False, again: Collection[str] = ()) -> None:
        self.folder, self.resume, self.again = folder, resume, again

    def get(
        self,
        task: Task,
        competitor: str,
        seed: int,
        run: Callable[[], Outcome],
        *,
        of_log: str = "",
    ) -> Outcome:
        """Return the outcome that was kept, or else run the competitor and keep what it says.

        ``of_log`` is the :func:`fingerprint` of what the competitor is given.
        """
        path = self._path(task, competitor, seed)
        if self.resume and competitor not in self.again:
            kept = _read(path, of_log)
            if kept is not None:
                return kept
        path.unlink(missing_ok=True)
        outcome = run()
        self.folder.mkdir(parents=True, exist_ok=True)
        if outcome.prediction is not None:
            outcome.prediction.to_parquet(path.with_suffix(".parquet"))
        text = json.dumps(asdict(replace(outcome, prediction=None)) | {"of_log": of_log})
        path.write_text(text, encoding="utf-8")  # last: without it there is no outcome
        return outcome

    def _path(self, task: Task, competitor: str, seed: int) -> Path:
        key = f"{task.log} {task.cutoff} {task.days} {competitor} {seed}"
        short = hashlib.sha256(key.encode()).hexdigest()[:8]  # of names that letters cannot tell
        return self.folder / f"{re.sub(r'[^A-Za-z0-9]+', '-', key)[-100:]}-{short}.json"


def fingerprint(log: pd.DataFrame) -> str:
    """Return a text that is another one where a log has other customers, dates or amounts."""
    digest = hashlib.sha256()
    for column in COLUMNS:
        digest.update(pd.util.hash_pandas_object(log[column], index=False).to_numpy().tobytes())
    return digest.hexdigest()


def _read(path: Path, of_log: str) -> Outcome | None:
    """Return what was kept; None where there is nothing, half of it, or it is of another log."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        # Files that do not say of which log they are, are taken at their name.
        if told.pop("of_log", of_log) != of_log:
            return None
        outcome = Outcome(**told)
        if outcome.error:
            return outcome
        return replace(outcome, prediction=pd.read_parquet(path.with_suffix(".parquet")))
    except (OSError, ValueError):  # ended while it was written, or partly removed
        return None
