"""What came of scoring a large log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["BatchResult"]


@dataclass(frozen=True)
class BatchResult:
    """Where the values of :func:`clvkit.serving.predict_batches` lie, and what they add up to.

    Attributes
    ----------
    path : Path
        The file or folder with one row a customer.
    n_customers : int
    total : float
        Sum of the values.
    cutoff : str
        The last known day (or period, where the granularity is finer) of all rows.
    n_partitions : int
        Parts that the log was scored in; 1 means that it fitted into memory.
    """

    path: Path
    n_customers: int
    total: float
    cutoff: str
    n_partitions: int
