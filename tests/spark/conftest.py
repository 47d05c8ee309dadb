"""A Spark session where Java is present, and logs for it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import clvkit

#: The processes of Spark start in other folders, where another clvkit may be installed.
REPOSITORY = str(Path(clvkit.__file__).parents[1])


def _java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    return str(Path(home, "bin", "java")) if home else shutil.which("java")


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """A session on two cores, in UTC; it takes seconds to start, so there is one."""
    sql = pytest.importorskip("pyspark.sql", reason="PySpark is not installed")
    if _java() is None:
        pytest.skip("Java, which Spark runs on, is not installed")
    folder = tmp_path_factory.mktemp("spark")
    path = os.pathsep.join(filter(None, [REPOSITORY, os.environ.get("PYTHONPATH")]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("PYTHONPATH", path)
        settings = {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.memory": "1g",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.shuffle.partitions": "4",
            # Compiling takes longer than running on so few rows, both of plans and of Spark.
            "spark.sql.codegen.wholeStage": "false",
            "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
        }
        builder = sql.SparkSession.builder.master("local[2]").appName("clvkit tests")
        session = builder.config(map=settings).getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
        yield session
        session.stop()


@pytest.fixture(scope="session")
def log() -> pd.DataFrame:
    """Six hundred customers, with refunds, times of day and an attribute."""
    rng = np.random.default_rng(5)
    n = 3_000
    customer = rng.zipf(1.4, 4 * n)
    customer = customer[customer < 600][:n]
    seconds = rng.integers(0, 720 * 86_400, n)
    amount = np.round(rng.gamma(2.0, 15.0, n), 2)
    amount[rng.random(n) < 0.05] *= -1.0
    shops = np.array(["north", "south", "web", None], dtype=object)
    return pd.DataFrame(
        {
            "customer_id": customer,
            "date": np.datetime64("2020-01-01", "us") + seconds.astype("m8[s]"),
            "amount": amount,
            "shop": shops[rng.integers(0, 4, n)],
        }
    )


@pytest.fixture(scope="session")
def to_spark(spark):
    """Bring a pandas frame to Spark by Arrow: PySpark's own way warns of pandas 3."""
    from clvkit.spark._frames import quiet_pandas

    def bring(frame):
        with quiet_pandas():
            return spark.createDataFrame(pa.Table.from_pandas(frame, preserve_index=False))

    return bring


@pytest.fixture(scope="session")
def sdf(to_spark, log):
    """The log on Spark, in three parts."""
    return to_spark(log).repartition(3).cache()


@pytest.fixture(scope="session")
def collected():
    """Bring a result to pandas, customers ascending."""

    def bring(frame, key="customer_id"):
        return frame.toArrow().to_pandas().set_index(key).sort_index()

    return bring


@pytest.fixture(scope="session")
def jobs(spark):
    """Count the jobs that Spark runs inside a block."""

    class Jobs:
        def __init__(self, group):
            self.group = group

        def __enter__(self):
            spark.sparkContext.setJobGroup(self.group, "counted")
            return self

        def __exit__(self, *error):
            spark.sparkContext.setLocalProperty("spark.jobGroup.id", None)

        @property
        def n(self):
            return len(spark.sparkContext.statusTracker().getJobIdsForGroup(self.group))

    return Jobs
