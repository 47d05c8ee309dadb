import numpy as np
import pandas as pd
import pytest

from clvkit.errors import CutoffError, DataWarning, LogError, LogTypeError
from clvkit.history import latest_histories
from clvkit.spark._settle import DEFAULTS as DOOR
from clvkit.spark._settle import settle


def test_identifiers_of_two_types_are_refused(to_spark, sdf):
    named = pd.DataFrame({"customer_id": ["1", "2"], "age": [30, 40]})
    with pytest.raises(LogError, match="of the covariates table are string, those of the log big"):
        settle(sdf, covariates=to_spark(named), **DOOR)
    visits = sdf.selectExpr("string(customer_id) customer_id", "date")
    with pytest.raises(LogError, match="of log 'visits' are string"):
        settle({"transactions": sdf, "visits": visits}, **DOOR)


@pytest.mark.parametrize("odd", [np.inf, 1e300, 2.0**53, 0.5])
def test_covariates_of_customers_that_are_no_integers_are_refused(odd, to_spark, sdf):
    table = pd.DataFrame({"customer_id": [1.0, odd], "age": [30, 40]})
    with pytest.raises(LogError, match="of the covariates table are double, those of the log big"):
        settle(sdf, covariates=to_spark(table), **DOOR)


def test_whole_numbers_of_another_width_are_matched(sdf, log):
    visits = sdf.selectExpr("int(customer_id) customer_id", "date")
    settled = settle({"transactions": sdf, "visits": visits}, **DOOR)
    X = settled.reader.read(settled.frame.toArrow())
    want = latest_histories({"transactions": log, "visits": log[["customer_id", "date"]]})
    assert (X["visits"].array == want["visits"].array).all()
    assert settled.n_rows == 2 * settled.n_events == 2 * len(log)


def test_events_of_further_logs_after_the_last_transaction_are_told(sdf, log):
    later = sdf.selectExpr("customer_id", "date + interval 30 days date")
    shifted = log[["customer_id"]].assign(date=log["date"] + np.timedelta64(30, "D"))
    said = []
    for run in (
        lambda: settle({"transactions": sdf, "visits": later}, **DOOR),
        lambda: latest_histories({"transactions": log, "visits": shifted}),
    ):
        with pytest.warns(DataWarning, match="where by default the observation ends") as caught:
            run()
        said.append(str(caught[0].message).partition(", such as")[0])
    assert said[0] == said[1]


def test_a_cutoff_after_the_end_and_other_tables_are_refused(sdf, log, jobs):
    with jobs("limits") as counted:
        with pytest.raises(CutoffError, match="is after end="):
            settle(sdf, "2022-01-01", end="2021-01-01", **DOOR)
        with pytest.raises(LogTypeError, match="log 'visits' must be a Spark DataFrame"):
            settle({"transactions": sdf, "visits": log}, **DOOR)
    assert counted.n == 0
