import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def spend_data():
    """Features with gaps, a country, and spend that is zero for two in three customers."""
    rng = np.random.default_rng(11)
    n = 3000
    X = pd.DataFrame(
        {
            "rate": rng.gamma(1.5, 10, n),
            "gap": np.where(rng.random(n) < 0.3, np.nan, rng.gamma(2, 20, n)),
            "country": pd.Categorical(rng.choice(["AT", "DE", "FR", "PL"], n)),
            "noise": rng.normal(size=n),
        }
    )
    level = X["rate"] * X["country"].map({"AT": 1, "DE": 4, "FR": 1, "PL": 0.25}).astype(float)
    y = np.where(rng.random(n) < 0.35, rng.gamma(1.2, level / 1.2 / 0.35), 0.0)
    return X, y
