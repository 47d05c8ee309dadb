"""The size of a fitted model does not depend on who computed a shared part of it."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from clvkit import latest_histories
from clvkit.automl._evaluation import evaluate
from clvkit.automl._model_size import count_bytes
from clvkit.automl._sharing import SharedResults
from clvkit.automl._validation import plan_validation
from clvkit.automl.candidates import all_candidates
from clvkit.metrics import get_clv_scorer


def test_it_is_about_that_of_a_pickle():
    model = Ridge().fit(np.random.default_rng(0).normal(size=(50, 20)), np.arange(50))
    assert count_bytes(model) == pytest.approx(len(pickle.dumps(model)), rel=0.05)


def test_what_cannot_be_pickled_has_no_size():
    assert count_bytes(lambda: None) is None
    itself: list = []
    itself.append(itself)
    assert count_bytes(itself) is None


@pytest.mark.parametrize("name", ["bg_nbd", "tweedie", "hybrid_average"])
def test_sharing_does_not_change_it(cdnow, name):
    X = latest_histories(cdnow[cdnow["customer_id"] % 6 == 0], end="1998-06-30")
    validation = plan_validation(X, None, "13W", n_origins=1)
    candidate = next(c for c in all_candidates() if c.name == name)
    scorer, results = get_clv_scorer("d2_tweedie"), SharedResults()
    alone, _, again = (
        evaluate(candidate, {}, 0, validation, scorer, 0, shared=shared).model_bytes
        for shared in (None, results, results)
    )
    assert alone == again
    assert alone > 1000
