"""Progress on a terminal, and results kept as they come."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.accuracy_tables import accuracy_markdown
from benchmarks.compare import Results, Watch
from benchmarks.tables import write_tables
from benchmarks.tasks import Task

__all__ = ["Keeper"]


class Keeper(Watch):
    """Write all results after each task, and show progress where somebody is looking.

    Parameters
    ----------
    out : Path
        Folder of the results.
    described : dict of str to str
        What is to stand above them.
    n_runs : int
        How many results there will be.
    console : Console, optional
        By default that of the error stream.
    """

    def __init__(
        self, out: Path, described: dict[str, str], n_runs: int, console: Console | None = None
    ) -> None:
        self.out, self.described = out, described
        self.console = console or Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        shown = self.console.is_terminal
        self._bar = Progress(
            *columns, TimeElapsedColumn(), console=self.console, disable=not shown, transient=True
        )
        self._shown = shown
        self._task = self._bar.add_task("reading logs", total=n_runs)

    def begins(self, task: Task, competitor: str) -> None:
        self._bar.update(self._task, description=f"{task}  {competitor}")

    def ended(self, task: Task, row: dict[str, Any]) -> None:
        result = row["error"] or f"D2 {row['d2_tweedie']:.3f} in {row['seconds']:.1f} s"
        if self._shown:
            line = f"{task}  {row['competitor']}: {result}"
            self._bar.console.print(line, markup=False, highlight=False)
        self._bar.advance(self._task)

    def finished(self, results: Results) -> None:
        text = accuracy_markdown(results.scores, results.differences, self.described)
        frames = {"accuracy": results.scores, "accuracy_differences": results.differences}
        write_tables(self.out, "accuracy", text, frames, self.described)

    def __enter__(self) -> Keeper:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
