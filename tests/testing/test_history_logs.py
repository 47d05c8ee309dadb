"""The logs that the suite draws: hard cases, rows of several cutoffs, other futures."""

import numpy as np
import pandas as pd

from clvkit.history import get_histories
from clvkit.testing._history_logs import CUTOFFS, Rows, another_future, random_logs


def test_random_logs_have_the_hard_cases():
    parts = [random_logs(seed).transactions.assign(seed=seed) for seed in range(8)]
    log = pd.concat(parts)
    day = log["date"].dt.normalize()
    by_customer = log.groupby(["seed", "customer_id"])["amount"]
    assert (by_customer.max() < 0).any(), "customers with refunds only"
    assert (log["amount"] == 0).any(), "free orders"
    assert log.assign(day=day).duplicated(["seed", "customer_id", "day"]).any(), "lines of a day"
    assert log.duplicated(["seed", "customer_id", "date", "amount"]).any(), "ties"
    assert log["channel"].isna().any(), "missing attributes"
    assert log["discount"].isna().any(), "missing numbers"
    assert day.isin(pd.to_datetime(["2024-02-29", "2024-01-31"])).any()


def test_rows_of_several_cutoffs_share_one_store():
    logs = random_logs(0)
    X = Rows(logs).at(CUTOFFS[:2])
    array = get_histories(X)
    assert set(X.index.get_level_values("cutoff").astype(str)) == set(CUTOFFS[:2])
    assert len(array.store) == len(logs.transactions)
    assert (get_histories(X, "visits").cutoff_moments == array.cutoff_moments).all()


def test_another_future_is_the_same_up_to_the_cutoff():
    logs = random_logs(0)
    other = another_future(logs, CUTOFFS[1], np.random.default_rng(0))
    after = np.datetime64(CUTOFFS[1]) + 1
    for log, changed in zip(logs, other, strict=True):
        pd.testing.assert_frame_equal(log[log["date"] < after], changed[changed["date"] < after])
        assert not log.equals(changed)
        assert "a novelty" in set(changed["channel"])
