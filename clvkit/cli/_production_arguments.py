"""Arguments of the commands for a model in production."""

from __future__ import annotations

import argparse

__all__ = ["add_production"]


def add_production(commands: argparse._SubParsersAction) -> None:
    """Add ``serve``, ``promote``, ``refresh`` and ``rollback``."""
    _add_serve(commands)
    _add_promote(commands)
    _add_refresh(commands)
    _add_rollback(commands)


def _add_serve(commands: argparse._SubParsersAction) -> None:
    serve = commands.add_parser(
        "serve",
        help="a saved or registered model over HTTP",
        description="Serve a model with MLflow's scoring server. It asks nobody for a password.",
    )
    serve.add_argument(
        "model", metavar="DIR_OR_MODEL_URI",
        help="folder of `clvkit fit --out`, or an MLflow URI such as models:/NAME@champion",
    )  # fmt: skip
    serve.add_argument("--port", type=int, default=5001, metavar="PORT", help="0: any free one")
    serve.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="to listen at")


def _add_promote(commands: argparse._SubParsersAction) -> None:
    promote = commands.add_parser(
        "promote",
        help="let a version take over if it beats the champion",
        description="Compare a registered version with the champion on the latest period of a log.",
    )
    _add_name(promote)
    promote.add_argument("version", metavar="VERSION", help="number of the challenger")
    _add_comparison(promote)


def _add_refresh(commands: argparse._SubParsersAction) -> None:
    refresh = commands.add_parser(
        "refresh",
        help="refit the champion on a new log, and promote the result if it wins",
        description="The monthly routine: refit, register, compare with the champion, promote.",
    )
    _add_name(refresh)
    _add_comparison(refresh)


def _add_rollback(commands: argparse._SubParsersAction) -> None:
    rollback = commands.add_parser(
        "rollback",
        help="put the previous champion back into use",
        description="Let champion and previous change places.",
    )
    _add_name(rollback)


def _add_name(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME", help="name in MLflow's model registry")


def _add_comparison(command: argparse.ArgumentParser) -> None:
    command.add_argument("log", metavar="LOG", help="CSV or Parquet file with all transactions")
    command.add_argument(
        "--min-gain", type=float, default=0.0, metavar="GAIN",
        help="what the lower end of the gain's interval must exceed (0)",
    )  # fmt: skip
    command.add_argument("--scoring", default="d2_tweedie", metavar="NAME")
    command.add_argument("--covariates", metavar="FILE", help="CSV or Parquet file of the fit")
    command.add_argument("--end", metavar="DATE", help="last known day (the last event's)")
