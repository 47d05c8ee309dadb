"""What the groups of features share as estimators."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils.validation import check_is_fitted

from clvkit.errors import EmptyLogError, HistoryTypeError
from clvkit.features._view import Floats, HistoryView, blocks_of_rows
from clvkit.history import HistoryArray, get_histories
from clvkit.history._access import latest_by_customer

__all__ = ["BaseHistoryTransformer", "check_granularity", "compute_features"]


class BaseHistoryTransformer(TransformerMixin, BaseEstimator):
    """Base of the groups of features; think twice before adding to it.

    A subclass gives ``_feature_names`` and ``_compute``, which turns a
    :class:`~clvkit.features._view.HistoryView` into one column a feature, row by row; and
    ``_learn``, when it learns anything, from one history a customer, in the order of the
    customers, and the cutoffs of all rows.
    """

    _parameter_constraints: dict = {}

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None):
        """Learn from the histories in ``X``.

        Parameters
        ----------
        X : DataFrame with a ``history`` column, Series of histories, or HistoryArray
            Of shape (n_samples, ...). Several rows of a customer count once, by the latest.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        HistoryTypeError
            If ``X`` has no history column, or one with missing histories.
        EmptyLogError
            If ``X`` has no rows.
        """
        histories = get_histories(X)
        if not len(histories):
            raise EmptyLogError(f"X has no rows, and {type(self).__name__} needs some to fit on.")
        self._remember_input(histories)
        self._learn(histories[latest_by_customer(X)], np.unique(histories.cutoff_moments))
        return self

    def transform(self, X: Any) -> Floats:
        """Return the features of each row.

        Parameters
        ----------
        X : DataFrame with a ``history`` column, Series of histories, or HistoryArray
            Of shape (n_samples, ...).

        Returns
        -------
        ndarray of float64 of shape (n_samples, n_features_out)
            Or a DataFrame, as :meth:`set_output` asks.

        Raises
        ------
        HistoryTypeError
            If ``X`` has no history column, one with missing histories, or histories of another
            granularity than those given to fit.
        """
        check_is_fitted(self)
        histories = get_histories(X)
        check_granularity(self, histories)
        return compute_features([self], histories)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the features.

        Parameters
        ----------
        input_features : ignored
            Present for the interface of scikit-learn.

        Returns
        -------
        ndarray of str objects
        """
        check_is_fitted(self)
        return np.array(self._feature_names(), dtype=object)

    def _remember_input(self, histories: HistoryArray) -> None:
        self.feature_names_in_ = np.array(["history"], dtype=object)
        self.n_features_in_ = 1
        self.granularity_ = histories.dtype.granularity

    def _feature_names(self) -> list[str]:
        raise NotImplementedError

    def _learn(self, latest: HistoryArray, cutoffs: NDArray[np.int64]) -> None:
        """Learn from each customer's latest history; most groups learn nothing."""

    def _compute(self, view: HistoryView) -> dict[str, NDArray]:
        raise NotImplementedError


def compute_features(
    groups: Sequence[BaseHistoryTransformer], histories: HistoryArray, n_jobs: int | None = None
) -> Floats:
    """Compute the features of several groups in one pass over the histories.

    The rows are worked off in blocks, whose shared reductions all groups use. A feature depends
    on its own row only, so where the blocks are cut, and by how many threads they are worked
    off, makes no difference.
    """
    names = [name for group in groups for name in group._feature_names()]
    features = np.empty((len(histories), len(names)), order="F")

    def fill(rows: slice) -> None:
        view = HistoryView(histories[rows])
        columns = {name: col for group in groups for name, col in group._compute(view).items()}
        for j, name in enumerate(names):
            features[rows, j] = columns[name]

    blocks = list(blocks_of_rows(histories))
    n_threads = min(effective_n_jobs(n_jobs), len(blocks))
    if n_threads < 2:
        for rows in blocks:
            fill(rows)
    else:
        with ThreadPoolExecutor(n_threads) as threads:
            list(threads.map(fill, blocks))
    return features


def check_granularity(estimator: Any, histories: HistoryArray) -> None:
    """Refuse histories whose moments are not those that were fitted on."""
    fitted, given = estimator.granularity_, histories.dtype.granularity
    if fitted != given:
        raise HistoryTypeError(
            f"{type(estimator).__name__} was fitted on histories of granularity {fitted!r}, and "
            f"X holds such of granularity {given!r}. Make them with granularity={fitted!r}."
        )
