"""Tables of covariates by period."""

import numpy as np
import pandas as pd
import pytest

from clvkit.btyd import covariate_calendar
from clvkit.errors import ArgumentError, DateError, MissingColumnError


def table(freq="7D", n=4, **columns):
    dates = pd.date_range("2024-01-01", periods=n, freq=freq)
    return pd.DataFrame({"date": dates, "tv": np.arange(float(n)), **columns})


@pytest.mark.parametrize(
    ("freq", "period", "end"),
    [
        ("7D", None, "2024-01-29"),
        ("D", None, "2024-01-05"),
        ("MS", None, "2024-05-01"),
        ("QS", None, "2025-01-01"),
        ("7D", "1W", "2024-01-29"),
        ("MS", "1M", "2024-05-01"),
    ],
)
def test_the_last_period_is_as_long_as_the_others(freq, period, end):
    assert covariate_calendar(table(freq), period=period)["end"] == end


def test_the_order_of_rows_does_not_matter():
    calendar, shuffled = (covariate_calendar(t) for t in (table(), table().iloc[[2, 0, 3, 1]]))
    assert calendar["date"] == shuffled["date"]
    np.testing.assert_array_equal(calendar["values"], shuffled["values"])
    np.testing.assert_array_equal(calendar["values"][0, :, 0], [0.0, 1.0, 2.0, 3.0])


def test_dates_may_be_texts():
    texts = table().assign(date=table()["date"].dt.strftime("%Y-%m-%d"))
    assert covariate_calendar(texts)["date"] == covariate_calendar(table())["date"]


def test_customers_share_what_is_alike():
    own = table().merge(pd.DataFrame({"who": ["b", "a", "c"]}), how="cross")
    own.loc[own["who"] == "c", "tv"] *= 2.0
    calendar = covariate_calendar(own.sample(frac=1.0, random_state=0), customer_id="who")
    assert calendar["values"].shape == (2, 4, 1)
    assert calendar["customer_id"].tolist() == ["a", "b", "c"]
    values = calendar["values"][calendar["code"], :, 0]
    np.testing.assert_array_equal(values, [[0, 1, 2, 3], [0, 1, 2, 3], [0, 2, 4, 6]])


def test_nothing_but_plain_types():
    own = table().assign(who=1)
    for value in covariate_calendar(own, customer_id="who").values():
        assert isinstance(value, (str, list, np.ndarray))
        assert not isinstance(value, np.ndarray) or value.dtype != object


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda t: t.to_dict("list"), ArgumentError, "read from a DataFrame"),
        (lambda t: t.drop(columns="date"), MissingColumnError, "no column 'date'"),
        (lambda t: t.drop(columns="tv"), MissingColumnError, "no covariate beside date"),
        (lambda t: t.assign(date=range(4)), DateError, "numbers and no dates"),
        (lambda t: t.assign(date="soon"), DateError, "cannot be read"),
        (lambda t: t.assign(date=pd.NaT), DateError, "4 missing dates"),
        (lambda t: t[:1], DateError, "a single period"),
        (lambda t: t.drop(index=2), DateError, "1 period of '7D' is missing .*: 2024-01-15"),
        (lambda t: pd.concat([t, t[:1]]), DateError, "5 rows for 4 periods"),
        (lambda t: t.assign(tv="high"), ArgumentError, "'tv' of the calendar is not numeric"),
        (lambda t: t.assign(tv=[0, np.nan, 1, np.inf]), ArgumentError, "in 2 of 4 rows.*row 1"),
    ],
)
def test_what_cannot_be_meant(change, error, message):
    with pytest.raises(error, match=message):
        covariate_calendar(change(table()))


def test_periods_that_overlap():
    with pytest.raises(DateError, match=r"of '2W' overlap .* 2024-01-01 and from 2024-01-08"):
        covariate_calendar(table(), period="2W")


def test_a_customer_without_a_period():
    own = table().merge(pd.DataFrame({"who": [1, 2]}), how="cross").drop(index=3)
    with pytest.raises(DateError, match=r"lacks 1 periods .* customer '2' from 2024-01-08"):
        covariate_calendar(own, customer_id="who")
    with pytest.raises(DateError, match="8 rows for 7 periods of customers"):
        covariate_calendar(pd.concat([own, own[:1]]), customer_id="who")
