"""Share of the spend that the customers ranked best hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from clvkit.inspection._plotting import axes_or_new, estimator_name
from clvkit.metrics import cumulative_gains_curve, normalized_gini
from clvkit.metrics._validation import check_predictions

__all__ = ["CumulativeGainsDisplay"]

#: Curves with more points than this are thinned: a plot cannot show them.
MAX_POINTS = 1001


class CumulativeGainsDisplay:
    """Share of all spend against the share of customers, best predictions first.

    The curve answers "which part of the revenue do I reach with the best 20 % of customers?".
    It lies between the perfect order, known only afterwards, and a random one; its area above
    the random line as a share of the perfect one's is the normalised Gini. It sees the order
    only: whether the amounts are right shows :class:`DecileCalibrationDisplay`.

    Make one with :meth:`from_predictions` or :meth:`from_estimator`.

    Parameters
    ----------
    customers : array-like of shape (n_points,)
        Shares of customers, rising from 0 to 1.
    spend, perfect : array-like of shape (n_points,)
        Share of the spend that those customers hold in the predicted and in the perfect order.
    gini : float, default=None
        Normalised Gini, for the legend.
    name : str, default=None
        Name of the model, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the plot.
    figure_ : matplotlib Figure
        Figure of those axes.
    line_ : matplotlib Line2D
        The curve of the model.

    See Also
    --------
    clvkit.metrics.normalized_gini : The area as one figure.
    clvkit.metrics.top_share_capture : One point of the curve.

    Examples
    --------
    >>> from clvkit.inspection import CumulativeGainsDisplay
    >>> spend, predicted = [0, 0, 0, 25, 75], [1, 2, 30, 20, 90]
    >>> display = CumulativeGainsDisplay.from_predictions(spend, predicted, name="my model")
    >>> display.frame().loc[:3]
       customers  spend  perfect  random
    0        0.0   0.00     0.00     0.0
    1        0.2   0.75     0.75     0.2
    2        0.4   0.75     1.00     0.4
    3        0.6   1.00     1.00     0.6
    >>> display.line_.get_label()
    'my model (normalised Gini 0.86)'
    >>> CumulativeGainsDisplay.from_predictions([0, 0], [1, 2])
    Traceback (most recent call last):
        ...
    ValueError: Cumulative gains need some spend, but the 2 values of y_true sum to 0. ...
    """

    def __init__(
        self,
        *,
        customers: ArrayLike,
        spend: ArrayLike,
        perfect: ArrayLike,
        gini: float | None = None,
        name: str | None = None,
    ):
        self.customers = customers
        self.spend = spend
        self.perfect = perfect
        self.gini = gini
        self.name = name

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        ax: Any = None,
        plot_references: bool = True,
        **line_kwargs: Any,
    ) -> CumulativeGainsDisplay:
        """Plot given actual and predicted spend.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Spend of samples that the model was not fitted on.
        y_pred : array-like of shape (n_samples,)
            Anything that ranks them; higher is better.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.
        name : str, default=None
            Name of the model, for the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default.
        plot_references : bool, default=True
            Whether to draw the perfect and the random order.
        **line_kwargs : dict
            Passed to ``matplotlib``'s ``plot`` for the curve of the model.

        Returns
        -------
        display : CumulativeGainsDisplay

        Raises
        ------
        ValueError
            When the total spend is not positive.
        """
        checked = check_predictions(y_true, y_pred, sample_weight)
        y, pred, weight = checked
        if not weight @ y > 0:
            raise ValueError(
                f"Cumulative gains need some spend, but the {len(y)} values of y_true sum to "
                f"{weight @ y:g}. Take another period, or more customers."
            )
        predicted = cumulative_gains_curve(y, pred, sample_weight=weight)
        best = cumulative_gains_curve(y, y, sample_weight=weight)
        customers = _common_points(predicted[0], best[0])
        display = cls(
            customers=customers,
            spend=np.interp(customers, *predicted),
            perfect=np.interp(customers, *best),
            gini=normalized_gini(y, pred, sample_weight=weight),
            name=name,
        )
        return display.plot(ax, plot_references=plot_references, **line_kwargs)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        ax: Any = None,
        plot_references: bool = True,
        **line_kwargs: Any,
    ) -> CumulativeGainsDisplay:
        """Plot given a fitted regressor and samples that it was not fitted on.

        Parameters
        ----------
        estimator : estimator
            Fitted regressor or pipeline.
        X : array-like or DataFrame of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Their actual spend.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.
        name : str, default=None
            Name for the legend; by default the class of the (last) estimator.
        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default. Give the ``ax_`` of another display, and
            ``plot_references=False``, to compare models.
        plot_references : bool, default=True
            Whether to draw the perfect and the random order.
        **line_kwargs : dict
            Passed to ``matplotlib``'s ``plot`` for the curve of the model.

        Returns
        -------
        display : CumulativeGainsDisplay
        """
        return cls.from_predictions(
            y,
            estimator.predict(X),
            sample_weight=sample_weight,
            name=name or estimator_name(estimator),
            ax=ax,
            plot_references=plot_references,
            **line_kwargs,
        )

    def frame(self) -> pd.DataFrame:
        """Return the plotted table: shares of customers, of spend, in perfect, in random order."""
        return pd.DataFrame(
            {
                "customers": self.customers,
                "spend": self.spend,
                "perfect": self.perfect,
                "random": self.customers,
            }
        )

    def plot(
        self, ax: Any = None, *, plot_references: bool = True, **line_kwargs: Any
    ) -> CumulativeGainsDisplay:
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default.
        plot_references : bool, default=True
            Whether to draw the perfect and the random order.
        **line_kwargs : dict
            Passed to ``matplotlib``'s ``plot`` for the curve of the model.

        Returns
        -------
        display : CumulativeGainsDisplay
        """
        ax = axes_or_new(ax)
        table = self.frame()
        if plot_references:
            thin = {"data": table, "linewidth": 1.2}
            ax.plot("customers", "perfect", color="#4b5563", ls="--", label="Perfect order", **thin)
            ax.plot("customers", "random", color="#9ca3af", ls=":", label="Random order", **thin)
        style = {"linewidth": 2.0, "label": self._label()}
        (self.line_,) = ax.plot(table["customers"], table["spend"], **{**style, **line_kwargs})
        ax.set(
            xlabel="Share of customers, best predictions first",
            ylabel="Share of all spend",
            xlim=(0, 1),
            ylim=(0, 1.02),
        )
        _in_percent(ax.xaxis, ax.yaxis)
        ax.grid(alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(loc="lower right", frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _label(self) -> str:
        label = "Prediction" if self.name is None else self.name
        known = self.gini is not None and np.isfinite(self.gini)
        return f"{label} (normalised Gini {self.gini:.2f})" if known else label


def _common_points(*shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the points of all curves, or an even grid where those are too many."""
    points = np.unique(np.concatenate(shares))
    return points if len(points) <= MAX_POINTS else np.linspace(0, 1, MAX_POINTS)


def _in_percent(*axes: Any) -> None:
    for axis in axes:
        axis.set_major_formatter(lambda share, _: f"{share:.0%}")
