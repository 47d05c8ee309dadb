"""Plots of retention and survival."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from clvkit.btyd import ShiftedBetaGeo, tenures_from_cohorts

pyplot = pytest.importorskip("matplotlib.pyplot")

#: Shares of a cohort that are still there after 0, 1, ... 7 renewals (Fader and Hardie 2007).
ALIVE = [1000, 631, 468, 382, 326, 289, 262, 241]


@pytest.fixture(scope="module")
def model():
    return ShiftedBetaGeo().fit(tenures_from_cohorts([ALIVE]))


@pytest.fixture
def ax():
    figure, ax = pyplot.subplots()
    yield ax
    pyplot.close(figure)


@pytest.mark.parametrize("quantity", ["survival", "retention"])
def test_the_curve_and_its_band_are_drawn(model, ax, quantity):
    curve = getattr(model, f"{quantity}_curve")(8)
    assert curve.plot(ax, label="cohort") is ax
    (line,) = ax.get_lines()
    assert_allclose(line.get_ydata(), curve.estimate)
    (band,) = ax.collections
    reached = band.get_paths()[0].vertices[:, 1]
    assert_allclose([reached.min(), reached.max()], [curve.lower.min(), curve.upper.max()])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["cohort", "90% interval"]
    assert ax.get_ylabel() == quantity.capitalize()


def test_known_parameters_have_no_band(ax):
    curve = ShiftedBetaGeo.from_params(alpha=0.67, beta=3.8).survival_curve(8)
    curve.plot(ax, color="black")
    assert not ax.collections
    assert np.isnan(curve.lower).all()
    assert ax.get_lines()[0].get_color() == "black"


def test_a_figure_is_made_where_there_is_none(model):
    ax = model.survival_curve(3).plot()
    assert ax.figure in map(pyplot.figure, pyplot.get_fignums())
    pyplot.close(ax.figure)
