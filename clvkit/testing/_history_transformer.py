"""What every feature transformer over histories must keep to."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from clvkit.errors import HistoryTypeError
from clvkit.history import customers_of, get_histories, latest_histories, replace_histories

__all__ = [
    "check_date_shift",
    "check_history_transformer",
    "check_line_order",
    "check_manners",
    "check_money_scale",
    "check_no_future",
    "check_row_by_row",
    "random_log",
    "rows_at",
]

_START = np.datetime64("2023-11-20")
_N_DAYS = 240
#: A month's end, a day in a month, a leap day, a week's end (Sunday).
_CUTOFFS = ("2023-12-31", "2024-01-17", "2024-02-29", "2024-05-05")

#: More of them than a transformer may learn anything at, unless it learns by the calendar.
_MANY = tuple(str(_START + day) for day in range(9, _N_DAYS, 6))


def check_history_transformer(
    transformer: Any,
    *,
    scales_with_money: bool = True,
    ignores_dates: bool = False,
    n_logs: int = 8,
    random_state: int = 0,
) -> None:
    """Check that a transformer over histories looks at no future and at no other row.

    Call it in a test of your own transformer: it fits clones of it on random logs with ties,
    free orders, refunds and customers who only return, and compares.

    - Manners: scikit-learn's interface, float64 output with unique names, ``set_output``,
      pickle and skops round trips, histories without events, a clear refusal of other input.
    - No future: whatever happens after a row's cutoff, its features stay, whether the
      transformer was fitted on earlier or on later cutoffs.
    - Row by row: a row has the same features, to the last bit, in any batch.
    - Line order: the order of the log's lines makes no difference.
    - Money: in another currency each feature is either multiplied by the rate, or the same.
    - Dates: a log that starts another day has the same features (not for calendar features).

    Parameters
    ----------
    transformer : estimator
        With ``fit(X)``, ``transform(X)`` and ``get_feature_names_out()``, where ``X`` has a
        column ``history``. Clones are fitted, never the transformer itself.
    scales_with_money : bool, default=True
        Whether to check money; no for logarithms of amounts, for example.
    ignores_dates : bool, default=False
        Whether to check dates.
    n_logs : int, default=8
        Number of random logs.
    random_state : int, default=0
        Seed of the logs.

    Raises
    ------
    AssertionError
        Naming the property and the features that break it.

    Examples
    --------
    >>> from clvkit.features import TenureFeatures
    >>> from clvkit.testing import check_history_transformer
    >>> check_history_transformer(TenureFeatures(), ignores_dates=True, n_logs=2)
    """
    for seed in range(random_state, random_state + n_logs):
        log = random_log(seed)
        check_manners(transformer, log, _CUTOFFS)
        for cutoff in _CUTOFFS:
            for fit_cutoffs in ([_CUTOFFS[0]], [_CUTOFFS[1]], [_CUTOFFS[-1]], _CUTOFFS):
                check_no_future(transformer, log, cutoff, fit_cutoffs, random_state=seed)
            check_no_future(transformer, log, cutoff, _MANY, one_each=True, random_state=seed)
            check_no_future(transformer, log, cutoff, _MANY, random_state=seed)
        check_row_by_row(transformer, log, _CUTOFFS, random_state=seed)
        check_line_order(transformer, log, _CUTOFFS, random_state=seed)
        if scales_with_money:
            check_money_scale(transformer, log, _CUTOFFS)
        if ignores_dates:
            check_date_shift(transformer, log, _CUTOFFS)


def check_manners(transformer: Any, log: pd.DataFrame, cutoffs: Sequence[str]) -> None:
    """Check the interface of scikit-learn, the output, and the round trips."""
    X = rows_at(log, cutoffs)
    _check_raises(NotFittedError, lambda: clone(transformer).transform(X), "before fit")
    _check_raises(
        HistoryTypeError,
        lambda: clone(transformer).fit(pd.DataFrame({"amount": [1.0]})),
        "for a frame without histories",
    )
    fitted = clone(transformer)
    assert fitted.fit(X) is fitted, "fit must return self"
    features, names = _features(fitted, X), _names(fitted)
    assert len(set(names)) == len(names) == features.shape[1], f"names do not fit: {names}"
    assert features.dtype == np.float64, f"the output is {features.dtype}, not float64"
    assert _features(fitted, X.iloc[:0]).shape == (0, len(names)), "an empty batch is refused"
    assert len(_features(fitted, _without_events(X))) == len(X), "rows are lost"
    frame = clone(transformer).set_output(transform="pandas").fit(X).transform(X)
    assert frame.index.equals(X.index), "set_output('pandas') must keep the index"
    assert list(frame.columns) == names, "set_output('pandas') must name the columns"
    for kind, copy in {"pickle": _pickled(fitted), "skops": _through_skops(fitted)}.items():
        _assert_same(_features(copy, X), features, names, f"a {kind} round trip changes")


def check_no_future(
    transformer: Any,
    log: pd.DataFrame,
    cutoff: str,
    fit_cutoffs: Sequence[str],
    *,
    one_each: bool = False,
    random_state: int = 0,
    **settings: Any,
) -> None:
    """Check that what happens after the cutoff changes nothing in the rows of that cutoff.

    The transformer is fitted on the rows of ``fit_cutoffs``, earlier or later, of each of two
    logs that agree up to ``cutoff``; with ``one_each``, on one row a customer, whose cutoff is
    one of them. ``settings`` are those of the door.
    """
    other = _another_future(log, cutoff, np.random.default_rng(random_state))

    def features(version: pd.DataFrame) -> tuple[NDArray, Any]:
        rows = _one_row_each if one_each else rows_at
        fitted = clone(transformer).fit(rows(version, fit_cutoffs, **settings))
        return _features(fitted, rows_at(version, [cutoff], **settings)), fitted

    (expected, fitted), (actual, _) = features(log), features(other)
    when = f"after the cutoff {cutoff} (fitted on rows of {', '.join(fit_cutoffs)})"
    _assert_same(actual, expected, _names(fitted), f"events {when} change", rtol=1e-9)


def check_row_by_row(
    transformer: Any, log: pd.DataFrame, cutoffs: Sequence[str], *, random_state: int = 0
) -> None:
    """Check that rows have the same features, to the last bit, alone and in any batch."""
    X = rows_at(log, cutoffs)
    fitted = clone(transformer).fit(X)
    whole, names = _features(fitted, X), _names(fitted)
    rng = np.random.default_rng(random_state)
    shuffled = rng.permutation(len(X))
    some = rng.choice(len(X), size=-(-len(X) // 3), replace=False)
    for rows in (shuffled, some, np.repeat(some, 2), *some[:5, None]):
        _assert_same(
            _features(fitted, X.iloc[rows]), whole[rows], names, "other rows of the batch change"
        )


def check_line_order(
    transformer: Any, log: pd.DataFrame, cutoffs: Sequence[str], *, random_state: int = 0
) -> None:
    """Check that the order of the log's lines makes no difference."""
    shuffled = log.sample(frac=1.0, random_state=random_state)
    _check_logs(transformer, log, shuffled, cutoffs, cutoffs, "the order of the lines changes")


def check_date_shift(
    transformer: Any, log: pd.DataFrame, cutoffs: Sequence[str], *, days: int = 500
) -> None:
    """Check that a log and cutoffs of another time have the same features."""
    shift = np.timedelta64(days, "D")
    later = [str(np.datetime64(cutoff) + shift) for cutoff in cutoffs]
    shifted = log.assign(date=log["date"] + shift)
    _check_logs(transformer, log, shifted, cutoffs, later, f"a shift by {days} days changes")


def check_money_scale(transformer: Any, log: pd.DataFrame, cutoffs: Sequence[str]) -> None:
    """Check that each feature is multiplied as amounts are, or stays, in all of its rows."""
    rate = 4.0  # a power of 2: no amount is rounded on the way
    base, fitted = _fit_transform(transformer, log, cutoffs)
    scaled, _ = _fit_transform(transformer, log.assign(amount=log["amount"] * rate), cutoffs)
    stays = np.isclose(scaled, base, rtol=1e-9, atol=0, equal_nan=True).all(axis=0)
    grows = np.isclose(scaled, rate * base, rtol=1e-9, atol=0, equal_nan=True).all(axis=0)
    odd = [name for name, ok in zip(_names(fitted), stays | grows, strict=True) if not ok]
    assert not odd, f"amounts in another currency neither multiply nor keep the features {odd}"


def random_log(seed: int, n_customers: int = 14) -> pd.DataFrame:
    """Return a small log with ties, free orders, refunds, and customers who only return."""
    rng = np.random.default_rng(seed)
    customer = np.repeat(np.arange(n_customers), 1 + rng.geometric(0.2, n_customers))
    arrival = rng.integers(0, _N_DAYS, n_customers)[customer] * (rng.random(len(customer)) < 0.7)
    day = np.minimum(arrival + rng.integers(0, 90, len(customer)) // 3 * 3, _N_DAYS)
    prices = np.array([0.0, 0.1, 0.2, 9.99, 20.0, 310.5, -0.3, -9.99, -20.0, -400.0])
    amount = rng.choice(prices, len(customer), p=[0.05, 0.1, 0.1, 0.2, 0.2, 0.1, *[0.0625] * 4])
    amount[customer == 0] = -np.abs(amount[customer == 0]) - 1.0
    day[0] = day[customer == 1] = 0  # somebody is known at every cutoff
    return pd.DataFrame({"customer_id": customer, "date": _START + day, "amount": amount})


def rows_at(log: pd.DataFrame, cutoffs: Sequence[str], **settings: Any) -> pd.DataFrame:
    """Return the rows of all cutoffs over one event store, which knows what came after them."""
    end = max(*cutoffs, str(log["date"].max().date()))
    X = latest_histories(log, cutoff=end, **settings)
    parts = []
    for cutoff in cutoffs:
        past = replace_histories(X, get_histories(X).cut_back(cutoff))
        parts.append(past[get_histories(past).n_events > 0])
    return pd.concat(parts)


def _one_row_each(log: pd.DataFrame, cutoffs: Sequence[str], **settings: Any) -> pd.DataFrame:
    """Return one row a customer, at a cutoff told by his number; customer 0 has the last one."""
    end = max(*cutoffs, str(log["date"].max().date()))
    X = latest_histories(log, cutoff=end, **settings)
    own = np.array(cutoffs)[(-1 - customers_of(X)) % len(cutoffs)]
    past = replace_histories(X, get_histories(X).cut_back(own))
    return past[get_histories(past).n_events > 0]


def _another_future(log: pd.DataFrame, cutoff: str, rng: np.random.Generator) -> pd.DataFrame:
    """Delete some of the events after the cutoff, change the others, and add new ones."""
    late = log["date"] > np.datetime64(cutoff)
    future = log[late & (rng.random(len(log)) < 0.5)]
    future = future.assign(amount=1000.0 * rng.standard_normal(len(future)).round(2))
    n_new = int(rng.integers(0, 40))
    customers = [*log["customer_id"].unique().tolist(), 990_001, 990_002]
    longest = rng.choice([4, 60])  # soon, within the calendar period of the cutoff, or later
    new = pd.DataFrame(
        {
            "customer_id": rng.choice(customers, n_new),
            "date": np.datetime64(cutoff) + 1 + rng.integers(0, longest, n_new),
            "amount": rng.choice([-50.0, 0.0, 77.0], n_new),
        }
    )
    kept = log[~late]
    return pd.concat([kept, *(part.astype(kept.dtypes) for part in (future, new) if len(part))])


def _without_events(X: pd.DataFrame) -> pd.DataFrame:
    return replace_histories(X, get_histories(X).cut_back("1990-01-01"))


def _fit_transform(transformer: Any, log: pd.DataFrame, cutoffs: Sequence[str]) -> tuple:
    X = rows_at(log, cutoffs)
    fitted = clone(transformer).fit(X)
    return _features(fitted, X), fitted


def _check_logs(
    transformer: Any,
    log: pd.DataFrame,
    other: pd.DataFrame,
    cutoffs: Sequence[str],
    other_cutoffs: Sequence[str],
    what: str,
) -> None:
    base, fitted = _fit_transform(transformer, log, cutoffs)
    again, _ = _fit_transform(transformer, other, other_cutoffs)
    _assert_same(again, base, _names(fitted), what, rtol=1e-12)


def _features(fitted: Any, X: pd.DataFrame) -> NDArray:
    return np.asarray(fitted.transform(X))


def _names(fitted: Any) -> list[str]:
    return [str(name) for name in fitted.get_feature_names_out()]


def _pickled(fitted: Any) -> Any:
    return pickle.loads(pickle.dumps(fitted))


def _through_skops(fitted: Any) -> Any:
    import skops.io

    stored = skops.io.dumps(fitted)
    return skops.io.loads(stored, trusted=skops.io.get_untrusted_types(data=stored))


def _check_raises(error: type[Exception], call: Callable[[], Any], when: str) -> None:
    try:
        call()
    except error:
        return
    raise AssertionError(f"{error.__name__} is not raised {when}")


def _assert_same(
    actual: NDArray, expected: NDArray, names: list[str], what: str, *, rtol: float = 0.0
) -> None:
    assert actual.shape == expected.shape, f"{what} the shape, {expected.shape} to {actual.shape}"
    same = np.isclose(actual, expected, rtol=rtol, atol=0.0, equal_nan=True)
    odd = [name for name, ok in zip(names, same.all(axis=0), strict=True) if not ok]
    assert not odd, f"{what} the features {odd} in {(~same.all(axis=1)).sum()} of {len(same)} rows"
