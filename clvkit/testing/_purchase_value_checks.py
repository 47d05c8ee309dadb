"""Checks that the numbers of a purchase model belong to one probability model."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.testing import assert_allclose, assert_array_less
from numpy.typing import NDArray
from sklearn.base import clone

from clvkit.testing._examples import (
    as_model_unit,
    duration_for,
    example_for,
    is_discrete,
    settings_of,
)

Array = NDArray[np.float64]

_HORIZONS = (1, 4, 13, 52)  # weeks, or opportunities
#: So many standard errors: a check with a fixed seed either passes always or never.
_SIGMAS = 4.5


def check_derivatives(model: Any) -> None:
    """Check that the gradient and Hessian that the search uses are those of the log-likelihood."""
    from clvkit.btyd._summary import read_rows

    if not hasattr(model, "_derivatives"):  # fitted in another way: check_optimum suffices
        return
    fitted = clone(model).fit(example_for(model))
    rows = read_rows(example_for(model, 80, seed=1), time_unit=model.time_unit)
    weights = np.linspace(0.5, 2.0, len(rows.T))
    here = np.log(list(fitted.params_.values())) + 0.3
    at = fitted._derivatives(here, rows, weights)
    made = _with_log_params(fitted, here)
    assert_allclose(at.value, weights @ made._log_likelihood(rows), rtol=1e-11)

    def value(log_params: Array) -> float:
        return fitted._derivatives(log_params, rows, weights).value

    def gradient(log_params: Array) -> Array:
        return fitted._derivatives(log_params, rows, weights).gradient

    scale = np.abs(at.hessian).max()
    assert_allclose(at.gradient, _slopes(value, here), rtol=1e-6, atol=1e-7 * scale)
    assert_allclose(at.hessian, _slopes(gradient, here), rtol=1e-6, atol=1e-7 * scale)


def check_optimum(model: Any) -> None:
    """Check that the likelihood, by public methods, is flat and curved as told at the estimates.

    This needs no private method, so it holds for models that are fitted in another way.
    """
    summary = example_for(model)
    fitted = clone(model).fit(summary)
    best = np.log(list(fitted.params_.values()))

    def value(log_params: Array) -> float:
        return float(_with_log_params(fitted, log_params).log_likelihood(summary).sum())

    def gradient(log_params: Array) -> Array:
        return _slopes(value, log_params, step=1e-3)

    assert_allclose(gradient(best) / len(summary), 0.0, atol=1e-6)
    information = -_slopes(gradient, best, step=1e-3)
    assert_allclose(np.linalg.inv(information), fitted.covariance_, rtol=1e-2)


def check_recovery(model: Any) -> None:
    """Check that parameters are recovered from data that the model itself has drawn, if it can."""
    if not hasattr(model, "simulate_summary"):
        return
    truth = clone(model).fit(example_for(model))
    ages = np.resize(as_model_unit(model, example_for(model))[:, 2], 5_000)
    drawn = truth.simulate_summary(ages, random_state=0)
    estimate = clone(model).fit(drawn)
    assert estimate.log_likelihood_ >= truth.log_likelihood(drawn).sum() - 1e-6
    miss = np.log(list(estimate.params_.values())) - np.log(list(truth.params_.values()))
    # About chi-squared with one degree of freedom per parameter; the bound is far in its tail.
    squared = miss @ np.linalg.solve(estimate.covariance_, miss)
    assert squared < len(miss) * _SIGMAS**2 / 2, (
        f"parameters {truth.params_} were estimated as {estimate.params_}, which is too far "
        f"for the covariance: squared distance {squared:.1f}"
    )


def check_bounds(model: Any) -> None:
    """Check that probabilities lie in [0, 1], and expectations are 0 or more and finite."""
    fitted, summary = _fitted(model)
    for horizon in (*_horizons(model), 0.0, 1e4):
        for values in (
            fitted.probability_alive(summary, ahead=horizon),
            fitted.probability_active(summary, horizon),
            fitted.purchase_pmf(summary, horizon, 4),
            fitted.purchase_pmf(summary, horizon, 4).sum(axis=1),
        ):
            assert np.all((values >= 0.0) & (values <= 1.0 + 1e-12)), f"horizon {horizon}"
        expected = fitted.expected_purchases(summary, horizon)
        assert np.all((expected >= 0.0) & np.isfinite(expected)), f"horizon {horizon}"


def check_horizons(model: Any) -> None:
    """Check that a longer horizon has more purchases and fewer alive; an empty one none."""
    fitted, summary = _fitted(model)
    nothing = np.zeros(len(summary))
    assert_allclose(fitted.expected_purchases(summary, 0.0), nothing, atol=0)
    assert_allclose(fitted.probability_active(summary, 0.0), nothing, atol=0)
    alive = fitted.probability_alive(summary)
    assert_allclose(fitted.probability_alive(summary, ahead=0.0), alive, rtol=1e-12)
    for shorter, longer in pairwise(_horizons(model)):
        for method in ("expected_purchases", "probability_active"):
            less, more = (getattr(fitted, method)(summary, h) for h in (shorter, longer))
            what = f"{method}: {shorter} against {longer}"
            assert np.all(less <= more), what
            # Whoever is nearly surely dead may be told apart by less than rounding.
            likely = alive > 1e-6
            assert_array_less(less[likely], more[likely], err_msg=what)
        survivors = [fitted.probability_alive(summary, ahead=h) for h in (shorter, longer)]
        assert np.all(survivors[1] <= survivors[0]), f"alive after {shorter} and {longer}"


def check_pmf(model: Any) -> None:
    """Check that the PMF sums to one, its mean is the expectation, and its zero is inactivity."""
    fitted, summary = _fitted(model)
    for horizon in _horizons(model)[:3]:
        pmf = fitted.purchase_pmf(summary, horizon, 400)
        assert_allclose(pmf.sum(axis=1), 1.0, rtol=1e-9, err_msg=horizon)
        mean = pmf @ np.arange(401.0)
        assert_allclose(mean, fitted.expected_purchases(summary, horizon), rtol=1e-7)
        active = fitted.probability_active(summary, horizon)
        assert_allclose(1.0 - pmf[:, 0], active, rtol=1e-9, atol=1e-15)  # rounding of the 1


def check_newcomer(model: Any) -> None:
    """Check that a newcomer is a customer with frequency, recency and T of 0."""
    fitted, _ = _fitted(model)
    row = np.zeros((1, 3))
    for horizon in _horizons(model):
        expected = fitted.expected_purchases_newcomer(horizon)
        assert isinstance(expected, float)
        assert_allclose(expected, fitted.expected_purchases(row, horizon)[0], rtol=1e-12)
    several = fitted.expected_purchases_newcomer(np.array([1.0, 5.0]))
    assert_allclose(several, [fitted.expected_purchases_newcomer(h) for h in (1.0, 5.0)])


def check_simulation(model: Any) -> None:
    """Check that drawn purchases have the expected mean and zeros, and a seed repeats them."""
    fitted, summary = _fitted(model)
    horizon = duration_for(model, 26)
    rows = np.repeat(as_model_unit(model, summary)[:20], 2_000, axis=0)
    drawn = fitted.simulate(rows, horizon, random_state=0)
    assert drawn.dtype.kind == "i"
    assert np.array_equal(drawn, fitted.simulate(rows, horizon, random_state=0))
    by_customer = drawn.reshape(20, 2_000)
    for sample, expected, what in (
        (by_customer, fitted.expected_purchases(rows[::2_000], horizon), "mean"),
        (by_customer > 0, fitted.probability_active(rows[::2_000], horizon), "active share"),
    ):
        # Few draws that are not 0 tell little of their spread, which that of a rare event bounds.
        error = np.maximum(sample.std(axis=1), np.sqrt(expected) + 0.02) / np.sqrt(2_000)
        miss = np.abs(sample.mean(axis=1) - expected) / error
        assert miss.max() < _SIGMAS, f"{what} is {miss.max():.1f} standard errors off"


def check_discounting(model: Any) -> None:
    """Check that discounted purchases are the discounted sum of the expected ones."""
    fitted, summary = _fitted(model)
    horizon = duration_for(model, 52)
    plain = fitted.expected_purchases(summary, horizon)
    undiscounted = fitted.expected_discounted_purchases(summary, 0.0, horizon)
    assert_allclose(undiscounted, plain, rtol=1e-9)
    lifetime = fitted.expected_discounted_purchases(summary, 0.1)
    within = fitted.expected_discounted_purchases(summary, 0.1, horizon)
    assert_array_less(within, lifetime)
    assert_array_less(within, plain)
    row = summary.iloc[:5]
    steps, paid, rtol = _discount_steps(model)
    at = np.stack([fitted.expected_purchases(row, step) for step in steps])
    summed = (np.diff(at, axis=0) * 1.1 ** -paid[:, None]).sum(axis=0)
    actual = fitted.expected_discounted_purchases(row, 0.1, steps[-1])
    assert_allclose(actual, summed, rtol=rtol)


def _discount_steps(model: Any) -> tuple[Array, Array, float]:
    """Return times in the model's unit, when the purchases between them are paid, in years.

    And how exact a sum over such steps is. Purchases at opportunities come at the end of a step.
    """
    if is_discrete(model):
        steps = np.arange(41.0)
        return steps, steps[1:] / _year(model), 1e-9
    steps = np.linspace(0.0, 1.0, 201)
    return _year(model) * steps, (steps[1:] + steps[:-1]) / 2, 1e-5


def _horizons(model: Any) -> list[str]:
    return [duration_for(model, count) for count in _HORIZONS]


def _fitted(model: Any) -> tuple[Any, Any]:
    return clone(model).fit(example_for(model)), example_for(model, 60, seed=3)


def _with_log_params(model: Any, log_params: Array) -> Any:
    params = dict(zip(model.params_, np.exp(log_params).tolist(), strict=True))
    return type(model).from_params(**settings_of(model, model), **params)


def _slopes(function: Callable[[Array], Any], at: Array, step: float = 1e-4) -> Array:
    """Return the derivatives of ``function`` by central differences of fourth order."""
    slopes = []
    for direction in np.eye(len(at)) * step:
        near = function(at + direction) - np.asarray(function(at - direction))
        far = function(at + 2 * direction) - np.asarray(function(at - 2 * direction))
        slopes.append((8 * near - far) / (12 * step))
    return np.array(slopes)


def _year(model: Any) -> float:
    from clvkit.btyd._units import units_per_year

    return units_per_year(model.time_unit)


VALUE_CHECKS: tuple[Callable[[Any], None], ...] = (
    check_derivatives,
    check_optimum,
    check_recovery,
    check_bounds,
    check_horizons,
    check_pmf,
    check_newcomer,
    check_simulation,
    check_discounting,
)
