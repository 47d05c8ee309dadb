import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from clvkit.errors import (
    AmountError,
    ClvkitError,
    CutoffError,
    DateError,
    DurationError,
    EmptyLogError,
    LogError,
    LogTypeError,
    MissingColumnError,
    ShortLogError,
    UnknownNameError,
)
from clvkit.history import get_histories, latest_histories, make_samples


def spoil(log, column, value, rows=(3, 7)):
    values = log[column].astype(object).copy()
    values.iloc[list(rows)] = value
    return log.assign(**{column: values})


TINY = pd.DataFrame(
    {
        "customer_id": np.arange(10) % 4,
        "date": pd.date_range("2022-01-01", periods=10, freq="30D"),
        "amount": np.arange(10.0),
    }
)
BERLIN = datetime.timezone(datetime.timedelta(hours=1))

BAD_LOGS = {
    "missing amount, a suggestion": (
        TINY.rename(columns={"amount": "Amount"}),
        MissingColumnError,
        r"the log has no column 'amount' \(amount\). Its columns: customer_id, date, Amount. "
        r"Say which column it is, for example amount='Amount'.",
    ),
    "missing customer, close name": (
        TINY.rename(columns={"customer_id": "CustomerID"}),
        MissingColumnError,
        r"no column 'customer_id' \(customer_id\).*for example customer_id='CustomerID'",
    ),
    "all missing, nothing close": (
        pd.DataFrame({"x": [1]}),
        MissingColumnError,
        r"no column 'customer_id' \(customer_id\), 'date' \(date\), 'amount' \(amount\)",
    ),
    "customer in the index": (
        TINY.set_index("customer_id"),
        MissingColumnError,
        r"the log has 'customer_id' in its index, not in a column. Pass log.reset_index\(\)",
    ),
    "unparseable dates": (
        spoil(TINY.assign(date=TINY["date"].dt.strftime("%Y-%m-%d")), "date", "31/12/2011"),
        DateError,
        r"column 'date' cannot be read as dates in 2 of 10 rows, such as '31/12/2011'. Write dates"
        r" as '2011-12-31', or parse them first, for example pd.to_datetime\(log\['date'\], "
        r"format='%d/%m/%Y'\)",
    ),
    "missing dates": (
        spoil(TINY, "date", pd.NaT),
        DateError,
        r"column 'date' has no date in 2 of 10 rows, such as one of customer 3. Fill them in, or "
        r"drop these rows: log.dropna\(subset=\['date'\]\)",
    ),
    "all dates missing": (
        TINY.assign(date=None),
        DateError,
        r"column 'date' has no date in 10 of 10 rows",
    ),
    "numbers for dates": (
        TINY.assign(date=20_220_101),
        DateError,
        r"column 'date' holds Int64, such as \[20220101\], not dates. Convert it first",
    ),
    "mixed zones in text": (
        spoil(TINY.assign(date="2022-05-01T10:00:00+01:00"), "date", "2022-05-02T10:00:00+02:00"),
        DateError,
        r"column 'date' mixes time zones, such as .*\+01:00, .*\+02:00. Convert it to the "
        r"wall-clock time",
    ),
    "mixed zones in objects": (
        spoil(
            TINY.assign(date=pd.Series([datetime.datetime(2022, 5, 1)] * 10, dtype=object)),
            "date",
            datetime.datetime(2022, 5, 2, tzinfo=BERLIN),
        ),
        DateError,
        r"column 'date' mixes time zones, such as None, UTC\+01:00. Convert it to the wall-clock",
    ),
    "nan amounts": (
        TINY.assign(amount=TINY["amount"].where(TINY["amount"] != 3)),
        AmountError,
        r"column 'amount' is missing or not finite in 1 of 10 rows, such as .* of customer 3. "
        r"Correct or drop these rows.",
    ),
    "infinite amounts": (
        TINY.assign(amount=TINY["amount"].replace({3: np.inf, 4: -np.inf})),
        AmountError,
        r"column 'amount' is missing or not finite in 2 of 10 rows, such as inf of customer 3",
    ),
    "text amounts": (
        TINY.assign(amount="12.50 EUR"),
        AmountError,
        r"column 'amount' holds String, such as \['12.50 EUR'\], not numbers. Convert it first, "
        r"for example pd.to_numeric\(log\['amount'\]\)",
    ),
    "no rows": (TINY.head(0), EmptyLogError, r"the log has no rows. Give at least one transaction"),
    "no customers": (
        TINY.assign(customer_id=None),
        EmptyLogError,
        r"no row of the log names a customer: column 'customer_id' is missing in all 10 rows",
    ),
    "customers of several types": (
        spoil(TINY, "customer_id", "three"),
        LogError,
        r"column 'customer_id' of the log cannot be read: it mixes types \(8 int, 2 str\), such as "
        r"'three'. Make it one type, for example log\['customer_id'\] = "
        r"log\['customer_id'\].astype\(str\).",
    ),
    "customers that are lists": (
        TINY.assign(customer_id=[[1]] * 10),
        LogError,
        r"column 'customer_id' holds List\(Int64\), such as \[\[1\]\], which cannot name",
    ),
    "columns twice": (
        pd.concat([TINY, TINY[["amount"]]], axis=1),
        LogError,
        r"the log has several columns of the same name: \['amount'\]. Rename them.",
    ),
    "arrow columns twice": (
        pa.table([[1], [2]], names=["amount", "amount"]),
        LogError,
        r"the log has several columns of the same name: \['amount'\]. Rename them.",
    ),
    "no such path": ("no/such/log.csv", LogError, r"there is no file or folder 'no/such/log.csv'"),
    "a list": ([1, 2], LogTypeError, r"the log must be a pandas, Polars.*; got list"),
    "a dict": ({"date": [1]}, LogTypeError, r"'transactions' must be one of them; got \['date'\]"),
    "an array": (np.ones((3, 3)), LogTypeError, r"got ndarray"),
    "None": (None, LogTypeError, r"got NoneType"),
    "a series": (TINY["amount"], LogTypeError, r"got Series"),
}


@pytest.mark.parametrize("case", BAD_LOGS)
@pytest.mark.parametrize("door", [latest_histories, lambda log: make_samples(log, "30D")])
def test_bad_logs(case, door):
    log, error, message = BAD_LOGS[case]
    with pytest.raises(error, match=message) as caught:
        door(log)
    assert isinstance(caught.value, ClvkitError)
    assert isinstance(caught.value, TypeError if error is LogTypeError else ValueError)


BAD_OPTIONS = {
    "refunds": (
        {"refunds": "ignore"},
        UnknownNameError,
        r"refunds='ignore'.*'net', 'drop', 'raise'",
    ),
    "duplicates": ({"duplicates": True}, UnknownNameError, r"duplicates=True.*'keep', 'drop'"),
    "granularity": ({"granularity": "M"}, UnknownNameError, r"granularity='M'.*'W', 'D', 'h'"),
    "granularity list": ({"granularity": ["D"]}, UnknownNameError, r"granularity=\['D'\] is not"),
    "attribute": ({"attributes": ["price"]}, MissingColumnError, r"'price' \(attributes\[0\]\)"),
    "reserved attribute": (
        {"attributes": "date"},
        LogError,
        r"attributes may not be called 'date'",
    ),
    "end month": ({"end": "2022-05"}, CutoffError, r"end='2022-05' names no single day"),
    "end number": ({"end": 20_220_501}, CutoffError, r"end=20220501 is no date"),
    "end time": ({"end": "2022-05-01 12:00"}, CutoffError, r"end='2022-05-01 12:00' has a time of"),
    "end before the log": (
        {"end": "2021-01-01"},
        EmptyLogError,
        r"no event is left: the log starts on 2022-01-01, after the end that was given",
    ),
}


@pytest.mark.filterwarnings("ignore:10 of 10 rows are dated after end")
@pytest.mark.parametrize("case", BAD_OPTIONS)
@pytest.mark.parametrize("samples", [False, True], ids=["latest_histories", "make_samples"])
def test_bad_options(case, samples):
    options, error, message = BAD_OPTIONS[case]
    with pytest.raises(error, match=message):
        make_samples(TINY, "30D", **options) if samples else latest_histories(TINY, **options)


CUTOFFS = {
    "text": "2022-06-30",
    "basic text": "20220630",
    "date": datetime.date(2022, 6, 30),
    "midnight": datetime.datetime(2022, 6, 30),
    "Timestamp": pd.Timestamp("2022-06-30"),
    "datetime64": np.datetime64("2022-06-30"),
}


@pytest.mark.parametrize("kind", CUTOFFS)
def test_kinds_of_cutoffs(kind):
    cutoff = CUTOFFS[kind]
    X = latest_histories(TINY, cutoff)
    assert set(X.index.get_level_values("cutoff")) == {pd.Timestamp("2022-06-30")}
    assert get_histories(X).dtype.end == "2022-06-30"
    one, _ = make_samples(TINY, "30D", cutoff)
    several, _ = make_samples(TINY, "30D", [cutoff, cutoff])
    pd.testing.assert_frame_equal(one, several)


BAD_CUTOFFS = {
    "time of day": (
        "2022-06-30 12:00",
        r"has a time of day, but the granularity is 'D'.*'2022-06-3",
    ),
    "time zone": (pd.Timestamp("2022-06-30", tz="UTC"), r"has a time zone.*wall-clock"),
    "month": ("2022-06", r"cutoff='2022-06' names no single day"),
    "year": ("2022", r"cutoff='2022' names no single day"),
    "no date": ("next week", r"cutoff='next week' cannot be read as a date"),
    "ambiguous": (
        "30/06/2022",
        r"cannot be read as a date. Give a day such as cutoff='1998-03-31'",
    ),
    "number": (20_220_630.0, r"cutoff=20220630.0 is no date"),
    "NaT": (pd.NaT, r"cutoff is missing \(NaT\)"),
    "bool": (True, r"cutoff=True is no date"),
}


@pytest.mark.parametrize("case", BAD_CUTOFFS)
def test_bad_cutoffs(case):
    cutoff, message = BAD_CUTOFFS[case]
    with pytest.raises(CutoffError, match=message):
        latest_histories(TINY, cutoff)
    with pytest.raises(CutoffError, match=message):
        make_samples(TINY, "30D", cutoff)


def test_a_whole_number_is_no_cutoff():
    with pytest.raises(CutoffError, match="cutoff=20220630 is no date"):
        latest_histories(TINY, 20_220_630)
    with pytest.raises(CutoffError, match="cutoff=20220630 is no date"):
        make_samples(TINY, "30D", [20_220_630])


@pytest.mark.parametrize(
    ("cutoffs", "error", "message"),
    [
        ([], CutoffError, r"cutoffs is empty"),
        (0, CutoffError, r"cutoffs=0 must be at least 1"),
        (-2, CutoffError, r"cutoffs=-2 must be at least 1"),
        ([None], CutoffError, r"1 of 1 cutoffs are missing"),
        (
            ["2021-12-31", "2022-06-30"],
            CutoffError,
            r"1 of 2 cutoffs are before the first event, 2022-01-01, such as 2021-12-31",
        ),
        (
            ["2022-06-30", "2022-09-28"],
            ShortLogError,
            r"the horizon 30D of 1 of 2 cutoffs ends after the end of observation, 2022-09-28: that"
            r" of 2022-09-28 on 2022-10-28. Give earlier cutoffs, a shorter horizon, or the true",
        ),
    ],
    ids=["none", "zero", "negative", "missing", "early", "late"],
)
def test_cutoffs_that_the_log_does_not_allow(cutoffs, error, message):
    with pytest.raises(error, match=message):
        make_samples(TINY, "30D", cutoffs)


@pytest.mark.parametrize("horizon", ["3m", "0D", 90, "abc", None, "36h"], ids=str)
def test_malformed_horizons(horizon):
    with pytest.raises(DurationError):
        make_samples(TINY, horizon)


@pytest.mark.parametrize("horizon", ["2Y", "39W", "12M", "243D"])
def test_a_horizon_longer_than_the_log_allows(horizon):
    message = rf"the log covers 271 days \(2022-01-01 to 2022-09-28\).*horizon of {horizon}: it"
    with pytest.raises(ShortLogError, match=message):
        make_samples(TINY, horizon)


def test_the_longest_horizon_that_the_log_allows():
    # 270 days from the first to the last: 180 of horizon and half of it as history.
    X, _ = make_samples(TINY, "180D")
    assert set(X.index.get_level_values("cutoff")) == {pd.Timestamp("2022-04-01")}
    with pytest.raises(ShortLogError):
        make_samples(TINY, "182D")


def test_unknown_target():
    with pytest.raises(
        UnknownNameError, match=r"target='sales' is not known. Choose one of 'spend'"
    ):
        make_samples(TINY, "30D", target="sales")


def test_a_cutoff_after_end():
    with pytest.raises(CutoffError, match="cutoff='2022-08-01' is after end='2022-07-01'"):
        latest_histories(TINY, "2022-08-01", end="2022-07-01")


def test_a_cutoff_before_the_log():
    message = "no event is left: the log starts on 2022-01-01, after the cutoff that was given"
    with pytest.raises(EmptyLogError, match=message):
        latest_histories(TINY, "2021-01-01")


def test_a_cutoff_after_the_last_event_makes_customers_older():
    X = latest_histories(TINY, "2023-01-01")
    assert set(X.index.get_level_values("cutoff")) == {pd.Timestamp("2023-01-01")}
