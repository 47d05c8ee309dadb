"""How each kind of estimator tells what a prediction is made of.

An explainer stands for one estimator. It learns once what is typical of customers, as plain
numbers and text, and afterwards splits the prediction of one row into lines whose contributions
sum to it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from clvkit.btyd import BTYDRegressor
from clvkit.model_selection import AverageRegressor
from clvkit.serving._attribution import log_mean, shapley_values
from clvkit.serving._boosting_effects import Effects, effects_of, has_effects
from clvkit.serving._feature_table import FeatureTable, holds_histories, mixtures, typical_row

__all__ = ["Explainer", "Line", "explainer_of"]

Typical = dict[str, Any]

#: What is left of a sum by rounding, relative to it.
_ROUNDING = 1e-9


class Line(NamedTuple):
    """One reason: of which part, by which term, and what it adds in the unit of the target.

    A base and the factor of a wrapper are no terms: they keep their place.
    """

    part: str
    term: str
    value: Any
    typical: Any
    effect: float
    contribution: float
    is_term: bool = True


class Explainer(ABC):
    """Explains the predictions of one fitted estimator."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    @abstractmethod
    def learn(self, X: pd.DataFrame) -> Typical:
        """Return what is typical of the rows, as numbers, text and dicts of them."""

    @abstractmethod
    def lines(self, x: pd.DataFrame, typical: Typical) -> list[Line]:
        """Split the prediction of one row; the first line is the base."""


def explainer_of(estimator: Any) -> Explainer:
    """Return the explainer of a fitted estimator from histories to spend."""
    estimator = _unwrapped(estimator)
    if isinstance(estimator, AverageRegressor):
        return _Average(estimator)
    if isinstance(estimator, BTYDRegressor):
        return _Purchases(estimator)
    if isinstance(estimator, Pipeline):
        return _Features(estimator)
    if hasattr(getattr(estimator, "estimator_", None), "predict"):
        return _Corrected(estimator)
    return _Whole(estimator)


def _unwrapped(estimator: Any) -> Any:
    """Return what an estimator hands its rows to as they are."""
    while True:
        inner = getattr(estimator, "pipeline_", getattr(estimator, "best_estimator_", None))
        if isinstance(estimator, FrozenEstimator):
            inner = estimator.estimator
        if isinstance(estimator, Pipeline) and len(estimator.steps) == 1:
            inner = estimator.steps[0][1]
        if inner is None:
            return estimator
        estimator = inner


class _Average(Explainer):
    """The members' own lines, each by the member's weight."""

    def learn(self, X: pd.DataFrame) -> Typical:
        return {name: explainer_of(member).learn(X) for name, _, _, member in self._members()}

    def lines(self, x: pd.DataFrame, typical: Typical) -> list[Line]:
        return [
            line._replace(
                part=f"{name} > {line.part}" if line.part else name,
                contribution=share * line.contribution,
            )
            for name, share, factor, member in self._members()
            for line in _with_factor(explainer_of(member).lines(x, typical[name]), factor)
        ]

    def _members(self) -> list[tuple[str, float, float, Any]]:
        """Return name, weight, factor that makes totals equal, and estimator of who has a say."""
        average = self.estimator
        names = [name for name, _ in average.estimators]
        shares = average.shares_.tolist()
        members = zip(names, shares, average.factors_, average.estimators_, strict=True)
        return [member for member in members if member[1] > 0]


def _with_factor(lines: list[Line], factor: float) -> list[Line]:
    if factor == 1.0:
        return lines
    added = (factor - 1.0) * sum(line.contribution for line in lines)
    return [*lines, Line("", "equal_totals", factor, np.nan, factor, added, is_term=False)]


class _Purchases(Explainer):
    """Three factors: being alive, purchases of who is, spend per purchase."""

    def learn(self, X: pd.DataFrame) -> Typical:
        return {str(name): float(value) for name, value in self._factors(X).median().items()}

    def lines(self, x: pd.DataFrame, typical: Typical) -> list[Line]:
        names = list(typical)
        own = self._factors(x).iloc[0].to_numpy(np.float64)
        usual = np.array([typical[name] for name in names])
        base, added = shapley_values(
            lambda mask: np.where(mask, own, usual).prod(axis=1), n_terms=len(names)
        )
        effects = np.divide(own, usual, out=np.full(len(names), np.nan), where=usual > 0)
        rows = zip(names, own.tolist(), usual.tolist(), effects.tolist(), added, strict=True)
        return [_base(base), *(Line("", *row[:-1], float(row[-1])) for row in rows)]

    def _factors(self, X: pd.DataFrame) -> pd.DataFrame:
        components = self.estimator.predict_components(X)
        alive = components["probability_alive"]
        if_alive = (components["expected_purchases"] / alive).where(alive > 0, 0.0)
        factors = {"probability_alive": alive, "purchases_if_alive": if_alive}
        return pd.DataFrame(factors | {"expected_spend": components["expected_spend"]})


class _Corrected(Explainer):
    """A wrapper that corrects what its estimator predicts, such as for a season."""

    def learn(self, X: pd.DataFrame) -> Typical:
        return explainer_of(self.estimator.estimator_).learn(self._handed_on(X))

    def lines(self, x: pd.DataFrame, typical: Typical) -> list[Line]:
        inner = explainer_of(self.estimator.estimator_).lines(self._handed_on(x), typical)
        before = sum(line.contribution for line in inner)
        after = _predict_one(self.estimator, x)
        factor = after / before if before else np.nan
        term = type(self.estimator).__name__
        return [*inner, Line("", term, factor, np.nan, factor, after - before, is_term=False)]

    def _handed_on(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what the wrapper hands to its estimator."""
        changed = getattr(self.estimator, "_handed_on", None)
        return X if changed is None else changed(X)


class _Features(Explainer):
    """A pipeline: features by what they add, exactly for LightGBM, and by Shapley values else."""

    def learn(self, X: pd.DataFrame) -> Typical:
        n_steps, output = self._cut(X)
        if holds_histories(output):
            return explainer_of(self.estimator[-1]).learn(output)
        return typical_row(FeatureTable(output, self.estimator[:n_steps]).frame)

    def lines(self, x: pd.DataFrame, typical: Typical) -> list[Line]:
        n_steps, output = self._cut(x)
        if holds_histories(output):
            return explainer_of(self.estimator[-1]).lines(output, typical)
        features = FeatureTable(output, self.estimator[:n_steps])
        if has_effects(self.estimator[-1]):
            return _boosting_lines(effects_of(self.estimator[-1], output), features.frame, typical)
        return _shapley_lines(self.estimator[n_steps:], features, typical)

    def _cut(self, X: Any) -> tuple[int, Any]:
        """Return how many steps make the features that are explained, and what they give.

        TreeSHAP explains what the trees see. Elsewhere it is the first features there are, for
        ranked or projected ones mean nothing to a reader.
        """
        steps = self.estimator.steps[:-1]
        for n_steps, (_, step) in enumerate(steps, start=1):
            X = X if step in (None, "passthrough") else step.transform(X)
            if not holds_histories(X) and not has_effects(self.estimator[-1]):
                return n_steps, X
        return len(steps), X


class _Whole(Explainer):
    """Anything else is asked for its prediction, and compared with that of the median customer."""

    def learn(self, X: pd.DataFrame) -> Typical:
        return {"prediction": float(np.median(self.estimator.predict(X)))}

    def lines(self, x: pd.DataFrame, typical: Typical) -> list[Line]:
        value, usual = _predict_one(self.estimator, x), typical["prediction"]
        effect = value / usual if usual else np.nan
        term = type(self.estimator).__name__
        return [_base(usual), Line("", term, value, usual, effect, value - usual)]


def _boosting_lines(effects: Effects, features: pd.DataFrame, typical: Typical) -> list[Line]:
    total = sum(float(part.sum()) for part in effects.parts.values())
    money = log_mean(effects.base, total) if effects.log else 1.0
    row = features.iloc[0]
    bounds = Line("", "(bounds)", np.nan, np.nan, np.nan, effects.bounds, is_term=False)
    return [
        _base(effects.base),
        *(
            Line(
                part,
                str(name),
                row.iloc[i],
                typical[str(name)],
                float(np.exp(of_feature[i])) if effects.log else np.nan,
                float(money * of_feature[i]),
            )
            for part, of_feature in effects.parts.items()
            for i, name in enumerate(features.columns)
        ),
        *([bounds] if abs(effects.bounds) > _ROUNDING * abs(effects.base) else []),
    ]


def _shapley_lines(rest: Pipeline, features: FeatureTable, typical: Typical) -> list[Line]:
    frame = features.frame
    row = frame.iloc[0]
    usual = [typical[str(name)] for name in frame.columns]
    # What is as usual adds nothing; leaving it out makes the others exact sooner.
    moved = [i for i in range(len(usual)) if not _same(row.iloc[i], usual[i])]

    def predict(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        everywhere = np.zeros((len(mask), len(usual)), dtype=bool)
        everywhere[:, moved] = mask
        mixed = mixtures(frame, typical, everywhere)
        return np.asarray(rest.predict(features.like_output(mixed)), dtype=np.float64)

    base, values = shapley_values(predict, len(moved))
    added = np.zeros(len(usual))
    added[moved] = values
    return [
        _base(base),
        *(
            Line("", str(name), row.iloc[i], usual[i], np.nan, float(added[i]))
            for i, name in enumerate(frame.columns)
        ),
    ]


def _same(value: Any, other: Any) -> bool:
    return bool(value == other) or (pd.isna(value) and pd.isna(other))


def _base(value: float) -> Line:
    return Line("", "base", np.nan, np.nan, np.nan, value, is_term=False)


def _predict_one(estimator: Any, x: pd.DataFrame) -> float:
    return float(np.asarray(estimator.predict(x), dtype=np.float64)[0])
