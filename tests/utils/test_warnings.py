import sys
import warnings
from pathlib import Path

import pytest

from clvkit.errors import DataWarning
from clvkit.history import latest_histories
from clvkit.utils._warnings import warn_user


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
