"""Commands for a model in production: serve, promote, refresh, roll back."""

from __future__ import annotations

import argparse
from typing import Any

from clvkit.cli._output import say, show_frame
from clvkit.cli._places import model_place

__all__ = ["promote", "refresh", "rollback", "serve"]

_SHOWN = ("version", "d2_tweedie", "normalized_gini", "total_bias", "mae")


def serve(arguments: argparse.Namespace) -> None:
    """Serve a model over HTTP until it is interrupted."""
    from clvkit.serving import serve as run

    def on_ready(address: str) -> None:
        say(f"Serving {arguments.model} at {address}/invocations (Ctrl+C ends it).")

    run(
        model_place(arguments.model),
        host=arguments.host,
        port=arguments.port,
        on_ready=on_ready,
    )


def promote(arguments: argparse.Namespace) -> None:
    """Let a version take over if it beats the champion."""
    from clvkit.serving import promote as run

    _show(run(arguments.name, arguments.version, arguments.log, **_settings(arguments)))


def refresh(arguments: argparse.Namespace) -> None:
    """Refit the champion on a new log, and let the result take over if it wins."""
    from clvkit.serving import refresh as run

    _show(run(arguments.name, arguments.log, **_settings(arguments)))


def rollback(arguments: argparse.Namespace) -> None:
    """Put the previous champion back into use."""
    from clvkit.serving import rollback as run

    say(f"The champion of {arguments.name} is version {run(arguments.name)} again.")


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    names = ("min_gain", "scoring", "covariates", "end")
    return {name: getattr(arguments, name) for name in names}


def _show(result: Any) -> None:
    table = result.frame()
    if len(table):
        title = (
            f"{result.name}: spend of {result.n_customers:,} customers in the {result.horizon} "
            f"after {result.origin}"
        )
        show_frame(table[list(_SHOWN)], title)
    verdict = "is the champion now" if result.promoted else "was not promoted"
    say(f"{result.reason} Version {result.challenger} {verdict}.")
