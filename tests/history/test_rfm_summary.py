import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvkit.errors import DurationError, HistoryTypeError, UnknownNameError
from clvkit.history import latest_histories, make_samples, rfm_summary

COLUMNS = ["frequency", "recency", "T", "monetary_value"]


def test_the_hand_computed_log(hand_log, hand_answers):
    summary = rfm_summary(latest_histories(hand_log, "2024-06-30"), time_unit="1D")
    assert summary.index.get_level_values("customer_id").tolist() == hand_answers.index.tolist()
    np.testing.assert_array_equal(summary[COLUMNS], hand_answers[COLUMNS])
    assert (summary.dtypes == np.float64).all()


def test_finer_periods_count_every_order(hand_log):
    X = latest_histories(hand_log, "2024-06-30", granularity="h")
    summary = rfm_summary(X, time_unit="1h").droplevel("cutoff")
    # 09:00 and 18:00 on 10 January, 12:00 on 10 March; the cutoff is the hour from 23:00.
    assert summary.loc["A same day"].tolist() == [2, 60 * 24 + 3, 172 * 24 + 14, 17.5]
    by_day = rfm_summary(X, time_unit="1D", granularity="D")
    days = rfm_summary(latest_histories(hand_log, "2024-06-30"), time_unit="1D")
    np.testing.assert_array_equal(by_day, days)


def test_coarser_periods_merge_purchases(hand_log):
    X = latest_histories(hand_log, "2024-06-30")
    weeks = rfm_summary(X, granularity="W").droplevel("cutoff")
    # 1 June 2024 was a Saturday, 15 June 2024 two calendar weeks later, 30 June a Sunday.
    assert weeks.loc["G ties"].tolist() == [1, 2, 4, 6.0]
    # 20 and 21 February: the week's net amount is negative, so that there was no purchase.
    assert weeks.loc["B large refund"].tolist()[0] == 0


@pytest.mark.parametrize(("unit", "days"), [("7D", 7), ("1D", 1), ("2W", 14), ("36h", 1.5)])
def test_units(hand_log, hand_answers, unit, days):
    summary = rfm_summary(latest_histories(hand_log, "2024-06-30"), time_unit=unit)
    assert summary.attrs["time_unit"] == unit
    np.testing.assert_allclose(summary["T"], hand_answers["T"] / days, rtol=1e-15)
    np.testing.assert_allclose(summary["recency"], hand_answers["recency"] / days, rtol=1e-15)


@pytest.mark.parametrize(("unit", "days"), [("7D", 7), ("1D", 1)])
def test_log_gaps(unit, days):
    log = pd.DataFrame(
        {
            "customer_id": ["A", "A", "A", "A", "B", "C", "C"],
            "date": pd.to_datetime(
                ["2024-01-01", "2024-01-08", "2024-01-20", "2024-01-29", *["2024-01-05"] * 3]
            ),
            "amount": [5.0, 5.0, -1.0, 5.0, 9.0, 2.0, 3.0],
        }
    )
    X = latest_histories(log, "2024-02-10")
    summary = rfm_summary(X, time_unit=unit, gaps=True)
    # A buys after 7 and 21 days more; a refund is no purchase, nor are two lines of a day two.
    expected = [np.log(7 / days) + np.log(21 / days), 0.0, 0.0]
    np.testing.assert_allclose(summary["log_gaps"], expected, rtol=1e-14)
    pd.testing.assert_frame_equal(summary[COLUMNS], rfm_summary(X, time_unit=unit))


def test_log_gaps_of_nobody(cdnow_histories):
    assert rfm_summary(cdnow_histories.iloc[:0], gaps=True).shape == (0, 5)


def test_columns_and_arrays_do_as_well(cdnow_histories):
    frame = rfm_summary(cdnow_histories)
    pd.testing.assert_frame_equal(rfm_summary(cdnow_histories["history"]), frame)
    array = rfm_summary(cdnow_histories["history"].array)
    np.testing.assert_array_equal(array, frame)


def test_bad_input(cdnow, cdnow_histories):
    with pytest.raises(HistoryTypeError, match=r"X has no column 'history' \(its columns:"):
        rfm_summary(cdnow)
    missing = cdnow_histories.head(4)["history"].shift(1)
    with pytest.raises(HistoryTypeError, match="1 of 4 histories are missing, the first one in"):
        rfm_summary(missing)
    with pytest.raises(DurationError, match="'1M' has no fixed length"):
        rfm_summary(cdnow_histories, time_unit="1M")
    with pytest.raises(UnknownNameError, match="granularity='month' is not known"):
        rfm_summary(cdnow_histories, granularity="month")
    with pytest.raises(DurationError, match="granularity='h' is finer than the histories"):
        rfm_summary(cdnow_histories, granularity="h")


def test_no_rows(cdnow_histories):
    assert rfm_summary(cdnow_histories.iloc[:0]).shape == (0, 4)


def test_a_history_without_events(cdnow_histories):
    before = cdnow_histories["history"].array[:3].cut_back("1990-01-01")
    np.testing.assert_array_equal(rfm_summary(before), np.zeros((3, 4)))


# --- published figures ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference(shared_data):
    table = pd.read_csv(shared_data.parent / "reference" / "reference_numbers.csv")
    table = table[(table["dataset"] == "cdnow_exact") & (table["model"] == "data")]
    return table.set_index("quantity")


@pytest.fixture(scope="module")
def published(cdnow):
    return rfm_summary(latest_histories(cdnow, "1997-09-30"))


def test_published_counts(reference, published, cdnow):
    def exact(quantity):
        assert reference.loc[quantity, "tolerance"] == "exact"
        return float(reference.loc[quantity, "value"])

    assert len(published) == exact("n_customers")
    assert (published["frequency"] > 0).sum() == exact("n_repeat_customers")
    assert published["frequency"].sum() == exact("sum_frequency")
    _, y = make_samples(cdnow, "273D", "1997-09-30", target="purchases")
    assert y.sum() == exact("sum_holdout_frequency_39wk")


def test_published_mean_repeat_spend(reference, published):
    value = float(reference.loc["mean_repeat_spend", "value"])
    mean = published.loc[published["frequency"] > 0, "monetary_value"].mean()
    assert mean == pytest.approx(value, abs=1e-6)


def test_published_holdout_means_by_frequency(reference, published, cdnow):
    row = reference.filter(like="holdout mean by cal freq", axis=0).iloc[0]
    _, y = make_samples(cdnow, "273D", "1997-09-30", target="purchases")
    groups = y.groupby(np.minimum(published["frequency"], 7))
    np.testing.assert_allclose(
        groups.mean(), [float(v) for v in row["value"].split(";")], atol=1e-6
    )
    sizes = json.loads(row["args"])["bin_n"].split(";")
    assert groups.size().tolist() == [int(n) for n in sizes]


# --- properties -------------------------------------------------------------------------------


@given(data=st.data())
def test_a_row_depends_on_its_own_events_to_the_last_bit(logs, data):
    log = data.draw(logs)
    X = latest_histories(log)
    whole = rfm_summary(X)
    order = data.draw(st.permutations(range(len(X))))
    np.testing.assert_array_equal(rfm_summary(X.iloc[order]), whole.iloc[order])
    for i in range(len(X)):
        alone = rfm_summary(X.iloc[[i]]).to_numpy()
        assert alone.tobytes() == whole.iloc[[i]].to_numpy().tobytes()


@given(data=st.data())
def test_a_customers_row_does_not_depend_on_the_rest_of_the_log(logs, data):
    log = data.draw(logs)
    whole = rfm_summary(latest_histories(log, "2021-01-01"))
    for customer, own in log.groupby("customer_id"):
        alone = rfm_summary(latest_histories(own, "2021-01-01"))
        assert alone.to_numpy().tobytes() == whole.loc[[customer]].to_numpy().tobytes()


@given(data=st.data())
def test_what_no_summary_can_be(logs, data):
    summary = rfm_summary(latest_histories(data.draw(logs)), time_unit="1D")
    assert (summary >= 0).all(axis=None)
    assert (summary["recency"] <= summary["T"]).all()
    once = summary["frequency"] == 0
    assert (summary.loc[once, ["recency", "monetary_value"]] == 0).all(axis=None)
    assert (summary.loc[~once, "recency"] >= summary.loc[~once, "frequency"]).all()


@given(data=st.data())
def test_equals_a_plain_loop(logs, data):
    log = data.draw(logs)
    summary = rfm_summary(latest_histories(log), time_unit="1D").droplevel("cutoff")
    end = log["date"].max()
    for customer, own in log.groupby("customer_id"):
        expected = plain_summary(own, end)
        np.testing.assert_allclose(summary.loc[customer], expected, atol=1e-9, err_msg=str(own))


def plain_summary(own, end):
    """Frequency, recency, T and monetary value by the definition, one day after the other."""
    bought, values = [], []
    for day, amounts in own.groupby("date")["amount"]:
        net = round(amounts.sum(), 6)
        if net > 0 or (net == 0 and (amounts >= 0).all()):
            bought.append(day)
            values.append(net)
        elif values:
            values[-1] += net
    birth = bought[0] if bought else own["date"].min()
    repeats = len(bought) - 1
    if repeats < 1:
        return [0, 0, (end - birth).days, 0.0]
    mean = max(sum(values[1:]), 0.0) / repeats
    return [repeats, (bought[-1] - birth).days, (end - birth).days, mean]
