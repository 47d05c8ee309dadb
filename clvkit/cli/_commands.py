"""What each command does."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from clvkit.cli._output import say, show_leaderboard
from clvkit.cli._tables import check_table_name, make_folder, write_table

__all__ = ["demo", "fit", "predict"]


def demo(arguments: argparse.Namespace) -> None:
    """Run the main job on the CDNOW log."""
    from clvkit.cli._demo import run_demo

    run_demo(make_folder(arguments.out), n_trials=arguments.n_trials)


def fit(arguments: argparse.Namespace) -> None:
    """Find and fit the best model of a log, and save it."""
    from clvkit.automl import AutoCLV

    folder = make_folder(arguments.out)
    auto = AutoCLV(
        arguments.horizon,
        candidates=arguments.candidates,
        n_trials=arguments.n_trials,
        timeout=arguments.timeout,
        scoring=arguments.scoring,
        n_jobs=arguments.n_jobs,
        random_state=arguments.seed,
        tracking=arguments.tracking,
        register_as=arguments.register_as,
        customer_id=arguments.customer_id,
        date=arguments.date,
        amount=arguments.amount,
        end=arguments.end,
        refunds=arguments.refunds,
        duplicates=arguments.duplicates,
        granularity=arguments.granularity,
        coverage=arguments.coverage,
        verbose=0 if arguments.quiet else 1,
    ).fit(arguments.log)
    auto.model_.save(folder / "model")
    write_table(auto.leaderboard_, folder / "leaderboard.csv")
    if not arguments.quiet:
        show_leaderboard(auto.leaderboard_)
        say(f"\nThe model is in {folder / 'model'}, the leaderboard in {folder}/. Next:\n")
        say(f"  clvkit predict {folder} {arguments.log} --out values.csv")


def predict(arguments: argparse.Namespace) -> None:
    """Score a log with a saved model."""
    from clvkit.serving import load

    target = Path(arguments.out)
    check_table_name(target)
    model = load(_model_place(arguments.model))
    values = model.predict_customers(arguments.log, arguments.cutoff, arguments.coverage)
    write_table(values, target)
    say(
        f"{len(values):,} customers, {values['clv'].sum():,.2f} in all over {model.horizon}: "
        f"{target}"
    )


def _model_place(model: str) -> Any:
    """Return the folder of the model: the one given, or ``model`` in the one of ``clvkit fit``."""
    inside = Path(model) / "model"
    return inside if inside.is_dir() else model
