import numpy as np
import pytest


@pytest.fixture
def spend():
    """Zero for two in three customers, heavy-tailed for the others; predictions with many ties."""
    rng = np.random.default_rng(7)
    y = np.where(rng.random(500) < 0.35, rng.lognormal(3, 1.2, 500), 0.0)
    pred = np.round(0.4 * y + rng.gamma(0.7, 12, 500), 0)
    return y, pred
