"""How long a raw log on Spark takes, beside Spark's own grouping of the same rows.

    python -m benchmarks.spark_speed --customers 840000

The log is simulated and written as Parquet. Each part is run several times, in turn with the
grouping, and what is reported is the median of the ratios: other work on the machine slows both.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
from sklearn.pipeline import make_pipeline

from benchmarks.arguments import whole_number
from benchmarks.machine import describe_run
from clvkit import spark as on_spark
from clvkit.boosting import TweedieLGBMRegressor
from clvkit.btyd import BTYDRegressor, ParetoNBD
from clvkit.datasets import simulate_log
from clvkit.features import default_features
from clvkit.history import latest_histories
from clvkit.model_selection import SnapshotRegressor
from clvkit.serving import CLVModel
from clvkit.utils._imports import try_import

__all__ = ["main"]

#: Customers that the champions are fitted to.
_FITTED = 20_000


def simulated(n_customers: int) -> pd.DataFrame:
    """Return four years of some twelve events a customer, in no order."""
    log = simulate_log(
        "pareto_nbd",
        n_customers=n_customers,
        params={"r": 1.0, "alpha": 10.0, "s": 0.6, "beta": 40.0},
        start="2019-01-01",
        cutoff="2022-12-31",
        entry="52W",
        refunds=0.02,
        random_state=0,
    ).log
    return log.sample(frac=1.0, random_state=0)


def fitted() -> tuple[CLVModel, CLVModel]:
    """Return a boosting and a purchase model, fitted to customers of the same kind."""
    X = latest_histories(simulated(_FITTED))
    boosting = make_pipeline(default_features(), TweedieLGBMRegressor(random_state=0))
    champions = SnapshotRegressor(boosting, n_snapshots=2), BTYDRegressor(ParetoNBD())
    first, second = (CLVModel(champion, horizon="26W").fit(X) for champion in champions)
    return first, second


def parts(sdf: Any) -> dict[str, Callable[[], Any]]:
    """Return what is timed, by name."""
    boosting, btyd = fitted()
    features = boosting.pipeline_[0]
    return {
        "predict, boosting": lambda: run(on_spark.predict_customers(boosting, sdf)),
        "predict, btyd": lambda: run(on_spark.predict_customers(btyd, sdf)),
        "features": lambda: run(on_spark.features(features, sdf)),
        "rfm_summary": lambda: run(on_spark.rfm_summary(sdf)),
        "fit, ParetoNBD": lambda: on_spark.fit(ParetoNBD(), sdf),
        "fit, BTYDRegressor": lambda: on_spark.fit(BTYDRegressor(ParetoNBD(), horizon="26W"), sdf),
    }


def run(frame: Any) -> None:
    """Compute all rows, and keep none."""
    frame.write.format("noop").mode("overwrite").save()


def group(sdf: Any) -> None:
    """Bring each customer's events together in order, as Spark itself does."""
    from pyspark.sql import functions as F

    events = F.array_sort(F.collect_list(F.struct("date", "amount")))
    run(sdf.groupBy("customer_id").agg(events.alias("events")))


def seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def make_session(cores: int, memory: str) -> Any:
    """Return a session on this machine."""
    for name in ("SPARK_LOCAL_IP", "PYSPARK_PYTHON"):
        os.environ.setdefault(name, "127.0.0.1" if name == "SPARK_LOCAL_IP" else sys.executable)
    sql = try_import(
        "pyspark.sql", install="pip install 'clvkit-automl[spark]'", purpose="measure Spark"
    )
    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": memory,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    session = sql.SparkSession.builder.master(f"local[{cores}]").config(map=settings).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    number = whole_number(1)
    parser.add_argument("--customers", type=number, default=840_000, help="with 12 events each")
    parser.add_argument("--repeats", type=number, default=3)
    parser.add_argument("--cores", type=number, default=2)
    parser.add_argument("--memory", default="4g", help="of the driver, where Spark runs")
    parser.add_argument("--part", action="append", help="by default all; may be repeated")
    arguments = parser.parse_args()
    for name, value in describe_run(["benchmarks.spark_speed", *sys.argv[1:]]).items():
        print(f"{name}: {value}")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "log.parquet")
        log = simulated(arguments.customers)
        log.to_parquet(place, row_group_size=500_000, index=False)
        size = f"{len(log):,} events of {arguments.customers:,} customers"
        print(f"log: {size}, {arguments.cores} cores\n", flush=True)
        del log
        session = make_session(arguments.cores, arguments.memory)
        sdf = session.read.parquet(str(place))
        _measure(sdf, arguments.part, arguments.repeats)
        session.stop()


def _measure(sdf: Any, wanted: list[str] | None, repeats: int) -> None:
    group(sdf)  # the first run of anything starts processes and compiles
    print("| part | seconds | grouping, seconds | ratio |\n| --- | --- | --- | --- |")
    for name, call in parts(sdf).items():
        if wanted and name not in wanted:
            continue
        call()
        pairs = [(seconds(call), seconds(lambda: group(sdf))) for _ in range(repeats)]
        own, theirs = (median(times) for times in zip(*pairs, strict=True))
        ratio = median(one / other for one, other in pairs)
        print(f"| {name} | {own:.1f} | {theirs:.1f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
