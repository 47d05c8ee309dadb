"""A fitted search says what it found; one that is not says how it was set."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone

from clvkit import AutoCLV
from clvkit.automl._presentation import _score_of
from clvkit.baselines import PopulationMean
from clvkit.errors import CandidateWarning
from clvkit.serving import calibrations


@pytest.fixture(scope="module")
def log(cdnow):
    return cdnow[cdnow["customer_id"] % 3 == 0]


@pytest.fixture(scope="module")
def auto(log):
    settings = {"candidates": ["baseline", "bg_nbd"], "n_trials": 4, "n_origins": 2, "verbose": 0}
    return AutoCLV("13W", random_state=0, **settings).fit(log)


def test_before_the_fit_it_is_the_settings():
    assert repr(AutoCLV("13W", n_trials=3)) == "AutoCLV(horizon='13W', n_trials=3)"
    assert "champion" not in AutoCLV("13W")._repr_html_()


def test_after_the_fit_it_is_the_findings_too(auto):
    said = dict(line.strip().split(maxsplit=1) for line in repr(auto).splitlines()[-5:])
    board = auto.leaderboard_
    assert (
        said["champion"]
        == f"{board.index[0]} ({board['family'].iloc[0]}), the best of {len(board)}"
    )
    assert said["score"].startswith(f"d2_tweedie {auto.best_score_:.4g} (")
    assert "at 2 origins" in said["score"]
    assert said["total"] == f"{board['total_bias'].iloc[0]:+.1%} off, in the mean of the origins"
    assert said["validation"].startswith("rolling: out of time; horizon 13W after 1998-03-30")
    named = ", ".join(calibrations(auto.model_.estimator_))
    assert said["calibration"] == (named or "none")
    assert repr(auto).startswith(repr(clone(auto)))


def test_a_notebook_shows_findings_leaderboard_and_diagram(auto):
    with config_context(display="diagram"):
        html = auto._repr_html_()
        assert auto._repr_mimebundle_()["text/html"].count("champion") >= 1
    for text in ("champion", auto.leaderboard_.index[0], "total_bias", "sk-top-container"):
        assert text in html
    with config_context(display="text"):
        assert not hasattr(auto, "_repr_html_")


def board(*rows):
    table = pd.DataFrame(rows, columns=["family", "score", "score@a", "score@b"])
    table.attrs["scoring"] = "mae"
    return table.set_axis([f"c{i}" for i in range(len(rows))])


def test_a_champion_beside_the_best_baseline():
    text = _score_of(board(("btyd", -1.0, -0.5, -1.5), ("baseline", -2.0, -2.0, -2.0)))
    assert text == "mae -1 (-1.5 to -0.5 at 2 origins); c1, the best baseline, -2"
    text = _score_of(board(("baseline", -1.0, -1.0, -1.0), ("btyd", -2.0, -2.0, -2.0)))
    assert text.endswith("no model was better than this baseline")
    alone = _score_of(board(("baseline", -1.0, -1.0, -1.0)))
    assert alone == "mae -1 (-1 to -1 at 2 origins)"


class Broken(PopulationMean):
    """Cannot be fitted."""

    def fit(self, X, y):
        raise ValueError("no luck")


def test_failures_are_told(log):
    auto = AutoCLV("13W", candidates={"mine": Broken()}, n_trials=6, n_origins=1, verbose=0)
    message = r"1 of 6 trials failed .*\(mine\), such as mine: ValueError: no luck"
    with pytest.warns(CandidateWarning, match=message):
        auto.fit(log)
    assert "1, see leaderboard_['error']" in repr(auto)
