"""PyMC-Marketing 0.19.2: BG/NBD with Gamma-Gamma spend, maximum a posteriori."""

from __future__ import annotations

import pandas as pd
from pymc_marketing.clv import BetaGeoModel, GammaGammaModel
from pymc_marketing.clv.utils import rfm_summary

#: The last release for Python 3.11.
REQUIREMENTS = ["pymc-marketing==0.19.2", "pymc==5.28.5", "pandas==3.1.1", "pyarrow"]
PYTHON = "3.11"
SLOW = True


def predict(log: pd.DataFrame, cutoff: pd.Timestamp, days: int, seed: int) -> pd.DataFrame:
    """Fit both models on the log, and return expected purchases and spend.

    Rows with a positive amount only, merged by day; Gamma-Gamma is fitted on repeat buyers.
    """
    summary = rfm_summary(
        log[log["amount"] > 0],
        "customer_id",
        "date",
        "amount",
        observation_period_end=cutoff,
        time_unit="D",
    )
    weeks = {name: summary[name] / 7 for name in ("recency", "T")}
    summary = summary.assign(**weeks)
    repeat = summary[summary["frequency"] > 0]
    timing, spend = BetaGeoModel(summary), GammaGammaModel(repeat)
    for model in (timing, spend):
        model.fit(method="map", progressbar=False)
    purchases = timing.expected_purchases(summary, future_t=days / 7).mean(("chain", "draw"))
    value = spend.expected_customer_spend(summary).mean(("chain", "draw"))
    table = pd.DataFrame({"purchases": purchases.to_series()})
    return table.assign(spend=table["purchases"] * value.to_series())
