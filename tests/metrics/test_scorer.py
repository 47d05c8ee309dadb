import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from clvkit import metrics
from clvkit.errors import ClvkitError, NoComponentsError, UnknownNameError
from clvkit.metrics import churn_brier, get_clv_scorer, get_clv_scorer_names, mae

LOSSES = ["decile_calibration_error", "rmse", "mae", "mape_buyers"]
GAINS = ["d2_tweedie", "normalized_gini", "top_share_capture", "churn_auc"]


class Sigmoid(RegressorMixin, BaseEstimator):
    """A regressor with components, the probability a function of the first column."""

    def fit(self, X, y):
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X):
        return self.mean_ * self.predict_components(X)["probability_active"].to_numpy()

    def predict_components(self, X):
        return pd.DataFrame({"probability_active": 1 / (1 + np.exp(-np.asarray(X)[:, 0]))})


@pytest.fixture
def data(spend):
    y, pred = spend
    return np.c_[pred, np.arange(len(y))], y


def test_names_are_function_names():
    assert sorted(get_clv_scorer_names()) == sorted([*LOSSES, *GAINS, "total_bias", "churn_brier"])
    for name in get_clv_scorer_names():
        assert callable(getattr(metrics, name))


@pytest.mark.parametrize("name", GAINS)
def test_gains_keep_their_sign(data, name):
    X, y = data
    model = LinearRegression(positive=True).fit(X, y)
    assert get_clv_scorer(name)(model, X, y) == getattr(metrics, name)(y, model.predict(X))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("prefix", ["", "neg_"])
def test_losses_are_negated(data, name, prefix):
    X, y = data
    model = LinearRegression().fit(X, y)
    loss = getattr(metrics, name)(y, model.predict(X))
    assert loss > 0
    assert get_clv_scorer(prefix + name)(model, X, y) == -loss


@pytest.mark.parametrize("constant", [1.0, 400.0], ids=["too low", "too high"])
def test_bias_scores_by_its_size(data, constant):
    X, y = data
    model = DummyRegressor(strategy="constant", constant=constant).fit(X, y)
    bias = metrics.total_bias(y, model.predict(X))
    assert get_clv_scorer("total_bias")(model, X, y) == -abs(bias)
    assert get_clv_scorer("neg_total_bias")(model, X, y) == -abs(bias)


def test_weights_are_passed_on(data):
    X, y = data
    weight = np.random.default_rng(0).random(len(y))
    for name in get_clv_scorer_names():
        model = Sigmoid().fit(X, y)
        plain = get_clv_scorer(name)(model, X, y)
        assert get_clv_scorer(name)(model, X, y, sample_weight=weight) != plain


@pytest.mark.parametrize(
    ("model", "scaled"),
    [
        pytest.param(Sigmoid(), False, id="plain"),
        pytest.param(make_pipeline(Sigmoid()), False, id="one step"),
        pytest.param(make_pipeline(StandardScaler(), "passthrough", Sigmoid()), True, id="steps"),
        pytest.param(
            make_pipeline(FunctionTransformer(), make_pipeline(StandardScaler(), Sigmoid())),
            True,
            id="nested",
        ),
    ],
)
def test_brier_asks_for_the_components(data, model, scaled):
    X, y = data
    seen = StandardScaler().fit_transform(X) if scaled else X
    expected = -churn_brier(y, 1 / (1 + np.exp(-seen[:, 0])))
    for name in ("churn_brier", "neg_churn_brier"):
        assert get_clv_scorer(name)(model.fit(X, y), X, y) == pytest.approx(expected)


def test_brier_of_a_model_without_components_says_what_to_use(data):
    X, y = data
    pipeline = make_pipeline(StandardScaler(), LinearRegression()).fit(X, y)
    message = r"LinearRegression has no predict_components.*churn_auc"
    with pytest.raises(NoComponentsError, match=message) as caught:
        get_clv_scorer("churn_brier")(pipeline, X, y)
    # What scikit-learn raises where an estimator lacks a method.
    assert isinstance(caught.value, ClvkitError)
    assert isinstance(caught.value, AttributeError)


class StandIn:
    """What a search may put before a scorer; its name must not be blamed."""

    def __init__(self, table):
        self.table = table

    def predict_components(self, X):
        return self.table


@pytest.mark.parametrize(
    "table",
    [
        {},
        pd.DataFrame({"expected_spend": [1.0, 2.0]}),
        pd.DataFrame({"probability_active": [np.nan, np.nan]}),
    ],
    ids=["nothing", "other components", "cannot tell"],
)
def test_brier_does_not_blame_a_stand_in(table):
    with pytest.raises(NoComponentsError, match="are without it") as caught:
        get_clv_scorer("churn_brier")(StandIn(table), None, [0.0, 1.0])
    assert "StandIn" not in str(caught.value)


class OwnPipeline(RegressorMixin, BaseEstimator):
    """A meta-estimator that keeps what it fitted, and hides all but predict."""

    def fit(self, X, y):
        self.pipeline_ = make_pipeline(StandardScaler(), Sigmoid()).fit(X, y)
        return self

    def predict(self, X):
        return self.pipeline_.predict(X)


class OwnComponents(OwnPipeline):
    def predict_components(self, X):
        return pd.DataFrame({"probability_active": np.full(len(X), 0.25)})


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(OwnPipeline(), id="meta-estimator"),
        pytest.param(GridSearchCV(OwnPipeline(), {}, cv=2), id="search of a meta-estimator"),
        pytest.param(
            GridSearchCV(make_pipeline(StandardScaler(), Sigmoid()), {}, cv=2), id="search"
        ),
        pytest.param(
            make_pipeline(StandardScaler(), GridSearchCV(Sigmoid(), {}, cv=2)), id="search inside"
        ),
    ],
)
def test_brier_asks_the_fitted_estimator_inside(data, model):
    X, y = data
    expected = -churn_brier(y, 1 / (1 + np.exp(-StandardScaler().fit_transform(X)[:, 0])))
    assert get_clv_scorer("churn_brier")(model.fit(X, y), X, y) == pytest.approx(expected)


def test_brier_prefers_the_estimators_own_components(data):
    X, y = data
    expected = -churn_brier(y, np.full(len(y), 0.25))
    assert get_clv_scorer("churn_brier")(OwnComponents().fit(X, y), X, y) == expected


def test_brier_of_a_search_without_components_names_the_model_searched(data):
    X, y = data
    search = GridSearchCV(LinearRegression(), {}, cv=2).fit(X, y)
    with pytest.raises(NoComponentsError, match="LinearRegression has no predict_components"):
        get_clv_scorer("churn_brier")(search, X, y)


@pytest.mark.parametrize("name", get_clv_scorer_names())
def test_scorers_work_inside_scikit_learn_and_pickle(data, name):
    X, y = data
    scorer = pickle.loads(pickle.dumps(get_clv_scorer(name)))
    model = Sigmoid().fit(X, y)
    assert scorer(model, X, y) == get_clv_scorer(name)(model, X, y)
    result = cross_validate(Sigmoid(), X, y, scoring={name: scorer}, cv=3, error_score="raise")
    assert np.isfinite(result[f"test_{name}"]).all()


def test_grid_search_takes_a_scorer_in_processes(data):
    X, y = data
    grid = {"constant": [float(y.mean()), 5 * float(y.mean())], "strategy": ["constant"]}
    search = GridSearchCV(
        DummyRegressor(), grid, scoring=get_clv_scorer("d2_tweedie"), cv=2, n_jobs=2
    ).fit(X, y)
    assert search.best_params_["constant"] == y.mean()


def test_callables_pass_through():
    scorer = get_scorer("r2")
    assert get_clv_scorer(scorer) is scorer
    assert get_clv_scorer(get_clv_scorer("mae")) is get_clv_scorer("mae")


def test_the_names_of_scikit_learn_are_known_and_ours_come_first(data):
    X, y = data
    model = DummyRegressor().fit(X, y)
    for name in ("r2", "neg_root_mean_squared_error"):
        assert get_clv_scorer(name)(model, X, y) == get_scorer(name)(model, X, y)
    assert get_clv_scorer("mae")(model, X, y) == -mae(y, model.predict(X))


@pytest.mark.parametrize(
    ("name", "close"),
    [("d2_tweedy", "d2_tweedie"), ("neg_rsme", "neg_rmse"), ("normalised_gini", "normalized_gini")],
)
def test_unknown_names_get_the_close_match_and_the_list(name, close):
    with pytest.raises(UnknownNameError, match=f"{name}.*Did you mean '{close}'.*churn_brier"):
        get_clv_scorer(name)


@pytest.mark.parametrize("name", ["zzz", None, 3], ids=["far", "none", "number"])
def test_names_without_a_close_match_get_the_list(name):
    with pytest.raises(UnknownNameError, match=r"is not known\. The names are d2_tweedie"):
        get_clv_scorer(name)
