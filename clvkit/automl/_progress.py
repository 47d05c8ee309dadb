"""Progress on a terminal or in a notebook, and nothing anywhere else."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from clvkit.automl._evaluation import Evaluation

__all__ = ["SearchProgress"]


class SearchProgress:
    """A bar with the current best candidate.

    Parameters
    ----------
    n_trials : int
    scoring : str
        Name of the score, for the line.
    enabled : bool
        False shows nothing. Nothing is shown either where the output is no terminal.
    """

    def __init__(self, n_trials: int, scoring: str, *, enabled: bool) -> None:
        self.n_trials = n_trials
        self.scoring = scoring
        self.enabled = enabled
        self._bar: Any = None
        self._best = float("-inf")
        self._text = "fitting candidates"

    def __enter__(self) -> SearchProgress:
        if self.enabled:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

            console = Console(stderr=True)
            if console.is_terminal or console.is_jupyter:
                columns = "{task.description}", BarColumn(), MofNCompleteColumn()
                self._bar = Progress(*columns, TimeElapsedColumn(), console=console)
                self._bar.start()
                self._task = self._bar.add_task(self._text, total=self.n_trials)
        return self

    def __call__(self, result: Evaluation) -> None:
        """Advance by one trial."""
        if result.score > self._best:
            self._best = result.score
            self._text = f"best so far {result.name}, {self.scoring} {result.score:.3f}"
        if self._bar is not None:
            self._bar.update(self._task, advance=1, description=self._text)

    def say(self, text: str) -> None:
        """Show another line of text beside the bar."""
        if self._bar is not None:
            self._bar.update(self._task, description=text)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
