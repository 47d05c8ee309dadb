"""What every feature transformer over histories must keep to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from clvkit.testing._history_logs import (
    CUTOFFS,
    MANY_CUTOFFS,
    Logs,
    Rows,
    another_future,
    random_logs,
)
from clvkit.testing._history_manners import check_manners, check_other_input, check_unseen_values
from clvkit.testing._history_properties import (
    check_comparison,
    check_money_scale,
    check_row_by_row,
    date_shift,
    line_order,
    money_scale,
    no_future,
)

__all__ = ["check_history_transformer"]


def check_history_transformer(
    transformer: Any,
    *,
    scales_with_money: bool = True,
    nonlinear_in_money: Sequence[str] = (),
    ignores_dates: bool | str = False,
    calendar_features: Sequence[str] = (),
    granularities: Sequence[str] = ("D", "h", "W"),
    n_logs: int = 8,
    random_state: int = 0,
) -> None:
    """Check that a transformer over histories looks at no future and at no other row.

    Call it in a test of your own transformer: it fits clones of it on random logs and compares.
    The logs have ties, free orders, refunds and customers who only return; attributes of text
    (``channel``) and of numbers (``discount``), both missing here and there; and a second stream
    of events (``visits``), so that ``X`` has the columns ``history`` and ``visits``.

    - Manners: scikit-learn's interface, float64 output with unique names, ``set_output``,
      pickle and skops round trips; ``X``, parameters and what was learnt stay as they are.
    - Other input: batches without rows, histories without events, values of attributes never
      seen, a clear refusal of missing histories and of frames without any.
    - No future: whatever happens after a row's cutoff, its features stay, whether the
      transformer was fitted on earlier or on later cutoffs.
    - Row by row: a row has the same features, to the last bit, in any batch and over any event
      store.
    - Line order: the order of the log's lines, and of the rows in fit, makes no difference.
    - Money: in another currency each feature is either multiplied by the rate, or the same.
    - Dates: a log that starts another day has the same features (not for calendar features).

    Parameters
    ----------
    transformer : estimator
        With ``fit(X)``, ``transform(X)`` and ``get_feature_names_out()``, where ``X`` has a
        column ``history``. Clones are fitted, never the transformer itself.
    scales_with_money : bool, default=True
        Whether to check money.
    nonlinear_in_money : sequence of str, default=()
        Features that neither scale with money nor keep their values, such as logarithms.
    ignores_dates : bool or "weeks", default=False
        Whether to check dates; ``"weeks"`` shifts them by whole weeks, for features that are
        learnt by calendar weeks.
    calendar_features : sequence of str, default=()
        Features that may change with the dates.
    granularities : sequence of str, default=("D", "h", "W")
        Granularities of the histories: the first one for most logs, each other one for one.
    n_logs : int, default=8
        Number of random logs of the first granularity.
    random_state : int, default=0
        Seed of the logs.

    Raises
    ------
    AssertionError
        Naming the property, the features that break it, and what helps.

    Examples
    --------
    >>> from clvkit.features import TenureFeatures
    >>> from clvkit.testing import check_history_transformer
    >>> check_history_transformer(TenureFeatures(), ignores_dates=True, n_logs=2)
    """
    money = nonlinear_in_money if scales_with_money else None
    first, *others = granularities
    seeds = range(random_state, random_state + n_logs)
    for granularity, seed in [(first, s) for s in seeds] + [(g, random_state) for g in others]:
        logs = random_logs(seed)
        settings: dict[str, Any] = {"granularity": granularity}
        X = Rows(logs, **settings).at(CUTOFFS)
        check_manners(transformer, X)
        check_other_input(transformer, X)
        check_unseen_values(transformer, logs, CUTOFFS, **settings)
        _check_no_future(transformer, logs, seed, settings)
        check_row_by_row(transformer, X, random_state=seed)
        order = line_order(logs, CUTOFFS, random_state=seed, **settings)
        check_comparison(transformer, order)
        if money is not None:
            rows, scaled, rate = money_scale(logs, CUTOFFS, **settings)
            check_money_scale(transformer, rows, scaled, rate, exempt=money)
        if ignores_dates:
            # Weeks are weeks of the calendar: a shift by 500 days would cut them elsewhere.
            days = 504 if ignores_dates == "weeks" or granularity == "W" else 500
            shifted = date_shift(logs, CUTOFFS, days=days, **settings)
            check_comparison(transformer, shifted, exempt=calendar_features)


def _check_no_future(transformer: Any, logs: Logs, seed: int, settings: dict[str, Any]) -> None:
    rows = Rows(logs, **settings)
    for i, cutoff in enumerate(CUTOFFS):
        rng = np.random.default_rng([seed, i])
        other = Rows(another_future(logs, cutoff, rng), **settings)
        for fit_cutoffs in ([CUTOFFS[0]], [CUTOFFS[1]], [CUTOFFS[-1]], CUTOFFS, MANY_CUTOFFS):
            check_comparison(transformer, no_future(rows, other, cutoff, fit_cutoffs))
        one_each = no_future(rows, other, cutoff, MANY_CUTOFFS, one_each=True)
        check_comparison(transformer, one_each)
