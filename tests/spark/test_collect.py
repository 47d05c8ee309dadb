import numpy as np
import pytest

from clvkit.errors import DataWarning, FewCustomersError
from clvkit.history import customers_of, get_histories, latest_histories
from clvkit.spark import fit
from clvkit.spark._collect import collect_histories
from clvkit.spark._settle import DEFAULTS as DOOR
from clvkit.spark._settle import settle


def test_all_histories_are_those_of_one_machine(sdf, log):
    X = collect_histories(settle(sdf, **DOOR), len(log), 0)
    want = latest_histories(log)
    assert (get_histories(X) == get_histories(want)).all()
    assert customers_of(X).tolist() == customers_of(want).tolist()


def test_a_sample_keeps_customers_whole_and_strata_in_proportion(sdf, log):
    want = latest_histories(log)
    n_events = get_histories(want).n_events
    limit = len(log) // 3
    with pytest.warns(DataWarning) as caught:
        X = collect_histories(settle(sdf, **DOOR), limit, 0)
    drawn = want.loc[X.index]
    assert (get_histories(X) == get_histories(drawn)).all()
    message = str(caught[0].message)
    assert f"{len(log):,} events, more than max_events={limit:,}" in message
    assert f"fitted on {len(X):,} of {len(want):,} customers" in message
    share = limit / len(log)
    assert len(X) == pytest.approx(share * len(want), rel=0.15)
    # By number of events no stratum is far from its share.
    size = np.floor(np.log2(n_events))
    own = np.floor(np.log2(get_histories(X).n_events))
    for stratum in np.unique(size):
        expected = share * (size == stratum).sum()
        assert abs((own == stratum).sum() - expected) < 4 * np.sqrt(1 + expected)


@pytest.mark.long
def test_the_sample_does_not_depend_on_how_rows_are_partitioned(sdf):
    drawn = []
    for frame in (sdf, sdf.repartition(7, "amount")):
        with pytest.warns(DataWarning):
            drawn.append(customers_of(collect_histories(settle(frame, **DOOR), 500, 3)).tolist())
    assert drawn[0] == drawn[1]
    with pytest.warns(DataWarning):
        assert customers_of(collect_histories(settle(sdf, **DOOR), 500, 4)).tolist() != drawn[0]


def test_the_user_is_told_of_the_sample(sdf):
    from clvkit.baselines import HistoricalRate

    with pytest.warns(DataWarning, match="drawn in proportion from strata"):
        fit(HistoricalRate(horizon="4W"), sdf, max_events=1_000)


def test_a_sample_of_nobody_is_refused(to_spark, log):
    one = to_spark(log[log["customer_id"] == 1])
    with pytest.raises(FewCustomersError, match="no customer was drawn from"):
        collect_histories(settle(one, **DOOR), 1, 0)
