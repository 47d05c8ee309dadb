"""What a user hands to ``AutoCLV.fit``, as histories; and how logs are read again later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd

from clvkit.automl._validation import Validation
from clvkit.errors import ClvkitError, LogError
from clvkit.history import HistoryDtype, get_histories, latest_histories
from clvkit.history._access import check_same_cutoffs
from clvkit.history._read import column_names
from clvkit.tracking import check_model_name, fingerprint

if TYPE_CHECKING:
    from clvkit.automl._auto_clv import AutoCLV

__all__ = ["check_registration", "door_settings", "read_histories", "search_identity"]


def check_registration(auto: AutoCLV) -> None:
    """Refuse before the search what would only be refused after it.

    Raises
    ------
    ClvkitError
        When the model cannot be registered under the name, or there is no run for it.
    """
    if auto.register_as is None:
        return
    check_model_name(auto.register_as)
    if auto.tracking is None:
        raise ClvkitError(
            f"register_as={auto.register_as!r} needs tracking: a registered model belongs to "
            "a run. Give tracking='experiment name' too."
        )


def read_histories(auto: AutoCLV, X: Any, y: Any) -> pd.DataFrame:
    """Return histories as they are, and a log through the door.

    Raises
    ------
    LogError
        When a log comes with a ``y``, or covariates change with time.
    """
    if _holds_histories(X):
        check_same_cutoffs(X)
        return X
    if y is not None:
        raise LogError(
            "a log takes no y: the labels are read from the log itself. Leave y out, or fit on "
            "samples: X, y = make_samples(log, horizon)."
        )
    if auto.covariates is not None and "valid_from" in column_names(auto.covariates):
        raise LogError(
            "AutoCLV takes static covariates only: it cuts histories back to past cutoffs, "
            "where covariates with valid_from were others. Leave out what changes, or make "
            "samples with make_samples(log, horizon, covariates=...) and fit(X, y)."
        )
    return latest_histories(
        X,
        customer_id=auto.customer_id,
        date=auto.date,
        amount=auto.amount,
        attributes=auto.attributes,
        covariates=auto.covariates,
        end=auto.end,
        refunds=auto.refunds,
        duplicates=auto.duplicates,
        granularity=auto.granularity,
    )


def door_settings(auto: AutoCLV, X: pd.DataFrame) -> dict[str, Any]:
    """Return the settings with which logs are read when the model is in use.

    Period and attributes are those of the histories, which may have been made elsewhere.
    """
    dtype = get_histories(X).dtype
    names = ("customer_id", "date", "amount", "refunds", "duplicates")
    made = {"granularity": dtype.granularity, "attributes": dtype.attributes}
    return {name: getattr(auto, name) for name in names} | made


def search_identity(
    X: pd.DataFrame, y: Any, validation: Validation, horizon: str, scoring: str
) -> dict[str, str]:
    """Return what must be the same for a stored study to be continued."""
    labels = None if y is None else np.asarray(y, dtype=np.float64).tobytes()
    return {
        "log": fingerprint(X).digest,
        "labels": str(joblib.hash(labels)),
        "horizon": horizon,
        "scoring": scoring,
        "validation": validation.identity,
        "level": "one" if validation.levelled else "own",
    }


def _holds_histories(X: Any) -> bool:
    return (
        isinstance(X, pd.DataFrame)
        and "history" in X.columns
        and isinstance(X["history"].dtype, HistoryDtype)
    )
