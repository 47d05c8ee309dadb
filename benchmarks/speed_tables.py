"""The results of the speed benchmark as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchmarks.speed_scaling import exponents
from benchmarks.tables import heading, markdown_table

__all__ = [
    "imports_table",
    "logs_table",
    "model_scaling_table",
    "models_table",
    "search_table",
    "speed_markdown",
]

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
        parts += [
            "### Door and features, beside Polars and pandas",
            "",
            logs_table(tables["logs"]),
            "",
        ]
    if "scaling" in tables:
        parts += ["### Door and features, by size", "", _scaling(tables["scaling"]), ""]
    for name, (title, made) in FURTHER.items():
        if name in tables:
            parts += [f"### {title}", "", made(tables[name]), ""]
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
    header = ["", "beside", "events", "clvkit ms", "peer ms", "faster", "by processor"]
    header += ["memory MB", "peer MB", "memory as a multiple of"]
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


def model_scaling_table(table: pd.DataFrame) -> str:
    """Return the seconds of each model by size, and the power by which they grow."""
    sizes = sorted(table["customers"].unique())
    powers = exponents(table).set_index(["model", "task"])["exponent"]
    header = ["model", "", *(f"{n:,}" for n in sizes), "exponent"]
    rows = []
    for key, part in table.groupby(["model", "task"], sort=False):
        by_size = part.set_index("customers")["seconds"]
        times = ["" if pd.isna(by_size.get(n)) else f"{by_size[n]:.3g}" for n in sizes]
        power = powers.loc[key]
        rows.append([*key, *times, "" if pd.isna(power) else f"{power:.2f}"])
    return markdown_table(header, rows)


def search_table(table: pd.DataFrame) -> str:
    """Return how long AutoCLV takes, and what for."""
    header = ["trials", "s", "models at the origins", "champion on everything", "rest", "share"]
    rows = (
        [
            str(row["trials"]),
            *(f"{row[name]:.1f}" for name in ("seconds", "models", "final", "rest")),
            f"{row['share']:.0%}",
        ]
        for _, row in table.astype({"trials": object}).iterrows()
    )
    return markdown_table(header, rows)


def imports_table(table: pd.DataFrame) -> str:
    """Return how long imports take, the start of Python included."""
    rows = (
        [row["name"], *(_shown(row, name, 1.0, "{:.2f}") for name in ("seconds", "least"))]
        for _, row in table.iterrows()
    )
    return markdown_table(["import of", "s", "least"], rows)


#: Tables of a full run alone: their titles, and what makes them.
FURTHER = {
    "model_scaling": ("Models by number of customers, in seconds", model_scaling_table),
    "search": ("AutoCLV on the CDNOW sample, in seconds", search_table),
    "imports": ("Imports in a new process, in seconds", imports_table),
}


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
    named = [name for name in ("model", "task", "data", "events", "customers") if name in table]
    return [
        f"- {who}, {' '.join(str(row[name]) for name in named)}: {row[column]}"
        for _, row in table.iterrows()
        for who, column in (("clvkit", "error"), ("the peer", "peer_error"))
        if isinstance(row.get(column), str) and row[column]
    ]
