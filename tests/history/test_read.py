import pandas as pd
import polars as pl
import pytest

from clvkit.errors import LogError, LogTypeError, MissingColumnError
from clvkit.history._read import column_names, read_table

ROLES = {"customer_id": "who", "date": "when"}
TABLE = pd.DataFrame({"who": [1, 2], "when": ["2024-01-01", "2024-01-02"], "more": [0.5, 1.5]})


def test_reads_the_named_columns_in_order():
    frame = read_table(TABLE, {"date": "when", "customer_id": "who", "again": "when"})
    assert frame.columns == ["when", "who"]
    assert read_table(TABLE, ROLES, whole=True).columns == ["who", "when", "more"]


@pytest.mark.parametrize("suffix", ["csv", "CSV", "csv.gz", "parquet", "pq"])
def test_files_by_their_suffix(tmp_path, suffix):
    path = tmp_path / f"log.{suffix}"
    if suffix in ("parquet", "pq"):
        TABLE.to_parquet(path)
    else:
        TABLE.to_csv(path, index=False)
    for place in (path, str(path), tmp_path):
        assert read_table(place, ROLES).rows() == [(1, "2024-01-01"), (2, "2024-01-02")]


def test_files_of_one_folder_may_differ_in_type(tmp_path):
    (tmp_path / "a.csv").write_text("who,when\n1,2024-01-01\n")
    (tmp_path / "b.csv").write_text("who,when\nB2,2024-01-02\n")
    assert read_table(tmp_path, ROLES)["who"].to_list() == ["1", "B2"]


def nothing(path):
    return path


def text(path):
    (path / "log.txt").write_text("who")
    return path / "log.txt"


def both(path):
    TABLE.to_csv(path / "a.csv")
    TABLE.to_parquet(path / "b.parquet")
    return path


def empty(path):
    (path / "log.csv").write_text("")
    return path / "log.csv"


def damaged(path):
    (path / "log.parquet").write_bytes(b"PAR1 but not really")
    return path / "log.parquet"


def latin(path):
    (path / "log.csv").write_bytes("who,when\nJosé,2024-01-01\n".encode("latin-1"))
    return path / "log.csv"


def other_columns(path):
    TABLE.to_csv(path / "a.csv", index=False)
    TABLE[["who", "more"]].to_csv(path / "b.csv", index=False)
    return path


def semicolons(path):
    TABLE.to_csv(path / "log.csv", index=False, sep=";")
    return path / "log.csv"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda path: path / "absent.csv", LogError, r"there is no file or folder '.*absent.csv'"),
        (nothing, LogTypeError, r"must be a CSV or Parquet file, or a folder.*found none"),
        (text, LogTypeError, r"must be a CSV or Parquet file"),
        (both, LogTypeError, r"files of one of these kinds; found \['csv', 'parquet'\]"),
        (empty, LogError, r"log.csv' is empty. Give a file with a header and rows"),
        (damaged, LogError, r"could not be read"),
        (latin, LogError, r"could not be read.*utf-8"),
        (
            other_columns,
            MissingColumnError,
            r"b.csv' has no column 'when' \(date\). Its columns: who",
        ),
        (semicolons, MissingColumnError, r"Its columns: who;when;more"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_paths_that_cannot_be_read(tmp_path, make, error, message):
    with pytest.raises(error, match=f"(?is){message}"):
        read_table(make(tmp_path), ROLES)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["Who", "when"], r"no column 'who' \(customer_id\).*for example customer_id='Who'\."),
        (["who", "when_"], r"no column 'when' \(date\).*for example date='when_'\."),
        (["x", "y"], r"'who' \(customer_id\), 'when' \(date\). Its columns: x, y\..*'\.\.\.'"),
    ],
)
def test_suggestions(columns, message):
    with pytest.raises(MissingColumnError, match=message):
        read_table(pl.DataFrame({name: [1] for name in columns}), ROLES)


def test_the_table_is_named():
    with pytest.raises(MissingColumnError, match=r"the covariates has no column 'url' \(page\)"):
        read_table(TABLE, {"page": "url"}, name="the covariates")


def test_other_columns_of_the_files_of_a_folder_may_differ(tmp_path):
    (tmp_path / "a.csv").write_text("more,who,when\n1,1,2024-01-01\n")
    (tmp_path / "b.csv").write_text("who,when,other\n2,2024-01-02,x\n")
    assert read_table(tmp_path, ROLES).rows() == [(1, "2024-01-01"), (2, "2024-01-02")]
    whole = read_table(tmp_path, ROLES, whole=True)
    assert whole.columns == ["more", "who", "when", "other"]


def test_columns_that_arrow_cannot_hold():
    mixed = TABLE.assign(who=pd.Series([1, "two"], dtype=object))
    with pytest.raises(LogError, match=r"column 'who' of the log cannot .*Make it one type"):
        read_table(mixed, ROLES)
    assert read_table(mixed, {"date": "when"}).columns == ["when"]


def test_names_of_columns_are_text():
    table = TABLE.set_axis(range(3), axis=1)
    with pytest.raises(MissingColumnError, match=r"customer_id=0 is no name of a column.*Rename"):
        read_table(table, {"customer_id": 0})


@pytest.mark.parametrize(
    "make",
    [
        lambda table, path: table,
        lambda table, path: pl.from_pandas(table),
        lambda table, path: pl.from_pandas(table).lazy(),
        lambda table, path: pl.from_pandas(table).to_arrow(),
        lambda table, path: table.to_csv(path / "log.csv", index=False) or path / "log.csv",
        lambda table, path: table.to_csv(path / "log.csv.gz", index=False) or path / "log.csv.gz",
        lambda table, path: table.to_parquet(path / "log.parquet") or str(path / "log.parquet"),
        lambda table, path: table.to_parquet(path / "log.parquet") or path,
    ],
    ids=["pandas", "polars", "lazy", "arrow", "csv", "csv.gz", "parquet", "folder"],
)
def test_column_names_of_every_kind_of_table(make, tmp_path):
    assert column_names(make(TABLE, tmp_path)) == ["who", "when", "more"]


def test_column_names_of_a_folder_are_those_of_any_file(tmp_path):
    (tmp_path / "a.csv").write_text("more,who,when\n1,1,2024-01-01\n")
    (tmp_path / "b.csv").write_text("who,when,other\n2,2024-01-02,x\n")
    assert column_names(tmp_path) == ["more", "who", "when", "other"]


def test_column_names_come_from_the_schema_alone():
    def fail(_):
        raise AssertionError("the rows were read")

    lazy = pl.LazyFrame({"who": [1]}).map_batches(fail, schema={"who": pl.Int64})
    assert column_names(lazy) == ["who"]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda path: path / "absent.csv", LogError, r"the costs: there is no file or folder"),
        (text, LogTypeError, r"must be a CSV or Parquet file"),
        (empty, LogError, r"log.csv' is empty"),
        (damaged, LogError, r"log.parquet' could not be read"),
        (lambda path: 7, LogTypeError, r"the costs must be a pandas, Polars.*got int"),
    ],
    ids=["absent", "text", "empty", "damaged", "number"],
)
def test_column_names_of_what_is_no_table(make, error, message, tmp_path):
    with pytest.raises(error, match=message):
        column_names(make(tmp_path), name="the costs")


def test_a_column_of_another_meaning_is_not_suggested():
    log = pd.DataFrame({"household": [1], "store_id": [2], "date": ["2022-01-01"], "amount": [1.0]})
    with pytest.raises(MissingColumnError, match=r"for example customer_id='\.\.\.'"):
        read_table(log, {"customer_id": "customer_id", "date": "date", "amount": "amount"})


CODES = """who,when,paid,shop,size,ratio
7,20240101,00.5,007,1,0.5
8,20240102,01.5,12,2,
"""


@pytest.mark.parametrize("whole", [False, True], ids=["attributes", "whole"])
def test_numbers_with_leading_zeros_are_text_but_for_dates_and_amounts(tmp_path, whole):
    (tmp_path / "log.csv").write_text(CODES)
    attributes = {f"attributes[{i}]": name for i, name in enumerate(["shop", "size", "ratio"])}
    frame = read_table(tmp_path / "log.csv", {**ROLES, "amount": "paid", **attributes}, whole=whole)
    assert frame["shop"].to_list() == ["007", "12"]
    assert frame["size"].to_list() == [1, 2]
    assert frame["ratio"].to_list() == [0.5, None]
    assert frame["paid"].to_list() == [0.5, 1.5]
    assert frame["when"].to_list() == [20240101, 20240102]


def test_codes_of_one_file_make_text_of_the_folder(tmp_path):
    (tmp_path / "a.csv").write_text("who,when,shop\n1,2024-01-01,07\n")
    (tmp_path / "b.csv").write_text("who,when,shop\n2,2024-01-02,12\n")
    frame = read_table(tmp_path, {**ROLES, "attributes[0]": "shop"})
    assert frame["shop"].to_list() == ["07", "12"]
