import matplotlib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

matplotlib.use("Agg")


class Itself(RegressorMixin, BaseEstimator):
    """Predicts its first column."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def predict(self, X):
        return np.asarray(X)[:, 0]


@pytest.fixture
def regressor():
    return Itself().fit(None)


@pytest.fixture
def spend():
    rng = np.random.default_rng(3)
    pred = rng.gamma(0.6, 30, 3000)
    return np.where(rng.random(3000) < 0.3, rng.gamma(1, pred / 0.3), 0.0), pred


@pytest.fixture(autouse=True)
def close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")
