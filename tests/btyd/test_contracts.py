import numpy as np
import pandas as pd
import pytest

from clvkit.btyd._contract_periods import advance, infer_period, periods_between
from clvkit.btyd._contracts import Terms, learn_terms, read_contracts, read_payments, renewals_due
from clvkit.errors import ShortLogError
from clvkit.history import get_histories, latest_histories
from clvkit.utils._duration import parse_duration


def days(*dates):
    return np.array(dates, dtype="M8[D]").astype(np.int64)


def payments_on(*dates, cutoff="2024-12-31", extra=None):
    log = pd.DataFrame({"customer_id": 1, "date": list(dates), "amount": 10.0})
    X = latest_histories(log if extra is None else pd.concat([log, extra]), cutoff)
    return read_payments(get_histories(X))


def contracts_on(*dates, period="1M", grace=3, cutoff="2024-12-31", acquired=None):
    payments = payments_on(*dates, cutoff=cutoff)
    return read_contracts(payments, Terms(parse_duration(period), grace), acquired)


# --- the calendar ------------------------------------------------------------------------------


@pytest.mark.parametrize("period", ["1M", "3M", "1Q", "1Y", "7D", "30D", "2W"])
def test_advance_agrees_with_durations(period):
    start = days("2023-01-31", "2024-02-29", "2023-12-01", "1969-11-30")
    length = parse_duration(period)
    for count in range(15):
        np.testing.assert_array_equal(
            advance(start, length, count), length.times(count).after(start) if count else start
        )
        np.testing.assert_array_equal(
            periods_between(start, advance(start, length, count), length), count
        )


def test_periods_are_rounded_to_the_nearest():
    start = days("2023-01-31").repeat(4)
    end = days("2023-02-10", "2023-02-27", "2023-03-10", "2023-06-30")
    assert periods_between(start, end, parse_duration("1M")).tolist() == [0, 1, 1, 5]


# --- which period ------------------------------------------------------------------------------


@pytest.mark.parametrize("period", ["1M", "1Y", "3M", "6M", "7D", "14D", "28D", "30D", "10D"])
def test_the_period_is_found(period):
    rng = np.random.default_rng(0)
    start = days("2020-01-01") + rng.integers(0, 365, 400)
    length = parse_duration(period)
    number = rng.integers(0, 4, 400)
    before, after = advance(start, length, number), advance(start, length, number + 1)
    assert infer_period(before, after, start, after) == str(length)


@pytest.mark.parametrize("period", ["1M", "30D", "28D", "31D"])
def test_the_period_is_found_among_late_payments_and_additions(period):
    rng = np.random.default_rng(1)
    start = days("2020-01-01") + rng.integers(0, 365, 1_000)
    number = rng.integers(0, 24, 1_000)
    length = parse_duration(period)
    before = advance(start, length, number) + rng.integers(0, 5, 1_000)
    after = advance(start, length, number + 1) + rng.integers(0, 5, 1_000)
    last = after.copy()
    after[:150] = before[:150] + rng.integers(1, 20, 150)
    assert infer_period(before, after, start, last) == period


def test_no_period_is_found_where_there_is_none():
    rng = np.random.default_rng(2)
    before = rng.integers(0, 1_000, 500)
    after = before + 1 + rng.exponential(30.0, 500).astype(np.int64)
    with pytest.raises(ShortLogError, match="at no regular interval"):
        infer_period(before, after, before, after)
    with pytest.raises(ShortLogError, match="nobody has paid twice"):
        infer_period(*[before[:0]] * 4)


def test_the_grace_is_what_nearly_all_keep_to():
    late = pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(2, 402), 2),
            "date": (
                np.datetime64("2024-03-01")
                + np.tile([0, 31], 400)
                + np.tile([0, 0, 0, 5], 200).astype("m8[D]")
            ).astype(str),
            "amount": 10.0,
        }
    )
    payments = payments_on("2024-01-01", extra=late)
    month = parse_duration("1M")
    assert learn_terms(payments, month, None).grace == 5
    assert learn_terms(payments, month, 1).grace == 1
    assert learn_terms(payments_on("2024-01-01"), parse_duration("1M"), None).grace == 3


# --- which contracts ---------------------------------------------------------------------------


def test_a_contract_that_goes_on():
    found = contracts_on("2024-10-15", "2024-11-15", "2024-12-15")
    assert (found.renewals[0], found.open[0], found.overdue[0]) == (2, True, False)
    assert found.due[0] == days("2025-01-15")[0]
    assert found.tenures().churned.tolist() == [0.0]


def test_a_contract_is_over_after_the_grace():
    until = [("2024-12-14", True, False), ("2024-12-15", True, True), ("2024-12-19", False, False)]
    for cutoff, open_, overdue in until:
        found = contracts_on("2024-10-15", "2024-11-15", cutoff=cutoff)
        assert (found.open[0], found.overdue[0]) == (open_, overdue)
    assert found.tenures().tenure.tolist() == [2.0]
    assert found.tenures().churned.tolist() == [1.0]


def test_who_comes_back_has_a_new_contract():
    found = contracts_on("2024-01-15", "2024-02-15", "2024-11-20", "2024-12-20")
    assert found.tenures().tenure.tolist() == [2.0, 1.0]
    assert found.tenures().churned.tolist() == [1.0, 0.0]
    assert found.open.tolist() == [False, True]


@pytest.mark.parametrize(
    "dates",
    [
        ("2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"),
        ("2024-01-31", "2024-02-29", "2024-03-29", "2024-04-29"),
        ("2024-01-15", "2024-02-17", "2024-03-20", "2024-04-22"),  # always late
        ("2024-01-15", "2024-01-20", "2024-02-15", "2024-02-16", "2024-03-15", "2024-04-15"),
    ],
    ids=["end of month", "stays on the 29th", "drifts", "additions"],
)
def test_renewals_are_counted_by_the_calendar(dates):
    found = contracts_on(*dates, cutoff="2024-05-10")
    assert len(found.row) == 1
    assert (found.renewals[0], found.open[0]) == (3, True)


def test_weekly_payments_of_a_monthly_contract_are_not_renewals():
    weekly = pd.date_range("2024-01-01", "2024-03-25", freq="7D").strftime("%Y-%m-%d")
    found = contracts_on(*weekly, cutoff="2024-03-31")
    assert found.renewals.tolist() == [3]


def test_customers_older_than_the_log_have_a_longer_tenure():
    acquired = days("2024-04-15")
    found = contracts_on("2024-10-15", "2024-11-15", "2024-12-15", acquired=acquired)
    assert found.tenures().tenure.tolist() == [8.0]
    assert found.tenures().entry.tolist() == [6.0]
    later = contracts_on("2024-10-15", "2024-12-15", acquired=days("2024-11-01"))
    assert later.tenures().entry.tolist() == [0.0, 0.0]


def test_renewals_due_by_a_day():
    found = contracts_on("2024-10-31", "2024-11-30", "2024-12-31")
    terms = Terms(parse_duration("1M"), 3)
    for until, due in (("2025-01-30", 0), ("2025-01-31", 1), ("2025-02-28", 2), ("2025-12-31", 12)):
        assert renewals_due(found, terms, days(until)).tolist() == [due]


def test_a_customer_with_refunds_only_has_no_contract():
    refund = pd.DataFrame({"customer_id": [2], "date": ["2024-12-01"], "amount": [-5.0]})
    payments = payments_on("2024-11-15", "2024-12-15", extra=refund)
    found = read_contracts(payments, Terms(parse_duration("1M"), 3))
    assert found.row.tolist() == [0]
