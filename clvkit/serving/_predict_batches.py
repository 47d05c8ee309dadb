"""Scoring a log in files that is larger than memory."""

from __future__ import annotations

import os
from numbers import Integral
from pathlib import Path
from typing import Any

from sklearn.utils.validation import check_is_fitted

from clvkit.calibration._coverage import check_coverage
from clvkit.errors import ArgumentError, LogTypeError, OutputError
from clvkit.history._granularity import get_granularity
from clvkit.history._log_files import would_read
from clvkit.history._moments import parse_cutoff
from clvkit.serving._batch_result import BatchResult
from clvkit.serving._batches.finish import check_target, write_table
from clvkit.serving._batches.job import Job
from clvkit.serving._batches.progress import BatchProgress
from clvkit.serving._batches.sizes import MemoryPlan
from clvkit.serving._clv_model import CLVModel
from clvkit.serving._learning import attribute_names
from clvkit.serving._load import load

__all__ = ["predict_batches"]


def predict_batches(
    model: Any,
    log: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    cutoff: Any = None,
    coverage: float | None = None,
    covariates: Any = None,
    memory: str = "4GB",
    n_partitions: int | None = None,
    work: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    verbose: int = 1,
) -> BatchResult:
    """Score a log in files, larger than memory if need be, into a file.

    The table is that of :meth:`CLVModel.predict_customers`, with ``customer_id`` as its first
    column. A log that fits into memory is scored at once. Any other is first written to a working
    folder by customer, then scored part by part, and the values are put in order at the end. What
    must be known of the whole log (its last day, the types of its columns, what its warnings
    count) is settled before the first part is scored, so the number of parts changes no value.

    Killed at any moment and started again with the same arguments, it goes on where it was; the
    result appears at one stroke. For tables in memory take :meth:`CLVModel.predict_customers`, for
    a cluster ``clvkit.spark``.

    Parameters
    ----------
    model : CLVModel, str or path-like
        Fitted, or what :func:`clvkit.serving.load` reads.
    log : str or path-like
        A CSV or Parquet file, a folder of them, or a pattern such as ``"orders/*.parquet"``.
    out : str or path-like
        A ``.csv`` or ``.parquet`` file, which is replaced; or a new folder, which gets Parquet
        files. The rows are in ascending order of the customers.
    cutoff, coverage
        See :meth:`CLVModel.predict_customers`.
    covariates : table, path or None, default=None
        Where the model was trained with covariates. They must fit into memory.
    memory : str, default="4GB"
        What the process may take, at least ``"1.25GB"``. The lines of one customer are never
        parted, and neither is a row group of a Parquet file.
    n_partitions : int or None, default=None
        Parts of the log; by default as few as fit into memory.
    work : str or path-like or None, default=None
        Folder for the working files, which take about as much as the log does as compressed
        Parquet; by default a hidden one beside ``out``. It is removed at the end.
    overwrite : bool, default=False
        Discard an unfinished run of another log, model or setting.
    verbose : int, default=1
        Above 0, progress is shown where the error stream is a terminal.

    Returns
    -------
    BatchResult
        ``path``, ``n_customers``, ``total``, ``cutoff`` and ``n_partitions``.

    Raises
    ------
    LogError, LogTypeError, CutoffError
        For a log or a cutoff that cannot be used; of rows the file and the number are named.
    OutputError
        If ``out`` or the working folder cannot be written to or would be read as a part of the
        log, or if the latter holds an unfinished run of something else.
    ArgumentError
        For any other argument that cannot be used, and for models of several logs.

    See Also
    --------
    CLVModel.predict_customers : Of a log in memory.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> from clvkit.baselines import HistoricalRate
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories
    >>> from clvkit.serving import CLVModel, predict_batches
    >>> log = load_cdnow()
    >>> model = CLVModel(HistoricalRate(), horizon="13W").fit(latest_histories(log))
    >>> with TemporaryDirectory() as place:
    ...     log.to_parquet(f"{place}/log.parquet")
    ...     out = f"{place}/values.parquet"
    ...     result = predict_batches(model, f"{place}/log.parquet", out, n_partitions=4)
    ...     values = pd.read_parquet(out).set_index("customer_id")
    ...     left = sorted(file.name for file in Path(place).iterdir())
    >>> result.n_customers, result.cutoff, left
    (2357, '1998-06-30', ['log.parquet', 'values.parquet'])
    >>> values.equals(model.predict_customers(log))
    True
    >>> predict_batches(model, log, "values.parquet")
    Traceback (most recent call last):
        ...
    clvkit.errors.LogTypeError: predict_batches reads files, and got a DataFrame. ...
    """
    target = Path(out)
    check_target(target)
    plan = MemoryPlan.of(memory)
    _check_log(log)
    _check_parts(n_partitions)
    place = target.with_name(f".{target.name}.working") if work is None else Path(work)
    _check_apart(Path(log), target, place)
    model = load(model) if isinstance(model, (str, os.PathLike)) else model
    _check_model(model, cutoff)
    wanted = check_coverage(model.coverage if coverage is None else coverage)
    n_attributes = len(attribute_names(model.attributes))
    started = (place / "run.json").exists()
    if n_partitions is None and not started and plan.is_enough(Path(log), n_attributes):
        table = model.predict_customers(str(log), cutoff, wanted, covariates=covariates)
        write_table(table, target)
        return BatchResult(target, len(table), table["clv"].sum(), table.attrs["cutoff"], 1)
    job = Job(
        model, Path(log), target, place, cutoff, wanted, covariates, plan, n_partitions, overwrite
    )
    with BatchProgress(enabled=verbose > 0) as progress:
        result, until, n_parts = job.run(progress)
    return BatchResult(target, result.n_customers, result.total, until, n_parts)


def _check_log(log: Any) -> None:
    if not isinstance(log, (str, os.PathLike)):
        raise LogTypeError(
            f"predict_batches reads files, and got a {type(log).__name__}. Give the path of a CSV "
            "or Parquet file, of a folder or a pattern; for a table take "
            "CLVModel.predict_customers."
        )


def _check_parts(n_partitions: int | None) -> None:
    if n_partitions is None:
        return
    if not isinstance(n_partitions, Integral) or not 1 <= n_partitions <= 2**16:
        raise ArgumentError(
            f"n_partitions={n_partitions!r} must be a whole number between 1 and 65536, or None."
        )


def _check_apart(log: Path, target: Path, work: Path) -> None:
    """Refuse to write what would be read as the log, be it now or the next time."""
    values = target if target.suffix else target / "part-00000.parquet"
    if would_read(log, values):
        raise OutputError(
            f"'{target}' would be read as a part of the log '{log}'. Write the values elsewhere."
        )
    if would_read(log, work / "values-000000.parquet"):
        raise OutputError(
            f"the files of the working folder '{work}' would be read as a part of the log '{log}'. "
            "Name another one: work=."
        )


def _check_model(model: Any, cutoff: Any) -> None:
    if not isinstance(model, CLVModel):
        raise ArgumentError(
            f"{type(model).__name__} does not know how to read a log. Give a CLVModel, such as the "
            "model_ of an AutoCLV, or what clvkit.serving.load reads."
        )
    check_is_fitted(model)
    if cutoff is not None:
        parse_cutoff(cutoff, get_granularity(model.granularity))
    if model.streams_:
        raise ArgumentError(
            f"the model was trained with further logs ({', '.join(map(repr, model.streams_))}), "
            "and predict_batches takes the transactions alone. Score with "
            "CLVModel.predict_customers, some customers at a time."
        )
