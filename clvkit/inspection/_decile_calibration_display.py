"""Predicted against actual mean spend in each tenth of the customers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from clvkit.inspection._plotting import axes_or_new, estimator_name
from clvkit.metrics import decile_calibration_curve

__all__ = ["DecileCalibrationDisplay"]


class DecileCalibrationDisplay:
    """Mean predicted and mean actual spend per decile of the prediction.

    Customers are sorted by their prediction and cut into tenths. Where the dots meet the bars
    the amounts can be believed; the figure above each bar is the relative miss. Dots above the
    first bars and below the last ones are a model that exaggerates differences. For the order
    alone see :class:`CumulativeGainsDisplay`. Below a few hundred customers the bars are mostly
    noise.

    Make one with :meth:`from_predictions` or :meth:`from_estimator`.

    Parameters
    ----------
    predicted, actual : array-like of shape (10,)
        Mean predicted and mean actual spend per customer, the decile with the highest
        predictions first, as :func:`~clvkit.metrics.decile_calibration_curve` returns them.
    name : str, default=None
        Name of the model, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the plot.
    figure_ : matplotlib Figure
        Figure of those axes.
    bars_ : matplotlib BarContainer
        The actual means.
    line_ : matplotlib Line2D
        The predicted means.
    misses_ : list of matplotlib Annotation
        Predicted over actual mean less one, written above each decile with any spend.

    See Also
    --------
    clvkit.metrics.decile_calibration_error : The mean miss as one figure.

    Examples
    --------
    >>> import numpy as np
    >>> from clvkit.inspection import DecileCalibrationDisplay
    >>> rng = np.random.default_rng(0)
    >>> expected = rng.gamma(0.5, 40, 2000)
    >>> spend = np.where(rng.random(2000) < 0.25, 4 * expected, 0)
    >>> display = DecileCalibrationDisplay.from_predictions(spend, expected, name="the truth")
    >>> display.frame().loc[10].round()
    predicted     82.0
    actual       105.0
    Name: 10, dtype: float64
    >>> display.figure_.savefig("calibration.png")  # doctest: +SKIP
    """

    def __init__(self, *, predicted: ArrayLike, actual: ArrayLike, name: str | None = None):
        self.predicted = predicted
        self.actual = actual
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
        **line_kwargs: Any,
    ) -> DecileCalibrationDisplay:
        """Plot given actual and predicted spend.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_samples,)
            Spend and predicted spend, on samples that the model was not fitted on.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.
        name : str, default=None
            Name of the model, for the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default.
        **line_kwargs : dict
            Passed to ``matplotlib``'s ``plot`` for the predicted means.

        Returns
        -------
        display : DecileCalibrationDisplay
        """
        predicted, actual = decile_calibration_curve(y_true, y_pred, sample_weight=sample_weight)
        return cls(predicted=predicted, actual=actual, name=name).plot(ax, **line_kwargs)

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
        **line_kwargs: Any,
    ) -> DecileCalibrationDisplay:
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
            Axes to draw on; a new figure by default.
        **line_kwargs : dict
            Passed to ``matplotlib``'s ``plot`` for the predicted means.

        Returns
        -------
        display : DecileCalibrationDisplay
        """
        return cls.from_predictions(
            y,
            estimator.predict(X),
            sample_weight=sample_weight,
            name=name or estimator_name(estimator),
            ax=ax,
            **line_kwargs,
        )

    def frame(self) -> pd.DataFrame:
        """Return the plotted table: ``predicted`` and ``actual`` by decile, 10 the highest.

        Deciles are numbered as the segments of :class:`clvkit.serving.CLVModel` are.
        """
        deciles = pd.RangeIndex(len(np.asarray(self.predicted)), 0, -1, name="decile")
        return pd.DataFrame({"predicted": self.predicted, "actual": self.actual}, index=deciles)

    def plot(self, ax: Any = None, **line_kwargs: Any) -> DecileCalibrationDisplay:
        """Draw the deciles.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default.
        **line_kwargs : dict
            Passed to ``matplotlib``'s ``plot`` for the predicted means.

        Returns
        -------
        display : DecileCalibrationDisplay
        """
        ax = axes_or_new(ax)
        table = self.frame()
        self.bars_ = ax.bar(
            table.index, table["actual"], width=0.72, color="#c3cedb", label="Actual"
        )
        style = {"color": "#c2410c", "marker": "o", "linestyle": "none", "label": self._label()}
        (self.line_,) = ax.plot(table.index, table["predicted"], **{**style, **line_kwargs})
        ax.set(
            xlabel="Decile of customers by prediction (10 = highest)",
            ylabel="Mean spend per customer",
            xticks=table.index,
        )
        ax.invert_xaxis()
        self.misses_ = self._write_misses(ax)
        ax.margins(y=0.1)
        ax.yaxis.set_major_formatter("{x:,g}")
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _label(self) -> str:
        label = "Predicted" if self.name is None else f"Predicted by {self.name}"
        predicted, actual = self.frame().mean()
        return f"{label} (total {predicted / actual - 1:+.1%})" if actual > 0 else label

    def _write_misses(self, ax: Any) -> list[Any]:
        """Write by how much each decile is missed, for the bars too small to see it."""
        rows = self.frame().query("actual > 0").itertuples()
        return [
            ax.annotate(
                f"{predicted / actual - 1:+.0%}",
                (decile, max(predicted, actual)),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
                fontsize="small",
                color="#4b5563",
            )
            for decile, predicted, actual in rows
        ]
