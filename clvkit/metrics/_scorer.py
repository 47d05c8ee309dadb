"""The metrics as scikit-learn scorers by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import get_scorer, get_scorer_names, make_scorer

from clvkit.errors import NoComponentsError, UnknownNameError
from clvkit.metrics._calibration import decile_calibration_error, total_bias
from clvkit.metrics._churn import churn_auc, churn_brier
from clvkit.metrics._error import d2_tweedie, mae, mape_buyers, rmse
from clvkit.metrics._ranking import normalized_gini, top_share_capture
from clvkit.utils._components import last_step

__all__ = ["get_clv_scorer", "get_clv_scorer_names"]


#: Where searches and meta-estimators keep the fitted estimator that they predict with.
_FITTED_INSIDE = ("best_estimator_", "pipeline_")


def _absolute_total_bias(
    y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    return abs(total_bias(y_true, y_pred, sample_weight=sample_weight))


class _ChurnBrierScorer:
    """Minus the Brier score of what the estimator gives as ``probability_active``.

    scikit-learn's ``make_scorer`` asks for ``predict_proba``; a regressor with components has
    its probability in ``predict_components``.
    """

    def __call__(
        self, estimator: Any, X: Any, y_true: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        return -churn_brier(y_true, _probability_active(estimator, X), sample_weight=sample_weight)

    def __repr__(self) -> str:
        return "get_clv_scorer('churn_brier')"


def _probability_active(estimator: Any, X: Any) -> ArrayLike:
    """Ask the estimator itself, or else the fitted one inside, which it may hide."""
    last, features = last_step(estimator, X)
    if not hasattr(last, "predict_components"):
        for inner in _FITTED_INSIDE:
            if hasattr(last, inner):
                return _probability_active(getattr(last, inner), features)
        raise _no_probability(f"{type(last).__name__} has no predict_components(X)")
    table = last.predict_components(features)
    # A column of NaN is how a served model says that it cannot tell.
    if (
        "probability_active" not in table
        or np.isnan(np.asarray(table["probability_active"], float)).all()
    ):
        raise _no_probability("the components that the model predicts are without it")
    return table["probability_active"]


def _no_probability(finding: str) -> NoComponentsError:
    return NoComponentsError(
        "'churn_brier' needs the probability to buy in the horizon, a column "
        f"'probability_active' of predict_components(X), and {finding}. Score with 'churn_auc', "
        "which asks for predict only, or use a model that has it, such as BTYDRegressor."
    )


_GAINS: dict[str, Callable[..., float]] = {
    "d2_tweedie": d2_tweedie,
    "normalized_gini": normalized_gini,
    "top_share_capture": top_share_capture,
    "churn_auc": churn_auc,
}
_LOSSES: dict[str, Callable[..., float]] = {
    "total_bias": _absolute_total_bias,
    "decile_calibration_error": decile_calibration_error,
    "rmse": rmse,
    "mae": mae,
    "mape_buyers": mape_buyers,
}
_SCORERS: dict[str, Callable[..., float]] = {
    **{name: make_scorer(function) for name, function in _GAINS.items()},
    **{name: make_scorer(loss, greater_is_better=False) for name, loss in _LOSSES.items()},
    "churn_brier": _ChurnBrierScorer(),
}
_ALIASES = {f"neg_{name}": name for name in (*_LOSSES, "churn_brier")}


def get_clv_scorer_names() -> list[str]:
    """List the names that :func:`get_clv_scorer` knows, aliases left out.

    Returns
    -------
    names : list of str

    Examples
    --------
    >>> from clvkit.metrics import get_clv_scorer_names
    >>> get_clv_scorer_names()[:3]
    ['d2_tweedie', 'normalized_gini', 'top_share_capture']
    """
    return list(_SCORERS)


def get_clv_scorer(scoring: str | Callable[..., float]) -> Callable[..., float]:
    """Return the scorer of a name, for ``cross_val_score``, ``GridSearchCV`` and the like.

    Parameters
    ----------
    scoring : str or callable
        The name of a metric function of this package, or one of scikit-learn's scorers, such as
        ``"r2"``; or a scorer ``(estimator, X, y)``, which is returned as it is.

    Returns
    -------
    scorer : callable
        Called as ``scorer(estimator, X, y, sample_weight=None)``. **Greater is always better**:
        losses are negated, under their own name as under the alias with ``neg_`` (``"rmse"`` is
        ``"neg_rmse"``), and ``"total_bias"`` scores minus the absolute bias. ``"churn_brier"``
        takes ``predict_components(X)["probability_active"]`` from the estimator, the last step
        of a pipeline or the best estimator of a search, and raises a
        :class:`~clvkit.errors.NoComponentsError` where there is none.

    Raises
    ------
    UnknownNameError
        For any other name.

    See Also
    --------
    get_clv_scorer_names : The names.
    sklearn.metrics.get_scorer : scikit-learn's own scorers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyRegressor
    >>> from sklearn.model_selection import cross_val_score
    >>> from clvkit.metrics import get_clv_scorer
    >>> X, y = np.zeros((6, 1)), [0, 0, 4, 0, 0, 4]
    >>> cross_val_score(DummyRegressor(), X, y, scoring=get_clv_scorer("mae"), cv=2)
    array([-1.77..., -1.77...])
    >>> get_clv_scorer("d2_tweedy")
    Traceback (most recent call last):
        ...
    clvkit.errors.UnknownNameError: scoring='d2_tweedy' is not known. Did you mean 'd2_tweedie'? ...
    """
    if callable(scoring):
        return scoring
    name = _ALIASES.get(str(scoring), str(scoring))
    if name in _SCORERS:
        return _SCORERS[name]
    if name in get_scorer_names():
        return get_scorer(name)
    close = difflib.get_close_matches(name, [*_SCORERS, *_ALIASES, *get_scorer_names()], n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise UnknownNameError(
        f"scoring={scoring!r} is not known.{hint} The names are {', '.join(_SCORERS)}, and those "
        "of sklearn.metrics.get_scorer_names(); or give a scorer (estimator, X, y)."
    )
