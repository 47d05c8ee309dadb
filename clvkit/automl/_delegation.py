"""What AutoCLV passes on to the model that it found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from clvkit.serving import CLVModel

__all__ = ["ModelDelegation"]


class ModelDelegation:
    """The methods of the fitted ``model_``, on the search that found it."""

    model_: CLVModel
    covariates: Any

    @property
    def best_pipeline_(self) -> Any:
        """A plain fitted pipeline from histories to spend."""
        check_is_fitted(self, "model_")
        return self.model_.pipeline_

    def predict(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the expected spend of each row in the horizon after its cutoff.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, ...)
            With a column ``history``; for a log see :meth:`predict_customers`.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
        """
        check_is_fitted(self, "model_")
        return self.model_.predict(X)

    def predict_interval(self, X: pd.DataFrame, coverage: float | None = None) -> Any:
        """Return the lower and upper end of each row's interval, as ``model_`` does."""
        check_is_fitted(self, "model_")
        return self.model_.predict_interval(X, coverage)

    def predict_components(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what the predictions are made of, as ``model_`` does."""
        check_is_fitted(self, "model_")
        return self.model_.predict_components(X)

    def predict_customers(
        self, log: Any, cutoff: Any = None, coverage: float | None = None, **settings: Any
    ) -> pd.DataFrame:
        """Return the value of each customer of a log, with interval and segment.

        See :meth:`clvkit.serving.CLVModel.predict_customers`.
        """
        check_is_fitted(self, "model_")
        settings.setdefault("covariates", self.covariates)
        return self.model_.predict_customers(log, cutoff, coverage, **settings)

    def explain(
        self, log: Any, customer_id: Any, cutoff: Any = None, **settings: Any
    ) -> pd.DataFrame:
        """Return a frame that says why a customer is valued so.

        See :meth:`clvkit.serving.CLVModel.explain`.
        """
        check_is_fitted(self, "model_")
        settings.setdefault("covariates", self.covariates)
        return self.model_.explain(log, customer_id, cutoff, **settings)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")
