"""Checks of how a purchase model takes data and parameters, and what it keeps."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from clvkit.errors import SummaryError, UnitWarning
from clvkit.testing._examples import (
    as_model_unit,
    degenerate_summaries,
    duration_for,
    example_for,
    in_finer_unit,
    is_discrete,
    settings_of,
)
from clvkit.testing._expect import must_raise

_HORIZON = 26  # weeks, or opportunities
_STATISTICS = ("log_likelihood_", "aic_", "bic_", "converged_", "n_iter_", "covariance_")


def predictions(model: Any, summary: Any) -> dict[str, Any]:
    """Return what a fitted model predicts for each row, by method."""
    horizon = duration_for(model, _HORIZON)
    return {
        "log_likelihood": model.log_likelihood(summary),
        "expected_purchases": model.expected_purchases(summary, horizon),
        "probability_alive": model.probability_alive(summary),
        "probability_alive ahead": model.probability_alive(summary, ahead=horizon),
        "probability_active": model.probability_active(summary, horizon),
        "purchase_pmf": model.purchase_pmf(summary, horizon, 5),
        "expected_discounted_purchases": model.expected_discounted_purchases(summary, 0.1),
    }


def assert_same_predictions(
    actual: dict[str, Any], expected: dict[str, Any], *, rtol: float = 1e-12
) -> None:
    """Assert that two results of :func:`predictions` agree."""
    for method, values in expected.items():
        assert_allclose(actual[method], values, rtol=rtol, atol=1e-15, err_msg=method)


def check_unfitted_model_says_so(model: Any) -> None:
    """Check that predicting before fitting raises NotFittedError."""
    with must_raise(NotFittedError, "predicting before fit"):
        clone(model).expected_purchases(example_for(model, 5), duration_for(model, _HORIZON))


def check_fit(model: Any) -> None:
    """Check that ``fit`` returns self, leaves parameters alone and sets its statistics."""
    summary = example_for(model)
    model = clone(model)
    before = model.get_params()
    assert model.fit(summary) is model, "fit must return self"
    assert model.get_params() == before, "fit must not change constructor parameters"
    assert all(isinstance(value, float) for value in model.params_.values())
    missing = [name for name in _STATISTICS if not hasattr(model, name)]
    assert not missing, f"fit must set {missing}"
    k = len(model.params_)
    assert model.covariance_.shape == (k, k)
    assert model.converged_, "the search must converge on ordinary data"
    assert_allclose(model.log_likelihood_, model.log_likelihood(summary).sum(), rtol=1e-9)
    # A setting that was left to the data, such as a number of phases, is an estimate too.
    k += sum(value is None and hasattr(model, f"{name}_") for name, value in before.items())
    assert_allclose(model.aic_, 2 * k - 2 * model.log_likelihood_)
    assert_allclose(model.bic_, np.log(len(summary)) * k - 2 * model.log_likelihood_)


def check_from_params(model: Any) -> None:
    """Check that ``from_params`` with the fitted parameters predicts what the fitted model does."""
    summary = example_for(model)
    fitted = clone(model).fit(summary)
    settings = settings_of(model, fitted)
    made = type(model).from_params(**settings, **fitted.params_)
    assert_same_predictions(predictions(made, summary), predictions(fitted, summary))
    some, *others = fitted.params_
    for what, params in {
        "a negative parameter": dict.fromkeys(fitted.params_, -1.0),
        "a parameter missing": {name: fitted.params_[name] for name in others},
        "an unknown parameter": {**fitted.params_, "unknown": 1.0},
        "a truth value as parameter": {**fitted.params_, some: True},
        "an unreadable time_unit": {**fitted.params_, "time_unit": "3m"},
    }.items():
        with must_raise(ValueError, f"from_params with {what}"):
            type(model).from_params(**{**settings, **params})


def check_clone_and_pickle(model: Any) -> None:
    """Check that parameters survive ``clone``; a fitted model survives pickling."""
    assert clone(model).get_params() == model.get_params()
    summary = example_for(model)
    fitted = clone(model).fit(summary)
    again = pickle.loads(pickle.dumps(fitted))
    assert_same_predictions(predictions(again, summary), predictions(fitted, summary), rtol=0)


def check_skops(model: Any) -> None:
    """Check that a fitted model survives skops with no other type trusted than its own."""
    from skops.io import dumps, get_untrusted_types, loads

    summary = example_for(model)
    fitted = clone(model).fit(summary)
    try:
        stored = dumps(fitted)
    except Exception as error:
        raise AssertionError(f"skops cannot store one of {sorted(vars(fitted))}") from error
    own = f"{type(model).__module__}.{type(model).__qualname__}"
    foreign = set(get_untrusted_types(data=stored)) - {own}
    assert not foreign, f"attributes must be numbers, strings, lists, dicts, arrays; got {foreign}"
    again = loads(stored, trusted=[own])
    assert_same_predictions(predictions(again, summary), predictions(fitted, summary), rtol=0)


def check_units(model: Any) -> None:
    """Check that a frame in days predicts what it does in weeks, and arrays are taken as is."""
    summary = example_for(model)
    finer = in_finer_unit(summary)
    fitted = clone(model).fit(summary)
    expected = predictions(fitted, summary)
    assert_same_predictions(predictions(fitted, finer), expected, rtol=1e-9)
    array = as_model_unit(model, summary)
    assert_same_predictions(predictions(fitted, array), expected, rtol=1e-9)
    refitted = clone(model).fit(finer)
    assert_allclose(_values(refitted), _values(fitted), rtol=1e-5, err_msg="fit to a finer unit")


def check_model_unit(model: Any) -> None:
    """Check that a model that counts in days predicts what one that counts in weeks does.

    One that counts opportunities is another model where they are others.
    """
    if is_discrete(model):
        return
    summary = example_for(model)
    weekly = clone(model).set_params(time_unit="7D").fit(summary)
    daily = clone(model).set_params(time_unit="1D").fit(summary)
    for method in ("expected_purchases", "probability_active"):
        assert_allclose(
            getattr(daily, method)(summary, duration_for(model, _HORIZON)),
            getattr(weekly, method)(summary, duration_for(model, _HORIZON)),
            rtol=1e-5,
            err_msg=method,
        )


def check_frame_without_unit(model: Any) -> None:
    """Check that a frame that does not say its unit is read in the model's, with a warning."""
    fitted = clone(model).fit(example_for(model))
    array = as_model_unit(model, example_for(model))[:, :3]
    frame = pd.DataFrame(array, columns=["frequency", "recency", "T"]).assign(other="ignored")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        actual = fitted.expected_purchases(frame, duration_for(model, _HORIZON))
    assert any(issubclass(one.category, UnitWarning) for one in caught), "no UnitWarning"
    assert_array_equal(actual, fitted.expected_purchases(array, duration_for(model, _HORIZON)))


def check_weights(model: Any) -> None:
    """Check that a weight of k counts a row k times, and one of 0 leaves it out."""
    array = as_model_unit(model, example_for(model, 400))
    times = np.arange(len(array)) % 4
    weighted = clone(model).fit(array, sample_weight=times)
    repeated = clone(model).fit(np.repeat(array, times, axis=0))
    assert_allclose(_values(weighted), _values(repeated), rtol=1e-6)
    assert_allclose(weighted.log_likelihood_, repeated.log_likelihood_, rtol=1e-12)
    assert_allclose(weighted.bic_, repeated.bic_, rtol=1e-12)


def check_order_of_rows(model: Any) -> None:
    """Check that the order of the rows changes neither the fit nor a row's prediction."""
    array = as_model_unit(model, example_for(model))
    order = np.random.default_rng(0).permutation(len(array))
    fitted, shuffled = clone(model).fit(array), clone(model).fit(array[order])
    assert_allclose(_values(shuffled), _values(fitted), rtol=1e-6)
    expected = {key: value[order] for key, value in predictions(fitted, array).items()}
    assert_same_predictions(predictions(fitted, array[order]), expected, rtol=1e-14)


def check_rows_alone(model: Any) -> None:
    """Check that a row's prediction does not depend on which other rows are asked for with it."""
    fitted = clone(model).fit(example_for(model))
    few = as_model_unit(model, example_for(model, 40, seed=1))
    many = np.concatenate([as_model_unit(model, example_for(model, 2_500, seed=2)), few])
    alone = predictions(fitted, few)
    together = {key: value[-len(few) :] for key, value in predictions(fitted, many).items()}
    assert_same_predictions(together, alone, rtol=1e-14)
    one = predictions(fitted, few[7:8])
    assert_same_predictions(one, {k: v[7:8] for k, v in alone.items()}, rtol=1e-14)


def check_horizon_for_each_row(model: Any) -> None:
    """Check that an array of horizons has one for each row; an array of another length raises."""
    fitted = clone(model).fit(example_for(model))
    array = as_model_unit(model, example_for(model, 30, seed=1))
    horizons = np.linspace(0.0, 58.0, len(array))  # of which the model may want whole numbers
    actual = fitted.expected_purchases(array, horizons)
    for row in (0, 7, 29):
        alone = fitted.expected_purchases(array[row : row + 1], horizons[row])
        assert_allclose(actual[row : row + 1], alone, rtol=1e-14)
    with must_raise(ValueError, "two horizons for thirty rows"):
        fitted.expected_purchases(array, [1.0, 2.0])


def check_impossible_summaries(model: Any) -> None:
    """Check that summaries that no customer can have are refused, in fit and in prediction."""
    good = example_for(model, 20)
    fractions = (("T", 30.5), ("recency", 0.5), ("frequency", 31.0)) if is_discrete(model) else ()
    bought = good.index[good["frequency"] > 0][0]
    fitted = clone(model).fit(example_for(model))
    for column, value in (
        ("recency", 1e4),
        ("T", np.nan),
        ("frequency", np.inf),
        ("frequency", -1.0),
        ("frequency", 0.5),
        ("frequency", 0.0),
        ("recency", 0.0),
        *fractions,
    ):
        bad = good.copy()
        bad.loc[bought, column] = value
        what = f"{column}={value}"
        with must_raise(SummaryError, f"fit with {what}"):
            clone(model).fit(bad)
        with must_raise(SummaryError, f"prediction with {what}"):
            fitted.expected_purchases(bad, duration_for(model, _HORIZON))
    with must_raise(SummaryError, "a frame without T"):
        fitted.expected_purchases(good.drop(columns="T"), duration_for(model, _HORIZON))
    with must_raise(SummaryError, "fit without rows"):
        clone(model).fit(good.iloc[:0])


def check_degenerate_summaries(model: Any) -> None:
    """Check that data that tell little are fitted, and predicted with finite numbers."""
    for name, rows in degenerate_summaries().items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = clone(model).fit(np.array(rows))
        for method, values in predictions(fitted, np.array(rows)).items():
            assert np.isfinite(values).all(), f"{name}: {method} is {values}"


def _values(model: Any) -> list[float]:
    return list(model.params_.values())


API_CHECKS: tuple[Callable[[Any], None], ...] = (
    check_unfitted_model_says_so,
    check_fit,
    check_from_params,
    check_clone_and_pickle,
    check_skops,
    check_units,
    check_model_unit,
    check_frame_without_unit,
    check_weights,
    check_order_of_rows,
    check_rows_alone,
    check_horizon_for_each_row,
    check_impossible_summaries,
    check_degenerate_summaries,
)
