"""How many rows fit into the memory that a search may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from joblib import effective_n_jobs

from clvkit.automl.candidates import Candidate, Params
from clvkit.errors import DataWarning
from clvkit.features import default_features
from clvkit.model_selection import SnapshotRegressor
from clvkit.utils._memory import parse_memory
from clvkit.utils._warnings import warn_user

__all__ = ["LimitedCandidate", "MemoryLimit"]

#: A fit holds the features, a checked copy, and the rows that are left to train on.
_COPIES = 3

#: Part of the memory for what trials share.
_SHARED = 0.25

#: Snapshots of a candidate that says nothing else, for the warning.
_SNAPSHOTS = 6


@dataclass(frozen=True)
class MemoryLimit:
    """What a size means for a search.

    Attributes
    ----------
    max_rows : int or None
        Rows that a candidate is fitted on at most; None is no limit.
    max_shared : int
        Bytes of the results that trials share.
    """

    max_rows: int | None = None
    max_shared: int = 2**30

    @classmethod
    def of(cls, memory: str | None, X: pd.DataFrame, n_jobs: int | None) -> MemoryLimit:
        """Return the limit for histories like these, with so many fits at the same time."""
        if memory is None:
            return cls()
        size = parse_memory(memory)
        head = X.iloc[:50]
        n_features = default_features().fit(head).transform(head).shape[1]
        room = (1 - _SHARED) * size / effective_n_jobs(n_jobs)
        return cls(max(1, int(room / (8 * n_features * _COPIES))), int(_SHARED * size))

    def apply(self, candidates: list[Candidate]) -> list[Candidate]:
        """Return the candidates with the limit on the rows that they are fitted on."""
        if self.max_rows is None:
            return candidates
        names = ("name", "family", "build", "label_trained", "space")
        return [
            LimitedCandidate(**{name: getattr(c, name) for name in names}, max_rows=self.max_rows)
            for c in candidates
        ]

    def warn(self, memory: str | None, n_rows: int, *, are_samples: bool) -> None:
        """Say that rows will be drawn, where there are more than the limit."""
        n_rows *= 1 if are_samples else _SNAPSHOTS
        if self.max_rows is None or n_rows <= self.max_rows:
            return
        warn_user(
            f"memory={memory!r} holds the features of {self.max_rows:,} rows, and there are "
            f"{n_rows:,}{'' if are_samples else f' with {_SNAPSHOTS} snapshots a customer'}: "
            "candidates that learn from labels are fitted on customers drawn at random. Give more "
            "memory, fewer n_jobs, or memory=None for no limit.",
            DataWarning,
        )


@dataclass(frozen=True)
class LimitedCandidate(Candidate):
    """A candidate that is fitted on at most so many rows, all rows of a drawn customer together."""

    max_rows: int = 1

    def estimator(
        self,
        horizon: str,
        *,
        random_state: int | None = None,
        params: Params | None = None,
        labels: str = "histories",
    ) -> Any:
        """Return an unfitted estimator, as :meth:`Candidate.estimator` does."""
        estimator = super().estimator(
            horizon, random_state=random_state, params=params, labels=labels
        )
        for part in (estimator, *estimator.get_params(deep=True).values()):
            if isinstance(part, SnapshotRegressor):
                own = part.max_rows
                seed = random_state if part.random_state is None else part.random_state
                limit = self.max_rows if own is None else min(own, self.max_rows)
                part.set_params(max_rows=limit, random_state=seed)
        return estimator
