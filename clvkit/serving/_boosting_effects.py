r"""What each feature does in a LightGBM model, exactly, from the Shapley values of its trees.

TreeSHAP splits a raw output of the trees, which is a sum over them. Where the prediction is
:math:`g` of a raw output :math:`\eta = \eta_0 + \sum_j \phi_j`, its logarithm is split in the same
proportions: :math:`\log g(\eta) - \log g(\eta_0) = \sum_j s \phi_j` with the mean slope :math:`s`
between the two. For a log link :math:`s` is 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from clvkit.boosting import (
    HurdleLGBMRegressor,
    QuantileLGBMRegressor,
    TweedieLGBMRegressor,
    ZILNLGBMRegressor,
)
from clvkit.boosting._base import log_of
from clvkit.boosting._ziln import LOG_SIGMA_RANGE
from clvkit.serving._attribution import mean_slope

__all__ = ["Effects", "effects_of", "has_effects"]

Floats = NDArray[np.float64]

#: Objectives of lightgbm.LGBMRegressor whose prediction is the raw output, or its exponential.
_IDENTITY = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")
_LOG = ("poisson", "gamma", "tweedie")


class Effects(NamedTuple):
    """What the features do to one prediction.

    Attributes
    ----------
    base : float
        The prediction before any feature is looked at, in the unit of the target.
    parts : dict of str to ndarray of shape (n_features,)
        By the part of the model that they work through, or by ``""``.
    log : bool
        Whether ``base * exp(sum of all)`` is the prediction, or ``base + sum of all + bounds``.
    bounds : float
        What bounds on the prediction add after all features.
    """

    base: float
    parts: dict[str, Floats]
    log: bool = True
    bounds: float = 0.0


def has_effects(estimator: Any) -> bool:
    """Whether the features' effects on an estimator's predictions are known exactly."""
    return type(estimator) in _EFFECTS or _is_plain(estimator)


def effects_of(estimator: Any, X: Any) -> Effects:
    """Return the effects of the features of one row."""
    return _EFFECTS.get(type(estimator), _plain)(estimator, X)


def _tweedie(model: TweedieLGBMRegressor, X: Any) -> Effects:
    base, effects = _split(model.predict_contributions(X))
    return Effects(float(np.exp(base)), {"": effects})


def _hurdle(model: HurdleLGBMRegressor, X: Any) -> Effects:
    odds, of_odds = _split(model.predict_contributions(X, "probability_active"))
    spend, of_spend = _split(model.predict_contributions(X, "conditional_spend"))
    parts = {"probability_active": _through_odds(odds, of_odds), "conditional_spend": of_spend}
    return Effects(float(expit(odds) * np.exp(spend)), parts)


def _ziln(model: ZILNLGBMRegressor, X: Any) -> Effects:
    """Return the effects through the probability, and through mu and sigma on the capped mean."""
    odds, of_odds = _split(model.predict_contributions(X, "probability_active"))
    mu, of_mu = _split(model.predict_contributions(X, "mu"))
    log_sigma, of_sigma = _split(model.predict_contributions(X, "sigma"))
    if not np.isfinite(mu):  # nobody spent anything in training
        return Effects(0.0, {"": np.zeros_like(of_mu)})
    low, high = np.add(LOG_SIGMA_RANGE, log_of(model.spread_))

    def half_variance(s: float) -> float:
        return float(np.exp(2.0 * np.clip(s, low, high)) / 2.0)

    def slope_of_variance(s: float) -> float:
        return 2.0 * half_variance(s) if low < s < high else 0.0

    of_variance = of_sigma * mean_slope(
        half_variance, slope_of_variance, log_sigma, log_sigma + of_sigma.sum()
    )
    most = log_of(model.max_spend_)
    mean, of_mean = mu + half_variance(log_sigma), of_mu + of_variance
    capped = mean_slope(
        lambda m: min(m, most), lambda m: float(m < most), mean, mean + of_mean.sum()
    )
    base = expit(odds) * model.scale_ * np.exp(min(mean, most))
    parts = {
        "probability_active": _through_odds(odds, of_odds),
        "mean of log spend": capped * of_mu,
        "spread of log spend": capped * of_variance,
    }
    return Effects(float(base), parts)


def _quantile(model: QuantileLGBMRegressor, X: Any) -> Effects:
    base, effects = _split(model.predict_contributions(X))
    # Quantiles of several levels are sorted, and none lies below 0.
    bounds = float(model.predict(X)[0]) - (base + float(effects.sum()))
    return Effects(base, {"": effects}, log=False, bounds=bounds)


def _plain(model: Any, X: Any) -> Effects:
    table = np.asarray(model.predict(X, pred_contrib=True))[0]
    base, effects, log = float(table[-1]), table[:-1], model.objective_ in _LOG
    return Effects(float(np.exp(base)) if log else base, {"": effects}, log)


def _is_plain(estimator: Any) -> bool:
    of_lightgbm = type(estimator).__module__.partition(".")[0] == "lightgbm"
    return of_lightgbm and getattr(estimator, "objective_", None) in (*_IDENTITY, *_LOG)


def _split(table: Any) -> tuple[float, Floats]:
    """Return base value and contributions of the only row."""
    row = table.to_numpy(np.float64)[0]
    return float(row[-1]), row[:-1]


def _through_odds(log_odds: float, of_odds: Floats) -> Floats:
    """Return effects on the logarithm of a probability, from those on its log-odds."""
    stop = log_odds + float(of_odds.sum())
    return of_odds * mean_slope(
        lambda a: float(log_expit(a)), lambda a: float(expit(-a)), log_odds, stop
    )


_EFFECTS: dict[type, Callable[[Any, Any], Effects]] = {
    TweedieLGBMRegressor: _tweedie,
    HurdleLGBMRegressor: _hurdle,
    ZILNLGBMRegressor: _ziln,
    QuantileLGBMRegressor: _quantile,
}
