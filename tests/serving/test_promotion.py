from dataclasses import FrozenInstanceError

import pandas as pd
import pytest

from clvkit.serving import Promotion

RESULT = Promotion(
    "shop",
    1,
    2,
    True,
    "Better.",
    gain=0.05,
    lower=0.02,
    upper=0.08,
    min_gain=0.01,
    metrics=pd.DataFrame({"mae": [2.0, 1.0]}, index=["champion", "challenger"]),
)


def test_the_frame_is_a_copy():
    frame = RESULT.frame()
    frame.loc["champion", "mae"] = 9.0
    assert RESULT.frame().loc["champion", "mae"] == 2.0
    assert Promotion("shop", None, 1, True, "First.").frame().empty


def test_it_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        RESULT.promoted = False


def test_the_plot_shows_the_interval_and_the_least_gain():
    from matplotlib.figure import Figure

    ax = RESULT.plot(Figure().add_subplot())
    interval, gain, least = ax.get_lines()
    assert list(interval.get_xdata()) == [0.02, 0.08]
    assert list(gain.get_xdata()) == [0.05]
    assert set(least.get_xdata()) == {0.01}
    assert "version 2 less that of 1" in ax.get_xlabel()
