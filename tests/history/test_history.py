import numpy as np
import pandas as pd
import pytest

from clvkit.errors import HistoryTypeError
from clvkit.history import History


def make(days=(19_000, 19_005), amounts=(20.0, 5.0), cutoff=19_010, resolution="D", **attributes):
    return History(
        np.array(days, dtype=np.int64), np.array(amounts), cutoff, attributes, resolution
    )


@pytest.mark.parametrize(
    ("history", "text"),
    [
        (make(), "2 events 2022-01-08..2022-01-13, at 2022-01-18"),
        (make([19_000], [1.0]), "1 event 2022-01-08, at 2022-01-18"),
        (make([19_000] * 2), "2 events 2022-01-08, at 2022-01-18"),
        (make([], []), "no events, at 2022-01-18"),
        (
            make([0, 30], cutoff=47, resolution="h"),
            "2 events 1970-01-01T00..1970-01-02T06, at",
        ),
    ],
    ids=["several", "one", "one day", "none", "hours"],
)
def test_describe(history, text):
    assert history.describe().startswith(text)
    assert repr(history) == f"History({history.describe()})"


def test_a_description_fits_the_cell_of_a_table():
    many = make(np.full(9999, 19_000), np.ones(9999))
    assert len(many.describe()) < pd.get_option("display.max_colwidth")


def test_frame():
    history = make(channel=np.array(["web", None], dtype=object))
    frame = history.frame()
    assert list(frame.columns) == ["date", "amount", "channel"]
    assert frame["date"].tolist() == [pd.Timestamp("2022-01-08"), pd.Timestamp("2022-01-13")]
    assert frame["channel"].isna().tolist() == [False, True]
    assert (len(history), history.cutoff) == (2, pd.Timestamp("2022-01-18"))


@pytest.mark.parametrize(
    "other",
    [
        make(days=(19_000, 19_006)),
        make(amounts=(20.0, 5.1)),
        make(cutoff=19_011),
        make(resolution="h"),
        make(items=np.ones(2)),
        make([19_000], [20.0]),
    ],
    ids=["time", "amount", "cutoff", "resolution", "attribute", "fewer"],
)
def test_equality(other):
    assert make() == make()
    assert hash(make()) == hash(make())
    assert make() != other
    assert make() != "a history"


def test_missing_attributes_and_minus_zero_are_equal():
    def one(zero):
        attributes = {"a": np.array([np.nan, 1.0]), "b": np.array([None, "x"], dtype=object)}
        return make(amounts=(zero, 1.0), **attributes)

    assert one(0.0) == one(-0.0)
    assert hash(one(0.0)) == hash(one(-0.0))


def test_an_order_for_sorting():
    later, dearer = make(days=(19_001, 19_005)), make(amounts=(21.0, 5.0))
    expected = [make(), dearer, later, make(cutoff=19_020)]
    assert sorted([later, make(cutoff=19_020), make(), dearer]) == expected
    assert make() <= make()
    with pytest.raises(TypeError):
        _ = make() < 3


def test_it_is_no_number():
    with pytest.raises(HistoryTypeError, match=r"no array of numbers. Put a feature transformer"):
        float(make())
