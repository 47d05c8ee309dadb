"""The pieces in which covariates stay as they are."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from clvkit.btyd import covariate_calendar
from clvkit.btyd._pieces import Calendar


def day(date):
    return float(np.datetime64(date, "D").astype(np.int64))


def at(calendar, dates, code=0):
    """Return the covariates at noon of some days."""
    noons = np.array([day(date) + 0.5 for date in dates])
    pieces = calendar.pieces(noons.min() - 100.0, noons.max() + 100.0)
    return pieces.table[pieces.find(np.full(len(noons), code), noons)]


def test_months():
    calendar = Calendar(None, "month", None)
    assert [column for _, column in calendar.columns] == [f"month={k:02d}" for k in range(2, 13)]
    dates = ["2024-01-31", "2024-02-01", "2024-02-29", "2024-12-31", "2025-01-01", "1969-12-31"]
    found = at(calendar, dates)
    assert found.sum(axis=1).tolist() == [0, 1, 1, 1, 0, 1]
    assert found.argmax(axis=1)[[1, 2, 3, 5]].tolist() == [0, 0, 10, 10]


def test_harmonics_repeat_every_year_and_stay_within_a_week():
    calendar = Calendar(None, 2, None)
    found = at(calendar, ["2021-06-15", "2022-06-15", "2031-06-15"])
    assert_allclose(found[1:], np.stack([found[0]] * 2), atol=0.15)  # a week of phase, twice
    pieces = calendar.pieces(day("2021-01-01"), day("2022-01-01"))
    assert np.diff(pieces.edges).max() == 7.0
    middle = day("2021-01-01") + np.arange(365) + 0.5
    angle = 2.0 * np.pi * middle / 365.2425
    values = pieces.table[pieces.find(np.zeros(365, int), middle)]
    assert_allclose(values[:, 0], np.sin(angle), atol=0.06)
    assert_allclose(values[:, 3], np.cos(2.0 * angle), atol=0.12)


@pytest.mark.parametrize(
    ("span", "inside", "outside"),
    [
        (("11-25", "12-24"), ["2023-11-25", "2024-12-24"], ["2023-11-24", "2024-12-25"]),
        (("12-27", "01-06"), ["2023-12-27", "2024-01-06"], ["2023-12-26", "2024-01-07"]),
        (("02-29", "02-29"), ["2024-02-29", "2023-02-28"], ["2024-02-28", "2023-03-01"]),
        (("01-01", "12-31"), ["2023-01-01", "2024-12-31"], []),
    ],
    ids=["christmas", "over new year", "leap day", "all year"],
)
def test_holidays(span, inside, outside):
    calendar = Calendar(None, None, {"feast": span})
    assert at(calendar, [*inside, *outside])[:, 0].tolist() == [1.0] * len(inside) + [0.0] * len(
        outside
    )


def test_a_table_and_a_season_are_cut_at_all_edges():
    dates = pd.date_range("2023-12-25", periods=20, freq="7D")
    table = covariate_calendar(pd.DataFrame({"date": dates, "tv": np.arange(20.0)}))
    calendar = Calendar(table, "month", {"week": ("01-30", "02-02")})
    assert calendar.covariates == ["tv", "season", "week"]
    found = at_noon(calendar, "2024-01-10", 60)
    every = pd.date_range("2024-01-10", periods=60)
    assert_array_equal(found[:, 0], (every - dates[0]).days // 7)
    assert_array_equal(found[:, 1], every.month == 2)
    assert_array_equal(found[:, -1], (every >= "2024-01-30") & (every <= "2024-02-02"))


def at_noon(calendar, first, n):
    noons = day(first) + np.arange(n) + 0.5
    pieces = calendar.pieces(noons[0] - 0.5, noons[-1] + 0.5)
    return pieces.table[pieces.find(np.zeros(n, int), noons)]


def test_neighbours_that_are_alike_are_one_piece():
    dates = pd.date_range("2024-01-01", periods=30, freq="7D")
    table = pd.DataFrame({"date": dates, "tv": (np.arange(30) == 12).astype(float)})
    pieces = Calendar(covariate_calendar(table), None, None).pieces(
        day("2024-01-01"), day("2024-07-01")
    )
    assert pieces.values[0, :, 0].tolist() == [0.0, 1.0, 0.0]
    assert np.diff(pieces.edges).tolist() == [84.0, 7.0, 91.0]
