"""Features of customers' histories: float columns, row by row, without a look into the future.

Every transformer takes ``X`` with a column ``history`` and has two properties that
:func:`clvkit.testing.check_history_transformer` checks: nothing after a row's cutoff changes the
row's features, and neither do the other rows of a batch.
"""

from clvkit.features._attribute_features import AttributeFeatures
from clvkit.features._base import BaseHistoryTransformer
from clvkit.features._cadence_features import CadenceFeatures
from clvkit.features._cohort_features import CohortFeatures
from clvkit.features._covariate_encoder import CovariateEncoder
from clvkit.features._default_features import default_features
from clvkit.features._event_stream_features import EventStreamFeatures
from clvkit.features._events import Events
from clvkit.features._expression_features import ExpressionFeatures
from clvkit.features._history_union import HistoryUnion
from clvkit.features._rfm_features import RFMFeatures
from clvkit.features._season_features import SeasonFeatures
from clvkit.features._tenure_features import TenureFeatures
from clvkit.features._window_features import WindowFeatures

__all__ = [
    "AttributeFeatures",
    "BaseHistoryTransformer",
    "CadenceFeatures",
    "CohortFeatures",
    "CovariateEncoder",
    "EventStreamFeatures",
    "Events",
    "ExpressionFeatures",
    "HistoryUnion",
    "RFMFeatures",
    "SeasonFeatures",
    "TenureFeatures",
    "WindowFeatures",
    "default_features",
]
