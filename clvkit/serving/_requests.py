"""What a request to a served model holds: a log, and the covariates of its customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import pandas as pd

from clvkit.errors import LogError, LogTypeError, MissingColumnError
from clvkit.serving._clv_model import CLVModel
from clvkit.serving._learning import transaction_columns

__all__ = ["SERVING", "covariates_of_request", "score_request", "with_inferred_types", "with_nulls"]

#: Set to "true" by MLflow in its servers.
SERVING = "_MLFLOW_IS_IN_SERVING_ENVIRONMENT"


def score_request(
    model: CLVModel, request: Any, *, cutoff: Any = None, coverage: Any = None
) -> pd.DataFrame:
    """Return the table of values with the customer as first column.

    Raises
    ------
    LogTypeError
        If the request is no table. The door reads paths, too, and a request must not name files
        of the server.
    """
    if nw.from_native(request, eager_only=True, pass_through=True) is request:
        raise LogTypeError(
            "a request must be a table: JSON with 'dataframe_records' or 'dataframe_split', or "
            f"Parquet; got {type(request).__name__}."
        )
    log = with_inferred_types(request)
    names, covariates = list(model.covariate_types_), None
    if names:
        covariates = covariates_of_request(log, transaction_columns(model)[0], names)
    table = model.predict_customers(log, cutoff, coverage, covariates=covariates)
    return table.reset_index()


def with_inferred_types(request: Any) -> Any:
    """Return the request with the types back that MLflow took from it.

    MLflow makes a list of each column whose type it does not check, and of a list with missing
    values pandas makes a column of objects, which no engine reads as numbers.
    """
    if not isinstance(request, pd.DataFrame):
        return request
    names = [name for name in request.columns if request[name].dtype == object]
    return request.assign(**{name: request[name].convert_dtypes() for name in names})


def with_nulls(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with None for each NaN; columns without any stay as they are."""
    lacking = table.columns[table.isna().any()]
    return table.assign(
        **{name: table[name].astype(object).where(table[name].notna(), None) for name in lacking}
    )


def covariates_of_request(request: Any, customer_id: str, names: Sequence[str]) -> Any:
    """Return one row a customer with the covariates that his transactions carry.

    Raises
    ------
    MissingColumnError
        If the request lacks one of the columns.
    LogError
        If a customer's rows contradict each other.
    """
    frame: Any = nw.from_native(request)
    wanted = [customer_id, *names]
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        raise MissingColumnError(
            f"the request has no column {', '.join(map(repr, missing))}. The model was trained "
            "with covariates: give them in each row, beside the transaction."
        )
    rows = frame.select(wanted).filter(~nw.col(customer_id).is_null()).unique(maintain_order=True)
    repeated = rows[customer_id].is_duplicated()
    if repeated.any():
        example = rows.filter(repeated)[customer_id][0]
        raise LogError(
            f"the covariates {', '.join(map(repr, names))} differ between the rows of customer "
            f"{example}. Give those known at the cutoff in all rows of a customer."
        )
    return rows.to_native()
