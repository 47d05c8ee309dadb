import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clvkit.errors import DataWarning
from clvkit.history import latest_histories
from clvkit.utils._warnings import collected, route_to_collectors, silenced, warn_user


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


def test_collected_warnings_are_kept_once_and_not_shown():
    with collected() as messages:
        for message in ("first", "second", "first"):
            warn_user(message, DataWarning)
        with silenced(DataWarning):
            warn_user("third", DataWarning)
    assert messages == ["DataWarning: first", "DataWarning: second"]
    with pytest.warns(DataWarning, match="shown"):
        warn_user("shown", DataWarning)


def test_warnings_of_others_are_kept_where_they_are_routed():
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        with route_to_collectors():
            with collected() as messages:
                warnings.warn("kept", RuntimeWarning, stacklevel=1)
            warnings.warn("shown", RuntimeWarning, stacklevel=1)
        with collected() as others:
            warnings.warn("not routed", RuntimeWarning, stacklevel=1)
    assert messages == ["RuntimeWarning: kept"]
    assert others == []
    assert [str(warning.message) for warning in shown] == ["shown", "not routed"]


def test_what_the_filters_make_an_error_of_stays_one():
    with route_to_collectors(), collected() as messages:
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="no further"):
            warnings.warn("no further", RuntimeWarning, stacklevel=1)
    assert messages == []


def test_each_thread_collects_its_own():
    def warn(name):
        with collected() as messages:
            for i in range(50):
                warn_user(f"{name}{i}", DataWarning)
                warnings.warn(f"{name}{i}", RuntimeWarning, stacklevel=1)
        return messages

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with route_to_collectors(), ThreadPoolExecutor(2) as threads:
            results = list(threads.map(warn, "ab"))
    for name, messages in zip("ab", results, strict=True):
        assert len(messages) == 100
        assert all(message.split()[1].startswith(name) for message in messages)
