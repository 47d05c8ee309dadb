"""A log in parts gets the values of the whole log, whatever happens on the way."""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

import clvkit
from clvkit.baselines import HistoricalRate
from clvkit.btyd import BTYDRegressor
from clvkit.errors import (
    AmountError,
    ArgumentError,
    CutoffError,
    DataWarning,
    DateError,
    DuplicateRowsError,
    EmptyLogError,
    LogTypeError,
    MissingColumnError,
    OutputError,
    RefundError,
)
from clvkit.features import default_features
from clvkit.history import latest_histories
from clvkit.model_selection import SnapshotRegressor
from clvkit.serving import CLVModel, predict_batches
from clvkit.serving._batches.sizes import MemoryPlan

REPOSITORY = Path(clvkit.__file__).parents[1]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Let a log of some hundred lines be read in several chunks."""
    monkeypatch.setattr(MemoryPlan, "chunk_rows", 50)


@pytest.fixture(scope="module")
def hybrid(log):
    """A tree on the default features, with a leaf a customer: any feature's bit may matter.

    (Of a linear model the last bits hang on the number of rows: so do those of a BLAS.)
    """

    shops = np.array(["a", "b", "c"])[np.arange(len(log)) % 3]
    X = latest_histories(log.assign(shop=shops), "1998-03-31", attributes=["shop"])
    pipeline = make_pipeline(default_features(), DecisionTreeRegressor(random_state=0))
    estimator = SnapshotRegressor(pipeline, n_snapshots=2)
    return CLVModel(estimator, horizon="13W", attributes=["shop"]).fit(X)


def simple(log, **settings):
    """A model that reads logs with these settings."""
    X = latest_histories(log, **settings)
    return CLVModel(HistoricalRate(), horizon="13W", **settings).fit(X)


#: Of columns that may be empty throughout.
TYPES = dict.fromkeys(["lower", "upper", "expected_purchases", "probability_alive"], pl.Float64)


def read(path: Path) -> pd.DataFrame:
    if path.is_dir():
        return pd.concat(map(read, sorted(path.iterdir())))
    if path.suffix == ".parquet":
        return pd.read_parquet(path).set_index("customer_id")
    frame = pl.read_csv(path, infer_schema_length=None, schema_overrides=TYPES)
    codes = pl.read_csv(path, columns=["customer_id"], infer_schema_length=0).to_series()
    if codes.str.contains("^0.").any():
        frame = frame.with_columns(codes)
    return frame.to_pandas().set_index("customer_id")


def check_same(model, log, out, n_partitions, **arguments):
    """Score a log in parts and at once; the tables must be equal to the last bit."""
    with warnings.catch_warnings(record=True) as given_at_once:
        warnings.simplefilter("always")
        expected = model.predict_customers(str(log), **arguments)
    with warnings.catch_warnings(record=True) as given_in_parts:
        warnings.simplefilter("always")
        result = predict_batches(model, log, out, n_partitions=n_partitions, **arguments)
    values = read(out)
    pd.testing.assert_frame_equal(values, expected, check_exact=True)
    assert values.index.dtype == expected.index.dtype
    assert result.n_customers == len(expected)
    assert result.total == pytest.approx(expected["clv"].sum(), rel=1e-12)
    assert result.cutoff == expected.attrs["cutoff"]
    texts = [sorted(str(w.message) for w in ws) for ws in (given_at_once, given_in_parts)]
    assert texts[0] == texts[1]
    assert not list(out.parent.glob(".*"))
    return result


def random_log(seed: int, n: int = 300) -> pl.DataFrame:
    """Lines with everything that is allowed: no customer, refunds, a skewed customer."""
    rng = np.random.default_rng(seed)
    who = np.where(rng.random(n) < 0.3, 1, rng.integers(0, 60, n))
    amounts = np.round(rng.gamma(2, 10, n), 2)
    amounts[rng.random(n) < 0.1] *= -1
    days = np.datetime64("1998-01-01") + rng.integers(0, 150, n)
    return pl.DataFrame(
        {
            "customer_id": pl.Series(who).set(pl.Series(rng.random(n) < 0.03), None),
            "date": days.astype("M8[us]"),
            "amount": amounts,
            "shop": pl.Series(rng.choice(["a", "b", "", "new"], n)).replace("", None),
        }
    )


@given(data=st.data())
@settings(max_examples=15)
def test_parts_change_nothing(btyd, hybrid, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("batch")
    log = random_log(data.draw(st.integers(0, 2**32 - 1)))
    kind = data.draw(st.sampled_from(["parquet", "csv", "folder", "pattern"]))
    named = data.draw(st.sampled_from(["numbers", "codes", "floats"]))
    if named == "codes":
        log = log.with_columns(pl.col("customer_id").cast(pl.String).str.zfill(3))
    if named == "floats":
        log = log.with_columns(pl.col("customer_id").cast(pl.Float64))
    place = folder / "log"
    if kind in ("folder", "pattern"):
        place.mkdir()
        log[:100].write_parquet(place / "1.parquet", row_group_size=30)
        log[100:].write_parquet(place / "2.parquet")
        place = place / "*.parquet" if kind == "pattern" else place
    else:
        place = place.with_suffix(f".{kind}")
        log.write_parquet(place) if kind == "parquet" else log.write_csv(place)
    cutoff = data.draw(st.sampled_from([None, "1998-03-15", "1999-01-01"]))
    n_partitions = data.draw(st.sampled_from([1, 2, 7, 64]))
    model = data.draw(st.sampled_from([btyd, hybrid]))
    out = folder / data.draw(st.sampled_from(["values.parquet", "values.csv", "values"]))
    check_same(model, place, out, n_partitions, cutoff=cutoff)


@pytest.mark.parametrize("n_partitions", [None, 3])
def test_families_and_coverage(model, log, tmp_path, n_partitions):
    place = tmp_path / "log.parquet"
    log.to_parquet(place)
    result = check_same(model, place, tmp_path / "v.parquet", n_partitions, coverage=0.5)
    assert result.n_partitions == (n_partitions or 1)


@pytest.mark.parametrize("refunds", ["net", "drop"])
@pytest.mark.parametrize("duplicates", ["keep", "drop"])
def test_policies_and_other_names(tmp_path, refunds, duplicates):
    names = {"customer_id": "client", "date": "day", "amount": "paid"}
    log = random_log(5).rename(names)
    log = pl.concat([log, log[::7]])
    model = simple(
        log.drop_nulls("client"), **names, refunds=refunds,
        duplicates=duplicates,
    )  # fmt: skip
    log.drop_nulls("client").write_parquet(tmp_path / "log.parquet")
    check_same(model, tmp_path / "log.parquet", tmp_path / "v.parquet", 5)


def test_customers_that_are_fractions_stay_floats_in_every_part(btyd, tmp_path):
    log = random_log(1).with_columns(
        pl.when(pl.col("customer_id") == 7).then(7.5).otherwise(pl.col("customer_id") * 1.0)
        .alias("customer_id")
    )  # fmt: skip
    log.write_parquet(tmp_path / "log.parquet")
    check_same(btyd, tmp_path / "log.parquet", tmp_path / "v.parquet", 16)


def test_covariates(log, tmp_path):
    customers = log["customer_id"].unique()
    table = pd.DataFrame({"customer_id": customers[:-5], "age": np.arange(len(customers) - 5)})
    X = latest_histories(log, covariates=table)
    model = CLVModel(BTYDRegressor(), horizon="13W").fit(X)
    log.to_parquet(tmp_path / "log.parquet")
    check_same(model, tmp_path / "log.parquet", tmp_path / "v.parquet", 4, covariates=table)
    with pytest.raises(MissingColumnError, match="covariates 'age'"):
        predict_batches(model, tmp_path / "log.parquet", tmp_path / "w.parquet", n_partitions=4)
    assert not list(tmp_path.glob(".*"))


def test_placeholders_for_no_date_are_told_once(btyd, tmp_path):
    log = random_log(2, 3_000).drop_nulls("customer_id")
    odd = log[:2].with_columns(date=dt.datetime(1900, 1, 1))
    pl.concat([log, odd]).write_parquet(tmp_path / "log.parquet")
    with pytest.warns(DataWarning, match=r"2 of \d+ rows are dated absurdly far") as given_once:
        predict_batches(btyd, tmp_path / "log.parquet", tmp_path / "v.parquet", n_partitions=8)
    assert len(given_once) == 1


def test_a_customer_with_most_of_the_lines(btyd, tmp_path):
    n = 200_000
    rng = np.random.default_rng(0)
    days = np.datetime64("1990-01-01") + rng.integers(0, 3000, n)
    who = np.where(rng.random(n) < 0.95, "big", "small")
    log = pl.DataFrame({"customer_id": who, "date": days.astype("M8[us]"), "amount": np.ones(n)})
    log.write_parquet(tmp_path / "log.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MemoryPlan, "chunk_rows", 30_000)
        check_same(btyd, tmp_path / "log.parquet", tmp_path / "v.parquet", 9)


def test_values_are_put_in_order_range_by_range(btyd, tmp_path, monkeypatch):
    from clvkit.serving._batches import finish

    monkeypatch.setattr(finish, "_ROW", 2**30)  # each row a gigabyte
    random_log(3, 3_000).drop_nulls().write_parquet(tmp_path / "log.parquet")
    for name in ("v.parquet", "v.csv", "v"):
        check_same(btyd, tmp_path / "log.parquet", tmp_path / name, 4)
    assert len(list((tmp_path / "v").iterdir())) > 1


# --- what goes wrong ---------------------------------------------------------------------

LINES = "customer_id,date,amount\n" + "7,1998-01-05,1\n" * 120


@pytest.mark.parametrize(
    ("text", "arguments", "error", "message"),
    [
        (LINES.replace("amount", "paid"), {}, MissingColumnError, "no column 'amount'"),
        (LINES + "8,soon,1\n", {}, DateError, r"log\.csv', row 121: .*'soon'"),
        (LINES + "8,,1\n" + LINES[24:], {}, DateError, r"log\.csv', row 121: .*no date"),
        (LINES + "8,1998-01-01,\n", {}, AmountError, r"log\.csv', row 121: .*missing"),
        (LINES + "8,1998-01-01,x\n", {}, AmountError, r"log\.csv', row 1: .*not numbers"),
        (LINES[:24], {}, EmptyLogError, "no rows"),
        (LINES.replace("\n7,", "\n,"), {}, EmptyLogError, "no row of the log names a customer"),
        (LINES, {"cutoff": "1990-01-01"}, EmptyLogError, "starts on 1998-01-05, after the cutoff"),
        (LINES, {"cutoff": "May"}, CutoffError, "cannot be read"),
        (LINES, {"coverage": 2.0}, ArgumentError, "coverage"),
        (LINES, {"memory": "1GB"}, ArgumentError, "too little.*at least '1.25GB'"),
        (LINES, {"n_partitions": 0}, ArgumentError, "between 1 and 65536"),
        (
            LINES.replace("-05", "-05T00:00+01:00") + "8,1998-07-01T00:00+02:00,1\n",
            {},
            DateError,
            "mixes time zones",
        ),
    ],
)
def test_logs_that_cannot_be_used(btyd, tmp_path, text, arguments, error, message):
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(error, match=message):
        predict_batches(
            btyd, tmp_path / "log.csv", tmp_path / "v.csv", **({"n_partitions": 3} | arguments)
        )
    assert not (tmp_path / "v.csv").exists()


@pytest.mark.parametrize(
    ("setting", "error"), [({"refunds": "raise"}, RefundError),
                           ({"duplicates": "raise"}, DuplicateRowsError)],
)  # fmt: skip
def test_policies_that_raise(log, tmp_path, setting, error):
    model = simple(log.drop_duplicates(), **setting)
    lines = pd.concat([log, log.tail(3).assign(amount=-1.0), log.tail(3).assign(amount=-1.0)])
    lines.to_parquet(tmp_path / "log.parquet")
    with pytest.raises(error):
        predict_batches(model, tmp_path / "log.parquet", tmp_path / "v.csv", n_partitions=3)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("v.xlsx", "End it in"),
        ("no/v.csv", "there is no folder"),
        ("taken", "it exists"),
    ],
)
def test_places_that_cannot_be_written_to(btyd, tmp_path, out, message):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match=message):
        predict_batches(btyd, tmp_path / "log.parquet", tmp_path / out)


def test_tables_and_models_of_several_logs_are_refused(log, tmp_path):
    visits = log[["customer_id", "date"]]
    X = latest_histories({"transactions": log, "visits": visits})
    model = CLVModel(HistoricalRate(), horizon="13W").fit(X)
    with pytest.raises(LogTypeError, match="got a DataFrame"):
        predict_batches(model, log, tmp_path / "v.csv")
    with pytest.raises(ArgumentError, match="further logs \\('visits'\\)"):
        predict_batches(model, tmp_path / "logs", tmp_path / "v.csv")


def test_a_full_disk_is_a_message_and_the_run_can_go_on(btyd, log, tmp_path, monkeypatch):
    place, out = tmp_path / "log.parquet", tmp_path / "v.parquet"
    log.to_parquet(place)

    def full(self, *arguments, **settings):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_parquet", full)
        with pytest.raises(OutputError, match=r"cannot be written.*No space left"):
            predict_batches(btyd, place, out, n_partitions=3)
    check_same(btyd, place, out, 3)


def test_a_disk_that_will_be_full_is_told_after_the_first_chunk(btyd, log, tmp_path, monkeypatch):
    import shutil

    log.to_parquet(tmp_path / "log.parquet")
    usage = shutil.disk_usage(tmp_path)._replace(free=1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OutputError, match=r"will take .* GB more, and 0\.0 GB are free"):
        predict_batches(btyd, tmp_path / "log.parquet", tmp_path / "v.csv", n_partitions=3)
    assert len(list((tmp_path / ".v.csv.working").glob("log-*.arrow"))) == 1


# --- going on ----------------------------------------------------------------------------


@pytest.fixture
def unfinished(btyd, log, tmp_path, monkeypatch):
    """A run that ended after two of four parts; returns log, result, and the files so far."""
    from clvkit.serving._batches.score import Scorer

    place, out = tmp_path / "log.parquet", tmp_path / "v.parquet"
    log.to_parquet(place)
    write = Scorer.write

    def interrupted(self, partition):
        if partition == 2:
            raise KeyboardInterrupt
        return write(self, partition)

    with monkeypatch.context() as patch:
        patch.setattr(Scorer, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            predict_batches(btyd, place, out, n_partitions=4)
    return place, out


def test_what_is_done_is_not_done_again(btyd, unfinished, monkeypatch):
    from clvkit.serving._batches.partition import Partitioner
    from clvkit.serving._batches.score import Scorer

    scored = []
    score = Scorer.score
    monkeypatch.setattr(Scorer, "score", lambda self, x: scored.append(len(x)) or score(self, x))
    monkeypatch.setattr(Partitioner, "_write_chunk", None)
    place, out = unfinished
    check_same(btyd, place, out, 4)
    assert len(scored) == 2


@pytest.mark.parametrize(
    ("change", "named"),
    [("log", "log"), ("model", "model"), ("cutoff", "cutoff"), ("coverage", "coverage"),
     ("parts", "number of parts")],
)  # fmt: skip
def test_a_run_of_something_else_is_refused_or_discarded(btyd, unfinished, change, named):
    place, out = unfinished
    other, arguments = btyd, {}
    if change == "log":
        lines = pd.read_parquet(place)
        lines.tail(500).to_parquet(place)
    elif change == "model":
        other = CLVModel(HistoricalRate(), horizon="13W").fit(latest_histories(place))
    elif change != "parts":
        arguments = {"cutoff": {"cutoff": "1998-01-31"}, "coverage": {"coverage": 0.5}}[change]
    parts = 5 if change == "parts" else 4
    with pytest.raises(OutputError, match=f"unfinished run with another {named}. .*--overwrite"):
        predict_batches(other, place, out, n_partitions=parts, **arguments)
    assert not out.exists()
    predict_batches(other, place, out, n_partitions=parts, overwrite=True, **arguments)
    pd.testing.assert_frame_equal(
        read(out), other.predict_customers(place, **arguments), check_exact=True
    )


def test_a_folder_of_something_else_is_left_alone(btyd, log, tmp_path):
    log.to_parquet(tmp_path / "log.parquet")
    work = tmp_path / "thesis"
    work.mkdir()
    (work / "chapter.tex").write_text("precious")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match=r"holds something else \(chapter\.tex\)"):
            predict_batches(
                btyd, tmp_path / "log.parquet", tmp_path / "v.csv", work=work, n_partitions=2,
                overwrite=overwrite,
            )  # fmt: skip
    assert (work / "chapter.tex").read_text() == "precious"


@pytest.mark.skipif(os.name != "posix", reason="the lock of other systems is not tested")
def test_two_processes_do_not_work_in_one_folder(btyd, unfinished):
    import fcntl

    place, out = unfinished
    with (out.parent / ".v.parquet.working" / "lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another process works in"):
            predict_batches(btyd, place, out, n_partitions=4)
    check_same(btyd, place, out, 4)


SCRIPT = """
import sys
from clvkit.serving import predict_batches
from clvkit.serving._batches.sizes import MemoryPlan
MemoryPlan.chunk_rows = 20_000
predict_batches(*sys.argv[1:4], n_partitions=12)
"""


def run_and_kill(arguments, work: Path, out: Path, n_files: int, delay: float) -> bool:
    """Run until so many files are written and a moment longer; return whether it was killed."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, *arguments], env=environment)
    while process.poll() is None and (len(list(work.glob("*.json"))) < n_files):
        time.sleep(0.001)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    code = process.wait()
    assert code in (0, -signal.SIGKILL)
    return code != 0


def check_kills(model, tmp_path, moments):
    rng = np.random.default_rng(0)
    n = 200_000
    days = np.datetime64("1998-01-01") + rng.integers(0, 400, n)
    log = pl.DataFrame(
        {
            "customer_id": rng.integers(0, 20_000, n),
            "date": days.astype("M8[us]"),
            "amount": rng.gamma(2, 10, n),
        }
    )
    log.write_parquet(tmp_path / "log.parquet", row_group_size=30_000)
    model.save(tmp_path / "model")
    out, work = tmp_path / "v.parquet", tmp_path / ".v.parquet.working"
    arguments = [str(tmp_path / name) for name in ("model", "log.parquet", "v.parquet")]
    n_killed = 0
    for n_files, delay in moments:
        n_killed += run_and_kill(arguments, work, out, n_files, delay)
        for note in work.glob("*.json"):  # whatever is there is whole
            json.loads(note.read_text())
        assert not out.exists() or len(read(out)) == log["customer_id"].n_unique()
    process = [sys.executable, "-c", SCRIPT, *arguments]
    subprocess.run(process, check=True, env=os.environ | {"PYTHONPATH": str(REPOSITORY)})
    expected = model.predict_customers(str(tmp_path / "log.parquet"))
    pd.testing.assert_frame_equal(read(out), expected, check_exact=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.parquet", "model", "v.parquet"]
    return n_killed


@pytest.mark.skipif(os.name != "posix", reason="other systems have no SIGKILL")
def test_killed_in_every_pass_it_goes_on(btyd, tmp_path):
    # The card and some of ten chunks; all of them and some of twelve parts.
    assert check_kills(btyd, tmp_path, [(4, 0.002), (15, 0.001), (23, 0.002)]) >= 2


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="other systems have no SIGKILL")
def test_killed_at_random_moments_it_goes_on(btyd, tmp_path):
    rng = random.Random(0)
    moments = sorted((rng.randrange(24), rng.expovariate(50)) for _ in range(16))
    assert check_kills(btyd, tmp_path, moments) >= 10
