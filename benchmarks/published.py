"""The tables of README and docs, made from benchmarks/results so that they cannot differ."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from benchmarks.errors import BenchmarkError
from benchmarks.published_tables import TABLES

__all__ = ["RESULTS", "add_arguments", "main", "pages", "rendered"]

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"

#: What stands between the two comments is made; on one line, or on lines of its own.
BLOCK = re.compile(r"(<!-- results: ([\w-]+) -->)(.*?)(<!-- end -->)", re.DOTALL)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--check", action="store_true", help="change nothing, and fail where a page would change"
    )
    parser.add_argument("--results", default=str(RESULTS), metavar="FOLDER")


def main(arguments: argparse.Namespace) -> None:
    """Write the tables into the pages, or say which pages differ from them."""
    changed = [
        (path, text)
        for path in pages()
        if (text := rendered(path, Path(arguments.results))) != path.read_text(encoding="utf-8")
    ]
    names = ", ".join(str(path.relative_to(ROOT)) for path, _ in changed)
    if arguments.check and changed:
        raise BenchmarkError(
            f"{names}: not as in {arguments.results}. Write the tables: python -m benchmarks tables"
        )
    for path, text in changed:
        path.write_text(text, encoding="utf-8")
    print(f"Written: {names}" if changed else "All pages are as in the results.")


def pages(root: Path = ROOT) -> list[Path]:
    """Return the pages that have tables from the results."""
    files = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    return [path for path in files if BLOCK.search(path.read_text(encoding="utf-8"))]


def rendered(path: Path, results: Path) -> str:
    """Return the text of a page with its tables made anew."""

    def made(found: re.Match[str]) -> str:
        start, name, old, end = found.groups()
        if name not in TABLES:
            raise BenchmarkError(f"{path}: no results are called {name!r}; {_known(TABLES)}")
        text = TABLES[name](_reader(results, path, name))
        return f"{start}\n{text}\n{end}" if "\n" in old else f"{start}{text}{end}"

    return BLOCK.sub(made, path.read_text(encoding="utf-8"))


def _known(names: Iterable[str]) -> str:
    return f"there are {', '.join(names)}."


def _reader(results: Path, page: Path, name: str) -> Callable[[str], pd.DataFrame]:
    def read(table: str) -> pd.DataFrame:
        path = results / f"{table}.csv"
        if not path.exists():
            raise BenchmarkError(
                f"{page} shows {name!r}, which is made from {path}, and there is none. "
                "Measure it first: docs/benchmarks.md says how."
            )
        # As written: what is empty is no number, and cells of finished tables are text.
        return pd.read_csv(path, keep_default_na=True)

    return read
