import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvkit.errors import HistoryTypeError
from clvkit.history import (
    HistoryArray,
    HistoryDtype,
    from_arrow,
    get_histories,
    latest_histories,
    make_samples,
    to_arrow,
)


@pytest.fixture(params=["D", "h", "s"])
def X(request):
    log = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "c", "c"],
            "date": [
                "2023-01-05 10:30",
                "2023-02-01",
                "2023-01-20 23:59:59",
                "2023-03-01",
                "2023-03-02",
            ],
            "amount": [10.0, -2.5, 7.0, 0.0, 3.0],
            "channel": ["web", None, "shop", "web", "web"],
            "items, per line": [1.0, np.nan, 3.0, 4.0, 5.0],
        }
    )
    return latest_histories(
        log, attributes=["channel", "items, per line"], granularity=request.param
    )


def with_gaps(X):
    """A missing history, and one without events."""
    array = X["history"].array.copy()
    array[0] = None
    empty = X["history"].array.cut_back("2023-01-19")[1:2]
    return HistoryArray._concat_same_type([array, empty])


def test_structure(X):
    kind = to_arrow(X["history"].array).type
    assert kind.names == ["cutoff", "events"]
    assert kind.field("cutoff").type == pa.timestamp("us")
    events = kind.field("events").type
    assert pa.types.is_list(events)
    assert events.value_type.names == ["time", "amount", "channel", "items, per line"]
    assert events.value_type.field("channel").type == pa.string()
    rows = to_arrow(X["history"].array).to_pylist()
    assert [event["channel"] for event in rows[0]["events"]] == ["web", None]
    assert [event["amount"] for event in rows[0]["events"]] == [10.0, -2.5]
    assert [event["items, per line"] for event in rows[0]["events"]] == [1.0, None]


def test_round_trip(X):
    array = with_gaps(X)
    again = from_arrow(to_arrow(array), array.dtype)
    assert again.dtype == array.dtype
    assert again.isna().tolist() == [True, False, False, False]
    assert (again == array).tolist() == [False, True, True, True]
    assert again.n_events.tolist() == array.n_events.tolist()


def test_round_trip_of_slices_and_chunks(X):
    array = with_gaps(X)
    arrow = to_arrow(array)
    assert (from_arrow(arrow[1:3], array.dtype) == array[1:3]).all()
    chunks = pa.chunked_array([arrow[2:], arrow[1:2]])
    assert (from_arrow(chunks, array.dtype) == array[[2, 3, 1]]).all()


@pytest.mark.parametrize("engine", ["pandas", "arrow"])
def test_parquet(X, engine, tmp_path):
    frame = pd.DataFrame({"history": with_gaps(X), "age": [30, 40, 50, 60]})
    if engine == "pandas":
        frame.to_parquet(tmp_path / "X.parquet")
    else:
        pq.write_table(pa.Table.from_pandas(frame), tmp_path / "X.parquet")
    again = pd.read_parquet(tmp_path / "X.parquet")
    pd.testing.assert_frame_equal(again, frame)
    assert again["history"].dtype == frame["history"].dtype


def test_parquet_of_samples(cdnow, tmp_path):
    X, _ = make_samples(cdnow, "13W", 3, attributes=["quantity"])
    X.to_parquet(tmp_path / "X.parquet")
    again = pd.read_parquet(tmp_path / "X.parquet")
    pd.testing.assert_frame_equal(again, X)
    assert again["history"].dtype.horizon == "13W"
    assert again.index.names == ["customer_id", "cutoff"]


def test_no_rows(X, tmp_path):
    empty = X.iloc[:0]
    empty.to_parquet(tmp_path / "X.parquet")
    again = pd.read_parquet(tmp_path / "X.parquet")
    assert len(again) == 0
    assert again["history"].dtype == empty["history"].dtype


@given(data=st.data())
def test_round_trip_of_random_logs(logs, data):
    array = get_histories(latest_histories(data.draw(logs), attributes=["kind"]))
    assert (from_arrow(to_arrow(array), array.dtype) == array).all()


def test_categories_as_other_software_writes_them(X):
    """A dictionary in another order, and a large_list, as Polars and Spark like to make."""
    array = X["history"].array
    arrow = to_arrow(array)
    lists = arrow.field("events")
    events = lists.values
    columns = [events.field(name) for name in events.type.names]
    columns[2] = columns[2].dictionary_encode()
    events = pa.StructArray.from_arrays(columns, names=events.type.names)
    large = pa.LargeListArray.from_arrays(lists.offsets.cast(pa.int64()), events)
    other = pa.StructArray.from_arrays([arrow.field("cutoff"), large], names=["cutoff", "events"])
    assert (from_arrow(other, array.dtype) == array).all()


EVENTS = [{"time": np.datetime64("2023-01-02", "s"), "amount": 1.0}]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.array([1, 2]), r"type int64 holds no histories"),
        (pa.array([{"cutoff": 1}]), r"holds no histories: they are struct<cutoff, events"),
        (
            pa.array([{"cutoff": np.datetime64("2023-01-01", "s"), "events": EVENTS}]),
            r"1 histories have events after their cutoff",
        ),
        (
            pa.array(
                [
                    {
                        "cutoff": np.datetime64("2023-01-09", "s"),
                        "events": [
                            *EVENTS,
                            {"time": np.datetime64("2023-01-01", "s"), "amount": 1.0},
                        ],
                    }
                ]
            ),
            r"1 events are earlier than the one before them",
        ),
    ],
    ids=["numbers", "no events", "future", "unsorted"],
)
def test_refuses(values, message):
    with pytest.raises(HistoryTypeError, match=message):
        from_arrow(values)


def test_the_dtype_is_the_resolution_by_default(X):
    array = from_arrow(to_arrow(X["history"].array))
    resolution = X["history"].dtype.resolution
    assert array.dtype == HistoryDtype(resolution, attributes=("channel", "items, per line"))


@pytest.mark.parametrize("granularity", ["D", "W", "h", "min", "s"])
def test_no_time_is_rounded_without_a_dtype(granularity):
    log = pd.DataFrame(
        {
            "customer_id": [1, 1, 2],
            "date": ["2024-01-01 13:47:11", "2024-01-03", "2024-01-02 23:59:59"],
            "amount": 1.0,
        }
    )
    for cutoff in (None, "2024-01-05") if granularity in "DW" else ("2024-01-03 00:59:59", None):
        array = latest_histories(log, cutoff, granularity=granularity)["history"].array
        again = from_arrow(to_arrow(array))
        assert again.dtype.resolution == array.dtype.resolution
        assert (again == array.with_dtype(again.dtype)).all()


def test_a_midnight_of_other_software_means_the_end_of_its_day():
    event = {"time": pd.Timestamp("2024-01-05 14:30"), "amount": 2.0}
    row = {"cutoff": pd.Timestamp("2024-01-05"), "events": [event]}
    array = from_arrow(pa.array([row]))
    assert array.dtype.granularity == "min"
    assert array[0].cutoff == pd.Timestamp("2024-01-05 23:59:59")
    assert len(array[0]) == 1


def test_parquet_of_several_history_columns(tmp_path):
    log = pd.DataFrame({"customer_id": [1, 2], "date": "2024-01-01", "amount": 1.0, "shop": "x"})
    visits = log.drop(columns=["amount", "shop"]).assign(page=["a", None])[:1]
    logs = {"transactions": log, "visits": visits}
    X = latest_histories(logs, attributes={"transactions": ["shop"], "visits": ["page"]})
    X.to_parquet(tmp_path / "X.parquet")
    again = pd.read_parquet(tmp_path / "X.parquet")
    pd.testing.assert_frame_equal(again, X)
    assert again["visits"].dtype == X["visits"].dtype
    assert again["visits"].array.n_events.tolist() == [1, 0]
