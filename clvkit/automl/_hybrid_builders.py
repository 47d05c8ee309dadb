"""Pipelines of purchase models, and of boosting on what they expect."""

from __future__ import annotations

from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from clvkit.boosting import TweedieLGBMRegressor
from clvkit.btyd import (
    BetaGeoNBD,
    BTYDRegressor,
    GompertzGammaNBD,
    ModifiedBetaGeoCNBD,
    ModifiedBetaGeoNBD,
    ParetoGGG,
    ParetoNBD,
    PurchaseModelFeatures,
    TimeVaryingParetoNBD,
)
from clvkit.features import default_features
from clvkit.features._default_features import HistoryColumn
from clvkit.model_selection import AverageRegressor, SnapshotRegressor

__all__ = [
    "bg_nbd_conditional",
    "ggompertz_nbd",
    "hybrid",
    "hybrid_average",
    "hybrid_average_space",
    "hybrid_space",
    "mbg_cnbd",
    "mbg_nbd",
    "pareto_ggg",
    "pareto_nbd",
    "pareto_nbd_season",
]

Params = dict[str, Any]

#: Chosen at past origins inside the training parts of three real logs; no hold-out was looked at.
#: See docs/design-notes.md.
RECIPE: Params = {
    "n_estimators": 200,
    "learning_rate": 0.03,
    "num_leaves": 6,
    "colsample_bytree": 0.5,
}


def mbg_nbd(horizon: str, random_state: int | None) -> Pipeline:
    """Return the MBG/NBD with Gamma-Gamma spend."""
    return Pipeline([("regressor", BTYDRegressor(ModifiedBetaGeoNBD(), horizon=horizon))])


def pareto_nbd(horizon: str, random_state: int | None) -> Pipeline:
    """Return the Pareto/NBD with Gamma-Gamma spend."""
    return Pipeline([("regressor", BTYDRegressor(ParetoNBD(), horizon=horizon))])


def mbg_cnbd(horizon: str, random_state: int | None) -> Pipeline:
    """Return the MBG/CNBD-k, of one regularity for all, with Gamma-Gamma spend."""
    return Pipeline([("regressor", BTYDRegressor(ModifiedBetaGeoCNBD(), horizon=horizon))])


def pareto_ggg(horizon: str, random_state: int | None) -> Pipeline:
    """Return the Pareto/GGG with Gamma-Gamma spend."""
    return Pipeline([("regressor", BTYDRegressor(ParetoGGG(), horizon=horizon))])


def pareto_nbd_season(horizon: str, random_state: int | None) -> Pipeline:
    """Return the Pareto/NBD with a season of two harmonics, and Gamma-Gamma spend.

    The prior keeps a season of which the log shows less than a year from running away.
    """
    model = TimeVaryingParetoNBD(season=2, prior={"purchase": 0.3})
    return Pipeline([("regressor", BTYDRegressor(model, horizon=horizon))])


def ggompertz_nbd(horizon: str, random_state: int | None) -> Pipeline:
    """Return the GGompertz/NBD with Gamma-Gamma spend."""
    return Pipeline([("regressor", BTYDRegressor(GompertzGammaNBD(), horizon=horizon))])


def bg_nbd_conditional(horizon: str, random_state: int | None) -> Pipeline:
    """Return the BG/NBD with spend that depends on how often a customer buys."""
    return Pipeline([("regressor", BTYDRegressor(BetaGeoNBD(), "conditional", horizon))])


def hybrid_features(horizon: str) -> ColumnTransformer:
    """Return the default features with what the BG/NBD and Gamma-Gamma expect beside them."""
    features = default_features()
    models = ("models", PurchaseModelFeatures(horizon=horizon), HistoryColumn())
    return features.set_params(transformers=[*features.transformers, models])


def hybrid(horizon: str, random_state: int | None, **params: Any) -> Pipeline:
    """Return boosting on the histories' features and on what a purchase model expects."""
    regressor = TweedieLGBMRegressor(random_state=random_state, **{**RECIPE, **params})
    return Pipeline([("features", hybrid_features(horizon)), ("regressor", regressor)])


def hybrid_space(trial: Any) -> Params:
    """Suggest the trees, and the snapshots to train on."""
    return {
        "n_estimators": trial.suggest_int("n_estimators", 60, 400, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.1, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 3, 16, log=True),
        "min_child_samples": trial.suggest_int("min_child_samples", 20, 300, log=True),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 1.0),
        "tweedie_variance_power": trial.suggest_float("tweedie_variance_power", 1.1, 1.7),
        "snapshots__n_snapshots": trial.suggest_int("n_snapshots", 1, 8),
    }


def hybrid_average(
    horizon: str, random_state: int | None, weight: float = 0.5, **params: Any
) -> Pipeline:
    """Return the mean of the hybrid, which counts by ``weight``, and of the purchase model."""
    parts = [
        ("boosting", SnapshotRegressor(hybrid(horizon, random_state, **params), horizon)),
        ("bg_nbd", BTYDRegressor(BetaGeoNBD(), horizon=horizon)),
    ]
    return Pipeline([("regressor", AverageRegressor(parts, weights=[weight, 1.0 - weight]))])


def hybrid_average_space(trial: Any) -> Params:
    """Suggest how much boosting counts, beside the space of the hybrid."""
    return {"weight": trial.suggest_float("weight", 0.2, 0.8), **hybrid_space(trial)}
