"""The results of the speed benchmark as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchmarks.tables import heading, markdown_table

__all__ = ["logs_table", "models_table", "speed_markdown"]

#: Most bytes that a task may take, as a multiple of ``bytes``, and what these are.
LIMITS = {"door": (6, "three columns of the log"), "features": (3, "table that comes out")}

EXPLANATION = (
    "Medians. *Faster* is how many times as long the peer takes, as the median of pairs of calls "
    "in turn, with the least and the largest; *by processor* is the same of processor time. "
    "*Memory* is by how much a call raises the resident memory of a new process."
)


def speed_markdown(tables: Mapping[str, pd.DataFrame], described: dict[str, str]) -> str:
    """Return the whole report, then who failed and with which words."""
    parts = [heading("Speed", described), EXPLANATION, ""]
    if "models" in tables:
        parts += ["### Models, beside lifetimes 0.11.3", "", models_table(tables["models"]), ""]
    if "logs" in tables:
        parts += ["### Door and features, beside Polars", "", logs_table(tables["logs"]), ""]
    if "scaling" in tables:
        parts += ["### Door and features, by size", "", _scaling(tables["scaling"]), ""]
    failed = [line for table in tables.values() for line in _failures(table)]
    if failed:
        parts += ["### What failed", "", *failed, ""]
    return "\n".join(parts)


def models_table(table: pd.DataFrame) -> str:
    """Return the table of models beside lifetimes."""
    header = ["model", "", "data", "clvkit ms", "lifetimes ms", "faster", "by processor"]
    header += ["memory MB", "lifetimes MB", "largest difference"]
    rows = (
        [
            row["model"],
            row["task"],
            row["data"],
            *_times(row),
            _shown(row, "peak_bytes", 1e-6, "{:.1f}"),
            _shown(row, "peer_peak_bytes", 1e-6, "{:.1f}"),
            _shown(row, "difference", 1.0, "{:.0e}"),
        ]
        for _, row in table.iterrows()
    )
    return markdown_table(header, rows)


def logs_table(table: pd.DataFrame) -> str:
    """Return the table of door and features beside Polars."""
    header = ["", "beside", "events", "clvkit ms", "Polars ms", "faster", "by processor"]
    header += ["memory MB", "Polars MB", "memory as a multiple of"]
    return markdown_table(header, (_log_cells(row) for _, row in table.iterrows()))


def _log_cells(row: pd.Series) -> list[str]:
    limit, what = LIMITS[row["task"]]
    multiple = _shown(row, "peak_bytes", 1.0 / row["bytes"], "{:.1f}")
    return [
        row["task"],
        row["peer"],
        f"{row['events']:,}",
        *_times(row),
        _shown(row, "peak_bytes", 1e-6, "{:.0f}"),
        _shown(row, "peer_peak_bytes", 1e-6, "{:.0f}"),
        f"{multiple} × the {what} (at most {limit})",
    ]


def _scaling(table: pd.DataFrame) -> str:
    header = ["", "events", "s", "ns an event", "relative to the first"]
    rows = (
        [
            row["task"],
            f"{row['events']:,}",
            _shown(row, "seconds", 1.0, "{:.2f}"),
            _shown(row, "nanoseconds_per_event", 1.0, "{:.0f}"),
            _shown(row, "relative", 1.0, "{:.2f}"),
        ]
        for _, row in table.iterrows()
    )
    return markdown_table(header, rows)


def _times(row: pd.Series) -> list[str]:
    """Return both times and their ratios."""
    ratio = _shown(row, "speedup", 1.0, "{:.2g}")
    if ratio:
        ratio = f"{ratio} [{row['speedup_min']:.2g}, {row['speedup_max']:.2g}]"
    times = [_shown(row, name, 1e3, "{:.3g}") for name in ("seconds", "peer_seconds")]
    return [*times, ratio, _shown(row, "cpu_speedup", 1.0, "{:.2g}")]


def _shown(row: pd.Series, name: str, factor: float, pattern: str) -> str:
    """Return a number as it is written; nothing where it was not measured."""
    value: Any = row.get(name)
    return "" if value is None or pd.isna(value) else pattern.format(value * factor)


def _failures(table: pd.DataFrame) -> list[str]:
    named = [name for name in ("model", "task", "data", "events") if name in table]
    return [
        f"- {who}, {' '.join(str(row[name]) for name in named)}: {row[column]}"
        for _, row in table.iterrows()
        for who, column in (("clvkit", "error"), ("the peer", "peer_error"))
        if row.get(column)
    ]
