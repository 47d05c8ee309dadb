"""How far likelihoods and predictions are off, against mpmath, over strata of hard cases."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.arguments import whole_number
from benchmarks.errors import BenchmarkError
from benchmarks.machine import describe_run
from benchmarks.tables import heading, markdown_table, results_folder, write_tables
from clvkit import btyd

__all__ = ["add_arguments", "check", "error_of", "main", "numerical_table"]

#: Of what is smaller, the difference itself counts: the logarithm of a likelihood near 1 is near
#: 0, and a chance below 1e-290 is none that a float can hold to all its digits.
FLOORS = {"log_likelihood": 1.0}
LEAST = 1e-290

EXPLANATION = (
    "The largest relative error among cases drawn at random, with the stratum in which it is; of "
    "log-likelihoods between -1 and 1 the absolute one. The exact side has 24 to 80 digits; "
    "cases whose exact value mpmath does not find are left out of that column."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", action="append", help="by default all; may be repeated")
    parser.add_argument("--cases", type=whole_number(1), default=20, help="of each stratum")
    parser.add_argument("--seed", type=whole_number(0, 2**32 - 1), default=0)
    parser.add_argument("--out", default="benchmarks/.results", metavar="FOLDER")


def main(arguments: argparse.Namespace) -> None:
    """Check what was asked for, print the table, and write it."""
    out = results_folder(arguments.out)
    table = check(arguments.model, arguments.cases, arguments.seed)
    described = describe_run()
    text = "\n".join(
        [heading("Numerical error", described), EXPLANATION, "", numerical_table(table)]
    )
    write_tables(out, "numerical", text, {"numerical": table}, described)
    print(text)


def check(models: Sequence[str] | None, n_cases: int, seed: int = 0) -> pd.DataFrame:
    """Return one row a (model, stratum, quantity).

    Returns
    -------
    DataFrame
        ``cases``, the ``worst`` and the ``median`` error, and ``failed``: how many cases the
        model answered with no number.
    """
    oracles = _oracles(models)
    rows: list[dict[str, Any]] = []
    for oracle in oracles:
        for stratum in oracle.strata:
            # Seeded by the names, so that a stratum alone has the cases that it has among all.
            key = f"{oracle.model} {stratum}".encode()
            rng = np.random.default_rng([seed, *key])
            errors: dict[str, list[float]] = {}
            for _ in range(n_cases):
                for quantity, error in _errors(oracle, oracle.draw(stratum, rng)):
                    errors.setdefault(quantity, []).append(error)
            rows += [
                {"model": oracle.model, "stratum": stratum, "quantity": quantity, **_summary(found)}
                for quantity, found in errors.items()
            ]
    return pd.DataFrame(rows)


def error_of(quantity: str, actual: float, exact: float) -> float:
    """Return the relative error, or the absolute one where the exact value is small."""
    return abs(actual - exact) / max(abs(exact), FLOORS.get(quantity, LEAST))


def numerical_table(table: pd.DataFrame) -> str:
    """Return the worst errors of each model, with their strata."""
    header = ["model", "cases", "log-likelihood", "P(alive)", "expected purchases or spend"]
    groups = (("log_likelihood",), ("probability_alive",), ("expected_purchases", "expected_spend"))
    rows = []
    for model, part in table.groupby("model", sort=False):
        first = part[part["quantity"] == "log_likelihood"]
        cells = [_worst(part[part["quantity"].isin(names)]) for names in groups]
        rows.append([f"`{model}`", str(first["cases"].sum()), *cells])
    return markdown_table(header, rows)


def _worst(part: pd.DataFrame) -> str:
    if part.empty:
        return ""
    row = part.loc[part["worst"].idxmax()]
    failed = f", {part['failed'].sum()} without a number" if part["failed"].sum() else ""
    return f"{row['worst']:.0e} ({row['stratum']}){failed}"


def _oracles(names: Sequence[str] | None) -> list[Any]:
    try:
        from benchmarks.oracles.models import ORACLES
    except ImportError as error:
        raise BenchmarkError(f"{error}: pip install mpmath") from error
    known = [oracle.model for oracle in ORACLES]
    if unknown := [name for name in names or () if name not in known]:
        raise BenchmarkError(f"there is no oracle of {unknown[0]}; there are {', '.join(known)}.")
    return [oracle for oracle in ORACLES if not names or oracle.model in names]


def _errors(oracle: Any, case: Any) -> Iterator[tuple[str, float]]:
    """Yield the error of each quantity of a case; NaN where the model gives no number."""
    import mpmath

    params = dict(zip(oracle.names, case.params, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = getattr(btyd, oracle.model).from_params(**params, **oracle.fixed)
        answers = _answers(model, case)
        with mpmath.workdps(oracle.digits):
            exact = type(case)(
                tuple(map(mpmath.mpf, case.params)),
                tuple(v if isinstance(v, int) else mpmath.mpf(v) for v in case.row),
                case.horizon if isinstance(case.horizon, int) else mpmath.mpf(case.horizon),
            )
            values = iter(oracle.exact(exact))
            while (found := _next(values)) is not None:
                quantity, value = found
                actual = float(answers[quantity]())
                yield quantity, error_of(quantity, actual, float(value))


def _next(values: Iterator[tuple[str, Any]]) -> tuple[str, Any] | None:
    """Return the next exact value; none at the end, or where mpmath's series does not converge."""
    try:
        return next(values, None)
    except (ValueError, ZeroDivisionError):
        return None


def _answers(model: Any, case: Any) -> dict[str, Callable[[], Any]]:
    rows = [case.row]
    return {
        "log_likelihood": lambda: model.log_likelihood(rows)[0],
        "probability_alive": lambda: model.probability_alive(rows)[0],
        "expected_purchases": lambda: model.expected_purchases(rows, case.horizon)[0],
        "expected_spend": lambda: model.expected_spend(rows)[0],
    }


def _summary(errors: list[float]) -> dict[str, float]:
    known = [error for error in errors if np.isfinite(error)]
    return {
        "cases": len(errors),
        "worst": max(known, default=np.nan),
        "median": float(np.median(known)) if known else np.nan,
        "failed": len(errors) - len(known),
    }
