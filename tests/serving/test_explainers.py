"""Every kind of estimator: the lines sum to the prediction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from clvkit.automl.candidates import all_candidates
from clvkit.baselines import HistoricalRate
from clvkit.boosting import (
    HurdleLGBMRegressor,
    QuantileLGBMRegressor,
    TweedieLGBMRegressor,
    ZILNLGBMRegressor,
)
from clvkit.btyd import BTYDRegressor
from clvkit.calibration import SeasonCalibration, TotalCalibration
from clvkit.features import CovariateEncoder, RFMFeatures
from clvkit.features._default_features import HistoryColumn
from clvkit.model_selection import AverageRegressor, SnapshotRegressor, SpendRegressor
from clvkit.serving._explainers import explainer_of

NAMED = {candidate.name: candidate for candidate in all_candidates()}


def snapshots(*steps):
    return SnapshotRegressor(make_pipeline(*steps), horizon="13W", n_snapshots=2)


def boosted(regressor):
    return snapshots(RFMFeatures(), regressor)


def average(equal_totals=False):
    parts = [
        ("boosting", boosted(HurdleLGBMRegressor(n_estimators=20))),
        ("bg_nbd", BTYDRegressor(horizon="13W")),
        ("silent", HistoricalRate(horizon="13W")),
    ]
    return AverageRegressor(parts, weights=[3.0, 1.0, 0.0], equal_totals=equal_totals)


class Doubled(RegressorMixin, BaseEstimator):
    """A wrapper that doubles."""

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y=None):
        self.estimator_ = self.estimator.fit(X, y)
        return self

    def predict(self, X):
        return 2 * self.estimator_.predict(X)


ESTIMATORS = {
    "tweedie": lambda: boosted(TweedieLGBMRegressor(n_estimators=20)),
    "hurdle": lambda: boosted(HurdleLGBMRegressor(n_estimators=20)),
    "ziln": lambda: boosted(ZILNLGBMRegressor(n_estimators=20)),
    "quantile": lambda: boosted(QuantileLGBMRegressor(quantile=0.9, n_estimators=20)),
    "imputed boosting": lambda: snapshots(
        RFMFeatures(), SimpleImputer(), TweedieLGBMRegressor(n_estimators=20)
    ),
    "linear": lambda: snapshots(
        RFMFeatures(), SimpleImputer(), StandardScaler(), SpendRegressor(Ridge(), log=True)
    ),
    "btyd": lambda: BTYDRegressor(horizon="13W"),
    "btyd in a pipeline": lambda: Pipeline([("regressor", BTYDRegressor(horizon="13W"))]),
    "behind histories": lambda: make_pipeline(
        FunctionTransformer(lambda X: X), BTYDRegressor(horizon="13W")
    ),
    "average": average,
    "average of equal totals": lambda: average(equal_totals=True),
    "calibrated total": lambda: TotalCalibration(average(equal_totals=True), horizon="13W"),
    "wrapper": lambda: Doubled(boosted(TweedieLGBMRegressor(n_estimators=20))),
    "wrapper of an average": lambda: Doubled(average()),
    "baseline": lambda: HistoricalRate(horizon="13W"),
    "population mean": lambda: NAMED["population_mean"].estimator("13W"),
}


@pytest.fixture(scope="module", params=ESTIMATORS)
def fitted(request, X):
    return ESTIMATORS[request.param]().fit(X)


def test_contributions_sum_to_the_prediction(fitted, X):
    explainer = explainer_of(fitted)
    typical = explainer.learn(X)
    for i in (0, 17, 303, 588):
        row = X.iloc[[i]]
        lines = explainer.lines(row, typical)
        total = sum(line.contribution for line in lines)
        assert total == pytest.approx(fitted.predict(row)[0], rel=1e-9)
        assert lines[0].term == "base"
        again = explainer_of(fitted).lines(row, typical)
        assert [line.contribution for line in again] == [line.contribution for line in lines]


@pytest.mark.parametrize("name", ["tweedie", "hurdle", "ziln", "btyd", "baseline", "wrapper"])
def test_effects_multiply_to_the_prediction(name, X):
    model = ESTIMATORS[name]().fit(X)
    explainer = explainer_of(model)
    row = X.iloc[[17]]
    base, *others = explainer.lines(row, explainer.learn(X))
    product = base.contribution * np.prod([line.effect for line in others])
    assert product == pytest.approx(model.predict(row)[0], rel=1e-9)


def test_values_and_what_is_typical(X):
    model = ESTIMATORS["tweedie"]().fit(X)
    transformer = model.pipeline_[:-1]
    features = pd.DataFrame(transformer.transform(X), columns=transformer.get_feature_names_out())
    explainer = explainer_of(model)
    lines = {line.term: line for line in explainer.lines(X.iloc[[17]], explainer.learn(X))}
    assert set(lines) == {"base", *features.columns}
    for name, column in features.items():
        assert lines[name].value == pytest.approx(column[17], nan_ok=True)
        assert lines[name].typical == pytest.approx(column.median(), nan_ok=True)


def test_a_purchase_model_compares_with_the_median_of_each_component(X):
    model = ESTIMATORS["btyd"]().fit(X)
    components = model.predict_components(X)
    explainer = explainer_of(model)
    typical = explainer.learn(X)
    lines = {line.term: line for line in explainer.lines(X.iloc[[17]], typical)}
    alive = lines["probability_alive"]
    assert alive.value == components["probability_alive"].iloc[17]
    assert alive.typical == components["probability_alive"].median()
    purchases = alive.value * lines["purchases_if_alive"].value
    assert purchases == pytest.approx(components["expected_purchases"].iloc[17])
    assert lines["expected_spend"].typical == components["expected_spend"].median()
    assert lines["base"].contribution == pytest.approx(np.prod(list(typical.values())))


def test_members_of_an_average_that_count(X):
    model = average().fit(X)
    explainer = explainer_of(model)
    lines = explainer.lines(X.iloc[[17]], explainer.learn(X))
    parts = {line.part for line in lines}
    assert parts == {
        "boosting", "boosting > probability_active", "boosting > conditional_spend", "bg_nbd",
    }  # fmt: skip
    of_btyd = sum(line.contribution for line in lines if line.part == "bg_nbd")
    btyd = BTYDRegressor(horizon="13W").fit(X)
    assert of_btyd == pytest.approx(btyd.predict(X.iloc[[17]])[0] / 4)


def test_the_factors_of_equal_totals_are_lines_of_the_members(X):
    model = average(equal_totals=True).fit(X)
    explainer = explainer_of(model)
    lines = explainer.lines(X.iloc[[17]], explainer.learn(X))
    factors = {line.part: line.effect for line in lines if line.term == "equal_totals"}
    assert factors == dict(zip(["boosting", "bg_nbd"], model.factors_, strict=False))


def test_the_factor_of_a_calibration_is_the_last_line(X):
    model = SeasonCalibration(BTYDRegressor(horizon="13W")).fit(X)
    assert model.factor_ != 1
    explainer = explainer_of(model)
    *inner, last = explainer.lines(X.iloc[[17]], explainer.learn(X))
    before = sum(line.contribution for line in inner)
    assert (last.term, last.effect) == ("SeasonCalibration", pytest.approx(model.factor_))
    assert last.value == last.effect
    assert last.contribution == pytest.approx(before * (model.factor_ - 1))


def test_categories_and_text_beside_the_history(X):
    """Features may be a frame with columns that are no numbers."""
    some = X.iloc[:200].assign(country=np.where(np.arange(200) % 3 == 0, "se", "no"))
    columns = ColumnTransformer(
        [("history", RFMFeatures(), HistoryColumn())], remainder="passthrough"
    ).set_output(transform="pandas")

    def numbers(frame):
        return frame.assign(remainder__country=frame["remainder__country"] == "se")

    pipeline = make_pipeline(columns, FunctionTransformer(numbers), SimpleImputer(), Ridge())
    model = SnapshotRegressor(pipeline, horizon="13W", n_snapshots=1).fit(some)
    explainer = explainer_of(model)
    typical = explainer.learn(some)
    assert typical["remainder__country"] == "no"
    lines = {line.term: line for line in explainer.lines(some.iloc[[0]], typical)}
    assert lines["remainder__country"].value == "se"
    assert lines["remainder__country"].contribution != 0
    total = sum(line.contribution for line in lines.values())
    assert total == pytest.approx(model.predict(some.iloc[[0]])[0])


def test_encoded_covariates_keep_their_name(X):
    some = X.assign(age=np.arange(len(X)) % 50)
    columns = ColumnTransformer(
        [("history", RFMFeatures(), HistoryColumn())],
        remainder=CovariateEncoder(),
        verbose_feature_names_out=False,
    )
    model = snapshots(columns, TweedieLGBMRegressor(n_estimators=5)).fit(some)
    explainer = explainer_of(model)
    terms = {line.term: line for line in explainer.lines(some.iloc[[3]], explainer.learn(some))}
    assert terms["age"].value == 3
    assert terms["age"].typical == 24.0


def test_a_frozen_estimator_is_looked_into(X):
    model = FrozenEstimator(BTYDRegressor(horizon="13W").fit(X))
    explainer = explainer_of(model)
    assert "probability_alive" in explainer.learn(X)


@pytest.mark.parametrize("name", ["hybrid_average", "tweedie", "bg_nbd", "historical_rate"])
def test_candidates_of_a_search(name, X):
    model = NAMED[name].estimator("13W", random_state=0).fit(X)
    explainer = explainer_of(model)
    lines = explainer.lines(X.iloc[[17]], explainer.learn(X))
    total = sum(line.contribution for line in lines)
    assert total == pytest.approx(model.predict(X.iloc[[17]])[0])
