"""What each command does."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clvkit.cli._output import programs_prefix, say, show_leaderboard
from clvkit.cli._places import model_place
from clvkit.cli._production import promote, refresh, rollback, serve
from clvkit.cli._tables import (
    check_model_place,
    make_folder,
    save_model,
    write_table,
)
from clvkit.errors import MissingColumnError

__all__ = ["demo", "fit", "predict", "promote", "refresh", "rollback", "serve"]


def demo(arguments: argparse.Namespace) -> None:
    """Run the main job on the CDNOW log."""
    from clvkit.cli._demo import run_demo

    run_demo(make_folder(arguments.out), n_trials=arguments.n_trials)


def fit(arguments: argparse.Namespace) -> None:
    """Find and fit the best model of a log, and save it."""
    folder = make_folder(arguments.out)
    check_model_place(folder / "model")
    with option_names():
        auto = _fit(arguments)
    write_table(auto.leaderboard_, folder / "leaderboard.csv")
    save_model(auto.model_, folder / "model")
    if not arguments.quiet:
        show_leaderboard(auto.leaderboard_)
        say(f"\nThe model is in {folder / 'model'}, the leaderboard in {folder}/. Next:\n")
        more = f" --covariates {arguments.covariates}" if arguments.covariates else ""
        say(f"  {programs_prefix()}clvkit predict {folder} {arguments.log}{more} --out values.csv")


def _fit(arguments: argparse.Namespace) -> Any:
    from clvkit.automl import AutoCLV

    return AutoCLV(
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
        covariates=arguments.covariates,
        end=arguments.end,
        refunds=arguments.refunds,
        duplicates=arguments.duplicates,
        granularity=arguments.granularity,
        coverage=arguments.coverage,
        verbose=0 if arguments.quiet else 1,
    ).fit(arguments.log)


def predict(arguments: argparse.Namespace) -> None:
    """Score a log with a saved model."""
    from clvkit.serving import load, predict_batches
    from clvkit.serving._batches.finish import check_target

    check_target(Path(arguments.out))
    model = load(model_place(arguments.model))
    try:
        done = predict_batches(
            model,
            arguments.log,
            arguments.out,
            cutoff=arguments.cutoff,
            coverage=arguments.coverage,
            covariates=arguments.covariates,
            memory=arguments.memory,
            work=arguments.work,
            overwrite=arguments.overwrite,
            verbose=0 if arguments.quiet else 1,
        )
    except MissingColumnError as error:
        raise MissingColumnError(_what_the_model_reads(model, str(error))) from error
    if not arguments.quiet:
        total = f"{done.total:,.2f} in all over {model.horizon}"
        say(f"{done.n_customers:,} customers, {total}: {done.path}")


def _what_the_model_reads(model: Any, message: str) -> str:
    """Say which columns are needed; a model takes no names of others, as a fit does."""
    found, which, _ = message.partition(" Say which")
    if not which:
        return message.replace("Pass covariates=,", "Give --covariates FILE,")
    from clvkit.serving._learning import attribute_names, transaction_columns

    wanted = ", ".join((*transaction_columns(model), *attribute_names(model.attributes)))
    return (
        f"{found} The model reads the columns it was fitted on: {wanted}. Rename those of the file."
    )


@contextmanager
def option_names() -> Iterator[None]:
    """Name options in messages as one types them: --customer-id, not customer_id=."""
    try:
        yield
    except MissingColumnError as error:
        typed = re.sub(
            r"\b(customer_id|date|amount)='([^']*)'",
            lambda match: f"--{match[1].replace('_', '-')} {match[2]}",
            str(error),
        )
        raise MissingColumnError(typed) from error
