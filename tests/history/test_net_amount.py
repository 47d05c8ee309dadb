import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvkit.history._net_amount import RESIDUE, net_amount


def net(*amounts):
    values = np.array(amounts)
    return net_amount(values, np.array([0]), np.array([len(values)]))[0]


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ((), 0.0),
        ((0.1, 0.2), 0.1 + 0.2),
        ((0.1, 0.2, -0.3), 0.0),
        ((1e9, 1e-3, -1e9), 0.0),
        ((1e9, 10.0, -1e9), 10.0),
        ((-5.0,), -5.0),
        ((1e-12,), 1e-12),
        ((0.0, 0.0), 0.0),
    ],
    ids=str,
)
def test_what_rounding_leaves_is_nothing(amounts, expected):
    assert net(*amounts) == expected


cents = st.lists(st.integers(-10_000, 10_000), max_size=12)


@given(amounts=cents)
def test_a_full_refund_is_exactly_nothing(amounts):
    values = np.array(amounts, dtype=float) / 100
    both = np.concatenate([values, -np.roll(values, 1)])
    assert net(*both) == 0.0


@given(segments=st.lists(cents, max_size=6), seed=st.integers(0, 9))
def test_a_range_depends_on_itself_alone(segments, seed):
    length = np.array([len(s) for s in segments], dtype=np.int64)
    end = np.cumsum(length)
    values = np.array([c for s in segments for c in s], dtype=float) / 100
    order = np.random.default_rng(seed).permutation(len(segments))
    together = net_amount(values, (end - length)[order], end[order])
    alone = [net(*values[e - n : e]) for n, e in zip(length[order], end[order], strict=True)]
    assert together.tolist() == alone
    for total, i in zip(together, order, strict=True):
        exact = sum(segments[i]) / 100
        gross = sum(abs(c) for c in segments[i]) / 100
        assert abs(total - exact) <= max(RESIDUE, 1e-12) * gross
