"""The contract of purchase models as a list of checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from clvkit.testing._purchase_api_checks import API_CHECKS
from clvkit.testing._purchase_value_checks import VALUE_CHECKS

__all__ = ["check_purchase_model", "purchase_model_checks"]


def purchase_model_checks(model: Any) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the checks that a purchase model must pass, for parametrized tests.

    Parameters
    ----------
    model : estimator
        An unfitted purchase model; it is cloned, never changed.

    Yields
    ------
    name : str
        Name of the check.
    check : callable
        Takes no argument and raises ``AssertionError`` when the model breaks the contract.

    See Also
    --------
    check_purchase_model : All of them in one call.

    Examples
    --------
    >>> from clvkit.btyd import BetaGeoNBD
    >>> from clvkit.testing import purchase_model_checks
    >>> checks = dict(purchase_model_checks(BetaGeoNBD()))
    >>> checks["check_horizons"]()

    In a test module: ``@pytest.mark.parametrize(("name", "check"), purchase_model_checks(M()))``.
    """
    for check in (*API_CHECKS, *VALUE_CHECKS):
        yield check.__name__, partial(check, model)


def check_purchase_model(model: Any) -> None:
    """Check that an estimator keeps the contract of purchase models.

    It must read summaries and units as ``clvkit.btyd.BetaGeoNBD`` does, be stored by pickle and
    skops, and give numbers that belong to one probability model: derivatives against
    differences, the PMF against the expectation, simulated against computed, parameters recovered
    from its own draws.

    Parameters
    ----------
    model : estimator
        An unfitted purchase model; it is cloned, never changed.

    Raises
    ------
    AssertionError
        At the first broken promise, with the name of the check.

    See Also
    --------
    purchase_model_checks : The same, one by one.

    Examples
    --------
    >>> from clvkit.btyd import BetaGeoNBD, GammaGamma
    >>> from clvkit.testing import check_purchase_model
    >>> check_purchase_model(GammaGamma())
    Traceback (most recent call last):
        ...
    AssertionError: check_unfitted_model_says_so: 'GammaGamma' object has no attribute ...
    """
    for name, check in purchase_model_checks(model):
        try:
            check()
        except Exception as error:
            raise AssertionError(f"{name}: {error}") from error
