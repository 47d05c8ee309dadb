"""Pipelines of scikit-learn's own regressors, made fit for spend, and their search spaces.

Rows and features are what they are: skewed, with missing values, in any unit. So columns are
ranked before regressors that mind (linear ones, support vectors, networks), and the target's
logarithm is fitted where squared errors would follow a few large customers. Regressors whose cost
grows faster than the rows are given customers drawn at random.
"""

from __future__ import annotations

from typing import Any

from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge, TweedieRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from sklearn.svm import LinearSVR
from sklearn.tree import DecisionTreeRegressor

from clvkit.features import default_features
from clvkit.model_selection import SnapshotRegressor, SpendRegressor

__all__ = [
    "decision_tree",
    "decision_tree_space",
    "hist_boosting",
    "hist_boosting_space",
    "mlp",
    "mlp_space",
    "random_forest",
    "random_forest_space",
    "ridge",
    "ridge_space",
    "svr",
    "svr_space",
    "tweedie_glm",
    "tweedie_glm_space",
]

Params = dict[str, Any]


def ridge(horizon: str, random_state: int | None, alpha: float = 100.0) -> Pipeline:
    """Return a linear model of the logarithm of spend."""
    return _ranked(SpendRegressor(Ridge(alpha=alpha), log=True), random_state)


def ridge_space(trial: Any) -> Params:
    """Suggest a penalty."""
    return {"alpha": trial.suggest_float("alpha", 1.0, 1e5, log=True)}


def tweedie_glm(
    horizon: str, random_state: int | None, alpha: float = 0.1, power: float = 1.5
) -> Pipeline:
    """Return a generalised linear model with the Tweedie deviance and a log link."""
    glm = TweedieRegressor(power=power, alpha=alpha, link="log", solver="newton-cholesky")
    return _ranked(SpendRegressor(glm), random_state)


def tweedie_glm_space(trial: Any) -> Params:
    """Suggest a penalty and a variance power."""
    return {
        "alpha": trial.suggest_float("alpha", 1e-3, 10.0, log=True),
        "power": trial.suggest_float("power", 1.1, 1.8),
    }


def decision_tree(
    horizon: str, random_state: int | None, min_samples_leaf: int = 200, max_depth: int = 8
) -> Pipeline:
    """Return one tree."""
    tree = DecisionTreeRegressor(
        min_samples_leaf=min_samples_leaf, max_depth=max_depth, random_state=random_state
    )
    return _imputed(SpendRegressor(tree))


def decision_tree_space(trial: Any) -> Params:
    """Suggest a size."""
    return {
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 20, 1000, log=True),
        "max_depth": trial.suggest_int("max_depth", 2, 12),
    }


def random_forest(
    horizon: str,
    random_state: int | None,
    min_samples_leaf: int = 50,
    max_features: float = 0.33,
) -> SnapshotRegressor:
    """Return a forest, on at most 20,000 rows."""
    forest = RandomForestRegressor(
        n_estimators=100,
        min_samples_leaf=min_samples_leaf,
        max_features=max_features,
        random_state=random_state,
    )
    return _limited(_imputed(SpendRegressor(forest)), 20_000, random_state)


def random_forest_space(trial: Any) -> Params:
    """Suggest a size of the leaves and a share of the features."""
    return {
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 10, 300, log=True),
        "max_features": trial.suggest_float("max_features", 0.1, 1.0),
    }


def hist_boosting(
    horizon: str,
    random_state: int | None,
    max_iter: int = 100,
    learning_rate: float = 0.05,
    max_leaf_nodes: int = 6,
) -> Pipeline:
    """Return scikit-learn's own boosting with the Poisson deviance, which keeps the total."""
    boosting = HistGradientBoostingRegressor(
        loss="poisson",
        max_iter=max_iter,
        learning_rate=learning_rate,
        max_leaf_nodes=max_leaf_nodes,
        min_samples_leaf=50,
        l2_regularization=10.0,
        early_stopping=False,
        random_state=random_state,
    )
    return Pipeline([("features", default_features()), ("regressor", SpendRegressor(boosting))])


def hist_boosting_space(trial: Any) -> Params:
    """Suggest rounds, shrinkage and leaves."""
    return {
        "max_iter": trial.suggest_int("max_iter", 40, 400, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.15, log=True),
        "max_leaf_nodes": trial.suggest_int("max_leaf_nodes", 3, 24, log=True),
    }


def svr(
    horizon: str, random_state: int | None, C: float = 0.1, gamma: float = 0.01
) -> SnapshotRegressor:
    """Return a support vector machine of the logarithm of spend, on at most 20,000 rows.

    With squared losses: the usual ones estimate a median, which is 0 where most spend nothing.
    Its kernel is approximated at 100 rows, so that the cost grows with the rows and not faster.
    """
    kernel = Nystroem(gamma=gamma, n_components=100, random_state=random_state)
    machine = LinearSVR(
        C=C, loss="squared_epsilon_insensitive", dual=False, random_state=random_state
    )
    pipeline = _ranked(SpendRegressor(machine, log=True), random_state)
    steps = [*pipeline.steps[:-1], ("kernel", kernel), pipeline.steps[-1]]
    return _limited(Pipeline(steps), 20_000, random_state)


def svr_space(trial: Any) -> Params:
    """Suggest a penalty and a width of the kernel."""
    return {
        "C": trial.suggest_float("C", 1e-3, 10.0, log=True),
        "gamma": trial.suggest_float("gamma", 1e-3, 0.1, log=True),
    }


def mlp(
    horizon: str, random_state: int | None, n_units: int = 16, alpha: float = 1.0
) -> SnapshotRegressor:
    """Return a network of one layer for the logarithm of spend, on at most 20,000 rows."""
    network = MLPRegressor(
        hidden_layer_sizes=(n_units,),
        alpha=alpha,
        early_stopping=True,
        max_iter=100,
        random_state=random_state,
    )
    pipeline = _ranked(SpendRegressor(network, log=True), random_state)
    return _limited(pipeline, 20_000, random_state)


def mlp_space(trial: Any) -> Params:
    """Suggest a width and a penalty."""
    return {
        "n_units": trial.suggest_int("n_units", 4, 64, log=True),
        "alpha": trial.suggest_float("alpha", 1e-3, 100.0, log=True),
    }


def _imputed(regressor: Any) -> Pipeline:
    """Put in the median for what is missing; a column without values stays, as zeros."""
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    return Pipeline(
        [("features", default_features()), ("impute", imputer), ("regressor", regressor)]
    )


def _ranked(regressor: Any, random_state: int | None) -> Pipeline:
    """Impute, and turn each column into its ranks: no unit, no tail, nothing beyond the ends."""
    ranks = QuantileTransformer(n_quantiles=100, random_state=random_state)
    pipeline = _imputed(regressor)
    steps = [("ranks", ranks), ("scale", StandardScaler())]
    return Pipeline([*pipeline.steps[:-1], *steps, pipeline.steps[-1]])


def _limited(pipeline: Pipeline, max_rows: int, random_state: int | None) -> SnapshotRegressor:
    return SnapshotRegressor(pipeline, max_rows=max_rows, random_state=random_state)
