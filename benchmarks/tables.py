"""Results as Markdown to read and as CSV to compute with."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from benchmarks.errors import BenchmarkError

__all__ = ["heading", "markdown_table", "results_folder", "write_tables"]


def markdown_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    header = list(header)
    lines = [header, ["---"] * len(header), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def heading(title: str, described: dict[str, str]) -> str:
    """Return a title with what a table was measured by, as ``describe_run`` says it."""
    return "\n".join([f"## {title}", "", *(f"- {k}: {v}" for k, v in described.items()), ""])


def results_folder(name: str) -> Path:
    """Return a folder of results, which is made, before anything is measured in vain."""
    folder = Path(name).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise BenchmarkError(
            f"results cannot be written to {folder}: {error.strerror}. Name another: --out"
        ) from error


def write_tables(
    out: Path,
    name: str,
    text: str,
    frames: Mapping[str, pd.DataFrame],
    described: dict[str, str],
) -> list[Path]:
    """Write the report ``name`` and a CSV a frame to a folder, and return the files.

    Each row of a CSV knows its run. The file of a frame without rows is removed: it would be
    that of another run.
    """
    files = [out / f"{name}.md"]
    files[0].write_text(text, encoding="utf-8")
    about = {f"run_{key}": value for key, value in described.items()}
    for key, frame in frames.items():
        path = out / f"{key}.csv"
        if frame.empty:
            path.unlink(missing_ok=True)
            continue
        frame.assign(**about).to_csv(path, index=False)
        files.append(path)
    return files
