"""The served model and its pipeline as records for the tracking server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.utils.validation import check_is_fitted

from clvkit.errors import ArgumentError
from clvkit.serving._clv_model import CLVModel
from clvkit.serving._fetch import ARTIFACT
from clvkit.serving._learning import transaction_columns
from clvkit.serving._trust import TRUSTED_TYPES
from clvkit.tracking import ModelRecord, PipelineRecord
from clvkit.utils._versions import installed_versions

__all__ = ["model_record", "pipeline_record"]


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
        A request holds the columns of the log, and the covariates of training in each row of
        a customer; an answer one row a customer. Their types are ``any``, and clvkit's own door
        checks them: dates may be ISO text or timestamps, amounts whole or not, customers missing
        or categories. For such columns MLflow's scoring server reads JSON and Parquet, not CSV.
        The example is made up: no customer of the log is in it.

        With ``duplicates="drop"`` or ``"raise"`` the signature names no columns: whole rows are
        compared, and MLflow would take from them what it does not name.

    Raises
    ------
    ArgumentError
        If a covariate has the name of a column of the log, for a request cannot hold both; or
        if the model was trained with several logs, for a request is one table.

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
    if model.streams_:
        raise ArgumentError(
            "a request to a served model is one table, and this model takes several logs: "
            f"'transactions', {', '.join(map(repr, model.streams_))}. Keep it with "
            "model.save(path) and score with load(path).predict_customers(logs)."
        )
    outputs = ("clv", "lower", "upper", "expected_purchases", "probability_alive")
    return ModelRecord(
        save=model.save,
        artifact=ARTIFACT,
        code=Path(__file__).with_name("_pyfunc.py"),
        inputs=_inputs(model),
        outputs={
            "customer_id": "any",
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


def _inputs(model: CLVModel) -> dict[str, str] | None:
    log = [*transaction_columns(model), *model.attribute_types_]
    both = [name for name in model.covariate_types_ if name in log]
    if both:
        raise ArgumentError(
            f"a served model takes covariates from the rows of the log, and {both[0]!r} is both a "
            "covariate and a column of the log. Rename the covariate."
        )
    if model.duplicates != "keep":
        return None
    return dict.fromkeys([*log, *model.covariate_types_], "any")


def _example(model: CLVModel) -> pd.DataFrame:
    """Make up a request of three lines around the end of training."""
    end = pd.Timestamp(model.training_end_).normalize()
    days = [end - pd.Timedelta(days=n) for n in (30, 10, 0)]
    customer_id, date, amount = transaction_columns(model)
    columns: dict[str, list[Any]] = {
        customer_id: [1, 1, 2] if model.customer_type_ == "integer" else ["a", "a", "b"],
        date: [str(day.date()) for day in days],
        amount: [20.0, 35.5, 9.9],
    }
    made_up: dict[str, list[Any]] = {"number": [1.0, 2.0, 1.0], "string": ["x", "y", "x"]}
    columns |= {name: made_up[kind] for name, kind in model.attribute_types_.items()}
    known: dict[str, Any] = {"number": 1.0, "string": "x", "date": columns[date][0]}
    columns |= {name: [known[kind]] * 3 for name, kind in model.covariate_types_.items()}
    return pd.DataFrame(columns)


def _requirements() -> list[str]:
    """Pin what is installed here, so that the model is served by what it was made with."""
    return [f"{name}=={version}" for name, version in installed_versions().items()]
