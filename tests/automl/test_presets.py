"""Presets are settings like any other, and give way to what is said."""

from __future__ import annotations

import pytest
from sklearn.base import clone

from clvkit import AutoCLV
from clvkit.automl import all_candidates, default_candidates
from clvkit.baselines import HistoricalRate


def test_quick_tries_every_candidate_once(cdnow):
    log = cdnow[cdnow["customer_id"] % 3 == 0]
    auto = AutoCLV.quick("13W", ensemble=False, random_state=0, verbose=0).fit(log)
    assert sorted(auto.leaderboard_.index) == sorted(c.name for c in default_candidates())
    assert len(auto.origins_) == 2


@pytest.mark.parametrize(
    ("candidates", "n_trials"),
    [
        ("all", len(all_candidates())),
        (["bg_nbd", "tweedie"], 2),
        ({"mine": HistoricalRate()}, len(default_candidates()) + 1),
    ],
    ids=["all", "names", "own"],
)
def test_quick_counts_the_candidates(candidates, n_trials):
    assert AutoCLV.quick("13W", candidates=candidates).n_trials == n_trials


def test_thorough_searches_more_of_everything():
    auto, usual = AutoCLV.thorough("13W"), AutoCLV("13W")
    assert auto.candidates == "all"
    assert auto.n_trials > usual.n_trials
    assert auto.n_origins > usual.n_origins
    assert auto.patience is not None
    assert clone(auto).get_params() == auto.get_params()


@pytest.mark.parametrize("preset", [AutoCLV.quick, AutoCLV.thorough])
def test_settings_of_the_user_win(preset):
    auto = preset("13W", n_trials=7, n_origins=1, timeout=60, end="1998-03-31")
    assert (auto.n_trials, auto.n_origins) == (7, 1)
    assert (auto.timeout, auto.end) == (60, "1998-03-31")
    with pytest.raises(TypeError, match="n_trails"):
        preset("13W", n_trails=7)


def test_a_subclass_makes_its_own_kind():
    class Mine(AutoCLV):
        pass

    assert type(Mine.quick("13W")) is Mine
