import numpy as np
import pytest

from clvkit.btyd import GammaGamma, ParetoNBD
from clvkit.history import latest_histories, rfm_summary
from clvkit.spark._counts import Needs, count_summaries
from clvkit.spark._settle import DEFAULTS as DOOR
from clvkit.spark._settle import settle


@pytest.mark.long
def test_counts_add_up_to_the_customers_of_each_summary(sdf, log):
    settled = settle(sdf, **DOOR)
    needs = [Needs(ParetoNBD(), "7D", False), Needs(GammaGamma(), "7D", True)]
    summary = rfm_summary(latest_histories(log))
    for need, counts in zip(needs, count_summaries(settled, needs, 3), strict=True):
        columns = need.columns()
        want = summary.groupby(columns).size()
        got = counts.summary.assign(n=counts.n_customers).set_index(columns)["n"].sort_index()
        assert len(got) < len(summary)
        np.testing.assert_array_equal(got.index.to_frame(), want.index.to_frame())
        np.testing.assert_array_equal(got, want)
        assert counts.summary.attrs["time_unit"] == "7D"
