"""What the command shows: tables and messages, on a terminal or into a file alike."""

from __future__ import annotations

import math
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

_METRICS = ("normalized_gini", "total_bias", "top_share_capture", "mae")
_HEADERS = {
    "d2_tweedie": "d2",
    "normalized_gini": "gini",
    "total_bias": "bias",
    "fit_seconds": "fit s",
    "top_share_capture": "top10",
}

__all__ = [
    "console",
    "fail",
    "programs_prefix",
    "say",
    "show_frame",
    "show_leaderboard",
    "warnings_on_one_line",
]


def console(*, stderr: bool = False) -> Console:
    """Return a console on the present standard output or error."""
    return Console(stderr=stderr, highlight=False)


def say(text: str = "") -> None:
    """Show a line as it is; a command in it can be copied whole."""
    console().print(text, soft_wrap=True, markup=False)


def fail(message: str) -> None:
    """Show why the command ends."""
    console(stderr=True).print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)


@contextmanager
def warnings_on_one_line() -> Iterator[None]:
    """Show warnings as sentences, without the line of code that gave them."""

    def show(message: Any, category: Any, *place: Any, **more: Any) -> None:
        text = Text.assemble(("warning: ", "yellow"), str(message))
        console(stderr=True).print(text, soft_wrap=True)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def show_leaderboard(leaderboard: pd.DataFrame, *, n_rows: int = 8) -> None:
    """Show the best candidates and, whatever their place, the first of each other kind."""
    shown = leaderboard.iloc[:n_rows]
    rest = leaderboard.iloc[n_rows:]
    first = rest[(rest["params"].map(len) == 0)]
    shown = pd.concat([shown, first])
    scoring, protocol = leaderboard.attrs["scoring"], leaderboard.attrs["protocol"]
    regime = leaderboard["regime"].iloc[0]
    title = f"Leaderboard by {scoring}: regime {regime} ({protocol})"
    columns = ("score", *_METRICS, "fit_seconds")
    table = _table(title, ["#", "candidate", "family"], columns)
    places = {name: place for place, name in enumerate(leaderboard.index, start=1)}
    for name, row in zip(shown.index, shown.to_dict("records"), strict=True):
        cells = [_number(row[column], column) for column in columns]
        table.add_row(str(places[name]), str(name), row["family"], *cells)
    console().print(table)
    failed = leaderboard[leaderboard["error"] != ""]
    for failure, error in failed["error"].items():
        console().print(Text(f"{failure} failed: {error}", style="red"), soft_wrap=True)


def show_frame(frame: pd.DataFrame, title: str) -> None:
    """Show a small table of numbers."""
    table = _table(title, [str(frame.index.name or "")], frame.columns)
    for name, row in zip(frame.index, frame.to_dict("records"), strict=True):
        table.add_row(str(name), *(_number(value, str(column)) for column, value in row.items()))
    console().print(table)


def _table(title: str, names: Iterable[str], columns: Iterable[str]) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for name in names:
        table.add_column(name, no_wrap=True)
    for column in columns:
        table.add_column(_HEADERS.get(column, column), justify="right", no_wrap=True)
    return table


def _number(value: Any, column: str) -> str:
    if not isinstance(value, (int, float)) or (isinstance(value, float) and math.isnan(value)):
        return "-" if isinstance(value, float) or value is None else str(value)
    if column in ("total_bias", "top_share_capture"):
        return f"{value:+.0%}" if column == "total_bias" else f"{value:.0%}"
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def programs_prefix() -> str:
    """Return where the commands lie, as one would type it here; nothing if they are on PATH."""
    folder = Path(sys.executable).parent
    if str(folder) in os.environ.get("PATH", "").split(os.pathsep):
        return ""
    inside = folder.is_relative_to(Path.cwd())
    return f"{folder.relative_to(Path.cwd()) if inside else folder}/"
