"""Which out-of-fold predictions teach the intervals how much levels move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clvkit import latest_histories
from clvkit.automl._evaluation import evaluate
from clvkit.automl._intervals import learn_intervals, out_of_fold
from clvkit.automl._validation import plan_validation
from clvkit.automl.candidates import default_candidates
from clvkit.calibration import LevelIntervals
from clvkit.metrics import get_clv_scorer

BG_NBD = next(candidate for candidate in default_candidates() if candidate.name == "bg_nbd")


@pytest.fixture(scope="module")
def histories(cdnow):
    return latest_histories(cdnow[cdnow["customer_id"] % 3 == 0])


@pytest.fixture(scope="module")
def validation(histories):
    return plan_validation(histories, None, "13W", n_origins=3)


@pytest.fixture(scope="module")
def best(validation):
    return evaluate(BG_NBD, {}, 0, validation, get_clv_scorer("d2_tweedie"), 0)


def test_every_row_stands_with_its_truth(best, validation):
    oof = out_of_fold(best, validation)
    start = 0
    for fold, prediction in zip(validation.folds, best.predictions, strict=True):
        part = oof.iloc[start : start + len(fold.y_test)]
        assert part.index.equals(fold.X_test.index)
        assert np.array_equal(part["y_true"], fold.y_test)
        assert np.array_equal(part["y_pred"], prediction)
        start += len(part)
    assert start == len(oof)


@pytest.mark.parametrize("leaks", [(0, 0, 0), (1, 0, 0), (1, 1, 1)], ids=str)
def test_folds_that_leak_do_not_tell_the_level(histories, best, validation, leaks):
    folds = [replace(f, leaks=bool(k)) for f, k in zip(validation.folds, leaks, strict=True)]
    oof = out_of_fold(best, validation)
    cutoff = oof.index.get_level_values("cutoff")
    told = [fold.origin for fold in folds if not fold.leaks]
    expected = LevelIntervals().fit(
        oof["y_true"], oof["y_pred"], origin=cutoff, tells_level=cutoff.strftime("%F").isin(told)
    )
    got = learn_intervals(best, replace(validation, folds=folds), histories, "13W")
    assert np.array_equal(got.spread_weights_, expected.spread_weights_)


def test_a_leak_changes_what_levels_are_taken_to_do(histories, best, validation):
    leaking = replace(validation.folds[0], leaks=True)
    partly = replace(validation, folds=[leaking, *validation.folds[1:]])
    known, left_out = (
        learn_intervals(best, one, histories, "13W").spread_weights_ for one in (validation, partly)
    )
    assert not np.array_equal(known, left_out)
