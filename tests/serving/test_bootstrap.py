import numpy as np
import pandas as pd
import pytest

from clvkit.metrics import get_clv_scorer
from clvkit.serving._backtest import Backtest, Predicted
from clvkit.serving._bootstrap import paired_gain

SETTINGS = {"needs_X": False, "n_bootstrap": 400, "confidence": 0.95, "random_state": 0}


def models(n=400, *, noise=0.0, shift=0.0, seed=0):
    """Two models of which the second errs by ``shift`` more, give or take ``noise``."""
    rng = np.random.default_rng(seed)
    truth = rng.gamma(2.0, 10.0, n)
    y = truth + rng.normal(0, 5, n)
    old = truth + rng.normal(0, noise, n)
    new = truth + rng.normal(0, noise, n) + shift
    predicted = [Predicted(spend, None, "2020-01-01") for spend in (old, new)]
    return Backtest(pd.DataFrame({"row": np.arange(n)}), y, "2020-01-01", predicted)


def accuracy(estimator, X, y):
    return -float(np.abs(estimator.predict(X) - y).mean())


def test_equal_models_gain_nothing_for_sure():
    test = models()
    assert paired_gain(test, get_clv_scorer("mae"), **SETTINGS) == (0.0, 0.0, 0.0)


def test_a_worse_model_loses_beyond_the_noise():
    gain = paired_gain(models(shift=8.0), get_clv_scorer("rmse"), **SETTINGS)
    assert gain.lower < gain.gain < gain.upper < 0


def test_the_seed_decides_and_nothing_else():
    test = models(noise=3.0)
    first, again = (paired_gain(test, get_clv_scorer("mae"), **SETTINGS) for _ in range(2))
    other = paired_gain(test, get_clv_scorer("mae"), **SETTINGS | {"random_state": 1})
    assert first == again
    assert first.gain == other.gain
    assert first.lower != other.lower


def test_a_scorer_of_ones_own_sees_the_rows_that_were_drawn():
    test = models(noise=3.0)

    def scorer(estimator, X, y):
        np.testing.assert_array_equal(test.y[X["row"]], y)
        return -float(np.abs(estimator.predict(X) - y).mean())

    own = paired_gain(test, scorer, **SETTINGS | {"needs_X": True})
    assert own == pytest.approx(paired_gain(test, get_clv_scorer("mae"), **SETTINGS))


def test_the_interval_holds_the_true_gain_as_often_as_it_says():
    """Pairs of equally good models, whose true gain is nothing: 90 % of intervals hold 0."""
    settings = SETTINGS | {"confidence": 0.9, "n_bootstrap": 200}
    gains = [paired_gain(models(150, noise=4.0, seed=i), accuracy, **settings) for i in range(200)]
    held = np.mean([gain.lower <= 0 <= gain.upper for gain in gains])
    # Four standard errors of a share of 200.
    assert abs(held - 0.9) < 4 * np.sqrt(0.9 * 0.1 / 200)


def test_pairing_removes_what_is_hard_for_both():
    test = models(noise=0.5)
    pair = paired_gain(test, get_clv_scorer("rmse"), **SETTINGS)
    rng = np.random.default_rng(0)
    alone = [
        -np.sqrt(np.mean((test.predicted[0].spend - test.y)[rng.integers(400, size=400)] ** 2))
        for _ in range(400)
    ]
    spread = np.subtract(*np.quantile(alone, [0.975, 0.025]))
    assert pair.upper - pair.lower < spread / 2
