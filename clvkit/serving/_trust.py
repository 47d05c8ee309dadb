"""The types that a stored model may hold: a fixed list, never what the file asks for."""

from __future__ import annotations

__all__ = ["TRUSTED_TYPES", "untrusted"]

#: Public estimators of clvkit, by the name that skops stores. A new one is added here, and a
#: test compares the list with what the package exports.
_ESTIMATORS = (
    "clvkit.baselines._historical_rate.HistoricalRate",
    "clvkit.baselines._last_period.LastPeriod",
    "clvkit.baselines._population_mean.PopulationMean",
    "clvkit.boosting._tweedie_lgbm_regressor.TweedieLGBMRegressor",
    "clvkit.btyd._beta_geo_nbd.BetaGeoNBD",
    "clvkit.btyd._btyd_regressor.BTYDRegressor",
    "clvkit.btyd._gamma_gamma.GammaGamma",
    "clvkit.calibration._conformal_interval.ConformalInterval",
    "clvkit.features._cohort_features.CohortFeatures",
    "clvkit.features._covariate_encoder.CovariateEncoder",
    "clvkit.features._default_features.HistoryColumn",
    "clvkit.features._history_union.HistoryUnion",
    "clvkit.features._rfm_features.RFMFeatures",
    "clvkit.features._tenure_features.TenureFeatures",
    "clvkit.model_selection._snapshot_regressor.SnapshotRegressor",
    "clvkit.serving._clv_model.CLVModel",
)

#: What they are made of beyond the types of NumPy and scikit-learn that skops itself trusts:
#: LightGBM's trained model (text and numbers), and the dictionary that it keeps.
_PARTS = (
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
)

#: Qualified names of the types that :func:`clvkit.serving.load` makes objects of.
TRUSTED_TYPES: tuple[str, ...] = (*_ESTIMATORS, *_PARTS)


def untrusted(asked: list[str]) -> list[str]:
    """Return those of the types that are not on the list."""
    return sorted(set(asked) - set(TRUSTED_TYPES))
