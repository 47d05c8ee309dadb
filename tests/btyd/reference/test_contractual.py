"""The contractual models' rows of the reference table."""

import pytest

from clvkit.btyd import BetaDiscreteWeibull, ShiftedBetaGeo, tenures_from_cohorts

MODELS = {"sBG": ShiftedBetaGeo}

#: Fader and Hardie (2007), table 1.
PUBLISHED = {
    "regular": [1000, 631, 468, 382, 326, 289, 262, 241],
    "high end": [1000, 869, 743, 653, 593, 551, 517, 491],
}


def fitted(case):
    return ShiftedBetaGeo().fit(tenures_from_cohorts(case.args["survivors"]))


def residual_lifetime(case):
    model = ShiftedBetaGeo.from_params(
        alpha=case.args["alpha"], beta=case.args["beta"], time_unit="1Y"
    )
    # n counts periods of which the last one is ending: the next renewal is due now.
    return model.expected_residual_lifetime(case.args["n"] - 1, case.args["d"], due=0.0)


QUANTITIES = {
    "param:alpha": lambda case: fitted(case).params_["alpha"],
    "param:beta": lambda case: fitted(case).params_["beta"],
    "loglik_max": lambda case: fitted(case).log_likelihood_,
    "DERL": residual_lifetime,
}


def test_table_is_read(reference_table):
    assert len(reference_table(MODELS)) == 16


def test_reference_number(reference_case):
    assert reference_case.compute() == reference_case.expected


@pytest.mark.parametrize(
    ("name", "alpha", "beta"), [("regular", 0.704, 1.182), ("high end", 0.668, 3.806)]
)
def test_estimates_as_printed_in_the_paper(name, alpha, beta):
    params = ShiftedBetaGeo().fit(tenures_from_cohorts(PUBLISHED[name])).params_
    assert params["alpha"] == pytest.approx(alpha, abs=5e-4)
    assert params["beta"] == pytest.approx(beta, abs=5e-4)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_third_parameter_never_fits_worse(name):
    tenures = tenures_from_cohorts(PUBLISHED[name])
    two, three = ShiftedBetaGeo().fit(tenures), BetaDiscreteWeibull().fit(tenures)
    assert three.log_likelihood_ > two.log_likelihood_
    assert three.converged_
