"""What the adapters of lifetimes 0.11.3 share; it runs in their environment."""

from __future__ import annotations

from typing import Any

import pandas as pd
from lifetimes import GammaGammaFitter
from lifetimes.utils import summary_data_from_transaction_data

#: Days of the unit of time, a week.
UNIT = 7


def predict_spend(model: Any, log: pd.DataFrame, cutoff: pd.Timestamp, days: int) -> pd.DataFrame:
    """Return expected purchases, and these times the expected spend per purchase.

    Rows with a positive amount only, merged by day; Gamma-Gamma is fitted on repeat buyers.
    """
    summary = summary_data_from_transaction_data(
        log[log["amount"] > 0],
        "customer_id",
        "date",
        monetary_value_col="amount",
        observation_period_end=cutoff,
        freq="D",
        freq_multiplier=UNIT,
    )
    timing = [summary[name] for name in ("frequency", "recency", "T")]
    model.fit(*timing)
    repeat = summary[summary["frequency"] > 0]
    spend = GammaGammaFitter(penalizer_coef=0.0)
    spend.fit(repeat["frequency"], repeat["monetary_value"])
    purchases = model.conditional_expected_number_of_purchases_up_to_time(days / UNIT, *timing)
    value = spend.conditional_expected_average_profit(
        summary["frequency"], summary["monetary_value"]
    )
    table = pd.DataFrame({"purchases": purchases}, index=summary.index)
    return table.assign(spend=purchases * value)
