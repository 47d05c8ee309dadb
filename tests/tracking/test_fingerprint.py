import pandas as pd
import pytest

from clvkit.history import latest_histories
from clvkit.tracking import fingerprint


@pytest.fixture(scope="module")
def log():
    return pd.DataFrame(
        {
            "customer_id": ["anna", "anna", "bert"],
            "date": ["2020-01-01", "2020-03-01", "2020-02-01"],
            "amount": [10.0, 20.0, -0.0],
        }
    )


def test_it_tells_size_and_span(log):
    record = fingerprint(latest_histories(log))
    assert (record.n_rows, record.n_customers) == (3, 2)
    assert (record.start, record.end) == ("2020-01-01", "2020-03-01")
    assert len(record.digest) == 32


def test_line_order_and_names_do_not_matter(log):
    record = fingerprint(latest_histories(log))
    assert fingerprint(latest_histories(log[::-1])) == record
    renamed = log.assign(customer_id=log["customer_id"].str.upper(), amount=[10.0, 20.0, 0.0])
    assert fingerprint(latest_histories(renamed)) == record


@pytest.mark.parametrize(
    "change",
    [
        lambda log: log.assign(amount=[10.0, 20.0, 0.01]),
        lambda log: log.assign(date=["2020-01-01", "2020-03-01", "2020-02-02"]),
        lambda log: log.assign(customer_id=["anna", "bert", "bert"]),
        lambda log: log.iloc[:2],
    ],
    ids=["amount", "date", "customer", "row"],
)
def test_other_data_has_another_digest(log, change):
    digest = fingerprint(latest_histories(log)).digest
    assert fingerprint(latest_histories(change(log), cutoff="2020-03-01")).digest != digest


def test_hours_and_cutoffs_count(log):
    later = fingerprint(latest_histories(log, cutoff="2020-04-01"))
    assert (later.end, later.start) == ("2020-04-01", "2020-01-01")
    hourly = latest_histories(log.assign(date=log["date"] + " 13:00"), granularity="h")
    assert fingerprint(hourly).start == "2020-01-01"


def test_other_logs_count(log):
    visits = log.drop(columns="amount")
    records = [
        fingerprint(latest_histories({"transactions": log, name: part}))
        for name, part in (("visits", visits), ("visits", visits[1:]), ("clicks", visits))
    ]
    digests = {record.digest for record in [*records, fingerprint(latest_histories(log))]}
    assert len(digests) == 4
    assert {(record.n_rows, record.n_customers) for record in records} == {(3, 2)}
