"""clvkit: AutoCLV with its default settings, the same for every log."""

from __future__ import annotations

import pandas as pd

from clvkit import AutoCLV


def predict(log: pd.DataFrame, cutoff: pd.Timestamp, days: int, seed: int) -> pd.Series:
    """Search and fit on the log, and return ``clv``."""
    end = cutoff.date().isoformat()
    auto = AutoCLV(f"{days}D", end=end, random_state=seed, verbose=0).fit(log)
    return auto.predict_customers(log, end)["clv"]
