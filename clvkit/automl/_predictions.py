"""What a candidate predicted, as an estimator that a scorer can ask."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, RegressorMixin

__all__ = ["CandidatePredictions"]


class CandidatePredictions(RegressorMixin, BaseEstimator):
    """Stands before a scorer with predictions that were made already.

    Parameters
    ----------
    predictions : ndarray of shape (n_samples,)
    components : DataFrame of shape (n_samples, n_components), or None
    """

    def __init__(self, predictions: Any = None, components: Any = None) -> None:
        self.predictions = predictions
        self.components = components

    def predict(self, X: Any) -> Any:
        """Return the predictions, whatever the rows."""
        return self.predictions

    def predict_components(self, X: Any) -> Any:
        """Return the components, or none of them."""
        return {} if self.components is None else self.components
