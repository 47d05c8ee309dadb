import numpy as np
import pytest


@pytest.fixture
def array(cdnow_histories):
    return cdnow_histories["history"].array[:5]


def test_elementwise(array):
    middle = sorted(array)[2]
    assert ((array < middle) == [h < middle for h in array]).all()
    assert (
        (array >= array[::-1]) == [a >= b for a, b in zip(array, array[::-1], strict=True)]
    ).all()
    assert ((array <= middle) ^ (array > middle)).all()


def test_sorting(cdnow_histories):
    column = cdnow_histories["history"].iloc[:5]
    ranked = column.sort_values()
    assert ranked.tolist() == sorted(column)
    assert (np.diff(np.argsort(column.array[::-1])) != 0).all()


def test_other_things_have_no_place_in_it(array):
    with pytest.raises(TypeError):
        _ = array < 3
