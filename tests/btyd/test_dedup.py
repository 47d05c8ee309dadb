import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clvkit.btyd import _dedup
from clvkit.btyd._dedup import group_rows, tabulate_counts


def assert_groups(columns, groups):
    for column in columns:
        assert np.array_equal(column[groups.first][groups.code], column)


@given(st.lists(st.tuples(*[st.sampled_from([0.0, -0.0, 1.0, 1 / 7, 1e300])] * 3), max_size=40))
def test_groups_hold_equal_rows_and_are_as_few_as_can_be(rows):
    columns = tuple(np.array(rows, dtype=float).reshape(-1, 3).T)
    groups = group_rows(*columns)
    assert_groups(columns, groups)
    assert len(groups.first) == len(set(rows))


def test_colliding_hashes_do_not_mix_rows(monkeypatch):
    monkeypatch.setattr(_dedup, "_hash", lambda columns: np.zeros(len(columns[0]), dtype=np.int64))
    columns = (np.array([1.0, 2.0, 1.0, 2.0]), np.array([0.0, 0.0, 0.0, 5.0]))
    assert_groups(columns, group_rows(*columns))


@given(st.lists(st.tuples(st.sampled_from([0, 1, 2, 7, 1_500, 10**15]), st.floats(0.1, 9.0))))
def test_counts_are_tabulated_with_their_weights(rows):
    """The same by looking at one count after the other, with or without a count beyond a table."""
    x, weights = np.array(rows, dtype=float).reshape(-1, 2).T
    counts, total = tabulate_counts(x, weights)
    assert counts.tolist() == sorted(set(x))
    np.testing.assert_allclose(total, [weights[x == count].sum() for count in counts])
