"""Why a customer is valued so."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from clvkit.errors import ArgumentError, UnknownCustomerError
from clvkit.history import get_histories
from clvkit.history._moments import format_moment
from clvkit.serving._explainers import Line, explainer_of
from clvkit.serving._histories import read_to_score

__all__ = ["ExplainMixin", "learn_typical"]

#: So many rows tell what is typical; more would change the medians little and cost time.
_MAX_ROWS = 1000

_OTHERS = "(others)"


class ExplainMixin:
    """Gives a fitted model that scores logs the method :meth:`explain`."""

    if TYPE_CHECKING:  # what the model has
        horizon: str
        estimator_: Any
        typical_: dict[str, Any]

        def predict(self, X: pd.DataFrame) -> NDArray[np.float64]: ...

    def explain(
        self,
        log: Any,
        customer_id: Any,
        cutoff: Any = None,
        *,
        covariates: Any = None,
        n_terms: int | None = 10,
    ) -> pd.DataFrame:
        """Say why a customer is valued so.

        Contributions say what the model did with what it knows, not what would happen if the
        customer were treated otherwise. Features that say nearly the same share their effect.

        Parameters
        ----------
        log : table or path
            With all transactions of the customer, as for :meth:`predict_customers`.
        customer_id : str or int
            As the log names the customer.
        cutoff : date-like or None, default=None
            As for :meth:`predict_customers`.
        covariates : table, path or None, default=None
            Where the model was trained with covariates.
        n_terms : int or None, default=10
            So many features are listed of each part, those that contribute most; one more line
            ``"(others)"`` sums up the rest. None lists all.

        Returns
        -------
        DataFrame of shape (n_lines, 6)
            One reason a line, the strongest of each part first:

            - ``part``: the member of an average, or the part of a model of several;
            - ``term``: ``"base"``, where the explanation starts from; the name of a feature or
              a component; the class of a wrapper such as ``"SeasonCalibration"``;
            - ``value``: the customer's own;
            - ``typical``: the median of the customers at training, or for text the most
              frequent;
            - ``effect``: what the term multiplies the prediction of its member by; NaN where the
              model adds and does not multiply;
            - ``contribution``: what it adds, in the unit of the amounts. **They sum to the
              prediction**, base included.

            ``attrs`` holds ``customer_id``, ``cutoff``, ``horizon`` and ``clv``, the prediction.

        Raises
        ------
        UnknownCustomerError
            If there is no such customer in the log by the cutoff.
        LogError, LogTypeError, CutoffError, ArgumentError
            As for :meth:`predict_customers`.

        Notes
        -----
        *LightGBM*: the exact Shapley values of the trees (TreeSHAP) of the logarithm of the
        prediction; the base is its mean over the training samples. Effects multiply, and money is
        shared among them by their logarithms. A hurdle or zero-inflated model has them for each
        of its parts.

        *Purchase models*: the probability of being alive, the purchases in the horizon of who is
        (the two multiply to the expected purchases), and the spend per purchase; the base is a
        customer with the median of each. Money is shared by Shapley values.

        *Averages*: the members' own lines, each by its weight. *Calibrations*: a last line with
        the factor.

        *Any other pipeline*: Shapley values of its first features against the medians, from 64
        random orders with a fixed seed: they sum to the prediction, and how it is split is an
        estimate (exact where at most eight features differ from the median). *Anything else*,
        such as a baseline, is one line: its prediction beside that of the median customer.

        References
        ----------
        S. M. Lundberg et al., "From local explanations to global understanding with explainable
        AI for trees", *Nature Machine Intelligence* 2 (2020) 56-67.

        Examples
        --------
        >>> from clvkit.btyd import BTYDRegressor
        >>> from clvkit.datasets import load_cdnow
        >>> from clvkit.history import latest_histories
        >>> from clvkit.serving import CLVModel
        >>> log = load_cdnow()
        >>> model = CLVModel(BTYDRegressor(), horizon="13W").fit(latest_histories(log))
        >>> table = model.explain(log, customer_id=1)
        >>> table.drop(columns="part").round(2)
                         term  value  typical  effect  contribution
        0                base    NaN      NaN     NaN          1.61
        1  purchases_if_alive   0.49     0.04   10.98         11.60
        2   probability_alive   0.66     1.00    0.66         -2.69
        3      expected_spend  25.96    35.81    0.72         -2.07
        >>> bool(abs(table["contribution"].sum() - table.attrs["clv"]) < 1e-9)
        True
        >>> model.explain(log, customer_id="1")
        Traceback (most recent call last):
            ...
        clvkit.errors.UnknownCustomerError: there is no customer '1' in the log...
        """
        check_is_fitted(self)
        if n_terms is not None and n_terms < 1:
            raise ArgumentError(f"n_terms={n_terms!r} must be 1 or more, or None for all.")
        x = _row_of(customer_id, read_to_score(self, log, cutoff, covariates))
        lines = explainer_of(self.estimator_).lines(x, self.typical_)
        table = pd.DataFrame(_strongest(lines, n_terms)).drop(columns="is_term")
        table.attrs = {
            "customer_id": customer_id,
            "cutoff": _cutoff_of(x),
            "horizon": self.horizon,
            "clv": float(self.predict(x)[0]),
        }
        return table


def learn_typical(estimator: Any, latest: pd.DataFrame) -> dict[str, Any]:
    """Return what is typical of customers, for the explanations of a fitted estimator.

    Numbers and text of no single customer but medians, so that a stored model tells of nobody.
    """
    some = np.unique(np.linspace(0, len(latest) - 1, _MAX_ROWS).astype(int))
    return explainer_of(estimator).learn(latest.iloc[some])


def _row_of(customer_id: Any, X: pd.DataFrame) -> pd.DataFrame:
    """Return the one row of a customer.

    Raises
    ------
    UnknownCustomerError
    """
    customers = X.index.get_level_values("customer_id")
    if pd.api.types.is_scalar(customer_id):
        found = np.flatnonzero(np.asarray(customers == customer_id))
        if len(found) == 1:
            return X.iloc[found]
    alike = customers[np.asarray(customers.astype(str) == str(customer_id))]
    hint = ""
    if len(alike):
        kind = "text" if isinstance(alike[0], str) else "a number"
        hint = f" The log names customers by {kind}: give customer_id={alike.tolist()[0]!r}."
    raise UnknownCustomerError(
        f"there is no customer {customer_id!r} in the log by the cutoff {_cutoff_of(X)}, which has "
        f"{len(X):,} customers, such as {customers[:3].tolist()}.{hint}"
    )


def _cutoff_of(X: pd.DataFrame) -> str:
    array = get_histories(X)
    return format_moment(int(array.cutoff_moments[0]), array.dtype.resolution)


def _strongest(lines: list[Line], n_terms: int | None) -> list[Line]:
    """Sort the terms of each part, and sum up all but the strongest ones."""
    runs = groupby(lines, key=lambda line: (line.part, line.is_term))
    return [
        line
        for (part, are_terms), run in runs
        for line in (_fold(part, list(run), n_terms) if are_terms else run)
    ]


def _fold(part: str, terms: list[Line], n_terms: int | None) -> list[Line]:
    terms = sorted(terms, key=lambda line: -abs(line.contribution))
    # One line that sums up one other alone would say less in as much room.
    if n_terms is None or len(terms) <= n_terms + 1:
        return terms
    terms, rest = terms[:n_terms], terms[n_terms:]
    effect = float(np.prod([line.effect for line in rest]))
    added = sum(line.contribution for line in rest)
    return [*terms, Line(part, _OTHERS, np.nan, np.nan, effect, added)]
