"""Predictions that were made already, behind the methods that scorers ask for."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, RegressorMixin

__all__ = ["GivenPredictions"]


class GivenPredictions(RegressorMixin, BaseEstimator):
    """Stands before a scorer with predictions that were made already.

    Parameters
    ----------
    predictions : ndarray of float64 of shape (n_samples,)
    components : DataFrame, mapping or None, default=None
        What ``predict_components`` returns; none by default.
    """

    def __init__(self, predictions: Any = None, components: Any = None) -> None:
        self.predictions = predictions
        self.components = components

    def predict(self, X: Any) -> Any:
        """Return the predictions."""
        return self.predictions

    def predict_components(self, X: Any) -> Any:
        """Return the components."""
        return {} if self.components is None else self.components
