"""The ``clvkit`` command."""

from clvkit.cli._main import main

__all__ = ["main"]
