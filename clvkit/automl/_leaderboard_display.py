"""The candidates of a leaderboard side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from clvkit.inspection._plotting import axes_or_new

__all__ = ["LeaderboardDisplay"]

#: The axis begins so many times the distance of the middle candidate below the best one.
_REACH = 4.0


class LeaderboardDisplay:
    """Scores of the best candidates, in the mean and at each origin.

    Where the small dots of two candidates overlap, their order on the leaderboard is a matter of
    the origins that were chosen. Candidates far below the others stand at the edge with their
    mean in figures, lest the others fall into one. Make one with ``auto.leaderboard_.plot()``.

    Parameters
    ----------
    scores : array-like of shape (n_candidates, n_origins)
        Score at each origin, the best candidate first.
    names, families : list of str of length n_candidates
    baseline : float, default=None
        Score of the best baseline, drawn as a line.
    scoring : str, default="score"
        What the score is, for the axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the plot.
    figure_ : matplotlib Figure
        Figure of those axes.
    means_, origins_ : matplotlib PathCollection
        Dots of the means, and of the origins.

    Examples
    --------
    >>> from clvkit.automl._leaderboard_display import LeaderboardDisplay
    >>> display = LeaderboardDisplay(
    ...     scores=[[0.31, 0.28], [0.25, 0.21]], names=["tweedie", "bg_nbd"],
    ...     families=["boosting", "btyd"], baseline=0.14, scoring="d2_tweedie",
    ... )
    >>> display.plot().figure_.savefig("leaderboard.png")  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        scores: ArrayLike,
        names: list[str],
        families: list[str],
        baseline: float | None = None,
        scoring: str = "score",
    ) -> None:
        self.scores = scores
        self.names = names
        self.families = families
        self.baseline = baseline
        self.scoring = scoring

    @classmethod
    def from_leaderboard(
        cls, leaderboard: pd.DataFrame, *, n_candidates: int = 15, ax: Any = None
    ) -> LeaderboardDisplay:
        """Plot the first candidates of a leaderboard, or of a part of one.

        Parameters
        ----------
        leaderboard : DataFrame
            With a column ``score``, and those of the origins.
        n_candidates : int, default=15
        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default.

        Returns
        -------
        display : LeaderboardDisplay
        """
        scored = leaderboard[leaderboard["score"].notna()]
        shown = scored.iloc[:n_candidates]
        origins = [name for name in shown if str(name).startswith("score@")]
        baseline = leaderboard.attrs.get("baseline", "")
        return cls(
            scores=shown[origins or ["score"]].to_numpy(dtype=np.float64),
            names=[str(name) for name in shown.index],
            families=shown["family"].tolist() if "family" in shown else [""] * len(shown),
            baseline=float(scored["score"][baseline]) if baseline in scored.index else None,
            scoring=leaderboard.attrs.get("scoring", "score"),
        ).plot(ax)

    def plot(self, ax: Any = None) -> LeaderboardDisplay:
        """Draw the candidates, the best one on top.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default.

        Returns
        -------
        display : LeaderboardDisplay
        """
        ax = axes_or_new(ax)
        scores = np.asarray(self.scores, dtype=np.float64)
        place = np.arange(len(scores))
        spread = np.repeat(place, scores.shape[1])
        self.origins_ = ax.scatter(scores.ravel(), spread, s=14, color="#c3cedb", label="An origin")
        self.means_ = ax.scatter(scores.mean(axis=1), place, color="#c2410c", label="Mean")
        if self.baseline is not None:
            style = {"color": "#4b5563", "linestyle": "--", "linewidth": 1}
            ax.axvline(self.baseline, label="Best baseline", **style)
        labels = [
            f"{name} ({family})" if family else name
            for name, family in zip(self.names, self.families, strict=True)
        ]
        self._mark_far_below(ax, scores)
        ax.set_yticks(place, labels)
        ax.invert_yaxis()
        ax.set_xlabel(f"{self.scoring} at past origins (greater is better)")
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, loc="upper left")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _mark_far_below(self, ax: Any, scores: NDArray[np.float64]) -> None:
        """Begin the axis where most candidates are, and name the means that are left of it."""
        means = scores.mean(axis=1)
        best, known = np.max(means), [np.median(means)]
        known += [] if self.baseline is None else [self.baseline]
        edge = best - _REACH * (best - np.min(known))
        if not scores.min() < edge:
            return
        ax.set_xlim(edge, scores.max() + 0.05 * (scores.max() - edge))
        for place in np.flatnonzero(means < edge):
            text = f"\N{BLACK LEFT-POINTING SMALL TRIANGLE} {means[place]:.3g}"
            ax.annotate(text, (edge, place), (3, 0), textcoords="offset points", va="center")
