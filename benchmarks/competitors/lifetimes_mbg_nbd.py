"""lifetimes 0.11.3: MBG/NBD with Gamma-Gamma spend, without a penalizer."""

from __future__ import annotations

import pandas as pd
from _lifetimes import predict_spend
from lifetimes import ModifiedBetaGeoFitter

#: The last release, of 2020, and the newest versions of what it needs that it still runs with.
REQUIREMENTS = [
    "lifetimes==0.11.3",
    "numpy<2",
    "pandas<2.3",
    "scipy<1.12",
    "setuptools<80",
    "pyarrow<20",
]
PYTHON = "3.11"


def predict(log: pd.DataFrame, cutoff: pd.Timestamp, days: int, seed: int) -> pd.DataFrame:
    """Fit both models on the log, and return expected purchases and spend."""
    return predict_spend(ModifiedBetaGeoFitter(penalizer_coef=0.0), log, cutoff, days)
