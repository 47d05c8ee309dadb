"""What is fitted where the time is too short for the champion."""

from __future__ import annotations

import numpy as np
import pytest

from clvkit.automl import Candidate
from clvkit.automl._evaluation import Evaluation
from clvkit.automl._selection import quickest


def build(horizon, random_state):
    raise AssertionError("nothing is fitted here")


def tried(name, score, seconds, trial=0, saved=0.0):
    candidate = Candidate(name, "own", build, label_trained=False)
    evaluation = Evaluation(candidate, {}, trial, scores=[score], predictions=[np.ones(3)])
    evaluation.fit_seconds, evaluation.saved_seconds = seconds, saved
    return evaluation


@pytest.mark.parametrize(
    ("times", "chosen"),
    [
        ({"mean": (0.0, 0.01), "rate": (0.2, 0.3), "trees": (0.4, 30.0)}, "rate"),
        ({"mean": (0.0, 4.0), "rate": (0.2, 7.0), "trees": (0.4, 9.0)}, "rate"),
        ({"mean": (0.0, 4.0), "rate": (np.nan, 1.0), "trees": (0.4, 9.0)}, "mean"),
    ],
    ids=["under a second", "twice as long as the quickest", "a failure is no choice"],
)
def test_the_best_of_the_quick_ones_stands_in(times, chosen):
    champion = tried("champion", 0.5, 60.0, trial=9)
    others = [tried(name, *values, trial=k) for k, (name, values) in enumerate(times.items())]
    assert quickest([*others, champion], champion).name == chosen


def test_time_saved_by_sharing_counts():
    champion = tried("champion", 0.5, 60.0, trial=9)
    rate, trees = tried("rate", 0.2, 0.5), tried("trees", 0.4, 0.5, trial=1, saved=20.0)
    assert quickest([rate, trees, champion], champion) is rate


def test_there_may_be_nobody_else():
    champion = tried("champion", 0.5, 60.0)
    assert quickest([champion], champion) is None
