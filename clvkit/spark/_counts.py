"""Counts of customers whose summaries are equal: all that purchase and spend models learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from clvkit.btyd import GammaGamma
from clvkit.btyd._design import covariate_names
from clvkit.errors import UnknownNameError
from clvkit.history import rfm_summary
from clvkit.spark._frames import modules
from clvkit.spark._partitions import map_histories
from clvkit.spark._settle import Settled

__all__ = ["Counts", "Needs", "count_summaries"]

_KIND, _N = "kind", "n_customers"
#: What a summary may hold beside covariates; a purchase model sees no money.
_NUMBERS = ("frequency", "recency", "T", "monetary_value", "log_gaps", "unseen")


class Counts(NamedTuple):
    """Distinct rows of a summary, and how many customers each stands for."""

    summary: pd.DataFrame
    n_customers: Any


@dataclass(frozen=True)
class Needs:
    """What a model reads of a customer.

    Parameters
    ----------
    model : purchase or spend model
        Not fitted.
    time_unit : str
    spend : bool
        Whether it is a spend model.
    """

    model: Any
    time_unit: str
    spend: bool

    def columns(self) -> list[str]:
        """Return the names of the columns by which customers are equal or not."""
        more = covariate_names(self.model)
        if self.spend:
            # Recency and T tell nothing of spend, and would make nearly all customers differ.
            if isinstance(self.model, GammaGamma):
                return ["frequency", "monetary_value", *more]
            return [*_NUMBERS[:4], *more]
        unseen = ["unseen"] if hasattr(self.model, "summarise") else []
        gaps = ["log_gaps"] if self._gaps else []
        return [*_NUMBERS[:3], *gaps, *unseen, *more]

    @property
    def _gaps(self) -> bool:
        return bool(getattr(self.model, "_needs_log_gaps", False))

    def summarise(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the columns for histories."""
        if hasattr(self.model, "summarise"):
            return self.model.summarise(X)[self.columns()]
        summary = rfm_summary(X, time_unit=self.time_unit, gaps=self._gaps)
        names = covariate_names(self.model)
        return pd.concat([summary, X[names]], axis=1)[self.columns()]


def count_summaries(settled: Settled, needs: list[Needs], n_partitions: int | None) -> list[Counts]:
    """Return for each model the distinct rows of its summary, with how many customers have them.

    All models are served by one pass over the log. Each partition counts its own customers before
    any row is sent on.
    """
    F, T = modules()
    types = _types(settled, needs)
    number = [T.StructField(_KIND, T.LongType())]
    fields = [*number, *(T.StructField(*item) for item in types.items())]
    fields.append(T.StructField(_N, T.LongType()))
    counted = map_histories(settled, _Count(tuple(needs), tuple(types)), fields, n_partitions)
    united = counted.groupBy(_KIND, *types).agg(F.sum(_N).alias(_N)).toArrow()
    return [_counts_of(united, kind, need) for kind, need in enumerate(needs)]


def _types(settled: Settled, needs: list[Needs]) -> dict[str, Any]:
    """Return the type of each column that any model reads."""
    _, T = modules()
    types: dict[str, Any] = {}
    for need in needs:
        names = covariate_names(need.model)
        missing = [name for name in names if name not in settled.covariate_types]
        if missing:
            known = [n for n in settled.covariate_types if n != settled.customer_id]
            raise UnknownNameError(
                f"there is no covariate {missing[0]!r}, which {type(need.model).__name__} names; "
                f"those given: {known}. Give covariates=, a table with this column and the "
                "customers."
            )
        for name in need.columns():
            types[name] = settled.covariate_types[name] if name in names else T.DoubleType()
    return types


def _counts_of(united: Any, kind: int, need: Needs) -> Counts:
    import polars as pl

    table: Any = pl.from_arrow(united)
    own = table.filter(pl.col(_KIND) == kind).select([*need.columns(), _N])
    own = own.sort(need.columns())  # partitions come in any order, and sums depend on it
    summary = own.drop(_N).to_pandas()
    summary.attrs["time_unit"] = need.time_unit
    return Counts(summary, own[_N].to_numpy().astype(float))


@dataclass(frozen=True)
class _Count:
    needs: tuple[Needs, ...]
    names: tuple[str, ...]

    def __call__(self, X: pd.DataFrame) -> list[Any]:
        import polars as pl

        parts = []
        for kind, need in enumerate(self.needs):
            rows = pl.from_pandas(need.summarise(X))
            counted = rows.group_by(pl.all()).agg(pl.len().cast(pl.Int64).alias(_N))
            parts.append(counted.with_columns(pl.lit(kind, dtype=pl.Int64).alias(_KIND)))
        table = pl.concat(parts, how="diagonal_relaxed").select([_KIND, *self.names, _N])
        return [column.to_arrow() for column in table]
