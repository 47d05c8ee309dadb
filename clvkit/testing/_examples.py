"""Small summaries that the contract suites work on, drawn without any model of clvkit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def example_summary(n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Return the RFM summary, in weeks, of a made-up cohort.

    Customers buy at gamma-distributed rates until they die, at random with a rate of their own
    or after one of their purchases. Ages are whole days, as in real summaries, so no model fits
    exactly.
    """
    rng = np.random.default_rng(seed)
    observed = rng.integers(20 * 7, 60 * 7, n)
    life = np.minimum(rng.exponential(150.0, n) / rng.gamma(1.0, 1.0, n), observed)
    made = rng.poisson(rng.gamma(0.8, 0.06, n) * life)
    x = np.minimum(made, rng.geometric(0.15, n))
    last = np.ceil(life * rng.beta(np.maximum(x, 1), made - x + 1))
    return _in_weeks(x, np.where(x > 0, np.maximum(last, 1.0), 0.0), observed)


def example_opportunities(time_unit: str, n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Return the RFM summary of a made-up cohort that has one opportunity to buy a unit.

    Customers buy at some of the opportunities, and less and less likely so; no model fits exactly.
    """
    rng = np.random.default_rng(seed)
    observed = rng.integers(8, 31, n)
    number = np.arange(1, 31)
    fading = np.exp(-number / rng.gamma(0.8, 30.0, n)[:, None])
    chance = rng.beta(0.7, 1.4, n)[:, None] * fading
    bought = (rng.random((n, 30)) < chance) & (number <= observed[:, None])
    summary = pd.DataFrame(
        {"frequency": bought.sum(1), "recency": (bought * number).max(1), "T": observed},
        index=pd.Index([f"customer-{i}" for i in range(n)], name="customer_id"),
    ).astype(float)
    summary.attrs["time_unit"] = time_unit
    return summary


def example_ageing(n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Return the RFM summary, in weeks, of a made-up cohort whose members leave about together.

    A model whose risk of dropout grows with age asks for it by an attribute ``_example =
    "ageing"``: where risk does not grow its parameters would lie on a boundary.
    """
    rng = np.random.default_rng(seed)
    observed = rng.integers(20 * 7, 60 * 7, n)
    life = np.minimum(220.0 * rng.weibull(4.0, n), observed)
    x = rng.poisson(rng.gamma(1.5, 0.06, n) * life)
    last = np.ceil(life * rng.beta(np.maximum(x, 1), 1.0))
    return _in_weeks(x, np.where(x > 0, np.maximum(last, 1.0), 0.0), observed)


def example_correlated(n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Return the RFM summary, in weeks, of a made-up cohort for correlated rates.

    Those who buy often stay a little longer. A model of such a correlation asks for it by an
    attribute ``_example = "correlated"``: of so few customers the estimate is mostly at an end of
    its range, so that these are no random sample but spread evenly, and show what many would.
    """
    from scipy.stats import gamma, norm, poisson, qmc

    even = qmc.Halton(6, scramble=False).random(n) + np.random.default_rng(seed).random(6)
    age, buys, leaves, life, count, recency = np.clip(even % 1.0, 1e-6, 1.0 - 1e-6).T
    observed = np.floor(7.0 * (20.0 + 40.0 * age))
    shared = 0.05 * norm.ppf(buys) + np.sqrt(1.0 - 0.05**2) * norm.ppf(leaves)
    lifetime = np.minimum(150.0 * np.log(life) / norm.logcdf(shared), observed)
    x = poisson.ppf(count, gamma.ppf(buys, 0.8, scale=0.06) * lifetime)
    last = np.ceil(lifetime * recency ** (1.0 / np.maximum(x, 1.0)))
    return _in_weeks(x, np.where(x > 0, np.maximum(last, 1.0), 0.0), observed)


def example_rhythms(n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Return the RFM summary, in weeks, of a made-up cohort of more and less regular customers.

    A model of what is known of their intervals asks for it by an attribute ``_example =
    "rhythms"``; the summary has the sums of their logarithms in ``log_gaps``.
    """
    rng = np.random.default_rng(seed)
    observed = rng.integers(20 * 7, 60 * 7, n)
    life = np.minimum(rng.exponential(150.0, n) / rng.gamma(1.0, 1.0, n), observed)
    k = 4.0 * np.exp(rng.normal(0.0, 0.45, n))
    gaps = rng.gamma(k[:, None], 1.0 / (k * rng.gamma(1.5, 0.02, n))[:, None], (n, 200))
    times = np.cumsum(gaps, axis=1)
    bought = times <= life[:, None]
    x = bought.sum(axis=1)
    last = np.where(x > 0, np.max(times * bought, axis=1), 0.0)
    summary = _in_weeks(x, last, observed)
    summary["log_gaps"] = (np.log(gaps / 7.0) * bought).sum(axis=1)
    return summary


def _in_weeks(x: Any, last: Any, observed: Any) -> pd.DataFrame:
    summary = pd.DataFrame(
        {"frequency": x.astype(float), "recency": last / 7.0, "T": observed / 7.0},
        index=pd.Index([f"customer-{i}" for i in range(len(x))], name="customer_id"),
    )
    summary.attrs["time_unit"] = "7D"
    return summary


def is_discrete(model: Any) -> bool:
    """Return whether a model counts opportunities, of which there is one in each ``time_unit``.

    Such a model says so by an attribute ``_discrete = True``. It takes whole numbers for times.
    """
    return bool(getattr(model, "_discrete", False))


def example_for(model: Any, n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Return a summary that the model can read: in weeks, or of its own opportunities."""
    if is_discrete(model):
        return example_opportunities(model.time_unit, n, seed)
    made = {"ageing": example_ageing, "correlated": example_correlated, "rhythms": example_rhythms}
    return made.get(getattr(model, "_example", None) or "", example_summary)(n, seed)


def duration_for(model: Any, count: int) -> str:
    """Return a duration of some weeks, or of as many opportunities."""
    from clvkit.utils._duration import parse_duration

    unit = model.time_unit if is_discrete(model) else "1W"
    return str(parse_duration(unit).times(count))


def in_finer_unit(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the same summary in days, or in months where its unit is one of the calendar."""
    from clvkit.utils._duration import parse_duration

    own = parse_duration(summary.attrs["time_unit"])
    finer = "1M" if own.is_calendar else "1D"
    factor = own.in_units(parse_duration(finer))
    other = summary.assign(recency=summary["recency"] * factor, T=summary["T"] * factor)
    if "log_gaps" in summary:
        other["log_gaps"] = summary["log_gaps"] + summary["frequency"] * np.log(factor)
    other.attrs["time_unit"] = finer
    return other


def as_model_unit(model: Any, summary: pd.DataFrame) -> NDArray[np.float64]:
    """Return the summary as an array in the model's unit of time."""
    from clvkit.utils._duration import parse_duration

    own = parse_duration(summary.attrs["time_unit"]).in_units(parse_duration(model.time_unit))
    array = summary[["frequency", "recency", "T"]].to_numpy() * [1.0, own, own]
    if "log_gaps" not in summary:
        return array
    gaps = summary["log_gaps"].to_numpy() + array[:, 0] * np.log(own)
    return np.column_stack([array, np.zeros(len(array)), gaps])


def degenerate_summaries() -> dict[str, list[list[float]]]:
    """Return summaries from which little can be learnt, and which must not fail."""
    return {
        "one customer": [[3.0, 10.0, 20.0]],
        "one customer without repeat purchase": [[0.0, 0.0, 20.0]],
        "nobody came back": [[0.0, 0.0, 20.0], [0.0, 0.0, 30.0], [0.0, 0.0, 25.0]],
        "nobody was observed": [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
        "all alike": [[2.0, 10.0, 20.0]] * 50,
        "everyone bought on the last day": [[float(k), 20.0, 20.0] for k in range(1, 9)],
    }


def settings_of(model: Any, fitted: Any) -> dict[str, Any]:
    """Return the constructor's parameters, with those that were left to the data as chosen."""
    return {
        name: getattr(fitted, f"{name}_", None) if value is None else value
        for name, value in model.get_params().items()
    }
