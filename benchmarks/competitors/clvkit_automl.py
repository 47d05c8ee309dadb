"""clvkit: AutoCLV with its default settings, the same for every log."""

from __future__ import annotations

import pandas as pd

from clvkit import AutoCLV, latest_histories


def predict(
    log: pd.DataFrame, cutoff: pd.Timestamp, days: int, seed: int, levels: list[float]
) -> pd.DataFrame:
    """Search and fit on the log, and return what the model it found says of each customer."""
    end = cutoff.date().isoformat()
    auto = AutoCLV(f"{days}D", end=end, random_state=seed, verbose=0).fit(log)
    values = auto.predict_customers(log, end)
    table = pd.DataFrame({"spend": values["clv"]})
    histories = latest_histories(log, end)
    index = histories.index.get_level_values("customer_id")
    parts = auto.predict_components(histories).set_axis(index)
    for name, part in (("purchases", "expected_purchases"), ("active", "probability_active")):
        if parts[part].notna().all():  # some champions predict nothing but spend
            table[name] = parts[part]
    return table.join(auto.model_.predict_quantiles(histories, levels).set_axis(index))
