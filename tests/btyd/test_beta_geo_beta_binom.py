import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from clvkit.btyd import BetaGeoBetaBinom, BTYDRegressor
from clvkit.errors import ArgumentError, BoundaryWarning, HorizonError, SummaryError
from clvkit.history import latest_histories, rfm_summary
from clvkit.serving._trust import TRUSTED_TYPES
from clvkit.testing import purchase_model_checks

DONORS = {"alpha": 1.2035224, "beta": 0.7497164, "gamma": 0.6567182, "delta": 2.7834422}


@pytest.fixture
def model():
    return BetaGeoBetaBinom.from_params(**DONORS)


@pytest.mark.parametrize("unit", ["1Y", "7D"])
@pytest.mark.parametrize("name", dict(purchase_model_checks(BetaGeoBetaBinom())))
def test_contract(name, unit):
    dict(purchase_model_checks(BetaGeoBetaBinom(time_unit=unit)))[name]()


def test_is_trusted():
    assert f"{BetaGeoBetaBinom.__module__}.BetaGeoBetaBinom" in TRUSTED_TYPES


def test_fit_to_donations(donations):
    rows, weights = donations
    fitted = BetaGeoBetaBinom().fit(rows, sample_weight=weights)
    assert fitted.params_ == pytest.approx(DONORS, rel=1e-6)
    assert fitted.log_likelihood_ == pytest.approx(-33225.581274, abs=1e-5)
    assert fitted.converged_
    assert fitted.boundary_ == []
    assert fitted.n_iter_ < 10


def test_frame_says_its_unit(model):
    """Six years are six opportunities in years, and as many in months."""
    years = pd.DataFrame({"frequency": [2.0], "recency": [4.0], "T": [6.0]})
    years.attrs["time_unit"] = "1Y"
    months = years.assign(recency=48.0, T=72.0)
    months.attrs["time_unit"] = "1M"
    expected = model.expected_purchases([[2, 4, 6]], 5)
    assert_allclose(model.expected_purchases(years, "5Y"), expected)
    assert_allclose(model.expected_purchases(months, "60M"), expected)


# --- predictions -------------------------------------------------------------------------------


positive = st.floats(-4, 5).map(lambda exponent: 10.0**exponent)


@given(
    params=st.tuples(positive, positive, positive, positive),
    n=st.integers(0, 300),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    horizon=st.integers(0, 600),
)
def test_finite_and_bounded(params, n, shares, horizon):
    t_x = round(shares[0] * n)
    x = max(round(shares[1] * t_x), min(t_x, 1))
    summary = [[x, t_x, n]]
    model = BetaGeoBetaBinom.from_params(**dict(zip(DONORS, params, strict=True)))
    alive, later = (model.probability_alive(summary, ahead=h)[0] for h in (0, horizon))
    active = model.probability_active(summary, horizon)[0]
    expected = model.expected_purchases(summary, horizon)[0]
    pmf = model.purchase_pmf(summary, horizon, 600)[0]
    assert np.isfinite(model.log_likelihood(summary)[0])
    assert 0 <= later <= alive + 1e-12 <= 1 + 2e-12
    assert 0 <= active <= alive + 1e-12
    assert active <= expected * (1 + 1e-9) <= horizon * (1 + 2e-9)
    assert pmf.sum() == pytest.approx(1.0, rel=1e-9)
    assert pmf @ np.arange(601.0) == pytest.approx(expected, rel=1e-8, abs=1e-290)
    assert 1.0 - pmf[0] == pytest.approx(active, rel=1e-9, abs=1e-12)
    assert np.isfinite(model.expected_discounted_purchases(summary, 0.1)[0])


def test_whoever_just_bought_is_alive(model):
    assert model.probability_alive([[1, 6, 6], [6, 6, 6]]).tolist() == [1.0, 1.0]
    ahead = model.probability_alive([[1, 6, 6], [6, 6, 6]], ahead=1)
    assert_allclose(ahead, (DONORS["delta"] + 6) / (DONORS["gamma"] + DONORS["delta"] + 6))


def test_likelihoods_of_all_histories_add_up_to_one(model):
    """Histories with the same x and t_x are choose(t_x - 1, x - 1) in number."""
    n = 7
    rows = [(0, 0, n)] + [(x, t_x, n) for t_x in range(1, n + 1) for x in range(1, t_x + 1)]
    ways = [1] + [float(mpmath.binomial(t_x - 1, x - 1)) for x, t_x, _ in rows[1:]]
    assert np.exp(model.log_likelihood(rows)) @ ways == pytest.approx(1.0, rel=1e-12)


def test_histories_drawn_have_their_probabilities(model):
    drawn = model.simulate_summary(np.full(60_000, 6.0), random_state=0)
    rows, counts = np.unique(drawn, axis=0, return_counts=True)
    ways = [1.0 if x == 0 else float(mpmath.binomial(t_x - 1, x - 1)) for x, t_x, _ in rows]
    expected = 60_000 * np.exp(model.log_likelihood(rows)) * ways
    assert len(rows) == 22
    # Chi-squared with 21 degrees of freedom: 47 is exceeded once in a thousand.
    assert ((counts - expected) ** 2 / expected).sum() < 47


def test_intervals_hold_what_was_seen(donations):
    rows, weights = donations
    fitted = BetaGeoBetaBinom().fit(rows, sample_weight=weights)
    low, high = fitted.expected_purchases_interval(rows, 5).T
    expected = fitted.expected_purchases(rows, 5)
    assert np.all((low < expected) & (expected < high))
    assert np.all(high - low < 0.2 * expected + 0.01)
    assert np.all(fitted.purchases_interval(rows, 5) <= 5)


def test_weeks_of_a_log(cdnow_log):
    """Weeks with a purchase, from a log to spend."""
    X = latest_histories(cdnow_log, "1997-09-28", granularity="W")
    summary = rfm_summary(X)
    model = BetaGeoBetaBinom(time_unit="7D").fit(summary)
    assert model.converged_
    regressor = BTYDRegressor(BetaGeoBetaBinom(time_unit="7D"), horizon="26W").fit(X)
    components = regressor.predict_components(X)
    assert_allclose(components["expected_purchases"], model.expected_purchases(summary, 26))


@pytest.fixture
def cdnow_log():
    from clvkit.datasets import load_cdnow

    return load_cdnow()


# --- covariates --------------------------------------------------------------------------------


def test_covariates_move_both_chances():
    """Two groups fitted together, with every parameter free to differ, are fitted apart."""
    groups = [
        BetaGeoBetaBinom.from_params(**DONORS).simulate_summary(np.full(4_000, 12.0), 1),
        BetaGeoBetaBinom.from_params(alpha=0.8, beta=3.0, gamma=0.6, delta=6.0).simulate_summary(
            np.full(4_000, 12.0), 2
        ),
    ]
    both = pd.DataFrame(np.concatenate(groups), columns=["frequency", "recency", "T"])
    both["second"] = np.repeat([0.0, 1.0], 4_000)
    both.attrs["time_unit"] = "1Y"
    joined = BetaGeoBetaBinom(covariates=["second"]).fit(both)
    apart = [BetaGeoBetaBinom().fit(group) for group in groups]
    assert joined.log_likelihood_ == pytest.approx(sum(m.log_likelihood_ for m in apart), abs=1e-4)
    moved = {
        name: joined.params_[name] * np.exp(joined.params_[f"{process}_{name}.second"])
        for process, names in {"purchase": ["alpha", "beta"], "dropout": ["gamma", "delta"]}.items()
        for name in names
    }
    assert moved == pytest.approx(apart[1].params_, rel=1e-3)
    assert_allclose(
        joined.expected_purchases(both.iloc[[0, 1, 2, 4_000, 4_001]], 5),
        np.concatenate(
            [
                apart[0].expected_purchases(groups[0][:3], 5),
                apart[1].expected_purchases(groups[1][:2], 5),
            ]
        ),
        rtol=1e-3,
    )


# --- boundaries --------------------------------------------------------------------------------


def drawn(n_opportunities, p, theta, n=4_000):
    """Return histories of customers with their own chances to buy and to drop out."""
    rng = np.random.default_rng(5)
    number = np.arange(1, n_opportunities + 1)
    leaves = np.broadcast_to(np.maximum(theta, 1e-300), n)
    there = number <= (np.ceil(rng.exponential(size=n) / -np.log1p(-leaves)) - 1)[:, None]
    bought = there & (rng.random((n, n_opportunities)) < np.broadcast_to(p, n)[:, None])
    last = (bought * number).max(axis=1)
    return np.column_stack([bought.sum(axis=1), last, np.full(n, n_opportunities)])


def test_no_dropout_is_the_beta_binomial():
    p = np.random.default_rng(1).beta(2.0, 3.0, 4_000)
    summary = drawn(10, p, 0.0)
    with pytest.warns(BoundaryWarning, match=r"no dropout detected.*Beta-binomial"):
        model = BetaGeoBetaBinom().fit(summary)
    assert model.boundary_ == ["gamma", "delta"]
    assert model.converged_
    alpha, beta = model.params_["alpha"], model.params_["beta"]
    assert alpha / (alpha + beta) == pytest.approx(0.4, rel=0.05)
    expected = 7 * (alpha + summary[:, 0]) / (alpha + beta + 10)
    assert_allclose(model.expected_purchases(summary, 7), expected, rtol=1e-3)
    assert np.isfinite(model.covariance_[:2, :2]).all()
    assert np.isnan(model.covariance_[2:]).all()


def test_customers_who_are_alike():
    """Neither chance differs between customers, so both pairs of parameters may run away."""
    with pytest.warns(BoundaryWarning, match="same"):
        model = BetaGeoBetaBinom().fit([[3.0, 6.0, 9.0]] * 50)
    assert model.boundary_


def test_all_buy_while_they_are_alive():
    theta = np.random.default_rng(1).beta(1.0, 4.0, 4_000)
    with pytest.warns(BoundaryWarning, match="buy at every opportunity while they are alive"):
        model = BetaGeoBetaBinom().fit(drawn(10, 1.0, theta))
    assert model.boundary_ == ["alpha", "beta"]
    expected = model.expected_purchases([[10, 10, 10]], 1)[0]
    assert expected == pytest.approx(model.probability_alive([[10, 10, 10]], ahead=1)[0], rel=1e-4)


def test_some_buy_always_and_others_never():
    with pytest.warns(BoundaryWarning, match="60% of the customers"):
        model = BetaGeoBetaBinom().fit([[6, 6, 6]] * 60 + [[0, 0, 6]] * 40)
    assert model.expected_purchases([[6, 6, 6], [0, 0, 6]], 2) == pytest.approx([2, 0], abs=1e-2)


def test_two_opportunities_tell_too_little():
    summary = [[0, 0, 2]] * 30 + [[1, 1, 2]] * 10 + [[1, 2, 2]] * 5 + [[2, 2, 2]] * 20
    with pytest.warns(BoundaryWarning, match="at most 2 opportunities differ too little"):
        model = BetaGeoBetaBinom().fit(summary)
    # What was seen is told nevertheless.
    seen = [30 / 65, 15 / 65, 20 / 65]
    assert_allclose(model.purchase_pmf_newcomer(2, 2), seen, atol=1e-3)


def test_nobody_came_back():
    with pytest.warns(BoundaryWarning, match="no customer has bought again"):
        model = BetaGeoBetaBinom().fit([[0, 0, 20]] * 10)
    assert model.expected_purchases([[0, 0, 20]], 52)[0] < 1e-2


# --- what it refuses ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([1, 2.0, 6.5], r"T is no whole number of opportunities, one each '1Y'.*granularity"),
        ([1, 2.5, 6.0], r"recency is no whole number of opportunities.*BetaGeoNBD"),
        ([3, 2.0, 6.0], r"frequency is above recency.*at most one purchase"),
    ],
)
def test_what_no_opportunities_give_is_refused(model, row, message):
    with pytest.raises(SummaryError, match=message):
        model.expected_purchases([[0, 0, 1], row], 5)
    with pytest.raises(SummaryError, match=message):
        BetaGeoBetaBinom().fit([row])


def test_frame_in_another_unit_is_refused_where_it_does_not_fit(model):
    weeks = pd.DataFrame({"frequency": [2.0], "recency": [30.0], "T": [39.0]})
    weeks.attrs["time_unit"] = "7D"
    with pytest.raises(SummaryError, match="no whole number of opportunities, one each '1Y'"):
        model.probability_alive(weeks)


@pytest.mark.parametrize("horizon", ["26W", 0.5])
def test_parts_of_an_opportunity_are_refused(model, horizon):
    for method in (model.expected_purchases, model.probability_active, model.simulate):
        with pytest.raises(HorizonError, match="one each '1Y', and a horizon of"):
            method([[2, 4, 6]], horizon)
    with pytest.raises(HorizonError):
        model.simulate_summary([0.5])


def test_endless_pmf_is_refused(model):
    with pytest.raises(HorizonError, match="at most 1e"):
        model.purchase_pmf([[2, 4, 6]], 1e9, 3)


def test_newcomers_of_a_model_with_covariates_have_some():
    model = BetaGeoBetaBinom.from_params(
        alpha=1.2,
        beta=0.75,
        gamma=0.66,
        delta=2.8,
        covariates={"purchase": ["age"]},
        **{"purchase_alpha.age": 1.0, "purchase_beta.age": 0.0},
    )
    with pytest.raises(ArgumentError, match="covariates"):
        model.simulate_summary([6.0] * 10)
    old, young = (
        model.simulate_summary([6.0] * 4_000, 0, covariates={"age": age})[:, 0].mean()
        for age in (1.0, -1.0)
    )
    assert old > young + 0.5
