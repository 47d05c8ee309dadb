"""From a transaction log to histories: the door, the history column, the RFM summary."""

from clvkit.history._access import (
    customers_of,
    get_histories,
    history_columns,
    latest_rows,
    replace_histories,
)
from clvkit.history._arrow import from_arrow, to_arrow
from clvkit.history._cutoffs import least_history, past_cutoffs
from clvkit.history._door import Samples, latest_histories, make_samples
from clvkit.history._dtype import HistoryDtype
from clvkit.history._history import History
from clvkit.history._history_array import HistoryArray
from clvkit.history._horizon import resolve_horizon
from clvkit.history._purchases import Purchases, find_purchases
from clvkit.history._rfm_summary import rfm_summary
from clvkit.history._snapshots import Snapshots, take_snapshots

__all__ = [
    "History",
    "HistoryArray",
    "HistoryDtype",
    "Purchases",
    "Samples",
    "Snapshots",
    "customers_of",
    "find_purchases",
    "from_arrow",
    "get_histories",
    "history_columns",
    "latest_histories",
    "latest_rows",
    "least_history",
    "make_samples",
    "past_cutoffs",
    "replace_histories",
    "resolve_horizon",
    "rfm_summary",
    "take_snapshots",
    "to_arrow",
]
