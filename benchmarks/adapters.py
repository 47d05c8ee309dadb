"""Competitors: files with a function ``predict``, read without being run."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError

__all__ = ["FOLDER", "Adapter", "find_adapter", "read_adapter", "standard_adapters"]

FOLDER = Path(__file__).parent / "competitors"


@dataclass(frozen=True)
class Adapter:
    """A file whose ``predict(log, cutoff, days, seed)`` returns what customers will spend.

    Attributes
    ----------
    name : str
        Name of the file without its ending.
    path : Path
    summary : str
        First line of its docstring.
    requirements : tuple of str
        What its own environment holds, from the constant ``REQUIREMENTS``; empty for one that
        runs in the environment of the benchmark.
    python : str or None
        Version of that environment's Python, such as ``"3.11"``, from the constant ``PYTHON``.
    slow : bool
        Whether a quick run leaves it out, from the constant ``SLOW``: it takes a minute whatever
        the log, or its environment takes minutes to install.
    """

    name: str
    path: Path
    summary: str
    requirements: tuple[str, ...] = ()
    python: str | None = None
    slow: bool = False


def standard_adapters() -> list[Adapter]:
    """Return the competitors that come with the benchmark; files with an underscore are none."""
    files = sorted(FOLDER.glob("*.py"))
    return [read_adapter(path) for path in files if not path.name.startswith("_")]


def find_adapter(name: str) -> Adapter:
    """Return a competitor of the benchmark by its name, or any other by the path of its file."""
    if name.endswith(".py"):
        return read_adapter(Path(name))
    known = {adapter.name: adapter for adapter in standard_adapters()}
    if name not in known:
        raise BenchmarkError(
            f"there is no competitor {name!r}. There are {', '.join(known)}; your own is named "
            "by its file: --competitor path/to/file.py"
        )
    return known[name]


def read_adapter(path: Path) -> Adapter:
    """Read name, summary and requirements of a file without importing it.

    Its imports may exist in its own environment only.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError) as error:  # the last of bytes that are no text
        raise BenchmarkError(f"the competitor {path} cannot be read: {error}") from error
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    if "predict" not in functions:
        raise BenchmarkError(f"{path} has no function predict(log, cutoff, days, seed).")
    try:
        requirements, python = _constant(tree, "REQUIREMENTS") or (), _constant(tree, "PYTHON")
        slow = bool(_constant(tree, "SLOW"))
    except ValueError as error:
        raise BenchmarkError(
            f"REQUIREMENTS, PYTHON and SLOW of {path} must be literals."
        ) from error
    texts = isinstance(requirements, list | tuple) and all(isinstance(r, str) for r in requirements)
    if not texts or not isinstance(python, str | None):
        raise BenchmarkError(
            f"{path} needs texts: REQUIREMENTS is a list such as ['lifetimes==0.11.3'], and "
            f"PYTHON is a version such as '3.11'; they are {requirements!r} and {python!r}."
        )
    summary = (ast.get_docstring(tree) or "").partition("\n")[0]
    return Adapter(path.stem, path.resolve(), summary, tuple(requirements), python, slow)


def _constant(tree: ast.Module, name: str) -> Any:
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets = [node.target]
        else:
            continue
        if [ast.unparse(target) for target in targets] == [name]:
            return ast.literal_eval(node.value)
    return None
