"""Simulated logs hold what the theory of their process says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import gammaln, hyp2f1

from clvkit import latest_histories, make_samples
from clvkit.btyd import BetaGeoNBD
from clvkit.datasets import simulate_log
from clvkit.errors import ArgumentError, ClvkitError, CutoffError, UnknownNameError
from clvkit.history import rfm_summary

PROCESSES = ["bg_nbd", "mbg_nbd", "pareto_nbd", "nbd"]
N = 40_000
# A test statistic beyond this has a chance of 6e-5; the seeds are fixed.
SIGMAS = 4.0


def sigmas(values: pd.Series, expected: float = 0.0) -> float:
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def newcomer_mean(process: str, t: float, p: dict[str, float]) -> float:
    """Return the expected repeat purchases of a newcomer by t, from the papers."""
    if process == "nbd":
        return p["r"] * t / p["alpha"]
    if process == "pareto_nbd":  # Schmittlein et al. (1987), eq. 17
        rest = (p["beta"] / (p["beta"] + t)) ** (p["s"] - 1.0)
        return p["r"] * p["beta"] / (p["alpha"] * (p["s"] - 1.0)) * (1.0 - rest)
    r, alpha, a, b = p["r"], p["alpha"], p["a"], p["b"]
    z, odds = t / (alpha + t), (alpha / (alpha + t)) ** r
    if process == "bg_nbd":  # Fader et al. (2005), eq. 9
        return (a + b - 1.0) / (a - 1.0) * (1.0 - odds * hyp2f1(r, b, a + b - 1.0, z))
    # Batislam et al. (2007), eq. 8
    return b / (a - 1.0) * (1.0 - odds * hyp2f1(r, b + 1.0, a + b, z))


def repeats(shop) -> pd.Series:
    """Return repeat purchases of each customer over the whole log."""
    lines = shop.log[shop.log["amount"] >= 0]
    return lines.groupby("customer_id").size().reindex(shop.truth.index) - 1


@pytest.mark.parametrize("process", PROCESSES)
def test_mean_purchases_are_those_of_the_papers(process):
    shop = simulate_log(process, n_customers=N, entry=None, granularity="s", random_state=1)
    begin, end = shop.truth["first_purchase"], pd.Timestamp(shop.end) + pd.Timedelta("1D")
    weeks = ((end - begin) / pd.Timedelta("7D")).mean()
    assert sigmas(repeats(shop), newcomer_mean(process, weeks, shop.params)) < SIGMAS


def test_numbers_of_purchases_have_the_distribution_of_the_paper():
    params = {"r": 0.8, "alpha": 6.0}
    shop = simulate_log("nbd", n_customers=N, params=params, entry=None, random_state=2)
    weeks = (pd.Timestamp(shop.end) - pd.Timestamp(shop.start)).days / 7 + 1 / 14
    k = np.arange(8)
    log_pmf = gammaln(0.8 + k) - gammaln(0.8) - gammaln(k + 1.0)
    pmf = np.exp(log_pmf + 0.8 * np.log(6.0 / (6.0 + weeks)) + k * np.log(weeks / (6.0 + weeks)))
    observed = np.bincount(repeats(shop), minlength=8)[:8] / N
    assert (abs(observed - pmf) < SIGMAS * np.sqrt(pmf * (1 - pmf) / N)).all()


@pytest.mark.parametrize("spend", ["gamma_gamma", "zero_inflated_lognormal"])
@pytest.mark.parametrize(
    "world",
    [
        {},
        {"season": {12: 3.0, 1: 0.4}},
        {"growth": 0.8},
        {"refunds": 0.4},
        {"refunds": 0.4, "horizon": "10D", "entry": "1Y"},
        {"season": {12: 4.0}, "growth": -0.5, "refunds": 0.3, "cutoff": "2021-12-10"},
    ],
    ids=["plain", "season", "growth", "refunds", "short horizon", "all"],
)
@pytest.mark.parametrize("process", PROCESSES)
def test_the_truth_is_the_mean_of_what_happens(process, world, spend):
    shop = simulate_log(
        process, n_customers=N, spend=spend, spend_params=None, random_state=3, **world
    )
    truth = shop.truth
    gap = truth["realised_spend"] - truth["expected_spend"]
    often = truth["rate"] > truth["rate"].median()
    assert sigmas(truth["realised_purchases"] - truth["expected_purchases"]) < SIGMAS
    assert sigmas(gap) < SIGMAS
    assert sigmas(gap[often & truth["alive"]]) < SIGMAS
    assert sigmas(gap * truth["expected_spend"]) < SIGMAS


@pytest.mark.parametrize("process", PROCESSES)
def test_lost_customers_buy_no_more(process):
    shop = simulate_log(process, n_customers=5_000, granularity="s", random_state=4)
    dropout = shop.truth["dropout"].reindex(shop.log["customer_id"]).to_numpy()
    assert not (shop.log["date"].to_numpy() > dropout).any()
    lost = ~shop.truth["alive"]
    assert (shop.truth.loc[lost, ["expected_purchases", "realised_purchases"]] == 0).all(axis=None)
    assert (shop.truth["dropout"] <= pd.Timestamp(shop.end) + pd.Timedelta("1D"))[lost].all()
    assert lost.any() == (process != "nbd")


@pytest.mark.parametrize("refunds", [0.0, 0.3])
def test_the_realised_spend_is_the_label_of_the_door(refunds):
    shop = simulate_log(n_customers=500, refunds=refunds, random_state=5)
    X, y = make_samples(shop.log, shop.horizon, [shop.cutoff], end=shop.end, floor=None)
    ids = X.index.get_level_values("customer_id")
    assert_allclose(y, shop.truth.loc[ids, "realised_spend"], atol=1e-9)
    assert len(ids) == 500


def test_maximum_likelihood_finds_the_parameters():
    shop = simulate_log(
        n_customers=20_000, params={"r": 0.6, "a": 0.9}, granularity="s", random_state=6
    )
    histories = latest_histories(shop.log, granularity="s")
    model = BetaGeoNBD().fit(rfm_summary(histories))
    errors = np.sqrt(np.diag(model.covariance_))
    found, true = (np.log([p[k] for k in model.params_]) for p in (model.params_, shop.params))
    assert (abs(found - true) < SIGMAS * errors).all()
    assert (errors < 0.1).all()


def test_a_season_multiplies_the_purchases_of_its_month():
    factors = {12: 3.0, 2: 0.5}
    worlds = [
        simulate_log("nbd", n_customers=N, entry=None, season=season, random_state=7)
        for season in (None, factors)
    ]
    plain, seasonal = (
        world.log.loc[world.log["date"] > world.start, "date"].dt.month.value_counts()
        for world in worlds
    )
    for month, factor in {12: 3.0, 2: 0.5, 10: 1.0}.items():
        ratio = seasonal[month] / plain[month]
        error = ratio * np.sqrt(3.0 / seasonal[month] + 3.0 / plain[month])
        assert abs(ratio - factor) < SIGMAS * error


def test_growth_is_from_a_month_to_the_same_of_next_year():
    shop = simulate_log("nbd", n_customers=N, entry=None, growth=0.5, horizon="1Y", random_state=8)
    months = shop.log["date"].dt.to_period("M").value_counts()
    ratio = months["2022-05"] / months["2021-05"]
    assert abs(ratio - 1.5) < SIGMAS * 1.5 * np.sqrt(6.0 / months["2021-05"])


def test_refunds_return_a_share_of_earlier_purchases():
    shop = simulate_log(n_customers=N, refunds=0.2, cutoff="2021-06-30", random_state=9)
    lines = shop.log.assign(size=shop.log["amount"].abs())
    bought, back = lines[lines["amount"] > 0], lines[lines["amount"] < 0]
    pairs = back.merge(bought, on=["customer_id", "size"], suffixes=("", "_bought"))
    assert len(pairs) == len(back)
    days = (pairs["date"] - pairs["date_bought"]).dt.days
    assert days.min() == 1
    assert days.max() == 30
    early = bought["date"] < pd.Timestamp(shop.end) - pd.Timedelta("31D")
    returned = bought.loc[early, "size"].isin(back["size"])
    assert sigmas(returned, 0.2) < SIGMAS


def test_spend_has_the_moments_of_its_model():
    gamma_gamma = simulate_log(n_customers=N, random_state=10)
    p, q, gamma = (gamma_gamma.spend_params[k] for k in ("p", "q", "gamma"))
    assert sigmas(gamma_gamma.truth["spend_per_purchase"], p * gamma / (q - 1)) < SIGMAS
    ziln = simulate_log(
        n_customers=N,
        spend="zero_inflated_lognormal",
        spend_params={"zero": 0.25, "sigma_customers": 0.3},
        random_state=10,
    )
    first = ziln.log.drop_duplicates("customer_id")["amount"]
    assert sigmas(first == 0, 0.25) < SIGMAS
    assert sigmas(np.log(first[first > 0]), 3.0) < SIGMAS
    assert np.log(first[first > 0]).std() == pytest.approx(np.hypot(0.6, 0.3), rel=0.02)


def test_customers_enter_over_the_time_given():
    shop = simulate_log(n_customers=N, entry="12W", random_state=11)
    day = (shop.truth["first_purchase"] - pd.Timestamp(shop.start)).dt.days
    assert np.bincount(day, minlength=84).min() > 0.7 * N / 84
    assert day.max() == 83
    cohort = simulate_log(n_customers=50, entry=None).truth["first_purchase"]
    assert (cohort == "2021-01-01").all()


def test_attributes_have_their_shares_and_stay_with_refunds():
    shares = {"category": {"book": 3, "music": 1}, "store": {1: 0.5, 2: 0.5}}
    shop = simulate_log(n_customers=5_000, refunds=0.5, attributes=shares, random_state=12)
    assert sigmas(shop.log["category"] == "music", 0.25) < SIGMAS
    size = shop.log["amount"].abs()
    kinds = shop.log.groupby(["customer_id", size])[["category", "store"]].nunique()
    assert (kinds == 1).all(axis=None)


@pytest.mark.parametrize("process", PROCESSES)
def test_a_seed_makes_the_same_log(process):
    first, again, other = (
        simulate_log(process, n_customers=200, refunds=0.1, random_state=seed) for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(first.log, again.log)
    pd.testing.assert_frame_equal(first.truth, again.truth)
    assert not first.truth["rate"].equals(other.truth["rate"])
    generator = np.random.default_rng(1)
    pair = [simulate_log(process, n_customers=200, random_state=generator) for _ in range(2)]
    assert not pair[0].truth["rate"].equals(pair[1].truth["rate"])


def test_parts_do_not_disturb_each_other():
    plain = simulate_log(n_customers=300, random_state=1)
    rich = simulate_log(
        n_customers=300,
        spend="zero_inflated_lognormal",
        refunds=0.3,
        attributes={"a": {"b": 1}},
        random_state=1,
    )
    columns = ["rate", "dropout", "expected_purchases", "realised_purchases"]
    pd.testing.assert_frame_equal(plain.truth[columns], rich.truth[columns])


def test_the_unit_of_time_changes_nothing_but_numbers():
    weeks = simulate_log("pareto_nbd", n_customers=300, random_state=1)
    scaled = {k: v * 7 if k in ("alpha", "beta") else v for k, v in weeks.params.items()}
    days = simulate_log(
        "pareto_nbd", n_customers=300, params=scaled, time_unit="1D", random_state=1
    )
    pd.testing.assert_frame_equal(weeks.log, days.log)
    assert_allclose(weeks.truth["dropout_rate"], 7 * days.truth["dropout_rate"])
    assert_allclose(weeks.truth["rate"], 7 * days.truth["rate"])


@pytest.mark.parametrize(
    "params",
    [{"r": 1e-3}, {"a": 1e-4, "b": 10.0}, {"a": 10.0, "b": 1e-4}, {"alpha": 1e9}],
    ids=["idlers", "faithful", "fleeting", "rare"],
)
def test_extreme_parameters_make_a_log(params):
    shop = simulate_log(n_customers=200, params=params, random_state=1)
    assert np.isfinite(shop.truth["expected_spend"]).all()
    assert shop.log["customer_id"].nunique() == 200


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"process": "poisson"}, UnknownNameError, "process='poisson'.*'bg_nbd'"),
        ({"spend": "normal"}, UnknownNameError, "spend='normal'.*'gamma_gamma'"),
        ({"granularity": "h"}, UnknownNameError, "granularity='h'"),
        ({"n_customers": 0}, ArgumentError, "n_customers=0"),
        ({"n_customers": 1.5}, ArgumentError, "n_customers=1.5"),
        ({"params": {"r": -1.0}}, ArgumentError, r"params\['r'\]=-1.0 .* above 0"),
        ({"params": {"r": "1"}}, ArgumentError, r"params\['r'\]='1'"),
        ({"spend_params": {"q": 1.0}}, ArgumentError, r"spend_params\['q'\]=1.0 .* above 1"),
        ({"cutoff": "2020-01-01"}, CutoffError, "before start"),
        ({"cutoff": "2021-07-01 12:00"}, CutoffError, "without a time"),
        ({"start": "soon"}, CutoffError, "start='soon' cannot be read"),
        ({"horizon": "3m"}, ClvkitError, "minutes or months"),
        ({"entry": "2Y"}, ArgumentError, "ends after the cutoff, which is 365 days"),
        ({"season": {13: 2.0}}, ArgumentError, "month 13"),
        ({"season": {12: 0.0}}, ArgumentError, r"season\[12\]=0.0"),
        ({"growth": -1.0}, ArgumentError, "growth=-1.0"),
        ({"refunds": 1.5}, ArgumentError, "refunds=1.5 .* at least 0 and at most 1"),
        ({"attributes": {"date": {"a": 1}}}, ArgumentError, "has 'date'"),
        ({"attributes": {"kind": {}}}, ArgumentError, "no value of any share"),
        ({"attributes": ["kind"]}, ArgumentError, r"attributes=\['kind'\] must be a dict"),
        ({"attributes": {"kind": ["a"]}}, ArgumentError, r"attributes\['kind'\]=\['a'\] must be"),
        ({"season": [2.0] * 12}, ArgumentError, "must be a dict: month to factor"),
        ({"n_customers": True}, ArgumentError, "n_customers=True"),
        ({"random_state": -1}, ArgumentError, "random_state=-1 must be a whole number"),
        (
            {"random_state": np.random.RandomState(0)},
            ArgumentError,
            "must be a whole number of 0 or more, a numpy.random.Generator",
        ),
    ],
)
def test_says_what_cannot_be_simulated(settings, error, message):
    with pytest.raises(error, match=message):
        simulate_log(**settings)
