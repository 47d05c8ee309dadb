"""Progress on a terminal or in a notebook, and nothing anywhere else."""

from __future__ import annotations

from types import TracebackType
from typing import Any

__all__ = ["BatchProgress"]


class BatchProgress:
    """A bar for each pass; a context manager.

    Parameters
    ----------
    enabled : bool
        False shows nothing. Nothing is shown either where the error stream is no terminal.
    """

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> BatchProgress:
        if self.enabled:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

            console = Console(stderr=True)
            if console.is_terminal or console.is_jupyter:
                columns = "{task.description}", BarColumn(), TaskProgressColumn()
                self._bar = Progress(*columns, TimeRemainingColumn(), console=console)
                self._bar.start()
        return self

    def begin(self, text: str, total: int) -> None:
        """Show a new pass."""
        if self._bar is not None:
            self._task = self._bar.add_task(text, total=total)

    def advance(self, by: int) -> None:
        """Show that the pass got on."""
        if self._bar is not None:
            self._bar.update(self._task, advance=by)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
