"""What must not change the features of a row, as comparisons of two fits."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone

from clvkit.testing._history_logs import Logs, Rows

__all__ = [
    "Comparison",
    "assert_same",
    "check_comparison",
    "check_money_scale",
    "check_row_by_row",
    "date_shift",
    "features_of",
    "line_order",
    "money_scale",
    "names_of",
    "no_future",
]

NO_FUTURE = (
    "A row may use the events in its own history, which end at its cutoff, and of what fit has "
    "learnt only what was known by then: learn it by calendar periods, and look up the last one "
    "that had ended."
)
ROW_BY_ROW = (
    "Learn what compares customers in fit, and reduce each history on its own (np.add.reduceat "
    "over the offsets, not differences of a running sum, which carry the others' rounding)."
)
STORE = (
    "Several rows share an event store, which also holds later events and other customers: read "
    "a row's events by flat_events() and flat_attribute(), and attributes by their text, never by "
    "codes or positions."
)
LINE_ORDER = (
    "Neither the order of the log's lines nor that of the rows in fit has a meaning: learn by "
    "cutoffs and values, not by positions."
)
MONEY = (
    "Amounts in cents would be another model. Use ratios of amounts, name the features that are "
    "meant to be so in nonlinear_in_money=[...], or leave the check out by "
    "scales_with_money=False."
)
DATES = (
    "Count from the cutoff, not from a fixed day; name features of the calendar in "
    "calendar_features=[...], or leave the check out by ignores_dates=False."
)


class Comparison(NamedTuple):
    """Two fits after which the same rows must have the same features.

    Attributes
    ----------
    fit, rows : DataFrame
        What is fitted on, and the rows whose features count.
    other_fit, other_rows : DataFrame
        The same in a world that differs by what must not matter.
    what : str
        What differs, as the subject of "change the features".
    remedy : str
        What helps.
    rtol : float
        What rounding in the sums of fit is allowed to change.
    """

    fit: pd.DataFrame
    rows: pd.DataFrame
    other_fit: pd.DataFrame
    other_rows: pd.DataFrame
    what: str
    remedy: str
    rtol: float = 1e-9


def no_future(
    rows: Rows, other: Rows, cutoff: str, fit_cutoffs: Sequence[str], *, one_each: bool = False
) -> Comparison:
    """Compare two logs that agree up to ``cutoff``, in the rows of that cutoff.

    The fits are on the rows of ``fit_cutoffs``, earlier or later; with ``one_each``, on one row
    a customer, whose cutoff is one of them.
    """
    fit, other_fit = (
        world.one_each(fit_cutoffs) if one_each else world.at(fit_cutoffs)
        for world in (rows, other)
    )
    shown = ", ".join(fit_cutoffs[:4]) + (", ..." if len(fit_cutoffs) > 4 else "")
    what = f"events after the cutoff {cutoff} (fitted on rows of {shown}) change"
    return Comparison(fit, rows.at([cutoff]), other_fit, other.at([cutoff]), what, NO_FUTURE)


def line_order(
    logs: Logs, cutoffs: Sequence[str], *, random_state: int = 0, **settings: Any
) -> Comparison:
    """Compare logs with their lines, and the rows of fit, in another order."""
    rows = Rows(logs, **settings).at(cutoffs)
    other = Rows(logs.shuffled(random_state), **settings).at(cutoffs)
    shuffled = other.sample(frac=1.0, random_state=random_state)
    return Comparison(rows, rows, shuffled, other, "the order of the lines changes", LINE_ORDER)


def date_shift(
    logs: Logs, cutoffs: Sequence[str], *, days: int = 500, **settings: Any
) -> Comparison:
    """Compare with logs and cutoffs of another time."""
    shift = np.timedelta64(days, "D")
    later = [str(np.datetime64(cutoff) + shift) for cutoff in cutoffs]
    rows = Rows(logs, **settings).at(cutoffs)
    shifted = Rows(logs.assign(date=lambda log: log["date"] + shift), **settings).at(later)
    what = f"a shift of all dates by {days} days changes"
    return Comparison(rows, rows, shifted, shifted, what, DATES)


def money_scale(logs: Logs, cutoffs: Sequence[str], *, rate: float = 4.0, **settings: Any) -> tuple:
    """Return the rows of the logs, and of those in another currency, and the rate.

    A rate that is a power of 2 rounds no amount.
    """
    scaled = logs.assign(amount=lambda log: log["amount"] * rate)
    return Rows(logs, **settings).at(cutoffs), Rows(scaled, **settings).at(cutoffs), rate


def check_comparison(
    transformer: Any, comparison: Comparison, *, exempt: Sequence[str] = ()
) -> None:
    """Check that what differs in a comparison leaves the features as they are."""
    fitted = clone(transformer).fit(comparison.fit)
    expected = features_of(fitted, comparison.rows)
    other = clone(transformer).fit(comparison.other_fit)
    actual = features_of(other, comparison.other_rows)
    assert_same(
        actual,
        expected,
        names_of(fitted),
        comparison.what,
        comparison.remedy,
        rows=comparison.rows.index,
        rtol=comparison.rtol,
        exempt=exempt,
    )


def check_row_by_row(transformer: Any, X: pd.DataFrame, *, random_state: int = 0) -> None:
    """Check that rows have the same features, to the last bit, alone and in any batch.

    And over any event store: pickling keeps the events of the rows alone.
    """
    fitted = clone(transformer).fit(X)
    whole, names = features_of(fitted, X), names_of(fitted)
    again = features_of(fitted, X)
    what = "transforming the same rows once more changes"
    assert_same(again, whole, names, what, "transform may not learn.", rows=X.index)
    for rows in _batches(len(X), np.random.default_rng(random_state)):
        actual = features_of(fitted, X.iloc[rows])
        what = "other rows of the batch change"
        assert_same(actual, whole[rows], names, what, ROW_BY_ROW, rows=X.index[rows])
    alone = pickle.loads(pickle.dumps(X))
    what = "what else the event store holds changes"
    assert_same(features_of(fitted, alone), whole, names, what, STORE, rows=X.index)


def _batches(n: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    some = rng.choice(n, size=-(-n // 3), replace=False)
    yield rng.permutation(n)
    yield some
    yield np.repeat(some, 2)
    yield from some[:5, None]


def check_money_scale(
    transformer: Any, rows: pd.DataFrame, scaled: pd.DataFrame, rate: float, *, exempt: Any = ()
) -> None:
    """Check that each feature is multiplied as amounts are, or stays, in all of its rows."""
    fitted = clone(transformer).fit(rows)
    base = features_of(fitted, rows)
    dear = features_of(clone(transformer).fit(scaled), scaled)
    stays = np.isclose(dear, base, rtol=1e-9, atol=0, equal_nan=True).all(axis=0)
    grows = np.isclose(dear, rate * base, rtol=1e-9, atol=0, equal_nan=True).all(axis=0)
    names = names_of(fitted)
    odd = [n for n, ok in zip(names, stays | grows, strict=True) if not ok and n not in exempt]
    assert not odd, (
        f"amounts in another currency neither multiply nor keep the features {odd}. {MONEY}"
    )


def features_of(fitted: Any, X: pd.DataFrame) -> NDArray:
    """Return the features as an array."""
    return np.asarray(fitted.transform(X))


def names_of(fitted: Any) -> list[str]:
    """Return the names of the features."""
    return [str(name) for name in fitted.get_feature_names_out()]


def assert_same(
    actual: NDArray,
    expected: NDArray,
    names: list[str],
    what: str,
    remedy: str,
    *,
    rows: pd.Index,
    rtol: float = 0.0,
    exempt: Sequence[str] = (),
) -> None:
    """Assert that features are the same, or say which are not, show one, and teach."""
    assert actual.shape == expected.shape, (
        f"{what} the shape, {expected.shape} to {actual.shape}. {remedy}"
    )
    same = np.isclose(actual, expected, rtol=rtol, atol=0.0, equal_nan=True)
    same[:, np.isin(names, list(exempt))] = True
    odd = np.flatnonzero(~same.all(axis=0))
    if not len(odd):
        return
    j = odd[0]
    i = np.flatnonzero(~same[:, j])[0]
    raise AssertionError(
        f"{what} the features {[names[k] for k in odd]} in {(~same.all(axis=1)).sum()} of "
        f"{len(same)} rows, such as {names[j]!r} in the row ({_shown(rows[i])}), where "
        f"{expected[i, j]:.17g} becomes {actual[i, j]:.17g}. {remedy}"
    )


def _shown(key: Any) -> str:
    return ", ".join(map(str, key)) if isinstance(key, tuple) else str(key)
