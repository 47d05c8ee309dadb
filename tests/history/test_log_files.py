"""A log in pieces is the log that is read at once."""

from __future__ import annotations

import datetime as dt
import gzip
import os

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from clvkit.errors import LogError, LogTypeError, MissingColumnError
from clvkit.history._csv_blocks import CSVBlocks
from clvkit.history._log_files import LogFiles, count_rows, would_read
from clvkit.history._read import find_files, read_table

ROLES = {"customer_id": "client", "date": "day", "amount": "paid", "attributes[0]": "shop"}


def in_pieces(place, monkeypatch=None, *, whole=False, chunk_rows=3):
    files = LogFiles.survey(place, ROLES, whole=whole, chunk_rows=chunk_rows)
    files = LogFiles.from_json(files.to_json())
    parts = [files.read(piece) for chunk in files.chunks for piece in chunk]
    files.close()
    assert files.n_rows == sum(map(len, parts))
    return pl.concat(parts) if parts else pl.DataFrame(schema=files.schema())


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(CSVBlocks.__init__, "__defaults__", (40,))


@pytest.mark.parametrize(
    "text",
    [
        "client,day,paid,shop\n1,2020-01-01,1,a\n2,2020-01-02,2.5,b\n3,2020-01-03,3,c\n",
        "client,day,paid,shop\n1,2020-01-01,1,7\n2,2020-01-02,2.5,8\n007,2020-01-03,3,9\n",
        "client,day,paid,shop\n1,2020-01-01,1,7\n2,2020-01-02,2,8\n3,2020-01-03,3,09\n",
        "client,day,paid,shop\n,2020-01-01,1,\n2,2020-01-02,,\n3.5,2020-01-03,3,\n",
        'client,day,paid,shop\n1,2020-01-01,1,"a\nb, ""c"""\n2,2020-01-02,2,"x\n\ny"\n3,20,2,z',
        "client,day,paid,shop\r\n1,20200101,1,a\r\n2,20200102,2,b\r\n3,20200101,1,true\r\n",
        "\ufeffclient,day,paid,shop\n1,2020-01-01,1,true\n2,2020-01-02,2,false\n",
        'client,day,paid,"shop"\n"1","2020-01-01","1","7"\n"A","2020-01-02","2","8"\n',
        "client,day,paid,shop\n",
        "client,day,paid,shop,more\n1,2020-01-01,1,a,1\n12345678901234,2020-01-01,1,a,x\n",
        "\n\nclient,day,paid,shop\n1,2020-01-01,1,a\n\n2,2020-01-02,2,b\n\n\n",
        "client,day,paid,shop\n1,2020-01-01,1,a\n18000000000000000007,2020-01-01,1,a\n",
        "client,day,paid,shop\n1,2020-01-01,1,a\n1800000000000000007,2020-01-01,1,a\n",
    ],
    ids=[
        "plain", "codes", "codes of shops", "missing", "quotes", "crlf", "bom", "quoted", "no rows",
        "more columns", "empty lines", "long numbers", "numbers of 64 bits",
    ],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True], ids=["csv", "gz"])
@pytest.mark.parametrize("whole", [False, True], ids=["named columns", "all columns"])
def test_types_of_csv_are_those_of_the_whole_file(tmp_path, text, packed, whole):
    place = tmp_path / ("log.csv.gz" if packed else "log.csv")
    place.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    assert_frame_equal(in_pieces(place, whole=whole), read_table(place, ROLES, whole=whole))


def test_numbers_that_64_bits_do_not_hold_are_names(tmp_path):
    lines = "client,day,paid,shop\n1,2020-01-01,1,a\n18000000000000000007,2020-01-01,1,a\n"
    (tmp_path / "log.csv").write_text(lines)
    assert read_table(tmp_path / "log.csv", ROLES)["client"].to_list() == [
        "1",
        "18000000000000000007",
    ]


def test_a_stray_quotation_mark_loses_no_rows_without_a_word(tmp_path):
    # Read without the column that it stands in, the rows up to the next one were a single row.
    notes = ['5" pipe' if i in (3, 7) else "none" for i in range(10)]
    lines = ["client,day,paid,shop,note", *(f"{i},2020-01-01,1,a,{n}" for i, n in enumerate(notes))]
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    for read in (in_pieces, lambda place: read_table(place, ROLES)):
        with pytest.raises(LogError, match="malformed"):
            read(tmp_path / "log.csv")


@pytest.mark.parametrize(
    ("log", "file", "expected"),
    [
        ("orders", "orders/v.csv", True),
        ("orders", "orders/deep/v.csv", True),
        ("orders", "orders.csv", False),
        ("orders/1.csv", "orders/1.csv", True),
        ("orders/1.csv", "orders/../orders/1.csv", True),
        ("orders/1.csv", "orders/2.csv", False),
        ("orders/*.csv", "orders/v.csv", True),
        ("orders/*.csv", "orders/v.parquet", False),
        ("orders/*.csv", "v.csv", False),
        ("*/*.csv", "orders/v.csv", True),
        ("orders/**/*.csv", "orders/v.csv", True),
        ("orders/**/*.csv", "orders/deep/er/v.csv", True),
        ("orders/**/*.csv", "orders/.v.csv.working/v.csv", False),
        ("orders/**/*.csv", "others/v.csv", False),
    ],
)
def test_what_would_be_read_as_the_log_is_known_beforehand(tmp_path, log, file, expected):
    folder = tmp_path / "orders"
    folder.mkdir()
    (folder / "1.csv").write_text("client\n")
    file = tmp_path / file
    assert would_read(tmp_path / log, file) is expected
    known = file.exists()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    found = [os.path.realpath(path) for path in find_files(tmp_path / log, "the log")]
    assert known or (os.path.realpath(file) in found) is expected


CELLS = st.sampled_from(["1", "2.5", "", "007", "x", "-3", "1e3", '"q, ""r"""', '"a\nb"', "true"])


@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), min_size=1, max_size=12))
def test_types_of_any_csv_are_those_of_the_whole_file(tmp_path_factory, rows):
    place = tmp_path_factory.mktemp("csv") / "log.csv"
    lines = ["client,day,paid,shop", *(",".join(row) for row in rows)]
    place.write_text("\n".join(lines) + "\n")
    assert_frame_equal(in_pieces(place), read_table(place, ROLES))


def test_files_of_a_folder_get_one_type(tmp_path):
    first = {"client": [1, 2], "day": [dt.date(2020, 1, 1)] * 2, "paid": [1, 2], "shop": ["a", "b"]}
    pl.DataFrame(first).write_parquet(tmp_path / "a.parquet")
    second = first | {"client": ["x", "y"], "paid": [0.5, 1.5]}
    pl.DataFrame(second).write_parquet(tmp_path / "b.parquet")
    for place in (tmp_path, tmp_path / "*.parquet"):
        frame = in_pieces(place, chunk_rows=1)
        assert_frame_equal(frame, read_table(place, ROLES))
        assert frame["client"].to_list() == ["1", "2", "x", "y"]


@pytest.mark.parametrize("chunk_rows", [1, 2, 5, 100])
def test_small_files_are_read_together(tmp_path, chunk_rows):
    for i in range(7):
        row = {"client": [i], "day": [dt.date(2020, 1, 1)], "paid": [1.0], "shop": ["a"]}
        pl.DataFrame(row).write_parquet(tmp_path / f"{i}.parquet")
    files = LogFiles.survey(tmp_path, ROLES, chunk_rows=chunk_rows)
    assert [sum(piece.rows for piece in chunk) for chunk in files.chunks] == [
        min(chunk_rows, 7 - start) for start in range(0, 7, chunk_rows)
    ]
    assert count_rows(tmp_path) == 7


@pytest.mark.parametrize(
    ("files", "error", "message"),
    [
        ({}, LogError, "there is no file or folder"),
        ({"a.txt": ""}, LogTypeError, "must be a CSV or Parquet file"),
        ({"a.csv": ""}, LogError, r"a\.csv' is empty"),
        ({"a.csv": "client,day,paid\n"}, MissingColumnError, r"a\.csv' has no column 'shop'"),
        ({"a.parquet": "no"}, LogError, "could not be read"),
    ],
)
def test_what_cannot_be_read_is_told_first(tmp_path, files, error, message):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(error, match=message):
        LogFiles.survey(tmp_path / (next(iter(files), "none.csv")), ROLES)
