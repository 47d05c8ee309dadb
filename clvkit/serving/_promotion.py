"""What came of a challenge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

__all__ = ["Promotion"]


@dataclass(frozen=True)
class Promotion:
    """What came of a challenge; see :func:`promote`.

    Attributes
    ----------
    name : str
        Name of the registered model.
    champion, challenger : int or None, and int
        Versions. No champion where there was none.
    promoted : bool
        Whether the challenger is the champion now.
    reason : str
        Why, in one sentence.
    gain, lower, upper : float
        Score of the challenger less that of the champion, and the interval around it; NaN where
        there was no champion.
    min_gain : float
        What the lower end had to exceed.
    scoring : str
    horizon : str
    origin : str
        Both predicted the horizon after this day; empty where there was no champion.
    n_customers : int
    run_id : str
        Of the run that keeps the comparison.

    Examples
    --------
    >>> from clvkit.serving import Promotion
    >>> result = Promotion("shop-clv", 1, 2, False, "Within noise.", 0.002, -0.004, 0.009)
    >>> bool(result.promoted), result.lower > result.min_gain
    (False, False)
    """

    name: str
    champion: int | None
    challenger: int
    promoted: bool
    reason: str
    gain: float = float("nan")
    lower: float = float("nan")
    upper: float = float("nan")
    min_gain: float = 0.0
    scoring: str = "d2_tweedie"
    horizon: str = ""
    origin: str = ""
    n_customers: int = 0
    run_id: str = ""
    metrics: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)

    def frame(self) -> pd.DataFrame:
        """Return all metrics, a row for the champion and one for the challenger.

        Returns
        -------
        DataFrame
            With ``version``, ``trained_to`` and the columns of :func:`clvkit.metrics.clv_metrics`;
            empty where there was no champion.
        """
        return self.metrics.copy()

    def plot(self, ax: Any = None) -> Any:
        """Draw the gain with its interval, and what the lower end had to exceed.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default.

        Returns
        -------
        matplotlib Axes
        """
        from clvkit.inspection._plotting import axes_or_new

        ax = axes_or_new(ax)
        color = "#15803d" if self.promoted else "#c2410c"
        ax.plot([self.lower, self.upper], [0, 0], color=color, linewidth=2.5, label="Interval")
        ax.plot([self.gain], [0], color=color, marker="o", linestyle="none", label="Gain")
        ax.axvline(self.min_gain, color="#4b5563", linestyle="--", label="Least gain")
        ax.set(
            xlabel=f"{self.scoring} of version {self.challenger} less that of {self.champion}",
            yticks=[],
            title=self.reason,
        )
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.legend(frameon=False)
        return ax
