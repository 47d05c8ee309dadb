"""The folder of an unfinished run: whose it is, what is done, and who works in it."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clvkit.errors import LogError, OutputError
from clvkit.utils._files import replacing

__all__ = ["RunFolder"]

#: What a run is, and in which pieces it works; written before anything else.
_CARD = "run.json"
_FORMAT = "clvkit.predict_batches"
_LOCK = "lock"


class RunFolder:
    """A folder of working files, with which a run that was killed is continued.

    Each file in it is written at one stroke, so whatever exists is whole.

    Parameters
    ----------
    place : Path
    """

    def __init__(self, place: Path) -> None:
        self.place = place

    @contextmanager
    def held(self, identity: dict[str, Any], *, overwrite: bool) -> Iterator[dict[str, Any]]:
        """Work in the folder; yield what was noted in it, nothing where the run is a new one.

        Parameters
        ----------
        identity : dict
            What the results hang on, by names that a message can use.
        overwrite : bool
            Discard a run of something else.

        Raises
        ------
        OutputError
            If the folder holds an unfinished run of something else or something that is none of
            this package, if another process works in it, or if it cannot be made.
        """
        self._discard_leftovers()
        try:
            self.place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"the working folder '{self.place}' cannot be made ({error.strerror}). Name "
                "another one: work=."
            ) from error
        with self._alone():
            noted = self._noted()
            before = noted.get("identity", identity)
            differing = [name for name in identity if before.get(name) != identity[name]]
            if differing and not overwrite:
                raise OutputError(
                    f"'{self.place}' holds an unfinished run with another {' and '.join(differing)}"
                    ". Give the same again to continue it, or discard it: overwrite=True "
                    "(--overwrite)."
                )
            if differing or overwrite or not noted:
                self._clear()
                noted = {}
            try:
                yield noted
            except LogError as error:
                self._discard_useless(error)
                raise

    def note(self, identity: dict[str, Any], plan: dict[str, Any]) -> None:
        """Write down what the run is, and how it goes about."""
        self.write_json(_CARD, {"format": _FORMAT, "identity": identity, **plan})

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file at one stroke."""
        with replacing(self.place / name) as partial:
            partial.write_text(json.dumps(value), encoding="utf-8")

    def read_json(self, name: str) -> Any:
        """Return what a JSON file holds; None if there is none."""
        try:
            return json.loads((self.place / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def remove(self) -> None:
        """Remove the folder, so that a kill in between leaves nothing that looks like a run."""
        away = self.place.with_name(f"{self.place.name}-{uuid.uuid4().hex}.done")
        try:
            self.place.rename(away)
        except OSError:  # a file of it is open elsewhere, as Windows minds
            away = self.place
        shutil.rmtree(away, ignore_errors=True)

    def _discard_useless(self, error: LogError) -> None:
        """Remove a run that the same again would end likewise, unless it was the disk that failed.

        A log that is corrected is another one, and would be refused here.
        """
        import polars as pl

        unread = isinstance(error.__cause__, (OSError, pl.exceptions.PolarsError))
        if not unread or self._card() is None:
            self.remove()

    def _discard_leftovers(self) -> None:
        if not self.place.parent.is_dir():
            return
        ours = re.compile(re.escape(self.place.name) + r"-[0-9a-f]{32}\.done")
        for entry in self.place.parent.iterdir():
            if ours.fullmatch(entry.name):
                shutil.rmtree(entry, ignore_errors=True)

    def _noted(self) -> dict[str, Any]:
        noted = self._card()
        if noted is not None:
            return noted
        others = [entry.name for entry in self.place.iterdir() if entry.name != _LOCK]
        if any(not name.startswith(f".{_CARD}") for name in others):
            raise OutputError(
                f"the working folder '{self.place}' holds something else "
                f"({', '.join(others[:3])}). Move it away, or name another one: work=."
            )
        return {}

    def _card(self) -> Any:
        """Return what the card says; None if there is none, or a file of another kind."""
        try:
            noted = self.read_json(_CARD)
        except ValueError:  # no JSON, or no text
            return None
        ours = isinstance(noted, dict) and noted.get("format") == _FORMAT
        return noted if ours else None

    def _clear(self) -> None:
        # The card goes last: without it nobody would know whose the other files are.
        entries = [entry for entry in self.place.iterdir() if entry.name not in (_LOCK, _CARD)]
        for entry in [*entries, self.place / _CARD]:
            entry.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold a lock that the system takes back when the process dies."""
        with (self.place / _LOCK).open("a") as held:
            if os.name == "posix":
                fcntl = importlib.import_module("fcntl")
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError as error:
                    raise OutputError(
                        f"another process works in '{self.place}'. Wait for it, or name another "
                        "working folder: work=."
                    ) from error
            yield
