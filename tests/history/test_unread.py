import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvkit.errors import AmountError, DateError, LogError
from clvkit.history import latest_histories
from clvkit.history._read import read_table

LOG = pd.DataFrame(
    {
        "customer_id": [1, 2, 3],
        "date": ["2024-01-01", "2024-01-02", "2024-01-03"],
        "amount": [5.0, 6.0, 7.0],
    }
)
DAY = datetime.date(2024, 1, 1)

CASES = {
    "ids of int and text": (
        ("customer_id", [1, 2, "three"]),
        LogError,
        r"column 'customer_id' of the log cannot be read: it mixes types \(2 int, 1 str\), such as "
        r"'three'. Make it one type, for example log\['customer_id'\] = "
        r"log\['customer_id'\].astype\(str\).",
        lambda column: column.astype(str),
    ),
    "ids of text and int": (
        ("customer_id", ["one", 2, "three"]),
        LogError,
        r"it mixes types \(2 str, 1 int\), such as 2. .*astype\(str\)",
        lambda column: column.astype(str),
    ),
    "large ids": (
        ("customer_id", [1, 2**64, 2**70]),
        LogError,
        rf"it holds 3 values of type int, such as {2**70}, which are too large for integers of 64 "
        r"bits. .*'customer_id'\].astype\(str\)",
        lambda column: column.astype(str),
    ),
    "amounts of Decimal and float": (
        ("amount", [Decimal("5.5"), Decimal("6"), 7.0]),
        AmountError,
        r"column 'amount' of the log .*\(2 Decimal, 1 float\), such as 7.0. Make it one type, for "
        r"example log\['amount'\] = pd.to_numeric\(log\['amount'\]\)",
        pd.to_numeric,
    ),
    "amounts of float and text": (
        ("amount", [5.5, "6", None]),
        AmountError,
        r"\(1 float, 1 str\), such as '6'. .*pd.to_numeric",
        lambda column: pd.to_numeric(column).fillna(0.0),
    ),
    "dates and text": (
        ("date", [DAY, "2024-01-02", DAY]),
        DateError,
        r"column 'date' of the log .*\(2 date, 1 str\), such as '2024-01-02'. Make it one type, "
        r"for example log\['date'\] = pd.to_datetime\(log\['date'\]\)",
        pd.to_datetime,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_column_is_named_and_the_remedy_helps(case):
    (column, values), error, message, remedy = CASES[case]
    log = LOG.assign(**{column: pd.Series(values, dtype=object)})
    with pytest.raises(error, match=message) as caught:
        latest_histories(log)
    assert type(caught.value) is error
    assert len(latest_histories(log.assign(**{column: remedy(log[column])}))) == 3


@pytest.mark.parametrize(
    ("values", "remedy"),
    [
        ([1, "a", 2], r"log\['more'\].astype\(str\)"),
        ([Decimal("1.5"), 2.5, 3], r"pd.to_numeric\(log\['more'\]\)"),
        ([datetime.datetime(2024, 1, 1), "2024-01-02", DAY], r"pd.to_datetime\(log\['more'\]\)"),
    ],
    ids=["text", "numbers", "dates"],
)
def test_other_columns_by_what_they_hold(values, remedy):
    log = LOG.assign(more=pd.Series(values, dtype=object))
    with pytest.raises(LogError, match=rf"column 'more' of the log .*{remedy}") as caught:
        latest_histories(log, attributes=["more"])
    assert type(caught.value) is LogError


def test_values_that_nothing_can_hold():
    log = LOG.assign(more=pd.Series([object()] * 3, dtype=object))
    with pytest.raises(LogError, match=r"'more' .* holds 3 values of type object, such as <"):
        latest_histories(log, attributes=["more"])


def wrapped(wrap, depth):
    value = 1
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize("depth", [2, 900])
@pytest.mark.parametrize(
    "wrap",
    [lambda v: [v], lambda v: {"a": v}, lambda v: np.array([v, None], dtype=object)],
    ids=["lists", "records", "arrays"],
)
def test_lists_within_lists_are_refused_before_polars_sees_them(wrap, depth):
    """Polars would end the process at some hundred levels, which a request can hold."""
    deep = pd.Series([1.0, wrapped(wrap, depth), None], dtype=object)
    with pytest.raises(LogError, match=r"'amount' of the log holds lists .* in 1 of 3 rows"):
        latest_histories(LOG.assign(amount=deep))
    assert len(latest_histories(LOG.assign(more=deep))) == 3


def test_an_engine_that_fails_is_quoted():
    def fail(_):
        raise pl.exceptions.ComputeError("the disk is gone")

    lazy = pl.LazyFrame({"who": [1]}).map_batches(fail, schema={"who": pl.Int64})
    with pytest.raises(LogError, match=r"the log could not be read: .*the disk is gone"):
        read_table(lazy, {"customer_id": "who"})
