"""The two properties that hold everywhere, and three invariances, on random logs.

Every group of features has a line in ``TRANSFORMERS``, and so has the union of all. Each example
is one log, on which all of them are tried: making histories costs more than their features do.
Groups of the union are tried in it, and on their own only where the union as a whole has not the
property (the shift of dates).
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
from hypothesis import given, note
from hypothesis import strategies as st

from clvkit.features import (
    AttributeFeatures,
    CadenceFeatures,
    CohortFeatures,
    EventStreamFeatures,
    ExpressionFeatures,
    RFMFeatures,
    SeasonFeatures,
    TenureFeatures,
    WindowFeatures,
    default_features,
)
from clvkit.testing._history_logs import Logs, Rows, another_future
from clvkit.testing._history_properties import (
    check_comparison,
    check_money_scale,
    check_row_by_row,
    date_shift,
    line_order,
    money_scale,
    no_future,
)


class Case(NamedTuple):
    """A transformer, and what of the invariances does not hold for it."""

    transformer: Any
    ignores_dates: bool = True
    calendar_features: tuple = ()
    nonlinear_in_money: tuple = ()


TRANSFORMERS = {
    "rfm": Case(RFMFeatures()),
    "tenure": Case(TenureFeatures()),
    "cohort by month": Case(CohortFeatures(), ignores_dates=False),
    "cohort by week": Case(CohortFeatures(freq="W"), ignores_dates=False),
    "cadence": Case(CadenceFeatures()),
    "window": Case(WindowFeatures()),
    "season": Case(SeasonFeatures(horizon="5W"), ignores_dates=False),
    "attribute": Case(AttributeFeatures(max_values=2, min_events=1)),
    "streams": Case(EventStreamFeatures()),
    "own": Case(
        ExpressionFeatures(
            {"web": (pl.col("channel") == "web").mean(), "last": pl.col("amount").last()}
        )
    ),
    "default": Case(default_features(), ignores_dates=False),
}

_UNION, _STREAMS = (transformer for _, transformer, _ in default_features().transformers)
#: Those that the union holds with the same parameters. (Its own text leaves some of them out.)
_UNITED = {str(group) for _, group in [*_UNION.transformer_list, ("streams", _STREAMS)]}
NOT_UNITED = {
    name: case for name, case in TRANSFORMERS.items() if str(case.transformer) not in _UNITED
}

START = np.datetime64("2023-11-20")
DAYS = 150

AMOUNTS = st.one_of(
    st.sampled_from([0.0, 0.1, 0.2, -0.3, 5.0, -5.0, 19.99]),
    st.integers(-20_000, 50_000).map(lambda cents: cents / 100),
)
EVENTS = st.tuples(
    st.integers(0, 8),
    st.integers(0, DAYS),
    AMOUNTS,
    st.sampled_from(["shop", "web", None]),
    st.sampled_from([0.0, 0.2, np.nan]),
)
COLUMNS = ["customer_id", "day", "amount", "channel", "discount"]


def days(least, most):
    """Distinct days in order, a few of them at the ends of months (2023-11-30, 2024-02-29)."""
    day = st.one_of(st.integers(0, DAYS + 20), st.sampled_from([10, 41, 72, 101]))
    return st.lists(day, min_size=least, max_size=most, unique=True).map(
        lambda chosen: [str(START + day) for day in sorted(chosen)]
    )


def log_of(events):
    log = pd.DataFrame(events, columns=COLUMNS)
    log["channel"] = log["channel"].astype("str")
    return log.assign(date=START + log.pop("day").to_numpy())


@st.composite
def logs(draw):
    """Somebody is known from the first day, so that there is a row at any cutoff.

    Everybody of whom there are visits is among them, or never buys.
    """
    first = (0, 0, draw(AMOUNTS), "shop", 0.0)
    transactions = [first, *draw(st.lists(EVENTS, max_size=30))]
    visits = [(0, 0, 1.0, "web", 0.0), *draw(st.lists(EVENTS, max_size=15))]
    return Logs(log_of(transactions), log_of(visits))


def for_every_transformer(check, cases=NOT_UNITED):
    for name, case in cases.items():
        note(f"transformer: {name}")
        check(case)


def check_no_future(logs, cutoff, fit_cutoffs, seed, **options):
    rows, other = Rows(logs), Rows(another_future(logs, cutoff, np.random.default_rng(seed)))
    comparison = no_future(rows, other, cutoff, fit_cutoffs, **options)
    for_every_transformer(lambda case: check_comparison(case.transformer, comparison))


@given(log=logs(), cutoff=days(1, 1), fit_cutoffs=days(1, 4), seed=st.integers(0, 99))
def test_no_future(log, cutoff, fit_cutoffs, seed):
    check_no_future(log, cutoff[0], fit_cutoffs, seed)


@given(log=logs(), cutoff=days(1, 1), fit_cutoffs=days(1, 40), seed=st.integers(0, 99))
def test_no_future_when_each_customer_has_a_cutoff_of_its_own(log, cutoff, fit_cutoffs, seed):
    check_no_future(log, cutoff[0], fit_cutoffs, seed, one_each=True)


@given(log=logs(), cutoff=days(1, 1), fit_cutoffs=days(33, 40), seed=st.integers(0, 99))
def test_no_future_with_many_cutoffs(log, cutoff, fit_cutoffs, seed):
    check_no_future(log, cutoff[0], fit_cutoffs, seed)


@given(log=logs(), cutoffs=days(1, 4), seed=st.integers(0, 99))
def test_row_by_row(log, cutoffs, seed):
    X = Rows(log).at(cutoffs)
    for_every_transformer(lambda case: check_row_by_row(case.transformer, X, random_state=seed))


@given(log=logs(), cutoffs=days(1, 4), seed=st.integers(0, 99))
def test_order_of_the_lines(log, cutoffs, seed):
    comparison = line_order(log, cutoffs, random_state=seed)
    for_every_transformer(lambda case: check_comparison(case.transformer, comparison))


def test_the_groups_of_the_union_are_those_that_are_left_out():
    left_out = TRANSFORMERS.keys() - NOT_UNITED.keys()
    assert left_out == {"rfm", "tenure", "cohort by month", "cadence", "window", "streams"}
    # With other parameters than in the union, which has no horizon: more of them is tried out.
    assert {"season", "attribute", "default"} < NOT_UNITED.keys()


@given(log=logs(), cutoffs=days(1, 4))
def test_scale_of_money(log, cutoffs):
    rows, scaled, rate = money_scale(log, cutoffs)
    for_every_transformer(
        lambda case: check_money_scale(
            case.transformer, rows, scaled, rate, exempt=case.nonlinear_in_money
        )
    )


@given(log=logs(), cutoffs=days(1, 4), shift=st.integers(-100, 100))
def test_shift_of_dates(log, cutoffs, shift):
    # By whole weeks: the scores are learnt at the ends of calendar weeks.
    comparison = date_shift(log, cutoffs, days=7 * shift)
    for_every_transformer(
        lambda case: (
            case.ignores_dates
            and check_comparison(case.transformer, comparison, exempt=case.calendar_features)
        )
    )
