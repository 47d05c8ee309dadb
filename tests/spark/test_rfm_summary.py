import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvkit.errors import DurationError, UnknownNameError
from clvkit.history import latest_histories
from clvkit.history import rfm_summary as local_summary
from clvkit.spark import rfm_summary


@pytest.mark.parametrize(
    "options",
    [
        {"time_unit": "1D", "gaps": True},
        {"granularity": "h", "cutoff": "2021-05-03 14:00"},
        {"granularity": "W", "refunds": "drop", "end": "2022-06-30"},
    ],
    ids=["gaps", "hours", "weeks"],
)
def test_summaries_are_those_of_one_machine(options, sdf, log, collected):
    own = {name: options[name] for name in ("time_unit", "gaps") if name in options}
    door = {name: value for name, value in options.items() if name not in own}
    want = local_summary(latest_histories(log, **door), **own)
    got = collected(rfm_summary(sdf, **options))
    cutoffs = want.index.get_level_values("cutoff")
    assert pd.to_datetime(got["cutoff"]).tolist() == cutoffs.tolist()
    want = want.droplevel("cutoff")
    pd.testing.assert_frame_equal(got[want.columns], want, rtol=1e-12)


@settings(max_examples=2)  # each is a dozen jobs of Spark
@given(
    seed=st.integers(0, 2**32 - 1),
    n_customers=st.sampled_from([1, 5, 40]),
    granularity=st.sampled_from(["D", "min"]),
)
@pytest.mark.long
def test_nothing_depends_on_how_rows_are_partitioned(
    seed, n_customers, granularity, to_spark, collected
):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 200))
    log = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in rng.integers(0, n_customers, n)],
            "date": np.datetime64("2020-01-01", "us") + rng.integers(0, 10**8, n).astype("m8[s]"),
            "amount": np.round(rng.normal(10, 10, n), 2),
        }
    )
    want = local_summary(latest_histories(log, granularity=granularity)).droplevel("cutoff")
    frame = to_spark(log)
    for n_partitions in (1, 3, 17):
        shuffled = frame.repartition(n_partitions)
        got = rfm_summary(shuffled, granularity=granularity, n_partitions=n_partitions)
        got = collected(got)
        pd.testing.assert_frame_equal(
            got[want.columns], want, rtol=1e-12, check_index_type=False, check_column_type=False
        )


def test_settings_are_checked(sdf):
    with pytest.raises(DurationError):
        rfm_summary(sdf, time_unit="soon")
    with pytest.raises(UnknownNameError, match="granularity='M'"):
        rfm_summary(sdf, granularity="M")
    with pytest.raises(UnknownNameError, match="refunds='keep'"):
        rfm_summary(sdf, refunds="keep")
