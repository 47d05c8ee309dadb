"""The model for raw logs as MLflow serves it: this file is copied into the MLflow model.

MLflow runs it when the model is loaded. The model itself is the folder beside it, which
:func:`clvkit.serving.load` reads without unpickling anything.
"""

from __future__ import annotations

import os
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

from clvkit.errors import ClvkitError
from clvkit.serving import CLVModel, load
from clvkit.serving._fetch import ARTIFACT
from clvkit.serving._requests import SERVING, score_request, with_nulls


class ServedModel(PythonModel):
    """Scores raw logs with a :class:`clvkit.serving.CLVModel`."""

    model: CLVModel

    def load_context(self, context: Any) -> None:
        """Load the model from the artifacts; called once by MLflow."""
        self.model = load(context.artifacts[ARTIFACT])

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return one row a customer; what is wrong with a request becomes an HTTP 400.

        Parameters
        ----------
        context : ignored
        model_input : DataFrame
            A log with the columns of training, covariates of the customers among them.
        params : dict or None, default=None
            ``cutoff`` and ``coverage`` of :meth:`clvkit.serving.CLVModel.predict_customers`.

        Returns
        -------
        DataFrame
            The table with ``customer_id`` as first column. In a server None stands for NaN, which
            MLflow would write as it is, and which is no JSON.
        """
        try:
            table = score_request(self.model, model_input, **(params or {}))
        except (ClvkitError, ValueError) as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error
        return with_nulls(table) if os.environ.get(SERVING) == "true" else table


set_model(ServedModel())
