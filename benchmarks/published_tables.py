"""What stands in README and docs, by name: each is made from CSV files of the results."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from benchmarks.accuracy_tables import COLUMNS
from benchmarks.compare import LATENT, REFERENCE
from benchmarks.numerical import numerical_table
from benchmarks.speed_tables import (
    imports_table,
    logs_table,
    model_scaling_table,
    models_table,
    search_table,
)
from benchmarks.summary import RANKED, averages_table, critical_difference, summary_table
from benchmarks.summary import ranks as ranks_of
from benchmarks.tables import markdown_table

__all__ = ["TABLES"]

#: Returns a CSV of the results by its name without the ending.
Read = Callable[[str], pd.DataFrame]

#: What a table of tasks shows of a competitor.
SHOWN = ("d2_tweedie", "normalized_gini", "total_bias")


def ranks(read: Read) -> str:
    """Return mean ranks by all metrics, over all tasks, the best by the first one first."""
    summary = read("summary")
    whole = summary[summary["tasks"] == "all"]
    places = whole.pivot(index="competitor", columns="metric", values="mean_rank")
    wins = whole.pivot(index="competitor", columns="metric", values="wins")
    scored = whole[whole["metric"] == "d2_tweedie"].set_index("competitor")
    header = ["", *RANKED.values(), "wins by D2", "failed"]
    rows = []
    for name, row in places.sort_values("d2_tweedie", kind="stable").iterrows():
        shown = ["" if pd.isna(row[m]) else f"{row[m]:.2f}" for m in RANKED]
        failed = scored.loc[name, "n_tasks"] - scored.loc[name, "scored"]
        rows.append([f"`{name}`", *shown, f"{wins.loc[name, 'd2_tweedie']:.0f}", str(failed)])
    return markdown_table(header, rows)


def apart(read: Read) -> str:
    """Return by how much mean ranks have to differ to be shown to, as words of a sentence."""
    scores = read("accuracy")
    found = []
    for metric, name in RANKED.items():
        placed = ranks_of(scores, metric)
        if placed.shape[1] > 1:
            found.append(f"{critical_difference(placed.shape[1], len(placed)):.2f} by {name}")
    return ", ".join(found) or "nothing to compare"


def of_metric(metric: str) -> Callable[[Read], str]:
    """Return a maker of the table of one metric over all tasks."""

    def made(read: Read) -> str:
        summary = read("summary")
        chosen = (summary["tasks"] == "all") & (summary["metric"] == metric)
        return summary_table(summary[chosen])

    return made


def by_task(read: Read) -> str:
    """Return a row a task: the reference beside the peer with the best D2."""
    scores = read("accuracy")
    scores = scores[scores["competitor"] != LATENT]
    header = ["log", "cutoff", "days", "customers", "AutoCLV: D2", "Gini", "bias"]
    header += ["best peer by D2", "D2", "Gini", "bias"]
    rows = []
    for key, part in scores.groupby(["log", "cutoff", "days", "customers"], sort=False):
        ours = part[part["competitor"] == REFERENCE]
        peers = part[~part["competitor"].str.startswith("clvkit") & part["d2_tweedie"].notna()]
        best = peers.sort_values("d2_tweedie", ascending=False, kind="stable").head(1)
        names = [f"`{name}`" for name in best["competitor"]] or ["none"]
        rows.append([*map(str, key), *_cells(ours), *names, *_cells(best)])
    return markdown_table(header, rows)


def failures(read: Read) -> str:
    """Return who failed where, with which words."""
    scores = read("accuracy")
    failed = scores[scores["error"].notna()]
    lines = [
        f"- `{row.competitor}`, {row.log} {row.cutoff} + {row.days}: {row.error}"
        for row in failed.itertuples()
    ]
    return "\n".join(lines) or "None."


def size(read: Read) -> str:
    """Return how much was run, as words of a sentence."""
    scores = read("accuracy")
    tasks = scores.drop_duplicates(["log", "cutoff", "days"])
    real = ~tasks["log"].str.startswith("sim:")
    on_logs = f"{real.sum()} tasks on {tasks['log'][real].nunique()} logs"
    return on_logs if real.all() else f"{on_logs} and {(~real).sum()} on simulated ones"


def about(name: str) -> Callable[[Read], str]:
    """Return a maker of the line that says when, on what and by what something was measured."""

    def made(read: Read) -> str:
        row = read(name).iloc[0]
        command = str(row["run_command"])
        return (
            f"Measured {str(row['run_date'])[:10]} by `{command}` on {row['run_machine']}; "
            f"{row['run_versions']}."
        )

    return made


def held(read: Read) -> str:
    """Return how many totals lay in their intervals, as words of a sentence."""
    table = read("intervals_totals")
    counts = table.assign(held=table["inside"] == "yes").groupby("candidate", sort=False)["held"]
    return ", ".join(f"{part.sum()} of {len(part)} of `{name}`" for name, part in counts)


def cells_of(name: str) -> Callable[[Read], str]:
    """Return a maker of a table whose CSV holds the cells as they are shown."""

    def made(read: Read) -> str:
        table = read(name).fillna("").astype(str)
        table = table[[column for column in table if not column.startswith("run_")]]
        return markdown_table(list(table), table.to_numpy().tolist())

    return made


def batch(read: Read) -> str:
    """Return what `clvkit predict` took for a log larger than its memory."""
    table = read("batch")
    rows = [
        [
            row.champion,
            f"{row.customers:,}",
            f"{row.events:,}",
            f"{row.seconds:.0f}",
            f"{row.customers / row.seconds:,.0f}",
            f"{row.peak_bytes / 1e9:.1f}",
        ]
        for row in table.itertuples()
    ]
    header = ["champion", "customers", "events", "s", "customers a second", "memory, GB"]
    return markdown_table(header, rows)


def _cells(row: pd.DataFrame) -> list[str]:
    if row.empty or row["d2_tweedie"].isna().all():
        return ["failed", *[""] * (len(SHOWN) - 1)]
    return [COLUMNS[metric][1].format(row[metric].iloc[0]) for metric in SHOWN]


TABLES: dict[str, Callable[[Read], str]] = {
    "accuracy-about": about("accuracy"),
    "accuracy-size": size,
    "accuracy-ranks": ranks,
    "accuracy-apart": apart,
    "accuracy-d2": of_metric("d2_tweedie"),
    "accuracy-gini": of_metric("normalized_gini"),
    "accuracy-crps": of_metric("crps_skill"),
    "accuracy-tasks": by_task,
    "accuracy-further": lambda read: averages_table(read("accuracy")),
    "accuracy-failures": failures,
    "batch-about": about("batch"),
    "batch": batch,
    "intervals-about": about("intervals_customers"),
    "intervals-customers": cells_of("intervals_customers"),
    "intervals-totals": cells_of("intervals_totals"),
    "intervals-held": held,
    "intervals-simulated": cells_of("intervals_simulated"),
    "speed-about": about("speed_models"),
    "speed-models": lambda read: models_table(read("speed_models")),
    "speed-logs": lambda read: logs_table(read("speed_logs")),
    "speed-scaling": lambda read: model_scaling_table(read("speed_model_scaling")),
    "speed-search": lambda read: search_table(read("speed_search")),
    "speed-imports": lambda read: imports_table(read("speed_imports")),
    "numerical-about": about("numerical"),
    "numerical": lambda read: numerical_table(read("numerical")),
}
