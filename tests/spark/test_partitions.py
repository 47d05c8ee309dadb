import numpy as np
import pandas as pd
import pytest

from clvkit.features import default_features
from clvkit.history import latest_histories
from clvkit.history import rfm_summary as local_summary
from clvkit.spark import features, rfm_summary


def test_a_customer_who_spans_arrow_batches_is_kept_whole(spark, sdf, log, collected):
    key = "spark.sql.execution.arrow.maxRecordsPerBatch"
    before = spark.conf.get(key)
    want = local_summary(latest_histories(log)).droplevel("cutoff")
    try:
        spark.conf.set(key, "7")
        got = collected(rfm_summary(sdf, n_partitions=2))
    finally:
        spark.conf.set(key, before)
    pd.testing.assert_frame_equal(got[want.columns], want)


def test_partitions_without_rows_give_none(to_spark, log, collected):
    few = log[log["customer_id"] <= 3]
    transformer = default_features().fit(latest_histories(log))
    result = features(transformer, to_spark(few), n_partitions=9)
    assert result.rdd.getNumPartitions() == 9
    got, X = collected(result), latest_histories(few)
    assert got.index.tolist() == [1, 2, 3]
    np.testing.assert_allclose(got.iloc[:, 1:], transformer.transform(X), rtol=1e-9)


@pytest.mark.long
def test_a_customer_of_five_million_lines(spark, collected):
    lines = spark.range(5_000_000).selectExpr(
        "0L customer_id", "date_add(date'2015-01-01', int(id % 2000)) date", "1.0D amount"
    )
    others = spark.range(3_000).selectExpr(
        "1 + id % 300 customer_id", "date_add(date'2015-01-01', int(id % 1999)) date", "2.0D amount"
    )
    spark.conf.set("spark.sql.codegen.wholeStage", "true")
    try:
        got = collected(rfm_summary(lines.unionByName(others), time_unit="1D", n_partitions=3))
    finally:
        spark.conf.set("spark.sql.codegen.wholeStage", "false")
    assert len(got) == 301
    row = got.loc[0]
    assert (row["frequency"], row["recency"], row["T"]) == (1999, 1999, 1999)
    assert row["monetary_value"] == pytest.approx(5_000_000 / 2000)
    assert got.loc[1:, "monetary_value"].max() <= 4.0
