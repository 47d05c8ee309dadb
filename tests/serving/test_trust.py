import importlib
import inspect
import pkgutil

import numpy as np
import pandas as pd
import pytest
import skops.io
from lightgbm import LGBMRegressor
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    PoissonRegressor,
    Ridge,
    TweedieRegressor,
)
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    PolynomialFeatures,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

import clvkit
from clvkit.serving._trust import TRUSTED_TYPES, cached, untrusted

#: The search is no part of a served model (its study cannot be stored, and the model needs none),
#: and nothing is an instance of the base class.
NOT_SERVED = {
    "clvkit.automl._auto_clv.AutoCLV",
    "clvkit.features._base.BaseHistoryTransformer",
}


def public_estimators():
    """Return the qualified names of all estimators that a public package of clvkit exports."""
    names = set()
    for info in pkgutil.iter_modules(clvkit.__path__, "clvkit."):
        module = importlib.import_module(info.name)
        for name in getattr(module, "__all__", []):
            found = getattr(module, name)
            if inspect.isclass(found) and issubclass(found, BaseEstimator):
                names.add(f"{found.__module__}.{found.__name__}")
    return names


def test_every_public_estimator_is_trusted():
    assert public_estimators() - NOT_SERVED - set(TRUSTED_TYPES) == set()


@pytest.mark.parametrize("name", TRUSTED_TYPES)
def test_the_list_names_what_exists(name):
    module, attribute = name.rsplit(".", 1)
    assert inspect.isclass(getattr(importlib.import_module(module), attribute))


def test_nothing_on_the_list_runs_commands():
    packages = ("clvkit.", "collections.", "lightgbm.", "numpy.", "sklearn.")
    assert all(name.startswith(packages) for name in TRUSTED_TYPES)


# --- plain scikit-learn ----------------------------------------------------------------------

TREE = DecisionTreeRegressor(max_depth=3, random_state=0)
LOG1P = {"func": np.log1p, "inverse_func": np.expm1}
COLUMNS = [("a", StandardScaler(), ["a", "b"]), ("b", "passthrough", ["c"])]
REGRESSORS = [
    LinearRegression(),
    Ridge(),
    Lasso(),
    ElasticNet(),
    TweedieRegressor(),
    TweedieRegressor(power=1.5),
    PoissonRegressor(),
    TREE,
    RandomForestRegressor(3, random_state=0),
    ExtraTreesRegressor(3, random_state=0),
    GradientBoostingRegressor(n_estimators=3),
    GradientBoostingRegressor(n_estimators=3, loss="huber"),
    HistGradientBoostingRegressor(max_iter=3),
    HistGradientBoostingRegressor(max_iter=3, loss="poisson"),
    HistGradientBoostingRegressor(max_iter=3, loss="gamma"),
    KNeighborsRegressor(),
    KNeighborsRegressor(p=1),
    KNeighborsRegressor(p=3, algorithm="ball_tree", weights="distance"),
    KNeighborsRegressor(metric="chebyshev"),
    SVR(),
    MLPRegressor(hidden_layer_sizes=(4,), max_iter=5, solver="lbfgs", random_state=0, tol=10.0),
    MLPRegressor(hidden_layer_sizes=(4,), early_stopping=True, random_state=0, tol=1e6),
    MLPRegressor(
        hidden_layer_sizes=(4,), early_stopping=True, random_state=0, tol=1e6, solver="sgd"
    ),
    TransformedTargetRegressor(Ridge(), transformer=StandardScaler()),
    TransformedTargetRegressor(Ridge(), **LOG1P),
    VotingRegressor([("line", Ridge()), ("tree", TREE)]),
    StackingRegressor([("line", Ridge()), ("tree", TREE)]),
    LGBMRegressor(n_estimators=3, n_jobs=1, verbose=-1),
]
TRANSFORMERS = [
    SimpleImputer(),
    SimpleImputer(strategy="median", add_indicator=True),
    StandardScaler(),
    QuantileTransformer(n_quantiles=10),
    PolynomialFeatures(),
    FunctionTransformer(np.log1p),
    ColumnTransformer(COLUMNS),
    ColumnTransformer([("a", StandardScaler(), make_column_selector("a|b"))]),
    FeatureUnion([("a", StandardScaler()), ("b", SimpleImputer())]),
]


@pytest.mark.parametrize(
    "estimator",
    [*REGRESSORS, *(make_pipeline(step, Ridge()) for step in TRANSFORMERS)],
    ids=lambda estimator: "".join(str(estimator).split())[:70],
)
def test_what_is_common_in_scikit_learn_can_be_stored_and_comes_back(estimator):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.gamma(1.0, size=(120, 4)), columns=list("abcd"))
    y = X.to_numpy().sum(axis=1) + rng.random(120)
    fitted = clone(estimator).fit(X, y)
    data = skops.io.dumps(fitted)
    assert untrusted(skops.io.get_untrusted_types(data=data)) == []
    loaded = skops.io.loads(data, trusted=list(TRUSTED_TYPES))
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))


def test_functions_of_ones_own_stay_off_the_list():
    data = skops.io.dumps(FunctionTransformer(untrusted))
    assert untrusted(skops.io.get_untrusted_types(data=data)) == ["clvkit.serving._trust.untrusted"]


def test_untrusted_keeps_what_is_off_the_list():
    asked = ["os.system", "collections.OrderedDict", "builtins.eval"]
    assert untrusted(asked) == ["builtins.eval", "os.system"]


def in_an_array(estimator):
    held = np.empty(1, dtype=object)
    held[0] = estimator
    return SimpleImputer(fill_value=held)


@pytest.mark.parametrize(
    "inside",
    [
        lambda estimator: estimator,
        lambda estimator: TransformedTargetRegressor(estimator),
        lambda estimator: VotingRegressor([("a", Ridge()), ("b", estimator)]),
        lambda estimator: FunctionTransformer(kw_args={"a": ({"b": [estimator]},)}),
        in_an_array,
    ],
    ids=["itself", "parameter", "step", "nested", "array"],
)
def test_a_cache_is_found_wherever_it_is(inside):
    cache = make_pipeline(StandardScaler(), Ridge(), memory="a-folder")
    assert cached(inside(cache)) == ["Pipeline"]
    assert cached(inside(cache.set_params(memory=None))) == []


def test_a_thing_that_holds_itself_is_looked_at_once():
    held = {"memory": "no estimator"}
    held["itself"] = held
    assert cached(FunctionTransformer(kw_args=held)) == []
