import numpy as np
import pandas as pd

from clvkit.history._sample_index import sample_index


def test_equals_an_index_made_of_values(cdnow_histories):
    array = (
        cdnow_histories["history"]
        .array[:6]
        .cut_back(
            ["1998-01-01", "1997-06-30", "1998-01-01", "1997-01-01", "1997-06-30", "1998-06-30"]
        )
    )
    customers = pd.Index(["a", "b", "c"], name="who")
    code = np.array([2, 0, 1, 1, 0, 2])
    index = sample_index(customers, code, array)
    values = [customers.take(code), array.cutoffs]
    expected = pd.MultiIndex.from_arrays(values, names=["customer_id", "cutoff"])
    pd.testing.assert_index_equal(index, expected)
    assert index.is_unique == expected.is_unique


def test_missing_histories_have_no_cutoff(cdnow_histories):
    array = cdnow_histories["history"].array[:2].copy()
    array[1] = None
    index = sample_index(pd.Index([1, 2]), [0, 1], array)
    assert index.get_level_values("cutoff").isna().tolist() == [False, True]
    assert index.get_level_values("customer_id").tolist() == [1, 2]
