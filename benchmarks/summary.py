"""Who does best over all tasks: ranks, wins and differences to a reference.

Ranks of competitors on many tasks, the test of Friedman and the critical difference of Nemenyi
are those of J. Demsar, "Statistical comparisons of classifiers over multiple data sets", Journal
of Machine Learning Research 7 (2006) 1-30, section 3.2.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import friedmanchisquare, studentized_range

from benchmarks.compare import LATENT
from benchmarks.levels import DISTRIBUTION_METRICS
from benchmarks.simulated import PREFIX
from benchmarks.tables import heading, markdown_table, write_tables

__all__ = [
    "RANKED",
    "critical_difference",
    "ranks",
    "summarise",
    "summary_markdown",
    "summary_table",
    "write_summary",
]

#: Metrics that competitors are ranked by: the higher the better. Those of a distribution rank
#: the competitors that tell one.
RANKED = {
    "d2_tweedie": "D2",
    "normalized_gini": "normalised Gini",
    "crps_skill": "CRPS skill",
}

#: Metrics whose mean over the tasks is shown beside: how they are headed and written.
AVERAGED = {
    "absolute_bias": ("absolute bias", "{:.1%}"),
    "active_auc": ("AUC of activity", "{:.3f}"),
    "active_brier": ("Brier", "{:.3f}"),
    "purchases_mae": ("MAE of purchases", "{:.2f}"),
    "coverage_80": ("in 80 %", "{:.1%}"),
    "coverage_90": ("in 90 %", "{:.1%}"),
    "pinball_90": ("pinball", "{:.2f}"),
    "seconds": ("median s", "{:.1f}"),
}

TASK = ["log", "cutoff", "days"]

EXPLANATION = """\
*Mean rank* is over the tasks, 1 being the best; who failed shares the last ranks with whoever
else did. *Wins* are first ranks. *Difference* is to {reference}, as the mean over the tasks on
which both have a result, with the 95 % interval of {resamples} resamples of these tasks, and the
median beside it. Tasks of one log overlap in customers, so intervals are rather too narrow than
too wide."""


def ranks(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the ranks of each task (row): 1 is best, and those without a score share the last.

    Who failed on every task is last on each. Only who tells no distribution, or was never seen to,
    is left out of the ranks by one.
    """
    values = _values(scores, metric)
    return (-values.fillna(-np.inf)).rank(axis=1)


def critical_difference(n_competitors: int, n_tasks: int, level: float = 0.05) -> float:
    """Return by how much mean ranks have to differ to be shown to (Nemenyi)."""
    q = studentized_range.ppf(1 - level, n_competitors, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(n_competitors * (n_competitors + 1) / (6 * n_tasks)))


def summarise(
    scores: pd.DataFrame, reference: str, *, n_resamples: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Return one row a (selection of tasks, metric, competitor).

    Returns
    -------
    DataFrame
        ``tasks`` (``"all"``, ``"real"`` or ``"simulated"``), ``metric``, ``competitor``,
        ``n_tasks``, ``scored``, ``mean_rank``, ``wins``, ``difference``, ``lower``, ``upper`` and
        ``median_difference``; the least mean rank first.
    """
    simulated = scores["log"].str.startswith(PREFIX)
    parts = {"all": scores, "real": scores[~simulated], "simulated": scores[simulated]}
    if simulated.all() or not simulated.any():
        del parts["real"], parts["simulated"]
    rows: list[dict[str, Any]] = []
    for name, part in parts.items():
        for metric in RANKED:
            rng = np.random.default_rng(seed)
            found = _of_metric(part, metric, reference, n_resamples, rng)
            rows += [{"tasks": name, "metric": metric, **row} for row in found]
    return pd.DataFrame(rows)


def write_summary(
    out: Path, scores: pd.DataFrame, reference: str, described: dict[str, str]
) -> str:
    """Write ``summary.md`` and ``summary.csv``, and return the former."""
    summary = summarise(scores, reference)
    text = summary_markdown(scores, summary, reference, described)
    write_tables(out, "summary", text, {"summary": summary}, described)
    return text


def summary_markdown(
    scores: pd.DataFrame, summary: pd.DataFrame, reference: str, described: dict[str, str]
) -> str:
    """Return the whole report: a table a metric, what ran, and who failed how often."""
    parts = [heading("Accuracy, over all tasks", described)]
    parts += [EXPLANATION.format(reference=f"`{reference}`", resamples="2,000"), ""]
    for (tasks, metric), rows in summary.groupby(["tasks", "metric"], sort=False):
        number = rows["n_tasks"].iloc[0]
        parts += [f"### {RANKED[metric]}, {tasks} tasks ({number})", "", summary_table(rows), ""]
        parts += [_about_ranks(scores, tasks, metric), ""]
    parts += ["### Further figures, as means over the tasks with a result", ""]
    parts += [averages_table(scores), ""]
    return "\n".join([*parts, "### Versions", "", *_versions(scores), ""])


def summary_table(rows: pd.DataFrame) -> str:
    """Return the table of one metric."""
    header = ["competitor", "mean rank", "wins", "scored", "difference", "median"]
    return markdown_table(header, (_cells(row) for _, row in rows.iterrows()))


def averages_table(scores: pd.DataFrame) -> str:
    """Return the table of further figures: means over the tasks that each has a result of."""
    known = scores[(scores["error"].fillna("") == "") & (scores["competitor"] != LATENT)]
    known = known.assign(absolute_bias=known["total_bias"].abs())
    by_competitor = known.groupby("competitor", sort=True)
    table = by_competitor[list(AVERAGED)].mean().assign(seconds=by_competitor["seconds"].median())
    header = ["competitor", "tasks", *(name for name, _ in AVERAGED.values())]
    sizes = by_competitor.size()
    rows = (
        [f"`{name}`", str(sizes[name])]
        + [
            "" if pd.isna(row[metric]) else pattern.format(row[metric])
            for metric, (_, pattern) in AVERAGED.items()
        ]
        for name, row in table.iterrows()
    )
    return markdown_table(header, rows)


def _cells(row: pd.Series) -> list[str]:
    gap = "" if pd.isna(row["difference"]) else f"{row['difference']:+.3f}"
    if gap and not pd.isna(row["lower"]):
        gap += f" [{row['lower']:+.3f}, {row['upper']:+.3f}]"
    median = row["median_difference"]
    return [
        f"`{row['competitor']}`",
        f"{row['mean_rank']:.2f}",
        str(row["wins"]),
        f"{row['scored']} of {row['n_tasks']}",
        gap,
        "" if pd.isna(median) else f"{median:+.3f}",
    ]


def _values(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return a metric of each task (row) and competitor (column)."""
    known = scores[scores["competitor"] != LATENT]
    values = known.pivot_table(
        index=TASK, columns="competitor", values=metric, dropna=False, sort=False
    )
    ran = pd.MultiIndex.from_frame(known[TASK].drop_duplicates())
    values = values.reindex(ran)
    if metric in DISTRIBUTION_METRICS:
        return values.dropna(axis=1, how="all")
    return values.reindex(columns=sorted(known["competitor"].unique()))


def _of_metric(
    scores: pd.DataFrame,
    metric: str,
    reference: str,
    n_resamples: int,
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    values, placed = _values(scores, metric), ranks(scores, metric)
    drawn = rng.integers(0, len(values), (n_resamples, len(values)))
    rows = []
    for name in placed.mean().sort_values(kind="stable").index:
        row = {
            "competitor": name,
            "n_tasks": len(values),
            "scored": int(values[name].notna().sum()),
            "mean_rank": placed[name].mean(),
            "wins": int((values[name] == values.max(axis=1)).sum()),
        }
        rows.append(row | _difference(values, name, reference, drawn))
    return rows


def _difference(
    values: pd.DataFrame, name: str, reference: str, drawn: np.ndarray
) -> dict[str, float]:
    """Return the mean difference to the reference over tasks, its interval and the median."""
    if name == reference or reference not in values:
        return dict.fromkeys(("difference", "lower", "upper", "median_difference"), np.nan)
    gaps = (values[name] - values[reference]).to_numpy()
    if not np.isfinite(gaps).any():
        return dict.fromkeys(("difference", "lower", "upper", "median_difference"), np.nan)
    lower = upper = np.nan
    if np.isfinite(gaps).sum() > 1:
        sample = gaps[drawn]
        some = np.isfinite(sample).any(axis=1)
        lower, upper = np.quantile(np.nanmean(sample[some], axis=1), [0.025, 0.975])
    return {
        "difference": float(np.nanmean(gaps)),
        "lower": lower,
        "upper": upper,
        "median_difference": float(np.nanmedian(gaps)),
    }


def _about_ranks(scores: pd.DataFrame, tasks: str, metric: str) -> str:
    """Say how far mean ranks have to be apart."""
    simulated = scores["log"].str.startswith(PREFIX)
    part = {"all": scores, "real": scores[~simulated], "simulated": scores[simulated]}[tasks]
    placed = ranks(part, metric)
    if placed.shape[1] < 3 or len(placed) < 2:
        return "Too few competitors or tasks to say how far ranks have to be apart."
    p = friedmanchisquare(*(placed[name] for name in placed)).pvalue
    apart = critical_difference(placed.shape[1], len(placed))
    return (
        f"Mean ranks less than {apart:.2f} apart have not been shown to differ (Nemenyi, 5 %; "
        f"Friedman's test that all are alike: p = {p:.2g})."
    )


def _versions(scores: pd.DataFrame) -> list[str]:
    """Return what each competitor ran with, as a list."""
    known = scores[scores["versions"].fillna("") != ""]
    told = known.groupby("competitor", sort=False)["versions"].first()
    return [f"- `{name}`: {versions}" for name, versions in told.items()]
