"""Metrics of the error customer by customer."""

from __future__ import annotations

from numpy.typing import ArrayLike

from clvkit.errors import TargetError
from clvkit.metrics import _formulas
from clvkit.metrics._validation import check_predictions, warn_if_undefined

__all__ = ["d2_tweedie", "mae", "mape_buyers", "rmse"]


def d2_tweedie(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    power: float = 1.5,
    sample_weight: ArrayLike | None = None,
) -> float:
    r"""Share of the Tweedie deviance that the prediction explains; the default score.

    The deviance of a compound Poisson-gamma law weighs errors by :math:`\mu^{-p}`: it rewards
    an unbiased mean for small and for large customers, stands zeros, and is not ruled by the
    few largest as a squared error is. 1 is perfect, 0 is as good as predicting the mean for
    everybody, below 0 is worse.

    Use it to choose between models of the *expected* spend. Do not use it for targets that can
    be negative.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Spend in the horizon, 0 or more.
    y_pred : array-like of shape (n_samples,)
        Predicted spend in the same unit. Values below a thousandth of the mean of ``y_true``
        are raised to it, for the deviance of a prediction of zero is infinite as soon as the
        customer buys.
    power : float, default=1.5
        Power of the variance function, ``1 <= power < 2``: 1 is Poisson; towards 2 relative
        errors count alike for small and large customers.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    score : float
        At most 1, which zeros among the targets keep a little out of reach, for the floor. Where
        everybody spends the same (nobody anything included) there is nothing to explain: 1.0
        for a perfect prediction and 0.0 for any other, as in :func:`~sklearn.metrics.r2_score`.

    Raises
    ------
    TargetError
        When ``y_true`` holds negative values.
    ValueError
        When ``power`` is outside [1, 2).

    See Also
    --------
    sklearn.metrics.d2_tweedie_score : The same without the floor.

    References
    ----------
    T. Hastie, R. Tibshirani, M. Wainwright, *Statistical Learning with Sparsity* (2015), eq. 3.11,
    for the explained fraction of deviance; B. Jorgensen, *The Theory of Dispersion Models*
    (1997), chapter 4, for the Tweedie family.

    Examples
    --------
    >>> from clvkit.metrics import d2_tweedie
    >>> spend = [0, 0, 0, 20, 100]
    >>> round(d2_tweedie(spend, [1, 5, 2, 30, 80]), 3)
    0.753
    >>> d2_tweedie(spend, [24, 24, 24, 24, 24])
    0.0
    >>> d2_tweedie([0, 10, -4], [1, 8, 2])
    Traceback (most recent call last):
        ...
    clvkit.errors.TargetError: y_true holds 1 negative values, such as -4: ...
    """
    if not 1 <= power < 2:
        raise ValueError(
            f"power must be at least 1 and below 2, where zeros are possible; got {power!r}."
        )
    checked = check_predictions(y_true, y_pred, sample_weight)
    if (negative := checked.y < 0).any():
        raise TargetError(
            f"y_true holds {negative.sum()} negative values, such as "
            f"{checked.y[negative][0]:g}: a Tweedie deviance is defined for 0 or more. Make the "
            "samples with floor=0.0, or use 'rmse' for net spend that can be negative."
        )
    return _formulas.tweedie_skill(checked, power)


def rmse(y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Root of the mean squared error, in the unit of the spend.

    It is minimal for the expected spend, but on heavy tails a handful of customers decide it:
    report it beside :func:`d2_tweedie`, and compare it on the same rows only.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        Spend and predicted spend.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    error : float

    Examples
    --------
    >>> from clvkit.metrics import rmse
    >>> rmse([0, 0, 8], [0, 0, 2]) == 12**0.5
    True
    """
    return _formulas.root_mean_square(check_predictions(y_true, y_pred, sample_weight))


def mae(y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Mean absolute error, in the unit of the spend; misleading on its own.

    The absolute error is minimal for the **median**, and where more than half of the customers
    buy nothing the median of most of them is zero. Predicting 0 for everybody then beats an
    unbiased model, although it ranks nobody and misses the whole revenue. It is here because
    the literature reports it: never choose a model by it alone, and read :func:`total_bias` and
    :func:`normalized_gini` beside it.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        Spend and predicted spend.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    error : float

    Examples
    --------
    One customer in five buys, and nobody can tell which: the expected spend is 10 for each. By
    its absolute error the prediction of nothing wins, which misses the whole revenue.

    >>> from clvkit.metrics import d2_tweedie, mae, total_bias
    >>> spend = [0, 0, 0, 0, 0, 0, 0, 0, 50, 50]
    >>> nothing, average = [0] * 10, [10] * 10
    >>> mae(spend, nothing), mae(spend, average)
    (10.0, 16.0)
    >>> total_bias(spend, nothing), total_bias(spend, average)
    (-1.0, 0.0)
    >>> d2_tweedie(spend, nothing) < d2_tweedie(spend, average)
    True
    """
    return _formulas.absolute_error(check_predictions(y_true, y_pred, sample_weight))


def mape_buyers(
    y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Mean absolute percentage error among those who did buy, as a fraction.

    A relative error has no meaning where the target is zero, so those rows are left out; the
    figure therefore says nothing about false hopes, and favours predictions that are too low.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        Spend and predicted spend. Rows with ``y_true > 0`` count.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    error : float
        0.25 is 25 %. NaN with an :class:`~sklearn.exceptions.UndefinedMetricWarning` where
        nobody buys.

    Examples
    --------
    >>> from clvkit.metrics import mape_buyers
    >>> mape_buyers([0, 40, 100], [7, 50, 75])
    0.25
    """
    value = _formulas.percentage_error_of_buyers(check_predictions(y_true, y_pred, sample_weight))
    return warn_if_undefined(value, "mape_buyers", "no value of y_true is above zero")
