"""The results of the accuracy benchmark as Markdown."""

from __future__ import annotations

import pandas as pd

from benchmarks.tables import heading, markdown_table

__all__ = ["accuracy_markdown"]

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

#: The same of purchases, activity and distributions, where a competitor tells them.
FURTHER = {
    "crps_skill": ("CRPS skill", "{:.3f}"),
    "pinball_90": ("pinball", "{:.3f}"),
    "coverage_80": ("in 80 %", "{:.1%}"),
    "coverage_90": ("in 90 %", "{:.1%}"),
    "purchases_mae": ("MAE of purchases", "{:.3f}"),
    "purchases_bias": ("bias of purchases", "{:+.1%}"),
    "active_auc": ("AUC of activity", "{:.3f}"),
    "active_brier": ("Brier", "{:.3f}"),
}

#: Metrics whose differences are shown; the CSV has all of them.
COMPARED = ("d2_tweedie", "normalized_gini")

TASK = ["log", "cutoff", "days", "customers"]


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
        parts += [_table_of_task(rows, gaps), "", _further(rows), ""]
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


def _further(rows: pd.DataFrame) -> str:
    """Return what else competitors tell, the best CRPS first."""
    told = rows[rows["error"] == ""]
    told = told.sort_values(["crps_skill", "active_auc"], ascending=False, kind="stable")
    header = ["competitor", *(name for name, _ in FURTHER.values())]
    cells = (
        [
            row["competitor"],
            *(
                "" if pd.isna(row[metric]) else pattern.format(row[metric])
                for metric, (_, pattern) in FURTHER.items()
            ),
        ]
        for _, row in told.iterrows()
    )
    return markdown_table(header, cells)


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
