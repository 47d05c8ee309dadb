"""Results as Markdown to read and as CSV to compute with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from benchmarks.compare import Results

__all__ = ["accuracy_markdown", "heading", "markdown_table", "write_results"]

#: Metric, its heading, and how it is written.
COLUMNS = {
    "d2_tweedie": ("D2", "{:.3f}"),
    "normalized_gini": ("Gini", "{:.3f}"),
    "total_bias": ("bias", "{:+.1%}"),
    "mae": ("MAE", "{:.2f}"),
    "rmse": ("RMSE", "{:.2f}"),
    "r2": ("R2", "{:.3f}"),
    "seconds": ("s", "{:.1f}"),
}

#: Metrics whose differences are shown; the CSV has all of them.
COMPARED = ("d2_tweedie", "normalized_gini")

TASK = ["log", "cutoff", "days", "customers"]


def markdown_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    header = list(header)
    lines = [header, ["---"] * len(header), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def heading(title: str, described: dict[str, str]) -> str:
    """Return a title with what a table was measured by, as ``describe_run`` says it."""
    return "\n".join([f"## {title}", "", *(f"- {k}: {v}" for k, v in described.items()), ""])


def accuracy_markdown(
    scores: pd.DataFrame, differences: pd.DataFrame, described: dict[str, str]
) -> str:
    """Return the whole report: a table a task, then who failed and with which words."""
    parts = [heading("Accuracy", described)]
    for key, rows in scores.groupby(TASK, sort=False):
        log, cutoff, days, customers = key
        gaps = differences
        if len(gaps):
            gaps = gaps[(gaps[TASK] == list(key)).all(axis=1)]
        parts += [f"### {log}, {cutoff} + {days} days, {customers} customers", ""]
        parts += [_table_of_task(rows, gaps), ""]
    failed = scores[scores["error"] != ""]
    if len(failed):
        parts += ["### What failed", ""]
        parts += [
            f"- {row.competitor}, {row.log} {row.cutoff} + {row.days}: {row.error}"
            for row in failed.itertuples()
        ]
        parts += [""]
    return "\n".join(parts)


def _table_of_task(rows: pd.DataFrame, gaps: pd.DataFrame) -> str:
    """Return the competitors of one task, the best D2 first."""
    rows = rows.sort_values("d2_tweedie", ascending=False, kind="stable")
    header = ["competitor", *(heading for heading, _ in COLUMNS.values())]
    header += [f"{COLUMNS[metric][0]} less {_reference(gaps)}" for metric in COMPARED if len(gaps)]
    return markdown_table(header, (_cells(row, gaps) for _, row in rows.iterrows()))


def _reference(gaps: pd.DataFrame) -> str:
    return str(gaps["reference"].iloc[0])


def _cells(row: pd.Series, gaps: pd.DataFrame) -> list[str]:
    if row["error"]:
        blanks = len(COLUMNS) - 1 + (len(COMPARED) if len(gaps) else 0)
        return [row["competitor"], "failed", *[""] * blanks]
    values = [(row[name], pattern) for name, (_, pattern) in COLUMNS.items()]
    cells = ["" if pd.isna(value) else pattern.format(value) for value, pattern in values]
    compared = [_difference(row["competitor"], metric, gaps) for metric in COMPARED if len(gaps)]
    return [row["competitor"], *cells, *compared]


def _difference(competitor: str, metric: str, gaps: pd.DataFrame) -> str:
    found = gaps[(gaps["competitor"] == competitor) & (gaps["metric"] == metric)]
    if found.empty:
        return ""
    gap = found.iloc[0]
    return f"{gap['difference']:+.3f} [{gap['lower']:+.3f}, {gap['upper']:+.3f}]"


def write_results(out: Path, described: dict[str, str], results: Results) -> None:
    """Write the report and the frames to a folder; each row of a CSV knows its run."""
    out.mkdir(parents=True, exist_ok=True)
    text = accuracy_markdown(results.scores, results.differences, described)
    (out / "accuracy.md").write_text(text, encoding="utf-8")
    about = {f"run_{name}": value for name, value in described.items()}
    results.scores.assign(**about).to_csv(out / "accuracy.csv", index=False)
    if len(results.differences):
        path = out / "accuracy_differences.csv"
        results.differences.assign(**about).to_csv(path, index=False)
