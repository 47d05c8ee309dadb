import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from clvkit.btyd import BetaGeoNBD, frequency_histogram, track_purchases
from clvkit.datasets import load_cdnow
from clvkit.errors import ArgumentError, UnknownNameError
from clvkit.history import latest_histories, make_samples, rfm_summary

TABLE = Path(__file__).resolve().parents[3] / "shared/reference/reference_numbers.csv"
#: Estimates of BTYD's vignette, which its tracking numbers are made with.
VIGNETTE = {"r": 0.2425967, "alpha": 4.413659, "a": 0.7929869, "b": 2.426164}


@pytest.fixture(scope="module")
def log():
    return load_cdnow()


@pytest.fixture(scope="module")
def tracking(log):
    model = BetaGeoNBD.from_params(**VIGNETTE)
    return track_purchases(model, latest_histories(log), cutoff="1997-09-30")


def test_expectation_is_the_sum_of_newcomers(tracking, log):
    """To the end of a day everybody is as old as T says there."""
    model = BetaGeoNBD.from_params(**VIGNETTE)
    table = tracking.frame()
    for end in table.index[[5, 20, 76]]:
        T = rfm_summary(latest_histories(log, end))["T"].to_numpy()
        expected = np.sum(model.expected_purchases_newcomer(T))
        assert_allclose(table.loc[end, "cumulative_expected"], expected, rtol=1e-10)
    assert list(table["actual"].iloc[19:25]) == [73, 55, 70, 33, 56, 99]


def test_weeks_of_the_vignette_end_a_day_later(log):
    """BTYD counts 20 weeks from the first day, and so an age of 140 days where T has 139."""
    if not TABLE.exists():
        pytest.skip(f"the reference numbers, {TABLE}, are absent")
    with TABLE.open(newline="", encoding="utf-8") as file:
        published = next(
            [float(value) for value in row["value"].split(";")]
            for row in csv.DictReader(file)
            if (row["model"], row["quantity"]) == ("BG/NBD", "expected_cum_tx weeks 20-25")
        )
    daily = track_purchases(
        BetaGeoNBD.from_params(**VIGNETTE), latest_histories(log), period="1D"
    ).frame()
    ends = [7 * week for week in range(20, 26)]
    assert_allclose(daily["cumulative_expected"].iloc[ends], published, rtol=1e-4)


def test_nothing_is_lost(tracking, log):
    summary = rfm_summary(latest_histories(log))
    assert tracking.frame()["actual"].sum() == summary["frequency"].sum()
    days = 1 + (log["date"].max() - log["date"].min()).days
    assert len(tracking.frame()) == np.ceil(days / 7)
    assert tracking.frame()["holdout"].sum() == 39


def test_a_finer_step_adds_up(log, tracking):
    daily = track_purchases(
        BetaGeoNBD.from_params(**VIGNETTE), latest_histories(log), period="1D"
    ).frame()
    weekly = tracking.frame()
    joint = daily.loc[weekly.index[:-1]]
    for column in ("cumulative_actual", "cumulative_expected"):
        assert_allclose(joint[column], weekly[column].iloc[:-1])
    assert "holdout" not in daily


def test_unit_of_the_model_does_not_matter(log, tracking):
    days = BetaGeoNBD.from_params(**VIGNETTE | {"alpha": 7 * VIGNETTE["alpha"]}, time_unit="1D")
    other = track_purchases(days, latest_histories(log))
    assert_allclose(other.expected, tracking.expected)


def test_several_cutoffs_are_refused(log):
    X, _ = make_samples(log, "13W", cutoffs=["1997-09-30", "1997-12-31"])
    with pytest.raises(ArgumentError, match="histories at 2 cutoffs"):
        track_purchases(BetaGeoNBD.from_params(**VIGNETTE), X)


def test_histogram_of_simulated_customers_is_as_expected():
    model = BetaGeoNBD.from_params(r=0.6, alpha=5.0, a=0.8, b=2.5)
    data = model.simulate_summary(np.random.default_rng(0).integers(20, 70, 50_000), 0)
    table = frequency_histogram(model, data, n_max=10).frame()
    assert list(table.index) == [*map(str, range(10)), "10+"]
    assert_allclose(table.sum(), 50_000)
    z = (table["actual"] - table["expected"]) / np.sqrt(table["expected"])
    assert np.abs(z).max() < 4


def test_histogram_counts_weights():
    model = BetaGeoNBD.from_params(r=0.6, alpha=5.0, a=0.8, b=2.5)
    data = pd.DataFrame({"frequency": [0, 2], "recency": [0.0, 5.0], "T": [9.0, 9.0]})
    data.attrs["time_unit"] = "7D"
    repeated = data.loc[[0, 0, 0, 1]]
    repeated.attrs.update(data.attrs)
    weighted = frequency_histogram(model, data, 3, sample_weight=[3, 1]).frame()
    assert_allclose(weighted, frequency_histogram(model, repeated, 3).frame())


@pytest.mark.parametrize("n_max", [0, 1.5, True, "7"])
def test_n_max(n_max):
    model = BetaGeoNBD.from_params(r=0.6, alpha=5.0, a=0.8, b=2.5)
    with pytest.raises(ArgumentError, match="n_max"):
        frequency_histogram(model, [[0, 0.0, 5.0]], n_max)


def test_customers_are_tracked_with_their_covariates(log):
    """Odd customers buy at twice the rate: the sum of two models without covariates."""
    X = latest_histories(log, "1997-09-30")
    X["odd"] = np.arange(len(X)) % 2
    moved = {"covariates": {"purchase": ["odd"]}, "purchase.odd": np.log(2.0)}
    model = BetaGeoNBD.from_params(**VIGNETTE, **moved)
    even, odd = (BetaGeoNBD.from_params(**VIGNETTE | {"alpha": 4.413659 / k}) for k in (1, 2))
    parts = [track_purchases(one, X[X["odd"] == k]).expected for k, one in enumerate((even, odd))]
    assert_allclose(track_purchases(model, X).expected, sum(parts), rtol=1e-10)
    summary = rfm_summary(X).assign(odd=X["odd"])
    summary.attrs["time_unit"] = "7D"
    histograms = [
        frequency_histogram(one, summary[X["odd"] == k]).expected
        for k, one in enumerate((even, odd))
    ]
    assert_allclose(frequency_histogram(model, summary).expected, sum(histograms), rtol=1e-10)
    with pytest.raises(UnknownNameError, match="X has no column 'odd'"):
        track_purchases(model, X.drop(columns="odd"))


def test_plots_show_both_curves_and_the_cutoff(tracking):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    _, axes = pyplot.subplots(2)
    assert tracking.plot(axes[0]) is axes[0]
    tracking.plot(axes[1], cumulative=True)
    for ax, before in zip(axes, ("", "cumulative_"), strict=True):
        labels = [line.get_label() for line in ax.get_lines()]
        assert labels == ["Actual", "Expected", "Cutoff"]
        expected = tracking.frame()[f"{before}expected"]
        assert_allclose(ax.get_lines()[1].get_ydata(), expected)
    pyplot.close("all")
