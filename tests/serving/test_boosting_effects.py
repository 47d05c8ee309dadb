"""The effects of features reproduce the prediction, through whatever link and bound."""

from __future__ import annotations

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from clvkit.boosting import (
    HurdleLGBMRegressor,
    QuantileLGBMRegressor,
    TweedieLGBMRegressor,
    ZILNLGBMRegressor,
)
from clvkit.serving._boosting_effects import effects_of, has_effects


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.gamma(2, size=(1500, 3)), columns=["a", "b", "noise"])
    spends = rng.random(1500) < 1 / (1 + np.exp(2 - X["a"]))
    y = np.where(spends, rng.lognormal(2 + 0.4 * X["b"], 0.5 + 0.2 * X["b"]), 0)
    return X, y


def plain(objective):
    return lightgbm.LGBMRegressor(objective=objective, n_estimators=20, verbose=-1, n_jobs=1)


MODELS = {
    "tweedie": TweedieLGBMRegressor(n_estimators=30),
    "offset": TweedieLGBMRegressor(n_estimators=30, offset="b"),
    "hurdle": HurdleLGBMRegressor(n_estimators=30),
    "ziln": ZILNLGBMRegressor(n_estimators=30),
    "capped": ZILNLGBMRegressor(n_estimators=30, max_spend=25.0),
    "quantile": QuantileLGBMRegressor(quantile=0.9, quantiles=[0.85, 0.9, 0.95], n_estimators=30),
    "squares": plain("regression"),
    "poisson": plain("poisson"),
}


def reproduced(effects):
    total = sum(part.sum() for part in effects.parts.values())
    return effects.base * np.exp(total) if effects.log else effects.base + total + effects.bounds


@pytest.mark.parametrize("name", MODELS)
def test_effects_reproduce_the_prediction(samples, name):
    X, y = samples
    model = MODELS[name].fit(X, y)
    assert has_effects(model)
    for i in range(0, 1500, 50):
        effects = effects_of(model, X.iloc[[i]])
        assert reproduced(effects) == pytest.approx(model.predict(X.iloc[[i]])[0], rel=1e-9)


def test_parts_are_moved_by_what_makes_them(samples):
    X, y = samples
    for name in ("hurdle", "ziln"):
        parts = effects_of(MODELS[name].fit(X, y), X.iloc[[X["a"].argmax()]]).parts
        assert np.argmax(parts["probability_active"]) == 0
        most = [effects_of(MODELS[name], X.iloc[[i]]).parts for i in (X["b"].argmax(),)]
        second = "conditional_spend" if name == "hurdle" else "mean of log spend"
        assert np.argmax(most[0][second]) == 1


@pytest.mark.parametrize("name", ["tweedie", "hurdle", "ziln", "capped"])
def test_where_nobody_spends_nothing_is_added(samples, name):
    X, _ = samples
    model = MODELS[name].fit(X, np.zeros(len(X)))
    effects = effects_of(model, X.iloc[[0]])
    assert effects.base == 0
    assert all(np.isfinite(part).all() for part in effects.parts.values())


def test_who_has_no_exact_effects(samples):
    X, y = samples
    own = lightgbm.LGBMRegressor(
        objective=lambda y, p: (p - y, np.ones_like(y)), n_estimators=3, verbose=-1
    )
    assert not has_effects(own.fit(X, y))
    assert not has_effects(Ridge().fit(X, y))
    assert not has_effects(lightgbm.LGBMRegressor())
