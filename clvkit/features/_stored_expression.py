"""Polars expressions as text that is safe to read again."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

from clvkit.errors import ArgumentError, ModelFormatError

__all__ = ["expression_from_text", "expression_to_text"]

#: Parts of an expression that run code of their own when they are read or evaluated (functions of
#: Python are pickled, plugins name a library) or that hold data are not among these.
_KNOWN = frozenset(
    " ".join(
        (
            "Column Literal Dyn Int Float Str Scalar String Null Date Datetime Duration Boolean",
            "Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float32 Float64",
            "BinaryExpr left op right Ternary predicate truthy falsy Alias Cast expr dtype options",
            "Agg Sum Mean Median Min Max NUnique First Last Count Std Var Quantile Item method",
            "input propagate_nans include_nulls allow_empty",
            "Filter by Sort SortBy sort_options descending nulls_last multithreaded",
            "maintain_order limit",
            "Slice offset length Gather idx returns_scalar null_on_oob",
            "Function function FillNull DropNulls Abs Diff Pow Clip has_min has_max Round",
            "decimals mode",
            "Floor Ceil Log Log1p Exp Sqrt CumSum CumCount CumMax CumMin reverse Mode",
            "Skew Kurtosis",
            "Unique UniqueCounts ValueCounts Shift Coalesce Unary Negate",
            "Any All ignore_nulls IsIn nulls_equal IsBetween closed IsNull IsNotNull Not",
            "StringExpr Contains literal strict StartsWith EndsWith TemporalExpr",
        )
    ).split()
)


def expression_to_text(name: str, expression: Any) -> str:
    """Return a Polars expression as JSON.

    Raises
    ------
    ArgumentError
        When the expression holds something that could not be read again safely.
    """
    text = expression.meta.serialize(format="json")
    unknown = _unknown_parts(text)
    if unknown:
        raise ArgumentError(
            f"the expression of feature {name!r} cannot be stored, for it holds {unknown}: "
            "functions of Python, plugins and data in an expression are not read again. Use a "
            "function of the events instead, defined at the top of a module."
        )
    return text


def expression_from_text(name: str, text: str) -> Any:
    """Return the expression of a text that :func:`expression_to_text` made.

    Raises
    ------
    ModelFormatError
        When the text holds anything else, or another version of Polars has written it.
    """
    import polars as pl

    unknown = _unknown_parts(text)
    if unknown:
        raise ModelFormatError(
            f"the stored expression of feature {name!r} holds {unknown}, which is not read: it "
            "could run code."
        )
    # What is read is what was checked, and not the text, which might repeat a key.
    checked = io.StringIO(json.dumps(json.loads(text)))
    try:
        return pl.Expr.deserialize(checked, format="json")
    except Exception as error:
        raise ModelFormatError(
            f"the stored expression of feature {name!r} cannot be read by Polars "
            f"{pl.__version__} ({error}): expressions are to be read by the version that wrote "
            "them. Fit and save the model anew."
        ) from error


def _unknown_parts(text: str) -> list[str]:
    return sorted(set(_keys(json.loads(text))) - _KNOWN)


def _keys(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from node
        for value in node.values():
            yield from _keys(value)
    elif isinstance(node, list):
        for value in node:
            yield from _keys(value)
