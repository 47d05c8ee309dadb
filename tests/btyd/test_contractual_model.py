import warnings

import numpy as np
import pandas as pd
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from clvkit.btyd import (
    BetaDiscreteWeibull,
    ShiftedBetaGeo,
    life_table,
    likelihood_ratio_test,
    tenures_from_cohorts,
)
from clvkit.errors import (
    ArgumentError,
    BoundaryWarning,
    HorizonError,
    SummaryError,
    UnknownNameError,
)
from clvkit.serving._trust import TRUSTED_TYPES

MODELS = [ShiftedBetaGeo, BetaDiscreteWeibull]
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]
TRUTH = {
    ShiftedBetaGeo: {"alpha": 0.7, "beta": 1.9},
    BetaDiscreteWeibull: {"alpha": 0.7, "beta": 2.4, "c": 1.3},
}


def known(model, **settings):
    return model.from_params(**TRUTH[model], **settings)


@pytest.mark.parametrize("model", MODELS)
def test_parameters_are_recovered(model):
    tenures = known(model).simulate_tenures(np.full(60_000, 12), random_state=1)
    fitted = model().fit(tenures)
    assert fitted.converged_
    for name, value in TRUTH[model].items():
        assert abs(fitted.params_[name] - value) < 4.0 * fitted.standard_errors_[name]


@pytest.mark.parametrize("model", MODELS)
def test_entry_takes_out_that_only_survivors_are_seen(model):
    # The data begin after three renewals; those who left before are not in them.
    tenures = known(model).simulate_tenures(np.full(150_000, 12), random_state=2)
    seen = tenures[tenures["tenure"] - tenures["churned"] >= 3]
    told = model().fit(seen.assign(entry=3.0))
    for name, value in TRUTH[model].items():
        assert abs(told.params_[name] - value) < 4.0 * told.standard_errors_[name]
    first = told.survival_curve(3, coverage=0.999).frame().loc[3]
    assert first["lower"] < known(model).survival(3) < first["upper"] < 0.9


def test_covariates_move_the_churn_of_those_who_have_them():
    rng = np.random.default_rng(3)
    yearly = rng.integers(0, 2, 40_000)
    truth = ShiftedBetaGeo.from_params(
        alpha=1.0,
        beta=2.0,
        covariates=["yearly"],
        **{"churn_alpha.yearly": -0.5, "churn_beta.yearly": 0.7},
    )
    table = pd.DataFrame({"yearly": yearly})
    tenures = truth.simulate_tenures(np.full(40_000, 10), random_state=4, covariates=table)
    tenures["yearly"] = yearly
    model = ShiftedBetaGeo(covariates=["yearly"]).fit(tenures)
    for name, value in truth.params_.items():
        assert abs(model.params_[name] - value) < 4.0 * model.standard_errors_[name]
    assert likelihood_ratio_test(ShiftedBetaGeo().fit(tenures), model).p_value < 1e-6
    # Apart from sharing the estimation nothing ties the two kinds to each other.
    alone = ShiftedBetaGeo().fit(tenures[tenures["yearly"] == 1])
    curve = model.survival_curve(12, covariates={"yearly": 1}).frame()
    own = alone.survival_curve(12).frame()
    np.testing.assert_allclose(curve, own, rtol=1e-6)


def test_categories_and_a_mapping():
    tenures = tenures_from_cohorts(
        pd.DataFrame([REGULAR, REGULAR[:1] + [700] * 7], index=["a", "b"])
    )
    model = ShiftedBetaGeo(covariates={"churn": ["cohort"]}).fit(tenures)
    assert list(model.params_) == ["alpha", "beta", "churn_alpha.cohort=b", "churn_beta.cohort=b"]
    both = model.survival([1, 1], covariates=pd.DataFrame({"cohort": ["a", "b"]}))
    np.testing.assert_allclose(both, [0.627, 0.7], atol=2e-3)
    with pytest.raises(ArgumentError, match=r"has the covariates 'cohort'.*say which are meant"):
        model.survival(1)
    with pytest.raises(UnknownNameError, match="process 'dropout'"):
        ShiftedBetaGeo(covariates={"dropout": ["cohort"]}).fit(tenures)


@pytest.mark.parametrize("model", MODELS)
def test_survival_is_the_product_of_retention(model):
    one = known(model)
    periods = np.arange(1, 25)
    np.testing.assert_allclose(one.survival(periods), np.cumprod(one.retention_rate(periods)))
    later = one.survival(periods, tenure=5)
    np.testing.assert_allclose(later, one.survival(periods + 5) / one.survival(5))
    assert one.survival(0) == 1.0


@pytest.mark.parametrize("model", MODELS)
def test_residual_lifetime_is_the_sum_of_survival(model):
    one = known(model, time_unit="1M")
    kept = one.survival(np.arange(1, 25), tenure=2)
    rate = np.log1p(0.1) / 12
    discount = np.exp(-rate * np.arange(1, 25))
    assert one.expected_residual_lifetime(2, 0.0, 24) == pytest.approx(kept.sum())
    assert one.expected_residual_lifetime(2, 0.1, "24M") == pytest.approx((discount * kept).sum())
    due_now = one.expected_residual_lifetime(2, 0.1, 24, due=0.0)
    assert due_now == pytest.approx((discount * kept).sum() * np.exp(rate))
    assert one.expected_residual_lifetime(2, 0.1) > due_now
    by_row = one.expected_residual_lifetime([0, 2, 2], 0.1, [24, 24, 3])
    assert by_row[1] == pytest.approx((discount * kept).sum())
    assert by_row[2] == pytest.approx((discount * kept)[:3].sum())


def test_a_lifetime_without_bounds_is_refused():
    with pytest.raises(HorizonError, match="positive discount_rate or a horizon"):
        known(ShiftedBetaGeo).expected_residual_lifetime(1)
    with pytest.raises(HorizonError, match="no whole number"):
        known(ShiftedBetaGeo).expected_residual_lifetime(1, horizon="45D")


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda m: m.survival(-1), "must be a number of 0 or more"),
        (lambda m: m.survival("3M"), "must be a number of 0 or more"),
        (lambda m: m.survival([1, 2], tenure=[1, 2, 3]), "do not go together"),
        (lambda m: m.retention_rate(0), "first renewal is number 1"),
        (lambda m: m.survival_curve(0), "n_periods=0"),
        (lambda m: m.survival_curve(3, coverage=1.0), "coverage=1.0"),
        (lambda m: m.survival(1, covariates={"x": 1}), "has no covariates"),
    ],
)
def test_questions_without_an_answer(ask, message):
    with pytest.raises(ArgumentError, match=message):
        ask(known(ShiftedBetaGeo))


@pytest.mark.parametrize("model", MODELS)
def test_nested_models_are_told_in_words(model):
    for survivors, words, parameters in (
        ([100, 100, 100, 100], "nobody has refused", list(TRUTH[model])),
        ([1000, 900, 810, 729, 656, 590], "same probability", ["alpha", "beta"]),
        ([100, 0, 0, 0], "every customer refuses the first", list(TRUTH[model])),
        ([100, 50], "asked to renew at most 1 times", list(TRUTH[model])),
    ):
        with pytest.warns(BoundaryWarning, match=words):
            fitted = model().fit(tenures_from_cohorts(survivors))
        assert fitted.boundary_ == parameters


def test_two_kinds_of_customers_are_told_in_words():
    with pytest.warns(BoundaryWarning, match="50% of the customers refuse the first renewal, and"):
        ShiftedBetaGeo().fit(tenures_from_cohorts([100, 50, 50, 50]))
    with pytest.warns(BoundaryWarning, match="who takes the first renewal takes all"):
        BetaDiscreteWeibull().fit(tenures_from_cohorts([100, 50, 50, 50]))


def test_a_tail_like_a_power_is_told_in_words():
    with pytest.warns(BoundaryWarning, match=r"falls as a power of tenure, t\^-0.03"):
        model = BetaDiscreteWeibull().fit(tenures_from_cohorts([74, 74, 72, 72, 71]))
    assert model.boundary_ == ["alpha", "beta", "c"]


def test_a_boundary_does_no_harm_to_the_curve():
    # Geometric lifetimes: the mean churn is known as well as a binomial share is.
    with pytest.warns(BoundaryWarning):
        model = ShiftedBetaGeo().fit(tenures_from_cohorts([1000, 900, 810, 729, 656, 590]))
    curve = model.retention_curve(3, coverage=0.95).frame()
    error = np.sqrt(0.9 * 0.1 / (1000 + 900 + 810 + 729 + 656))
    np.testing.assert_allclose(curve["upper"] - curve["lower"], 2 * 1.96 * error, rtol=0.05)


def test_what_the_data_tell_nothing_of_has_no_narrow_interval():
    with pytest.warns(BoundaryWarning):
        model = ShiftedBetaGeo().fit(tenures_from_cohorts([100, 50]))
    curve = model.survival_curve(2).frame()
    assert 0.4 < curve.loc[1, "lower"] < 0.5 < curve.loc[1, "upper"] < 0.6
    assert curve.loc[2, ["lower", "upper"]].tolist() == [0.0, 1.0]


def test_known_parameters_have_no_interval():
    frame = known(ShiftedBetaGeo).survival_curve(3).frame()
    assert frame[["lower", "upper"]].isna().all(axis=None)
    with pytest.raises(ArgumentError, match="made by from_params"):
        known(ShiftedBetaGeo).summary()


def test_nobody_to_learn_from():
    with pytest.raises(SummaryError, match="None of 2 customers has been asked to renew"):
        ShiftedBetaGeo().fit([[0, 0], [0, 0]])


def test_a_prior_helps_where_the_data_do_not():
    with pytest.warns(BoundaryWarning):
        ShiftedBetaGeo().fit(tenures_from_cohorts([20, 20, 20]))
    with pytest.warns(BoundaryWarning, match="nobody has refused"):
        model = ShiftedBetaGeo(prior={"alpha": (0.7, 0.5), "beta": (2.0, 0.5)}).fit(
            tenures_from_cohorts([20, 20, 20])
        )
    assert 0.75 < model.survival(2) < 0.99


@pytest.mark.parametrize("model", MODELS)
def test_estimates_come_with_their_errors(model):
    fitted = model().fit(tenures_from_cohorts(REGULAR))
    table = fitted.summary()
    assert table.index.tolist() == list(TRUTH[model])
    assert (table["lower"] < table["estimate"]).all()
    assert (table["estimate"] < table["upper"]).all()
    k = len(TRUTH[model])
    assert fitted.aic_ == pytest.approx(2 * k - 2 * fitted.log_likelihood_)
    assert fitted.bic_ == pytest.approx(k * np.log(1000) - 2 * fitted.log_likelihood_)


@pytest.mark.parametrize("model", MODELS)
def test_round_trip_through_skops(model):
    fitted = model().fit(tenures_from_cohorts(REGULAR))
    loaded = skops.io.loads(skops.io.dumps(fitted), trusted=list(TRUSTED_TYPES))
    pd.testing.assert_frame_equal(
        loaded.survival_curve(5).frame(), fitted.survival_curve(5).frame()
    )
    assert clone(fitted).get_params() == fitted.get_params()


@pytest.mark.parametrize("model", MODELS)
def test_a_fit_follows_the_life_table(model):
    tenures = tenures_from_cohorts(REGULAR)
    table = life_table(tenures)
    curve = model().fit(tenures).retention_curve(7).frame()
    np.testing.assert_allclose(curve["retention"], table["retention"], atol=0.02)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("quantity", ["retention_curve", "survival_curve"])
def test_intervals_cover_as_often_as_they_say(model, quantity):
    """At 8 periods observed and 4 beyond, over 100 cohorts of 1,000 customers."""
    truth = known(model)
    exact = getattr(truth, quantity)(12).estimate
    hits = np.zeros(12)
    for seed in range(100):
        tenures = truth.simulate_tenures(np.full(1_000, 8), random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BoundaryWarning)
            curve = getattr(model().fit(tenures), quantity)(12, coverage=0.9)
        hits += (curve.lower <= exact) & (exact <= curve.upper)
    # 100 draws at 0.9 have a standard error of 0.03; the periods share their parameters.
    assert 0.85 <= hits.mean() / 100 <= 0.95
    assert hits.min() >= 81


@given(
    alpha=st.floats(0.05, 50.0),
    beta=st.floats(0.05, 50.0),
    c=st.floats(0.3, 3.0),
    tenure=st.integers(0, 60),
)
def test_survival_falls_and_stays_between_0_and_1(alpha, beta, c, tenure):
    model = BetaDiscreteWeibull.from_params(alpha=alpha, beta=beta, c=c)
    kept = model.survival(np.arange(30), tenure=tenure)
    assert kept[0] == 1.0
    assert (np.diff(kept) <= 1e-14).all()
    assert (kept >= 0.0).all()


@pytest.mark.long
@settings(max_examples=15)  # on a boundary a search is long
@given(
    st.lists(st.integers(0, 60), min_size=3, max_size=9).filter(lambda lost: sum(lost) > 0),
    st.integers(0, 80),
)
def test_more_parameters_never_fit_worse(lost, left):
    survivors = np.append(np.cumsum(lost[::-1])[::-1], 0) + left
    tenures = tenures_from_cohorts(survivors)
    if tenures["churned"].max() == 0.0:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundaryWarning)
        two, three = (model().fit(tenures) for model in MODELS)
    # The homogeneous model is a boundary of both: they cannot be worse but for where the search
    # stops.
    asked = (tenures["tenure"] * tenures["count"]).sum()
    share = (tenures["churned"] * tenures["count"]).sum() / asked
    rest = asked - share * asked
    same = share * asked * np.log(share) + (rest * np.log(1 - share) if rest else 0.0)
    assert two.log_likelihood_ >= same - 1e-3
    assert three.log_likelihood_ >= two.log_likelihood_ - 1e-6 * abs(two.log_likelihood_)
