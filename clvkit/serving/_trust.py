"""The types that a stored model may hold: a fixed list, never what the file asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

__all__ = ["TRUSTED_TYPES", "cached", "untrusted"]

#: Public estimators of clvkit, by the name that skops stores. A new one is added here, and a
#: test compares the list with what the package exports.
_ESTIMATORS = (
    "clvkit.baselines._historical_rate.HistoricalRate",
    "clvkit.baselines._last_period.LastPeriod",
    "clvkit.baselines._population_mean.PopulationMean",
    "clvkit.boosting._hurdle_lgbm_regressor.HurdleLGBMRegressor",
    "clvkit.boosting._quantile_lgbm_regressor.QuantileLGBMRegressor",
    "clvkit.boosting._tweedie_lgbm_regressor.TweedieLGBMRegressor",
    "clvkit.boosting._ziln_lgbm_regressor.ZILNLGBMRegressor",
    "clvkit.btyd._beta_discrete_weibull.BetaDiscreteWeibull",
    "clvkit.btyd._beta_geo_beta_binom.BetaGeoBetaBinom",
    "clvkit.btyd._beta_geo_cnbd.BetaGeoCNBD",
    "clvkit.btyd._beta_geo_nbd.BetaGeoNBD",
    "clvkit.btyd._btyd_regressor.BTYDRegressor",
    "clvkit.btyd._conditional_gamma_gamma.ConditionalGammaGamma",
    "clvkit.btyd._contractual_clv_regressor.ContractualCLVRegressor",
    "clvkit.btyd._correlated_pareto_nbd.CorrelatedParetoNBD",
    "clvkit.btyd._gamma_gamma.GammaGamma",
    "clvkit.btyd._gompertz_gamma_nbd.GompertzGammaNBD",
    "clvkit.btyd._left_truncated_beta_geo_nbd.LeftTruncatedBetaGeoNBD",
    "clvkit.btyd._left_truncated_pareto_nbd.LeftTruncatedParetoNBD",
    "clvkit.btyd._modified_beta_geo_cnbd.ModifiedBetaGeoCNBD",
    "clvkit.btyd._modified_beta_geo_nbd.ModifiedBetaGeoNBD",
    "clvkit.btyd._nbd.NBD",
    "clvkit.btyd._pareto_ggg.ParetoGGG",
    "clvkit.btyd._pareto_nbd.ParetoNBD",
    "clvkit.btyd._purchase_model_features.PurchaseModelFeatures",
    "clvkit.btyd._shifted_beta_geo.ShiftedBetaGeo",
    "clvkit.btyd._time_varying_pareto_nbd.TimeVaryingParetoNBD",
    "clvkit.calibration._conformal_interval.ConformalInterval",
    "clvkit.calibration._level_intervals.LevelIntervals",
    "clvkit.calibration._mean_calibration.MeanCalibration",
    "clvkit.calibration._season_calibration.SeasonCalibration",
    "clvkit.calibration._spend_shape.SpendShape",
    "clvkit.calibration._total_calibration.TotalCalibration",
    "clvkit.features._attribute_features.AttributeFeatures",
    "clvkit.features._cadence_features.CadenceFeatures",
    "clvkit.features._cohort_features.CohortFeatures",
    "clvkit.features._column_transformer.ColumnTransformer",
    "clvkit.features._covariate_encoder.CovariateEncoder",
    "clvkit.features._default_features.HistoryColumn",
    "clvkit.features._default_features.StreamColumns",
    "clvkit.features._event_stream_features.EventStreamFeatures",
    "clvkit.features._expression_features.ExpressionFeatures",
    "clvkit.features._history_union.HistoryUnion",
    "clvkit.features._rfm_features.RFMFeatures",
    "clvkit.features._season_features.SeasonFeatures",
    "clvkit.features._tenure_features.TenureFeatures",
    "clvkit.features._window_features.WindowFeatures",
    "clvkit.model_selection._average_regressor.AverageRegressor",
    "clvkit.model_selection._snapshot_regressor.SnapshotRegressor",
    "clvkit.model_selection._short_horizon_regressor.ShortHorizonRegressor",
    "clvkit.model_selection._spend_regressor.SpendRegressor",
    "clvkit.serving._clv_model.CLVModel",
)

#: What regressors and transformers of scikit-learn and LightGBM are made of, beyond the types that
#: skops itself trusts. They are data with arithmetic: numbers, arrays and text that are put back as
#: they are. None of them opens a file or calls what a file names. Trees, neighbours and boosters
#: follow the indices they hold without looking, though, so a forged one may end the process.
_PARTS = (
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMRegressor",
    "numpy.dtype",  # SimpleImputer keeps the one it was fitted on
    "sklearn._loss.loss.HalfTweedieLoss",  # TweedieRegressor keeps its loss
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.compose._column_transformer.make_column_selector",  # a pattern and names of types
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.ChebyshevDistance64",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",  # a dict; voting and stacking keep their estimators in one
)

#: Qualified names of the types that :func:`clvkit.serving.load` makes objects of.
TRUSTED_TYPES: tuple[str, ...] = (*_ESTIMATORS, *_PARTS)


def untrusted(asked: list[str]) -> list[str]:
    """Return those of the types that are not on the list."""
    return sorted(set(asked) - set(TRUSTED_TYPES))


def cached(model: Any) -> list[str]:
    """Return the names of estimators inside a model that keep a cache on disk, by ``memory``.

    A cache is a folder of pickles, and the model names it: whoever may write there runs what he
    likes as soon as the model is fitted again.
    """
    found, seen, waiting = set(), {id(model)}, [model]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, BaseEstimator) and getattr(thing, "memory", None) is not None:
            found.add(type(thing).__name__)
        for part in _parts_of(thing):
            if id(part) not in seen and not isinstance(part, (str, bytes, int, float)):
                seen.add(id(part))
                waiting.append(part)
    return sorted(found)


def _parts_of(thing: Any) -> list[Any]:
    """Return what a thing holds: in its attributes, and as a collection."""
    parts = list(getattr(thing, "__dict__", {}).values())
    if isinstance(thing, dict):
        parts += [*thing, *thing.values()]
    elif isinstance(thing, (list, tuple, set, frozenset)):
        parts += thing
    elif isinstance(thing, np.ndarray) and thing.dtype == object:
        parts += thing.ravel().tolist()
    return parts
