"""clvkit: BG/NBD with Gamma-Gamma spend alone, without a search."""

from __future__ import annotations

import pandas as pd

from clvkit import latest_histories
from clvkit.btyd import BetaGeoNBD, BTYDRegressor, GammaGamma


def predict(
    log: pd.DataFrame, cutoff: pd.Timestamp, days: int, seed: int, levels: list[float]
) -> pd.DataFrame:
    """Fit on the histories at the cutoff, and predict for the same."""
    histories = latest_histories(log, cutoff.date().isoformat())
    model = BTYDRegressor(BetaGeoNBD(), GammaGamma(), f"{days}D").fit(histories)
    parts = model.predict_components(histories)
    table = model.predict_quantiles(histories, levels).assign(
        spend=model.predict(histories),
        purchases=parts["expected_purchases"],
        active=parts["probability_active"],
    )
    return table.set_axis(histories.index.get_level_values("customer_id"))
