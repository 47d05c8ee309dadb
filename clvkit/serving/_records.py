"""The served model and its pipeline as records for the tracking server."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.utils.validation import check_is_fitted

from clvkit.serving._clv_model import CLVModel
from clvkit.serving._load import ARTIFACT
from clvkit.serving._trust import TRUSTED_TYPES
from clvkit.tracking import ModelRecord, PipelineRecord

__all__ = ["model_record", "pipeline_record"]

_PACKAGES = (
    "clvkit-automl",
    "mlflow",
    "scikit-learn",
    "skops",
    "lightgbm",
    "numpy",
    "scipy",
    "pandas",
    "polars",
    "narwhals",
    "pyarrow",
)


def model_record(model: CLVModel, register_as: str | None = None) -> ModelRecord:
    """Describe a fitted model for :func:`clvkit.tracking.write`: a pyfunc that takes raw logs.

    Parameters
    ----------
    model : CLVModel
        Fitted.
    register_as : str or None, default=None
        Name in MLflow's registry; None logs it without registering it.

    Returns
    -------
    ModelRecord
        A request holds the columns of the log, an answer one row a customer. Dates may be ISO
        text or timestamps, amounts whole or not: such columns are of type ``any``, and clvkit's
        own door checks them. For those MLflow's scoring server reads JSON and Parquet, not CSV.
        The example is made up: no customer of the log is in it.

    Examples
    --------
    >>> from clvkit.baselines import HistoricalRate
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.history import latest_histories
    >>> from clvkit.serving import CLVModel, model_record
    >>> model = CLVModel(HistoricalRate(), horizon="13W").fit(latest_histories(load_cdnow()))
    >>> model_record(model, register_as="cdnow").example
       customer_id        date  amount
    0            1  1998-05-31    20.0
    1            1  1998-06-20    35.5
    2            2  1998-06-30     9.9
    """
    check_is_fitted(model)
    customers = model.customer_type_
    outputs = ("clv", "lower", "upper", "expected_purchases", "probability_alive")
    inputs = {model.customer_id: customers, model.date: "any", model.amount: "any"}
    return ModelRecord(
        save=model.save,
        artifact=ARTIFACT,
        code=Path(__file__).with_name("_pyfunc.py"),
        inputs=inputs | dict.fromkeys(model.attribute_types_, "any"),
        outputs={
            "customer_id": customers,
            **dict.fromkeys(outputs, "number"),
            "segment": "integer",
        },
        params={"cutoff": ("string", None), "coverage": ("number", float(model.coverage))},
        example=_example(model),
        requirements=_requirements(),
        register_as=register_as,
    )


def pipeline_record(pipeline: Any) -> PipelineRecord:
    """Describe a fitted pipeline from histories to spend for :func:`clvkit.tracking.write`."""
    return PipelineRecord(pipeline, trusted_types=TRUSTED_TYPES, requirements=_requirements())


def _example(model: CLVModel) -> pd.DataFrame:
    """Make up a request of three lines around the end of training."""
    end = pd.Timestamp(model.training_end_).normalize()
    days = [end - pd.Timedelta(days=n) for n in (30, 10, 0)]
    columns: dict[str, list[Any]] = {
        model.customer_id: [1, 1, 2] if model.customer_type_ == "integer" else ["a", "a", "b"],
        model.date: [str(day.date()) for day in days],
        model.amount: [20.0, 35.5, 9.9],
    }
    made_up: dict[str, list[Any]] = {"number": [1.0, 2.0, 1.0], "string": ["x", "y", "x"]}
    columns |= {name: made_up[kind] for name, kind in model.attribute_types_.items()}
    return pd.DataFrame(columns)


def _requirements() -> list[str]:
    """Pin what is installed here, so that the model is served by what it was made with."""
    pinned = []
    for name in _PACKAGES:
        try:
            pinned.append(f"{name}=={metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return pinned
