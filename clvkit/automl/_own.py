"""A user's own estimators as candidates."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from clvkit.baselines import HistoricalRate, LastPeriod
from clvkit.btyd import BTYDRegressor, ContractualCLVRegressor
from clvkit.calibration import ConformalInterval, SeasonCalibration, TotalCalibration
from clvkit.model_selection import AverageRegressor

__all__ = ["OwnBuilder", "needs_no_labels"]


_WITHOUT_LABELS = (BTYDRegressor, ContractualCLVRegressor, HistoricalRate, LastPeriod)
_AROUND = (SeasonCalibration, TotalCalibration, ConformalInterval)


class OwnBuilder:
    """Builds clones of an estimator, for the horizon and with the seed of the search.

    A class and no function inside a function, so that it can be pickled.

    Parameters
    ----------
    estimator : estimator
        From histories to spend.
    """

    def __init__(self, estimator: BaseEstimator) -> None:
        self.estimator = estimator

    def __call__(self, horizon: str, random_state: int | None) -> Any:
        """Return a clone.

        A horizon that was fixed is replaced: in a short log the search validates at another one
        than the champion will predict. A ``random_state`` that was left open gets the seed.
        """
        estimator = clone(self.estimator)
        found = estimator.get_params(deep=True)
        wanted = {key: horizon for key, value in found.items() if _is(key, "horizon") and value}
        wanted |= {
            key: random_state
            for key, value in found.items()
            if _is(key, "random_state") and value is None
        }
        return estimator.set_params(**wanted)


def needs_no_labels(estimator: Any) -> bool:
    """Whether an estimator, or the last step of a pipeline, learns without labels.

    What is put around an estimator, or several, needs labels where one of these does.
    """
    last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    if isinstance(last, _AROUND):
        return needs_no_labels(last.estimator)
    if isinstance(last, AverageRegressor):
        return all(needs_no_labels(part) for _, part in last.estimators)
    return isinstance(last, _WITHOUT_LABELS)


def _is(key: str, name: str) -> bool:
    return key == name or key.endswith(f"__{name}")
