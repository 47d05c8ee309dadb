"""The two properties that hold everywhere, and three invariances, on random logs."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvkit.features import CohortFeatures, RFMFeatures, TenureFeatures, default_features
from clvkit.testing._history_transformer import (
    check_date_shift,
    check_line_order,
    check_money_scale,
    check_no_future,
    check_row_by_row,
)

EXAMPLES = settings(max_examples=25, deadline=None)
START = np.datetime64("2023-11-20")
DAYS = 150

TRANSFORMERS = {
    "rfm": RFMFeatures(),
    "tenure": TenureFeatures(),
    "cohort by month": CohortFeatures(),
    "cohort by week": CohortFeatures(freq="W"),
    "default": default_features(),
}
every_transformer = pytest.mark.parametrize("name", TRANSFORMERS)

AMOUNTS = st.one_of(
    st.sampled_from([0.0, 0.1, 0.2, -0.3, 5.0, -5.0, 19.99]),
    st.integers(-20_000, 50_000).map(lambda cents: cents / 100),
)
EVENTS = st.tuples(st.integers(0, 12), st.integers(0, DAYS), AMOUNTS)


def days(least, most):
    """Distinct days in order, a few of them at the ends of months (2023-11-30, 2024-02-29)."""
    day = st.one_of(st.integers(0, DAYS + 20), st.sampled_from([10, 41, 72, 101]))
    return st.lists(day, min_size=least, max_size=most, unique=True).map(
        lambda chosen: [str(START + day) for day in sorted(chosen)]
    )


@st.composite
def logs(draw):
    """Somebody is known from the first day, so that there is a row at any cutoff."""
    events = [(0, 0, draw(AMOUNTS)), *draw(st.lists(EVENTS, max_size=40))]
    customer, day, amount = zip(*events, strict=True)
    return pd.DataFrame(
        {"customer_id": customer, "date": START + np.array(day), "amount": np.array(amount)}
    )


@every_transformer
@settings(max_examples=50, deadline=None)
@given(log=logs(), cutoff=days(1, 1), fit_cutoffs=days(1, 4), seed=st.integers(0, 99))
def test_no_future(name, log, cutoff, fit_cutoffs, seed):
    check_no_future(TRANSFORMERS[name], log, cutoff[0], fit_cutoffs, random_state=seed)


@every_transformer
@EXAMPLES
@given(log=logs(), cutoff=days(1, 1), fit_cutoffs=days(1, 40), seed=st.integers(0, 99))
def test_no_future_when_each_customer_has_a_cutoff_of_its_own(name, log, cutoff, fit_cutoffs, seed):
    options = {"one_each": True, "random_state": seed}
    check_no_future(TRANSFORMERS[name], log, cutoff[0], fit_cutoffs, **options)


@every_transformer
@settings(max_examples=10, deadline=None)
@given(log=logs(), cutoff=days(1, 1), fit_cutoffs=days(33, 40), seed=st.integers(0, 99))
def test_no_future_with_many_cutoffs(name, log, cutoff, fit_cutoffs, seed):
    check_no_future(TRANSFORMERS[name], log, cutoff[0], fit_cutoffs, random_state=seed)


@every_transformer
@EXAMPLES
@given(log=logs(), cutoffs=days(1, 4), seed=st.integers(0, 99))
def test_row_by_row(name, log, cutoffs, seed):
    check_row_by_row(TRANSFORMERS[name], log, cutoffs, random_state=seed)


@every_transformer
@EXAMPLES
@given(log=logs(), cutoffs=days(1, 4), seed=st.integers(0, 99))
def test_order_of_the_lines(name, log, cutoffs, seed):
    check_line_order(TRANSFORMERS[name], log, cutoffs, random_state=seed)


@every_transformer
@EXAMPLES
@given(log=logs(), cutoffs=days(1, 4))
def test_scale_of_money(name, log, cutoffs):
    check_money_scale(TRANSFORMERS[name], log, cutoffs)


@pytest.mark.parametrize("name", ["rfm", "tenure"])
@EXAMPLES
@given(log=logs(), cutoffs=days(1, 4), shift=st.integers(-100, 100))
def test_shift_of_dates(name, log, cutoffs, shift):
    # By whole weeks: the scores are learnt at the ends of calendar weeks.
    check_date_shift(TRANSFORMERS[name], log, cutoffs, days=7 * shift)
