"""The time of every model is measured by size, and what takes too long is left out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks import speed_scaling
from benchmarks.measure import SideFailed
from benchmarks.speed_scaling import MODELS, exponents, run_model_scaling
from clvkit import btyd


def test_every_model_of_a_plain_summary_is_measured():
    models = {name for name in btyd.__all__ if hasattr(getattr(btyd, name), "expected_purchases")}
    # They read more than such a summary, or are for small data.
    of_more = {"LeftTruncatedBetaGeoNBD", "LeftTruncatedParetoNBD", "TimeVaryingParetoNBD"}
    of_more |= {"CorrelatedParetoNBD"}  # a few times what ParetoNBD takes
    assert set(MODELS) == models - of_more - {"ParetoGGG"} | {"GammaGamma"}


@pytest.mark.long
def test_models_are_measured_by_size():
    table = run_model_scaling([100, 200], ["GammaGamma", "BetaGeoBetaBinom"], repeats=1)
    assert len(table) == 2 * 2 * 2
    assert (table["error"] == "").all()
    assert (table["seconds"] > 0).all()


def test_a_size_that_would_take_too_long_is_left_out(monkeypatch):
    class Slow:
        def __init__(self, *_):
            self.seconds = 0.5

        __enter__ = __exit__ = lambda self, *_: self

        def ask(self, task):
            if task["do"] == "predict":
                raise SideFailed("no memory")
            return self

    monkeypatch.setattr(speed_scaling, "Worker", Slow)
    table = run_model_scaling([100, 100_000], ["NBD"], budget=60.0)
    assert table["seconds"].tolist()[0] == 0.5
    assert table["error"].tolist()[1] == "left out: a call would take about 500 s"
    assert table["error"].tolist()[2:] == ["no memory", "no memory"]


def test_the_power_is_that_from_the_second_size_on():
    n = np.array([10, 100, 1000, 10000])
    table = pd.DataFrame({"model": "NBD", "task": "fit", "customers": n})
    seconds = np.where(n > 10, 1e-6 * n**1.5, 1.0)
    found = exponents(table.assign(seconds=seconds))
    assert found["exponent"].tolist() == [pytest.approx(1.5)]
    assert exponents(table.assign(seconds=[1.0, 2.0, np.nan, np.nan]))["exponent"].isna().all()
