"""Candidates that learn from labels of a shorter horizon than they predict."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sklearn.pipeline import Pipeline

from clvkit.automl.candidates import Candidate, Params
from clvkit.model_selection import ShortHorizonRegressor

__all__ = ["learn_shorter"]


@dataclass(frozen=True)
class _Shortened(Candidate):
    """A candidate that is fitted at ``learnt_horizon``, whatever horizon is to be predicted."""

    learnt_horizon: str = ""

    def estimator(
        self,
        horizon: str,
        *,
        random_state: int | None = None,
        params: Params | None = None,
        labels: str = "histories",
    ) -> Any:
        """Return an unfitted estimator that is fitted on histories, whatever it learns from."""
        settings: dict[str, Any] = {"random_state": random_state, "params": params}
        learnt = super().estimator(self.learnt_horizon, labels=labels, **settings)
        if horizon == self.learnt_horizon:
            return learnt
        regressor = ShortHorizonRegressor(learnt, self.learnt_horizon, horizon=horizon)
        return Pipeline([("regressor", regressor)])


def learn_shorter(candidate: Candidate, horizon: str) -> Candidate:
    """Return a candidate of the same name that is fitted at a horizon of its own."""
    known = {field.name: getattr(candidate, field.name) for field in fields(candidate)}
    return _Shortened(**known, learnt_horizon=horizon)
