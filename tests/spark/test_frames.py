import numpy as np
import pandas as pd
import pytest

from clvkit.errors import AmountError, DateError, LogError, LogTypeError, MissingColumnError
from clvkit.history import latest_histories
from clvkit.history import rfm_summary as local_summary
from clvkit.spark import rfm_summary
from clvkit.spark._frames import check_frame


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ("string(date) date", DateError, r"column 'date' holds string.*F\.to_timestamp\('date'\)"),
        ("string(amount) amount", AmountError, "column 'amount' holds string, not numbers"),
        ("array(customer_id) customer_id", LogError, "which cannot name a customer"),
        ("binary(string(customer_id)) customer_id", LogError, "holds binary"),
        ("array(shop) shop", LogError, "which cannot be an attribute"),
        ("amount paid", MissingColumnError, r"no column 'amount' \(amount\)"),
    ],
    ids=["date", "amount", "customer", "binary", "attribute", "missing"],
)
def test_columns_of_other_types_are_refused_before_any_job(change, error, message, sdf, jobs):
    from clvkit.features import AttributeFeatures
    from clvkit.spark import fit

    name = change.split()[-1]
    others = [column for column in ("customer_id", "date", "amount", "shop") if column != name]
    frame = sdf.selectExpr(change, *(c for c in others if c != change.split()[0]))
    with jobs(change) as counted, pytest.raises(error, match=message):
        fit(AttributeFeatures(), frame, attributes=["shop"])
    assert counted.n == 0


def test_columns_of_one_name_are_refused(sdf):
    with pytest.raises(LogError, match=r"several columns of the same name: \['amount'\]"):
        rfm_summary(sdf.selectExpr("*", "amount amount"))


def test_frames_of_spark_connect_are_refused(sdf, monkeypatch):
    monkeypatch.setattr(type(sdf), "__module__", "pyspark.sql.connect.dataframe")
    with pytest.raises(LogTypeError, match="Spark Connect"):
        check_frame(sdf)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("kind", ["timestamp", "timestamp_ntz", "date"])
def test_moments_count_by_the_clock_on_the_wall(kind, zone, spark, to_spark, collected):
    late = pd.DataFrame(
        {
            "customer_id": [1, 1, 1, 2],
            "date": np.array(
                ["2021-03-01T23:30", "2021-03-02T00:10", "2021-03-31T23:59", "2021-03-05T12:00"],
                dtype="M8[us]",
            ),
            "amount": [1.0, 2.0, 3.0, 4.0],
        }
    )
    want = local_summary(latest_histories(late)).droplevel("cutoff")
    try:
        spark.conf.set("spark.sql.session.timeZone", zone)
        frame = to_spark(late).selectExpr("customer_id", f"cast(date as {kind}) date", "amount")
        result = rfm_summary(frame)
        spark.conf.set("spark.sql.session.timeZone", "UTC")  # a plan keeps the zone it was made in
        got = collected(result)
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")
    assert set(got["cutoff"].astype(str)) == {"2021-03-31"}
    pd.testing.assert_frame_equal(got[want.columns], want)
