"""The features that a model starts with."""

from __future__ import annotations

from typing import Any

from clvkit.features._attribute_features import AttributeFeatures
from clvkit.features._cadence_features import CadenceFeatures
from clvkit.features._cohort_features import CohortFeatures
from clvkit.features._column_transformer import ColumnTransformer
from clvkit.features._covariate_encoder import CovariateEncoder
from clvkit.features._event_stream_features import EventStreamFeatures
from clvkit.features._history_union import HistoryUnion
from clvkit.features._rfm_features import RFMFeatures
from clvkit.features._season_features import SeasonFeatures
from clvkit.features._tenure_features import TenureFeatures
from clvkit.features._window_features import WindowFeatures
from clvkit.history import get_histories, history_columns

__all__ = ["HistoryColumn", "StreamColumns", "default_features"]


class HistoryColumn:
    """Selects the history column in a ``ColumnTransformer``, and says so where there is none."""

    def __call__(self, X: Any) -> list[str]:
        get_histories(X)
        return ["history"]

    def __repr__(self) -> str:
        return "HistoryColumn()"


class StreamColumns:
    """Selects the history columns in a ``ColumnTransformer``, if there are several of them."""

    def __call__(self, X: Any) -> list[str]:
        columns = history_columns(X)
        return columns if len(columns) > 1 else []

    def __repr__(self) -> str:
        return "StreamColumns()"


def default_features() -> ColumnTransformer:
    """Return all groups of features, and the covariates beside the history, in one transformer.

    Put it in front of any regressor that takes missing values, such as the boosting ones; for
    others put an imputer in between.

    Returns
    -------
    ColumnTransformer
        Unfitted. Its output is float64: the features of :class:`RFMFeatures`,
        :class:`TenureFeatures`, :class:`CohortFeatures`, :class:`CadenceFeatures`,
        :class:`WindowFeatures`, :class:`SeasonFeatures` and :class:`AttributeFeatures` under their
        own names, and every other column of ``X`` as a number (see :class:`CovariateEncoder`).
        Groups are reached as in ``set_params(history__cohort__freq="W")``. Large batches use all
        processors (``history__n_jobs``).

    See Also
    --------
    HistoryUnion : to choose groups of your own.

    Examples
    --------
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.features import default_features
    >>> from clvkit.history import latest_histories
    >>> X = latest_histories(load_cdnow(), cutoff="1997-09-30").assign(country="US")
    >>> features = default_features().set_output(transform="pandas").fit_transform(X)
    >>> features.shape, features.columns[-1]
    ((2357, 76), 'country')
    >>> default_features().fit(X[["country"]])
    Traceback (most recent call last):
        ...
    clvkit.errors.HistoryTypeError: X has no column 'history' (its columns: ['country'])...
    """
    groups = [
        ("rfm", RFMFeatures()),
        ("tenure", TenureFeatures()),
        ("cohort", CohortFeatures()),
        ("cadence", CadenceFeatures()),
        ("window", WindowFeatures()),
        ("season", SeasonFeatures()),
        ("attribute", AttributeFeatures()),
    ]
    return ColumnTransformer(
        [
            ("history", HistoryUnion(groups, n_jobs=-1), HistoryColumn()),
            ("streams", EventStreamFeatures(), StreamColumns()),
        ],
        remainder=CovariateEncoder(),
        verbose_feature_names_out=False,
    )
