"""The second pass: the values of the customers of each part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from clvkit.errors import DataWarning, EmptyLogError
from clvkit.serving._batches.partition import Partitioner
from clvkit.serving._histories import histories_to_score
from clvkit.serving._learning import door_of
from clvkit.utils._files import replacing
from clvkit.utils._warnings import silenced

if TYPE_CHECKING:
    import polars as pl

__all__ = ["PartResult", "Scorer"]


class PartResult(NamedTuple):
    """How many customers a part has, and the sum of their values."""

    n_customers: int
    total: float


@dataclass(frozen=True)
class Scorer:
    """Scores parts of a log as the whole would be scored.

    Attributes
    ----------
    model : CLVModel
    partitioner : Partitioner
    cutoff : date-like or None
    latest : int
        The last moment of the whole log.
    coverage : float
    covariates : Covariates or None
    fractional : bool
        Whether the customers of the whole log are floats.
    """

    model: Any
    partitioner: Partitioner
    cutoff: Any
    latest: int
    coverage: float
    covariates: Any
    fractional: bool

    def place(self, partition: int) -> Path:
        """Return where the values of a part lie, if it has customers."""
        return self.partitioner.run.place / f"values-{partition:06}.parquet"

    def write(self, partition: int) -> PartResult:
        """Score a part, unless that is done."""
        run, noted = self.partitioner.run, f"values-{partition:06}.json"
        if (told := run.read_json(noted)) is not None:
            return PartResult(**told)
        table = self.score(self.partitioner.read(partition))
        if table is None:
            result = PartResult(0, 0.0)
        else:
            result = PartResult(len(table), float(table["clv"].sum()))
            with replacing(self.place(partition)) as partial:
                table.reset_index().to_parquet(partial, index=False)
        run.write_json(noted, result._asdict())
        return result

    def score(self, lines: pl.DataFrame) -> pd.DataFrame | None:
        """Return the values of the customers that these lines are all the lines of."""
        if not len(lines):
            return None
        try:
            with silenced(DataWarning):  # it is given once, for the whole log
                X = histories_to_score(
                    lines,
                    self.cutoff,
                    training_end=self.model.training_end_,
                    latest=self.latest,
                    covariates=self.covariates,
                    **door_of(self.model, {}),
                )
        except EmptyLogError:  # all of this part is later than the cutoff, or refunds to drop
            return None
        table = self.model._value(X, self.coverage)
        if self.fractional:
            table.index = table.index.astype("float64").rename(table.index.name)
        return table
