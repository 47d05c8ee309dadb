"""TenureFeatures on customers whose features are worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from clvkit.errors import DurationError
from clvkit.features import TenureFeatures
from clvkit.history import latest_histories

NAN = np.nan
NEW, ACTIVE, SLOWING, LAPSED = range(4)

# customer -> events; days_since_first, active_span, active_share, first_purchase,
# first_to_mean, days_to_second, lifecycle_stage at the cutoff 2024-03-31.
TABLE = {
    "steady, lapsed": (
        [("2024-01-01", 10.0), ("2024-01-11", 20.0), ("2024-01-21", 30.0)],
        (90, 20, 20 / 90, 10, 0.5, 10, LAPSED),
    ),
    "same day": (
        [("2024-03-01 09:00", 5.0), ("2024-03-01 18:00", 5.0), ("2024-03-16", 20.0)],
        (30, 15, 0.5, 10, 10 / 15, 15, ACTIVE),
    ),
    "at the cutoff": ([("2024-03-31", 42.0)], (0, 0, NAN, 42, 1, NAN, NEW)),
    "leap day": (
        [("2024-02-29", 8.0), ("2024-03-31", 12.0)],
        (31, 31, 1, 8, 0.8, 31, ACTIVE),
    ),
    "refund above": (
        [("2024-01-31", 10.0), ("2024-02-10", -25.0), ("2024-03-01", 40.0)],
        (60, 30, 0.5, -15, -1.2, 30, ACTIVE),
    ),
    "refunds only": ([("2024-02-20", -5.0)], (40, NAN, NAN, NAN, NAN, NAN, NAN)),
    "fully refunded": (
        [("2024-03-01", 30.0), ("2024-03-01", -30.0), ("2024-03-11", 15.0)],
        (30, 0, 0, 15, 1, NAN, NEW),
    ),
    "free order": ([("2024-03-21", 0.0)], (10, 0, 0, 0, NAN, NAN, NEW)),
    "new to its last day": ([("2024-01-01", 3.0)], (90, 0, 0, 3, 1, NAN, NEW)),
    "once, long ago": ([("2023-12-31", 3.0)], (91, 0, 0, 3, 1, NAN, LAPSED)),
    "two gaps away": (
        [("2024-02-10", 2.0), ("2024-02-20", 1.0), ("2024-03-01", 3.0), ("2024-03-11", 2.0)],
        (50, 30, 0.6, 2, 1, 10, ACTIVE),
    ),
    "beyond two gaps": (
        [("2024-02-09", 2.0), ("2024-02-19", 1.0), ("2024-02-29", 3.0), ("2024-03-10", 2.0)],
        (51, 30, 30 / 51, 2, 1, 10, SLOWING),
    ),
    "four gaps away": (
        [("2024-02-10", 2.0), ("2024-02-20", 2.0)],
        (50, 10, 0.2, 2, 1, 10, SLOWING),
    ),
}


@pytest.fixture(scope="module")
def X():
    rows = [(name, *line) for name, (lines, _) in TABLE.items() for line in lines]
    log = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    log["date"] = pd.to_datetime(log["date"], format="mixed")
    return latest_histories(log, cutoff="2024-03-31")


@pytest.mark.parametrize("customer", TABLE)
def test_features_by_hand(X, customer):
    features = TenureFeatures().set_output(transform="pandas").fit_transform(X)
    actual = features.droplevel("cutoff").loc[customer]
    assert_allclose(actual, TABLE[customer][1], rtol=1e-14, atol=0)


def test_stages_move_with_the_parameters(X):
    def stages(**parameters):
        features = TenureFeatures(**parameters).set_output(transform="pandas").fit_transform(X)
        return features["lifecycle_stage"].droplevel("cutoff")

    assert stages(slowing_after=1.5)["two gaps away"] == SLOWING
    assert stages(lapsed_after=3.0)["four gaps away"] == LAPSED
    assert stages(new_for="30D")["new to its last day"] == LAPSED


def test_names_of_the_docstring_are_those_of_the_columns(X):
    table = TenureFeatures.__doc__.split("=\n")[2].split("\n    ===")[0]
    listed = [line.split()[0] for line in table.splitlines() if line[4:5].strip()]
    assert listed == list(TenureFeatures().fit(X).get_feature_names_out())


def test_lapsed_before_slowing(X):
    with pytest.raises(ValueError, match=r"lapsed_after=1.0 is below slowing_after=2.0"):
        TenureFeatures(lapsed_after=1.0).fit(X)


def test_new_for_that_cannot_be_read(X):
    with pytest.raises(DurationError, match="new_for='3m' could mean minutes or months"):
        TenureFeatures(new_for="3m").fit(X)
