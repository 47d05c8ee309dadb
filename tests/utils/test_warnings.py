import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clvkit.errors import DataWarning
from clvkit.history import latest_histories
from clvkit.utils._warnings import silenced, warn_user


def test_the_warning_points_at_the_line_of_the_user(cdnow):
    log = cdnow.head(20).astype({"customer_id": "Int64"})
    log.loc[3, "customer_id"] = None
    with pytest.warns(DataWarning) as caught:
        latest_histories(log)
    line = sys._getframe().f_lineno - 1
    assert (Path(caught[0].filename), caught[0].lineno) == (Path(__file__), line)


def test_a_direct_call_points_at_its_caller():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_user("look here", UserWarning)
    assert Path(caught[0].filename) == Path(__file__)


def test_silenced_kinds_are_not_given_inside_the_block():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with silenced(DataWarning):
            warn_user("not this", DataWarning)
            warn_user("this", UserWarning)
        with silenced(DataWarning), silenced(DeprecationWarning):
            warn_user("nor this", DataWarning)
        warn_user("and this", DataWarning)
    assert [str(warning.message) for warning in caught] == ["this", "and this"]


def test_other_threads_keep_their_warnings():
    told = pytest.warns(UserWarning, match="elsewhere")
    with silenced(UserWarning), told, ThreadPoolExecutor(1) as threads:
        threads.submit(warn_user, "elsewhere", UserWarning).result()
