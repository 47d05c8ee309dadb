"""Spark's data frames: whether one was given, and its columns."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clvkit.errors import AmountError, DateError, LogError, LogTypeError
from clvkit.utils._imports import try_import

__all__ = ["check_frame", "check_kinds", "column", "modules", "quiet_pandas", "wall_clock"]

_NESTED = ("array", "map", "struct", "variant", "binary")


def modules() -> tuple[Any, Any]:
    """Return ``pyspark.sql.functions`` and ``pyspark.sql.types``.

    Raises
    ------
    NotInstalledError
        Where PySpark is missing.
    """
    how = {"install": "pip install 'clvkit-automl[spark]'", "purpose": "work on Spark"}
    try_import("pyspark.sql", **how)
    return try_import("pyspark.sql.functions", **how), try_import("pyspark.sql.types", **how)


@contextmanager
def quiet_pandas() -> Iterator[None]:
    """Leave out PySpark's warning of pandas 3, of which nothing is used inside the block."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support", FutureWarning)
        yield


def check_frame(frame: Any, name: str = "the log") -> None:
    """Raise unless it is a Spark data frame of a session with executors of its own.

    Raises
    ------
    LogTypeError
        For another kind of table, or a frame of Spark Connect, which cannot broadcast.
    LogError
        If columns have the same name.
    """
    modules()
    from pyspark.sql import DataFrame

    if not isinstance(frame, DataFrame):
        raise LogTypeError(
            f"{name} must be a Spark DataFrame; got {type(frame).__name__}. Make one by "
            "spark.read.parquet(...) or spark.createDataFrame(...); what fits one machine goes "
            "to the functions outside of clvkit.spark as it is."
        )
    if "connect" in type(frame).__module__:
        raise LogTypeError(
            f"{name} is a frame of Spark Connect, through which a model cannot be broadcast. Run "
            "this in a session on the cluster, such as by spark-submit."
        )
    repeated = [column for column, n in Counter(frame.columns).items() if n > 1]
    if repeated:
        raise LogError(f"{name} has several columns of the same name: {repeated}. Rename them.")


def column(name: str) -> Any:
    """Return a column by its exact name, which may hold dots."""
    F, _ = modules()
    return F.col("`" + name.replace("`", "``") + "`")


def wall_clock(frame: Any, name: str) -> Any:
    """Return a column, moments as what a clock on the wall of the session's time zone shows.

    A timestamp without a zone means the same in every partition and on the driver; the door
    would drop the zone in any case.
    """
    _, T = modules()
    own = column(name)
    return own.cast("timestamp_ntz") if frame.schema[name].dataType == T.TimestampType() else own


def check_kinds(frame: Any, roles: dict[str, str], name: str) -> None:
    """Refuse columns of types that the door would refuse, before anything runs.

    Raises
    ------
    LogError, DateError, AmountError
    """
    for role, own in roles.items():
        kind = frame.schema[own].dataType
        if role == "date":
            _check_date(own, kind)
        elif role == "amount":
            _check_amount(own, kind)
        elif kind.typeName() in _NESTED:
            what = "name a customer" if role == "customer_id" else "be an attribute"
            raise LogError(
                f"column '{own}' of {name} holds {kind.simpleString()}, which cannot {what}. Make "
                "it numbers or text."
            )


def _check_date(name: str, kind: Any) -> None:
    if kind.typeName() in ("date", "timestamp", "timestamp_ntz"):
        return
    how = f"sdf.withColumn('{name}', F.to_timestamp('{name}'))"
    raise DateError(
        f"column '{name}' holds {kind.simpleString()}, not dates. Convert it first, for example "
        f"{how}, or with a format, F.to_timestamp('{name}', 'dd/MM/yyyy')."
    )


def _check_amount(name: str, kind: Any) -> None:
    _, T = modules()
    if not isinstance(kind, T.NumericType):
        raise AmountError(
            f"column '{name}' holds {kind.simpleString()}, not numbers. Convert it first, for "
            f"example sdf.withColumn('{name}', F.col('{name}').cast('double'))."
        )
