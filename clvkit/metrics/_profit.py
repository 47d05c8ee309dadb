"""What a campaign earns that contacts the customers predicted best."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import make_scorer

from clvkit.errors import ArgumentError
from clvkit.metrics._blocks import rank_in_blocks
from clvkit.metrics._validation import check_predictions

__all__ = ["campaign_profit", "profit_scorer"]


def campaign_profit(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    margin: float,
    contact_cost: float,
    budget: float | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    r"""Profit on the customers whom a campaign contacts, chosen by the prediction.

    Customers are contacted in the order of their predicted spend, as long as the budget lasts and
    the predicted margin exceeds the cost of the contact:

    .. math:: \sum_{i \text{ contacted}} (\text{margin} \cdot y_i - \text{contact\_cost}).

    It rewards the order of the customers at the very place where the budget ends, and a level
    that is right where contacts stop to pay; mistakes about everybody else cost nothing. Use it
    where the prediction is made for one such decision. It does not say what the campaign causes:
    a customer who is contacted brings the whole of :math:`y_i`, also what they would have spent
    without it.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Spend in the horizon.
    y_pred : array-like of shape (n_samples,)
        Predicted spend in the same unit.
    margin : float
        Share of the spend that is earned, ``0 < margin <= 1``.
    contact_cost : float
        Cost of contacting one customer, 0 or more, in the unit of the spend.
    budget : float or None, default=None
        Most that all contacts together may cost, above 0. None is no limit. Where it ends within
        customers of equal predictions, or within one, they count in proportion.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows: so many customers alike.

    Returns
    -------
    profit : float
        In the unit of the spend, for all rows together; 0 where nobody is worth the contact,
        below 0 where those who were contacted brought less than that cost.

    Raises
    ------
    ArgumentError
        When margin, cost or budget is out of range.

    See Also
    --------
    profit_scorer : The scorer of it.
    top_share_capture : Share of the spend of the best customers, without money.

    Examples
    --------
    With 30 % margin and a cost of 2 a contact pays from a spend of 6.67; the budget reaches three
    customers, and the third is predicted to bring less than that:

    >>> from clvkit.metrics import campaign_profit
    >>> spend, predicted = [40, 0, 90, 5], [20, 30, 50, 4]
    >>> campaign_profit(spend, predicted, margin=0.3, contact_cost=2)
    33.0
    >>> campaign_profit(spend, predicted, margin=0.3, contact_cost=2, budget=4)
    23.0
    >>> campaign_profit(spend, predicted, margin=30, contact_cost=2)
    Traceback (most recent call last):
        ...
    clvkit.errors.ArgumentError: margin must be above 0 and at most 1 (0.3 is 30 %); got 30.
    """
    _check_terms(margin, contact_cost, budget)
    blocks = rank_in_blocks(check_predictions(y_true, y_pred, sample_weight))
    pays = margin * blocks.predicted / blocks.weight > contact_cost
    contacted = blocks.weight[pays].sum()
    if budget is not None and contact_cost > 0:
        contacted = min(contacted, budget / contact_cost)
    spend = blocks.spend_up_to(contacted / blocks.weight.sum())
    return float(margin * spend - contact_cost * contacted)


def profit_scorer(
    margin: float, contact_cost: float, budget: float | None = None
) -> Callable[..., float]:
    """Return the scorer of :func:`campaign_profit`, to rank models by what they earn.

    Parameters
    ----------
    margin : float
        Share of the spend that is earned, ``0 < margin <= 1``.
    contact_cost : float
        Cost of contacting one customer, 0 or more, in the unit of the spend.
    budget : float or None, default=None
        Most that all contacts together may cost, above 0; None is no limit. It is that of one
        campaign, whatever the number of customers who are scored: give the part of it that the
        customers of a fold would have where customers are split into folds.

    Returns
    -------
    scorer : callable
        Called as ``scorer(estimator, X, y, sample_weight=None)``; greater is better. For
        ``AutoCLV(scoring=...)``, ``cross_val_score`` and the like, under the name ``"profit"``.

    Raises
    ------
    ArgumentError
        When margin, cost or budget is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyRegressor
    >>> from clvkit.metrics import profit_scorer
    >>> scorer = profit_scorer(margin=0.3, contact_cost=2, budget=100)
    >>> X, y = np.zeros((4, 1)), [0, 0, 40, 60]
    >>> scorer(DummyRegressor().fit(X, y), X, y)
    22.0
    >>> profit_scorer(margin=0.3, contact_cost=-2)
    Traceback (most recent call last):
        ...
    clvkit.errors.ArgumentError: contact_cost must be 0 or more; got -2.
    """
    _check_terms(margin, contact_cost, budget)
    scorer = make_scorer(campaign_profit, margin=margin, contact_cost=contact_cost, budget=budget)
    scorer.__name__ = "profit"
    return scorer


def _check_terms(margin: float, contact_cost: float, budget: float | None) -> None:
    if not 0 < margin <= 1:
        raise ArgumentError(f"margin must be above 0 and at most 1 (0.3 is 30 %); got {margin!r}.")
    if not 0 <= contact_cost < np.inf:
        raise ArgumentError(f"contact_cost must be 0 or more; got {contact_cost!r}.")
    if budget is not None and not budget > 0:
        raise ArgumentError(f"budget must be above 0, or None for no limit; got {budget!r}.")
