"""Several groups of features in one pass."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import TransformerMixin, _fit_context, clone
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import check_is_fitted

from clvkit.features._base import BaseHistoryTransformer, check_granularity, compute_features
from clvkit.features._view import Floats
from clvkit.history import get_histories

__all__ = ["HistoryUnion"]


class HistoryUnion(TransformerMixin, _BaseComposition):
    """Groups of features side by side, computed in one pass over the histories.

    It does what scikit-learn's ``FeatureUnion`` does for the groups of this package, and reads
    the histories once instead of once a group. For transformers of other kinds use a
    ``ColumnTransformer``.

    Parameters
    ----------
    transformer_list : list of (str, transformer)
        Names and groups such as :class:`RFMFeatures`.
    n_jobs : int or None, default=None
        Threads of ``transform``, as in scikit-learn: None is 1 unless in a
        ``joblib.parallel_config`` context, -1 all processors. Only batches of more than some
        hundred thousand events use more than one; the result is the same to the last bit.

    Attributes
    ----------
    transformer_list_ : list of (str, transformer)
        The fitted groups.
    granularity_ : str
        Granularity of the histories.
    n_features_in_ : int
        1: the history.
    feature_names_in_ : ndarray of str objects
        ``["history"]``.

    Raises
    ------
    TypeError
        By ``fit``, when a transformer is no group of this package.
    ValueError
        By ``fit``, when two groups have a feature of the same name.

    See Also
    --------
    default_features : the groups of this package and the covariates.

    Examples
    --------
    >>> from clvkit.datasets import load_cdnow
    >>> from clvkit.features import HistoryUnion, RFMFeatures, TenureFeatures
    >>> from clvkit.history import latest_histories
    >>> X = latest_histories(load_cdnow())
    >>> union = HistoryUnion([("rfm", RFMFeatures()), ("tenure", TenureFeatures())])
    >>> union.fit_transform(X).shape
    (2357, 27)
    >>> union.set_params(rfm__half_life="30D").get_params()["rfm__half_life"]
    '30D'
    >>> HistoryUnion([("rfm", RFMFeatures()), ("again", RFMFeatures())]).fit(X)
    Traceback (most recent call last):
        ...
    ValueError: 20 features have the same name in two groups, such as 'frequency': ...
    """

    _parameter_constraints: dict = {"transformer_list": [list], "n_jobs": [Integral, None]}

    def __init__(self, transformer_list: list[tuple[str, Any]], *, n_jobs: int | None = None):
        self.transformer_list = transformer_list
        self.n_jobs = n_jobs

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the union and of its groups."""
        return self._get_params("transformer_list", deep=deep)

    def set_params(self, **params: Any):
        """Set parameters of the union, of a group (``name__parameter``), or a whole group."""
        self._set_params("transformer_list", **params)
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None):
        """Fit every group.

        Parameters
        ----------
        X : DataFrame with a ``history`` column, Series of histories, or HistoryArray
        y : None
            Ignored.

        Returns
        -------
        self
        """
        self._validate_names([name for name, _ in self.transformer_list])
        strangers = [g for _, g in self.transformer_list if not _is_group(g)]
        if strangers:
            raise TypeError(
                f"{len(strangers)} of {len(self.transformer_list)} transformers are no groups of "
                f"features of clvkit, such as {strangers[0]!r}. Unite them by a ColumnTransformer."
            )
        histories = get_histories(X)
        self.transformer_list_ = [(name, clone(g).fit(X)) for name, g in self.transformer_list]
        self.granularity_ = histories.dtype.granularity
        self.feature_names_in_ = np.array(["history"], dtype=object)
        self.n_features_in_ = 1
        _refuse_repeated(self.get_feature_names_out())
        return self

    def transform(self, X: Any) -> Floats:
        """Return the features of all groups, in the order of the groups.

        Parameters
        ----------
        X : DataFrame with a ``history`` column, Series of histories, or HistoryArray

        Returns
        -------
        ndarray of float64 of shape (n_samples, n_features_out)
            Or a DataFrame, as :meth:`set_output` asks.
        """
        check_is_fitted(self)
        histories = get_histories(X)
        check_granularity(self, histories)
        groups = [group for _, group in self.transformer_list_]
        return compute_features(groups, histories, self.n_jobs)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the features of all groups, without a prefix.

        Parameters
        ----------
        input_features : ignored
            Present for the interface of scikit-learn.

        Returns
        -------
        ndarray of str objects
        """
        check_is_fitted(self)
        names = [group.get_feature_names_out() for _, group in self.transformer_list_]
        return np.concatenate([np.empty(0, dtype=object), *names])

    def _sk_visual_block_(self):
        from sklearn.utils._repr_html.estimator import _VisualBlock

        names, groups = zip(*self.transformer_list, strict=True)
        return _VisualBlock("parallel", groups, names=names)


def _is_group(transformer: Any) -> bool:
    return isinstance(transformer, BaseHistoryTransformer)


def _refuse_repeated(names: NDArray[np.object_]) -> None:
    unique, count = np.unique(names.astype(str), return_counts=True)
    repeated = [name for name in names if count[unique == name][0] > 1]
    if repeated:
        raise ValueError(
            f"{(count > 1).sum()} features have the same name in two groups, such as "
            f"{repeated[0]!r}: leave one of the groups out."
        )
