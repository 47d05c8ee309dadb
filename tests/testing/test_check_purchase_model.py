"""The suite passes on the library's own model and catches models broken on purpose."""

import pickle

import numpy as np
import pytest

from clvkit.btyd import BetaGeoNBD
from clvkit.testing import check_purchase_model, purchase_model_checks


class FitReturnsNothing(BetaGeoNBD):
    def fit(self, summary, y=None, sample_weight=None):
        super().fit(summary, y, sample_weight)


class PredictsUnfitted(BetaGeoNBD):
    def _fitted_params(self):
        return {}

    def expected_purchases(self, summary, horizon):
        return np.zeros(len(summary))


class ForgetsWeights(BetaGeoNBD):
    def fit(self, summary, y=None, sample_weight=None):
        return super().fit(summary)


class ForgetsUnits(BetaGeoNBD):
    def _rows(self, summary):
        if hasattr(summary, "columns"):
            summary = summary[["frequency", "recency", "T"]].to_numpy()
        return super()._rows(summary)


class AssumesWeeks(BetaGeoNBD):
    def expected_purchases(self, summary, horizon):
        return super().expected_purchases(summary, 26.0 if horizon == "26W" else horizon)


class KeepsTheFrame(BetaGeoNBD):
    def fit(self, summary, y=None, sample_weight=None):
        self.summary_ = summary
        return super().fit(summary, y, sample_weight)


class KeepsAFunction(BetaGeoNBD):
    def fit(self, summary, y=None, sample_weight=None):
        self.link_ = lambda value: value
        return super().fit(summary, y, sample_weight)


class FromParamsLosesOne(BetaGeoNBD):
    @classmethod
    def from_params(cls, **params):
        return super().from_params(**{**params, "a": 2.0 * params["a"]})


class LooksAtTheBatch(BetaGeoNBD):
    def _purchases_if_alive(self, rows, horizon):
        return super()._purchases_if_alive(rows, horizon) * (1 + 1e-6 * rows.T.mean())


class LooksAtTheOrder(BetaGeoNBD):
    def _alive(self, rows):
        return super()._alive(rows) * np.linspace(0.9, 1.0, len(rows.T))


class OneHorizonForAll(BetaGeoNBD):
    def expected_purchases(self, summary, horizon):
        return super().expected_purchases(summary, np.ravel(horizon)[0])


class AcceptsAnything(BetaGeoNBD):
    def _rows(self, summary):
        values = np.nan_to_num(np.asarray(summary, dtype=float))
        x, _, T = np.abs(values[:, :3]).T
        return super()._rows(np.column_stack([np.rint(x), np.where(x > 0, T / 2, 0), T + 0.1]))


class WrongGradient(BetaGeoNBD):
    def _derivatives(self, log_params, rows, weights):
        at = super()._derivatives(log_params, rows, weights)
        return at._replace(gradient=at.gradient * [1.0, 1.0, 1.0, 1.01])


class WrongHessian(BetaGeoNBD):
    def _derivatives(self, log_params, rows, weights):
        at = super()._derivatives(log_params, rows, weights)
        return at._replace(hessian=at.hessian * 1.05)


class WrongLikelihood(BetaGeoNBD):
    def _log_likelihood(self, rows):
        return super()._log_likelihood(rows) + 0.01 * self.params_["r"]


class BiasedSimulator(BetaGeoNBD):
    def simulate_summary(self, T, random_state=None):
        drawn = super().simulate_summary(T, random_state)
        drawn[:, 1] *= 0.8
        return drawn


class ProbabilityAboveOne(BetaGeoNBD):
    def probability_alive(self, summary, ahead=0.0):
        return 1.01 * super().probability_alive(summary, ahead)


class NeverDies(BetaGeoNBD):
    def _stays_alive(self, rows, ahead):
        return np.where(ahead > 10, 1.0, 0.5)


class PmfWithoutDropout(BetaGeoNBD):
    def _pmf_if_alive(self, rows, horizon, n_max):
        pmf = super()._pmf_if_alive(rows, horizon, n_max)
        pmf[:, 1:3] = pmf[:, 2:0:-1]
        return pmf


class ActiveMeansAlive(BetaGeoNBD):
    def _active_if_alive(self, rows, horizon):
        return super()._stays_alive(rows, horizon)


class NewcomersDie(BetaGeoNBD):
    def expected_purchases_newcomer(self, horizon):
        return 0.9 * super().expected_purchases_newcomer(horizon)


class SimulatesTheLiving(BetaGeoNBD):
    def _draw(self, rows, horizon, rng):
        return rng.poisson(self._purchases_if_alive(rows, horizon))


class DiscountsPerUnit(BetaGeoNBD):
    def expected_discounted_purchases(self, summary, discount_rate, horizon=None):
        yearly = (1 + discount_rate) ** 2 - 1
        return super().expected_discounted_purchases(summary, yearly, horizon)


class BreaksOnLittleData(BetaGeoNBD):
    def _purchases_if_alive(self, rows, horizon):
        expected = super()._purchases_if_alive(rows, horizon)
        return np.where(self.params_["alpha"] > 1e5, np.nan, expected)


BROKEN = {
    "check_fit": FitReturnsNothing,
    "check_unfitted_model_says_so": PredictsUnfitted,
    "check_weights": ForgetsWeights,
    "check_units": ForgetsUnits,
    "check_model_unit": AssumesWeeks,
    "check_frame_without_unit": ForgetsUnits,
    "check_skops": KeepsTheFrame,
    "check_clone_and_pickle": KeepsAFunction,
    "check_from_params": FromParamsLosesOne,
    "check_rows_alone": LooksAtTheBatch,
    "check_order_of_rows": LooksAtTheOrder,
    "check_horizon_for_each_row": OneHorizonForAll,
    "check_impossible_summaries": AcceptsAnything,
    "check_degenerate_summaries": BreaksOnLittleData,
    "check_derivatives": WrongHessian,
    "check_optimum": WrongLikelihood,
    "check_recovery": BiasedSimulator,
    "check_bounds": ProbabilityAboveOne,
    "check_horizons": NeverDies,
    "check_pmf": PmfWithoutDropout,
    "check_newcomer": NewcomersDie,
    "check_simulation": SimulatesTheLiving,
    "check_discounting": DiscountsPerUnit,
}
# A fault may be visible to several checks; these are the same checks with other faults.
MORE = [("check_pmf", ActiveMeansAlive), ("check_derivatives", WrongGradient)]


def test_own_model_passes_and_is_left_alone():
    model = BetaGeoNBD()
    check_purchase_model(model)
    assert not hasattr(model, "params_")


def test_every_check_has_a_model_that_it_catches():
    assert {name for name, _ in purchase_model_checks(BetaGeoNBD())} == set(BROKEN)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("name", "broken"),
    [pytest.param(*pair, id=f"{pair[0]}-{pair[1].__name__}") for pair in [*BROKEN.items(), *MORE]],
)
def test_broken_model_is_caught(name, broken):
    check = dict(purchase_model_checks(broken()))[name]
    # What cannot be stored fails in pickle itself.
    unstorable = (AttributeError, pickle.PicklingError)
    with pytest.raises(unstorable if broken is KeepsAFunction else AssertionError):
        check()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_message_names_the_check():
    with pytest.raises(AssertionError, match="check_fit: fit must return self"):
        check_purchase_model(FitReturnsNothing())
