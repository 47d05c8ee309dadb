import datetime

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from clvkit.errors import (
    DataWarning,
    DuplicateRowsError,
    EmptyLogError,
    RefundError,
    ShortLogError,
)
from clvkit.history import get_histories, latest_histories, make_samples

TINY = pd.DataFrame(
    {
        "customer_id": np.arange(10) % 4,
        "date": pd.date_range("2022-01-01", periods=10, freq="30D"),
        "amount": np.arange(10.0),
    }
)


# --- one door for every kind of table ---------------------------------------------------------


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(0)
    n = 300
    date = np.datetime64("2022-01-01", "s") + rng.integers(0, 400 * 86_400, n).astype("m8[s]")
    return pd.DataFrame(
        {
            "customer_id": rng.integers(1, 40, n),
            "date": date.astype("M8[us]"),
            "amount": np.round(rng.normal(20, 15, n), 2),
            "channel": rng.choice(["web", "shop", None], n),
            "items": rng.integers(1, 9, n),
        }
    )


def to_csv(log, path):
    log.to_csv(path / "log.csv", index=False)
    return path / "log.csv"


def to_csv_gz(log, path):
    log.to_csv(path / "log.csv.gz", index=False)
    return str(path / "log.csv.gz")


def to_parquet(log, path):
    log.to_parquet(path / "log.parquet")
    return path / "log.parquet"


def to_csv_folder(log, path):
    # Whole amounts in one file and others in the next are read as different types.
    whole = log["amount"] == log["amount"].round()
    log[~whole].iloc[:90].to_csv(path / "a.csv", index=False)
    (path / "below").mkdir()
    log[~whole].iloc[90:].to_csv(path / "below" / "b.csv", index=False)
    if whole.any():
        log[whole].astype({"amount": int}).to_csv(path / "c.csv", index=False)
    (path / "README.txt").write_text("not a log")
    return path


def to_parquet_folder(log, path):
    log.iloc[:100].to_parquet(path / "a.parquet")
    log.iloc[100:].to_parquet(path / "b.parquet")
    return str(path)


KINDS = {
    "pandas": lambda log, path: log,
    "polars": lambda log, path: pl.from_pandas(log),
    "polars lazy": lambda log, path: pl.from_pandas(log).lazy(),
    "pyarrow": lambda log, path: pa.Table.from_pandas(log),
    "duckdb": lambda log, path: duckdb.from_arrow(pa.Table.from_pandas(log)),
    "csv": to_csv,
    "csv.gz": to_csv_gz,
    "parquet": to_parquet,
    "csv folder": to_csv_folder,
    "parquet folder": to_parquet_folder,
    "unsorted, odd index": lambda log, path: log.sample(frac=1, random_state=1),
    "more columns": lambda log, path: log.assign(other=[[1]] * len(log)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_table_gives_the_same_samples(log, kind, tmp_path):
    options = {"attributes": ["channel", "items"]}
    X, y = make_samples(log, "60D", **options)
    X_other, y_other = make_samples(KINDS[kind](log, tmp_path), "60D", **options)
    pd.testing.assert_frame_equal(X_other, X)
    pd.testing.assert_series_equal(y_other, y)
    latest = latest_histories(KINDS[kind](log, _fresh(tmp_path)), **options)
    pd.testing.assert_frame_equal(latest, latest_histories(log, **options))


def _fresh(tmp_path):
    folder = tmp_path / "again"
    folder.mkdir()
    return folder


DATES = {
    "datetime64[s]": lambda date: date.astype("M8[s]"),
    "datetime64[ns]": lambda date: date.astype("M8[ns]"),
    "time zone": lambda date: (
        date.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo") - pd.Timedelta("9h")
    ),
    "iso text": lambda date: date.dt.strftime("%Y-%m-%dT%H:%M:%S"),
    "day text": lambda date: date.dt.strftime("%Y-%m-%d"),
    "offset text": lambda date: date.dt.strftime("%Y-%m-%d %H:%M:%S+02:00"),
    "category": lambda date: date.dt.strftime("%Y-%m-%d").astype("category"),
    "dates": lambda date: date.dt.date,
    "datetimes": lambda date: pd.Series(date.dt.to_pydatetime(), dtype=object, index=date.index),
    "arrow": lambda date: date.astype(pd.ArrowDtype(pa.timestamp("ms"))),
}


@pytest.mark.parametrize("kind", DATES)
def test_every_kind_of_date_gives_the_same_samples(log, kind):
    X, y = make_samples(log, "60D")
    X_other, y_other = make_samples(log.assign(date=DATES[kind](log["date"])), "60D")
    pd.testing.assert_frame_equal(X_other, X)
    pd.testing.assert_series_equal(y_other, y)


IDS = {
    "Int64": "Int64",
    "int32": "int32",
    "float": "float64",
    "arrow": pd.ArrowDtype(pa.int64()),
}


@pytest.mark.parametrize("kind", IDS)
def test_numbers_of_customers_are_integers_whatever_their_type(log, kind):
    X = latest_histories(log)
    other = latest_histories(log.astype({"customer_id": IDS[kind]}))
    pd.testing.assert_frame_equal(other, X, check_index_type=False)
    assert other.index.get_level_values(0).dtype.kind == "i"


TEXT_IDS = {
    "str": lambda ids: ids.astype(str),
    "object": lambda ids: ids.astype(str).astype(object),
    "category": lambda ids: ids.astype(str).astype("category"),
}


@pytest.mark.parametrize("kind", TEXT_IDS)
def test_text_of_customers(log, kind):
    X = latest_histories(log.assign(customer_id=TEXT_IDS[kind](log["customer_id"])))
    customers = X.index.get_level_values("customer_id")
    assert list(customers) == sorted(set(log["customer_id"].astype(str)))


NULLS = {
    "Int64": lambda ids: ids.astype("Int64").where(lambda x: x != 7),
    "float": lambda ids: ids.astype(float).where(lambda x: x != 7),
    "str": lambda ids: ids.astype(str).where(lambda x: x != "7"),
    "object None": lambda ids: ids.astype(object).where(ids != 7, None),
    "empty text": lambda ids: ids.astype(str).replace("7", "  "),
    "polars NaN": lambda ids: ids.astype(float).where(lambda x: x != 7),
}


@pytest.mark.parametrize("kind", NULLS)
def test_rows_without_a_customer_are_left_out_with_a_warning(log, kind):
    n_missing = (log["customer_id"] == 7).sum()
    first = np.flatnonzero(log["customer_id"] == 7)[0]
    other = log.assign(customer_id=NULLS[kind](log["customer_id"]))
    if kind == "polars NaN":
        other = pl.from_pandas(other, nan_to_null=False)
    message = (
        rf"{n_missing} of 300 rows have no customer in column 'customer_id' \(the first one is row "
        rf"{first}\) and were left out. Drop them.*log.dropna\(subset=\['customer_id'\]\)"
    )
    with pytest.warns(DataWarning, match=message):
        X, y = make_samples(other, "60D")
    rest = log[log["customer_id"] != 7]
    if X.index.get_level_values(0).dtype.kind != "i":
        rest = rest.assign(customer_id=rest["customer_id"].astype(str))
    X_rest, y_rest = make_samples(rest, "60D")
    pd.testing.assert_frame_equal(X, X_rest, check_index_type=False)
    np.testing.assert_array_equal(y, y_rest)


def test_the_users_table_is_left_alone(log):
    before = log.copy(deep=True)
    make_samples(log, "60D", attributes=["channel"], duplicates="drop", refunds="drop")
    pd.testing.assert_frame_equal(log, before)


# --- policies ---------------------------------------------------------------------------------


def test_events_after_end_are_left_out_with_a_warning():
    message = (
        r"4 of 10 rows are dated after end='2022-06-28', such as 2022-06-30, and were left out"
    )
    with pytest.warns(DataWarning, match=message):
        X, _ = make_samples(TINY, "30D", end="2022-06-28")
    assert X.index.get_level_values("cutoff").max() == pd.Timestamp("2022-05-29")
    with pytest.warns(DataWarning, match=message):
        X = latest_histories(TINY, end="2022-06-28")
    assert set(X.index.get_level_values("cutoff")) == {pd.Timestamp("2022-06-28")}


def test_an_end_after_the_last_event_counts_as_observed():
    X, y = make_samples(TINY, "30D", cutoffs=1, end="2022-11-30")
    assert set(X.index.get_level_values("cutoff")) == {pd.Timestamp("2022-10-31")}
    assert (y == 0).all()


def test_duplicates():
    log = pd.concat([TINY.assign(line=1), TINY.head(3).assign(line=1)])

    def total(**options):
        return sum(len(h) for h in latest_histories(log, **options)["history"])

    assert (total(), total(duplicates="keep"), total(duplicates="drop")) == (13, 13, 10)
    message = (
        r"3 of 13 rows of the log repeat an earlier row in every column, such as \{customer_id: 0, "
        r"date: 2022-01-01 00:00:00, amount: 0.0, line: 1\}. Pass duplicates='drop'"
    )
    with pytest.raises(DuplicateRowsError, match=message):
        total(duplicates="raise")
    # Rows that differ in any column, used or not, are no duplicates.
    log["line"] = np.arange(len(log))
    assert total(duplicates="raise") == 13


def test_refunds():
    log = TINY.assign(amount=TINY["amount"].replace({3.0: -3.0}))
    amounts = np.concatenate([h.amount for h in latest_histories(log)["history"]])
    assert amounts.min() == -3.0
    kept = np.concatenate([h.amount for h in latest_histories(log, refunds="drop")["history"]])
    assert (len(kept), kept.min()) == (9, 0.0)
    message = (
        r"column 'amount' is negative in 1 of 10 rows, such as \{customer_id: 3, .*amount: -3.0\}. "
        r"Pass refunds='net' .* or 'drop'"
    )
    with pytest.raises(RefundError, match=message):
        latest_histories(log, refunds="raise")
    latest_histories(TINY, refunds="raise")
    with pytest.raises(EmptyLogError, match="negative in all 10 rows, and refunds='drop' leaves"):
        latest_histories(TINY.assign(amount=-1.0), refunds="drop")


def test_columns_of_other_names():
    log = TINY.rename(columns={"customer_id": "who", "date": "when", "amount": "much"})
    X = latest_histories(log, customer_id="who", date="when", amount="much")
    pd.testing.assert_frame_equal(X, latest_histories(TINY))


# --- the smallest logs ------------------------------------------------------------------------


def test_one_row():
    X = latest_histories(TINY.head(1))
    assert len(X) == 1
    assert len(X["history"].iloc[0]) == 1
    with pytest.raises(ShortLogError, match="the log covers 1 days"):
        make_samples(TINY.head(1), "30D")
    X, y = make_samples(TINY.head(1), "30D", "2022-01-01", end="2022-02-28")
    assert y.tolist() == [0.0]


def test_one_customer():
    X, y = make_samples(TINY.assign(customer_id="only"), "30D")
    assert X.index.get_level_values("customer_id").unique().tolist() == ["only"]
    assert X.index.is_unique
    assert len(X) == len(y) > 1


@pytest.mark.parametrize("granularity", ["W", "D", "h", "min", "s"])
def test_a_short_log_is_refused_in_every_granularity(granularity):
    with pytest.raises(ShortLogError, match=r"the log covers 1 days \(2022-01-01"):
        make_samples(TINY.head(1), "30D", granularity=granularity)


# --- what comes out ---------------------------------------------------------------------------


def test_samples_of_the_hand_computed_log(hand_log, hand_answers):
    def samples(**options):
        end = "2024-07-31"
        X, y = make_samples(hand_log, "30D", "2024-06-30", end=end, **options)
        assert X.index.get_level_values("customer_id").tolist() == hand_answers.index.tolist()
        assert y.index.equals(X.index)
        return y

    def expect(y, column, name):
        np.testing.assert_array_equal(y, hand_answers[column])
        assert y.name == name

    expect(samples(), "spend", "spend")
    expect(samples(floor=None), "net", "spend")
    expect(samples(target="purchases"), "purchases", "purchases")
    np.testing.assert_array_equal(samples(target="active"), hand_answers["purchases"] > 0)


def test_what_the_dtype_records():
    X, _ = make_samples(TINY, "30D", target="purchases", floor=None)
    dtype = X["history"].dtype
    assert (dtype.horizon, dtype.target, dtype.floor) == ("30D", "purchases", "None")
    assert dtype.end == "2022-09-28"
    assert latest_histories(TINY)["history"].dtype.horizon is None


def test_default_cutoffs_are_quarters_of_a_horizon_back_from_the_latest():
    X, _ = make_samples(TINY, "40D")
    cutoffs = X.index.get_level_values("cutoff").unique()
    assert cutoffs[-1] == pd.Timestamp("2022-09-28") - pd.Timedelta("40D")
    assert set(np.diff(cutoffs)) == {np.timedelta64(10, "D")}
    assert cutoffs[0] >= pd.Timestamp("2022-01-01") + pd.Timedelta("28D")
    assert cutoffs[0] - pd.Timedelta("10D") < pd.Timestamp("2022-01-01") + pd.Timedelta("28D")
    last_two, _ = make_samples(TINY, "40D", 2)
    assert last_two.index.get_level_values("cutoff").unique().equals(cutoffs[-2:])


def test_calendar_horizons_keep_to_the_ends_of_months():
    log = TINY.assign(date=pd.date_range("2022-01-01", "2024-02-29", periods=10))
    X, _ = make_samples(log, "12M", end="2024-02-29")
    cutoffs = X.index.get_level_values("cutoff").unique().strftime("%Y-%m-%d")
    assert cutoffs.tolist() == ["2022-08-28", "2022-11-28", "2023-02-28"]
    X, _ = make_samples(log, "4M", end="2024-02-29")
    cutoffs = X.index.get_level_values("cutoff").unique().strftime("%Y-%m-%d")
    assert cutoffs[-4:].tolist() == ["2023-07-31", "2023-08-31", "2023-09-30", "2023-10-31"]


def test_an_index_made_from_codes_is_an_ordinary_one(log):
    X, _ = make_samples(log, "60D")
    again = pd.MultiIndex.from_tuples(list(X.index), names=X.index.names)
    assert X.index.equals(again)
    assert X.index.names == ["customer_id", "cutoff"]
    histories = get_histories(X)
    assert X.index.get_level_values("cutoff").equals(
        pd.DatetimeIndex(histories.cutoffs, name="cutoff")
    )


@pytest.mark.parametrize("order", [1, -1], ids=["dates first", "datetimes first"])
def test_dates_among_datetimes_keep_the_times_of_the_others(order):
    dates = [datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 2, 17, 30)][::order]
    log = pd.DataFrame({"customer_id": 1, "date": pd.Series(dates, dtype=object), "amount": 1.0})
    history = latest_histories(log, granularity="min")["history"].iloc[0]
    expected = [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02 17:30")]
    assert history.frame()["date"].tolist() == expected


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_moments_of_duckdb_are_read_in_utc_whatever_the_session(zone):
    connection = duckdb.connect()
    connection.execute(f"SET TimeZone = '{zone}'")
    relation = connection.sql(
        "SELECT 1 AS customer_id, TIMESTAMPTZ '2024-01-01 23:30:00+00' AS date, 1.0 AS amount"
    )
    history = latest_histories(relation, granularity="min")["history"].iloc[0]
    assert history.frame()["date"].tolist() == [pd.Timestamp("2024-01-01 23:30")]


def test_customers_with_leading_zeros_stay_text(tmp_path):
    (tmp_path / "a.csv").write_text("customer_id,date,amount\n007,2024-01-01,1\n7,2024-01-02,2\n")
    X = latest_histories(tmp_path / "a.csv")
    assert X.index.get_level_values(0).tolist() == ["007", "7"]
    (tmp_path / "b.csv").write_text("customer_id,date,amount\n117,2024-01-01,1\n7,2024-01-02,2\n")
    X = latest_histories(tmp_path / "b.csv")
    assert X.index.get_level_values(0).tolist() == [7, 117]
    X = latest_histories(tmp_path)
    assert X.index.get_level_values(0).tolist() == ["007", "117", "7"]
    assert X["history"].array.n_events.tolist() == [1, 1, 2]


def test_attributes_and_covariates_with_leading_zeros_are_categories(tmp_path):
    (tmp_path / "log.csv").write_text(
        "customer_id,date,amount,shop\n1,2024-01-01,1,007\n2,2024-01-02,2,12\n"
    )
    (tmp_path / "who.csv").write_text("customer_id,area\n1,01067\n2,10115\n")
    X = latest_histories(tmp_path / "log.csv", attributes="shop", covariates=tmp_path / "who.csv")
    assert [history.frame()["shop"].tolist() for history in X["history"]] == [["007"], ["12"]]
    assert X["area"].tolist() == ["01067", "10115"]
