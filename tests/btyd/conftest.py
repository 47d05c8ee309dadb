"""Real logs and reference numbers, found beside the repository; tests skip where they are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

SHARED = Path(__file__).resolve().parents[2].parent / "shared"

#: Data set of the reference numbers -> (file, cutoff, decimals of times and amounts).
LOGS = {
    "cdnow_exact": ("cdnow_sample.parquet", "1997-09-30", None),
    "cdnow_rounded2dp": ("cdnow_sample.parquet", "1997-09-30", 2),
    "cdnow_full78wk": ("cdnow_sample.parquet", "1998-06-30", None),
    "apparel104": ("apparel_sim.parquet", "2006-12-31", None),
    "grocery": ("grocery_elog.parquet", "2006-12-31", None),
}

#: Columns of a log that stay the same for a customer.
COVARIATES = {"apparel_sim.parquet": ["gender", "channel"]}


def summarise(days: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Summarise a table of (customer_id, date, amount), one row a day, in weeks."""
    days = days[days["date"] <= cutoff]
    customers = days.groupby("customer_id")
    first = customers["date"].transform("min")
    repeats = days[days["date"] > first].groupby("customer_id")
    begin, last = customers["date"].min(), customers["date"].max()
    summary = pd.DataFrame(
        {
            "frequency": customers.size() - 1.0,
            "recency": (last - begin).dt.days / 7.0,
            "T": (cutoff - begin).dt.days / 7.0,
        }
    )
    summary["monetary_value"] = repeats["amount"].mean().reindex(summary.index, fill_value=0.0)
    gaps = customers["date"].diff().dt.days / 7.0  # of each purchase to the one before it
    summary["log_gaps"] = np.log(gaps).groupby(days["customer_id"]).sum()
    summary.attrs["time_unit"] = "7D"
    return summary


def rounded(summary: pd.DataFrame, decimals: int) -> pd.DataFrame:
    """Round halves up, as whoever made the published table did (22.345 became 22.35)."""
    scale = 10.0**decimals
    up = np.floor(summary * scale + 0.5 + 1e-9) / scale
    up.attrs.update(summary.attrs)
    return up


def daily(file: str) -> pd.DataFrame:
    path = SHARED / "data" / file
    if not path.exists():
        pytest.skip(f"{file} is not beside the repository")
    log = pd.read_parquet(path, columns=["customer_id", "date", "amount"])
    log["date"] = pd.to_datetime(log["date"]).dt.normalize()
    return log.groupby(["customer_id", "date"], as_index=False)["amount"].sum()


def covariates(file: str) -> pd.DataFrame:
    names = COVARIATES.get(file, [])
    log = pd.read_parquet(SHARED / "data" / file, columns=["customer_id", *names])
    return log.groupby("customer_id").first()


@pytest.fixture(scope="session")
def summary_of():
    """Return a function from the name of a data set to its summary."""
    made: dict[str, pd.DataFrame] = {}

    def get(name: str) -> pd.DataFrame:
        if name not in made:
            file, cutoff, decimals = LOGS[name]
            summary = summarise(daily(file), pd.Timestamp(cutoff)).join(covariates(file))
            summary.attrs["time_unit"] = "7D"
            made[name] = summary if decimals is None else rounded(summary, decimals)
        return made[name]

    return get


@pytest.fixture(scope="session", name="daily")
def daily_of_file():
    """Return the function from a file's name to its (customer_id, date, amount), one row a day."""
    return daily


@pytest.fixture(scope="session")
def cdnow(summary_of):
    return summary_of("cdnow_exact")


@pytest.fixture(scope="session")
def holdout_of(summary_of):
    """Return a function from the name of a data set to purchases after its cutoff, by customer."""

    def get(name: str) -> pd.Series:
        file, cutoff, _ = LOGS[name]
        days = daily(file)
        later = days[days["date"] > pd.Timestamp(cutoff)]
        counts = later.groupby("customer_id").size()
        return counts.reindex(summary_of(name).index, fill_value=0)

    return get


@pytest.fixture(scope="session")
def donations():
    """Return the distinct histories (frequency, recency, opportunities) and their numbers."""
    path = SHARED / "data/donations_bgbb_summary.parquet"
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the repository")
    table = pd.read_parquet(path)
    rows = table[["frequency", "recency", "periods"]].to_numpy(dtype=float)
    return rows, table["weights"].to_numpy()
