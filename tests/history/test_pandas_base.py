"""pandas' own suite for extension arrays; each exception is named in ``EXCEPTIONS``."""

import numpy as np
import pandas as pd
import pytest
from pandas.tests.extension import base
from pandas.tests.extension.conftest import *  # noqa: F403  # the fixtures that the suite asks for

from clvkit.history import History, HistoryArray, HistoryDtype

NO_NUMBERS = "np.asarray of a history column without a dtype is refused, with the remedy"
NO_VIEWS = "writing to an array never writes through to its slices: rows are copied on write"

#: Every test of pandas' suite that a history column fails on purpose, and why.
EXCEPTIONS = {
    "test_array_interface": NO_NUMBERS,
    "test_array_interface_copy": NO_NUMBERS,
    "test_readonly_propagates_to_numpy_array": NO_NUMBERS,
    "test_searchsorted[True]": NO_NUMBERS,
    "test_to_numpy": NO_NUMBERS,
    "test_value_counts_with_normalize": NO_NUMBERS,
    "test_fillna_readonly": NO_VIEWS,
    "test_getitem_propagates_readonly_property": NO_VIEWS,
    "test_setitem_preserves_views": NO_VIEWS,
    "test_transpose": NO_VIEWS,
    "test_view": NO_VIEWS,
    "test_json_roundtrip": "histories go to Arrow and Parquet; in JSON they would be no histories",
    "test_plot_on_y_axis[skipna]": "a history is no number that could be plotted",
    "test_plot_on_y_axis[no_skipna]": "a history is no number that could be plotted",
}


@pytest.fixture(autouse=True)
def name_exceptions(request):
    for name in (request.node.name, request.node.originalname):
        if name in EXCEPTIONS:
            request.applymarker(pytest.mark.xfail(reason=EXCEPTIONS[name], strict=True))


def make(*numbers):
    """Histories that differ by number; None is missing."""
    return HistoryArray._from_sequence(
        [
            pd.NA if n is None else History(np.arange(n) + 9000, np.full(n, 2.5), 9100 + n)
            for n in numbers
        ],
        dtype=HistoryDtype(),
    )


@pytest.fixture
def dtype():
    return HistoryDtype()


@pytest.fixture
def data():
    return make(*range(1, 101))[:10]


@pytest.fixture
def data_missing():
    return make(None, 1)


@pytest.fixture
def data_for_sorting():
    return make(2, 3, 1)


@pytest.fixture
def data_missing_for_sorting():
    return make(2, None, 1)


@pytest.fixture
def data_for_grouping():
    return make(2, 2, None, None, 1, 1, 2, 3)


class TestHistoryArray(base.ExtensionTests):
    """The whole suite."""


def test_every_exception_is_a_test_of_the_suite():
    names = {name.split("[")[0] for name in EXCEPTIONS}
    assert names <= set(dir(base.ExtensionTests))
