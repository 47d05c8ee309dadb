"""What a fitted search shows of itself."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from clvkit.serving import calibrations

if TYPE_CHECKING:
    from clvkit.serving import CLVModel

__all__ = ["Presentation"]

#: So many lines of the leaderboard are shown in a notebook.
_N_LINES = 5


class Presentation:
    """The representations of :class:`AutoCLV`: how it was set, and once fitted what it found."""

    if TYPE_CHECKING:  # what the search has
        leaderboard_: pd.DataFrame
        model_: CLVModel

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        settings = super().__repr__(N_CHAR_MAX)  # type: ignore[call-arg]
        if not hasattr(self, "model_"):
            return settings
        lines = [f"  {name:<12} {text}" for name, text in self._findings().items()]
        return "\n".join([settings, *lines])

    def _html_repr(self) -> str:
        diagram = super()._html_repr()  # type: ignore[misc]
        if not hasattr(self, "model_"):
            return diagram
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th>"
            f"<td style='text-align:left'>{escape(text)}</td></tr>"
            for name, text in self._findings().items()
        )
        columns = ["family", "score", "total_bias", "normalized_gini", "fit_seconds"]
        best = self.leaderboard_[columns].head(_N_LINES)
        board = best.to_html(float_format="{:.3f}".format, border=0)
        return f"<div><table>{rows}</table>{board}</div>{diagram}"

    def _findings(self) -> dict[str, str]:
        """Return the result in a few words each."""
        board = self.leaderboard_
        failed = int((board["error"] != "").sum())
        found = {
            "champion": f"{board.index[0]} ({board['family'].iloc[0]}), the best of {len(board)}",
            "score": _score_of(board),
            "total": f"{board['total_bias'].iloc[0]:+.1%} off, in the mean of the origins",
            "validation": f"{board['regime'].iloc[0]}: {board.attrs['protocol']}",
            "calibration": ", ".join(calibrations(self.model_.estimator_)) or "none",
        }
        if failed:
            found["failed"] = f"{failed}, see leaderboard_['error']"
        return found


def _score_of(board: pd.DataFrame) -> str:
    """Return the champion's score beside its spread and the best baseline."""
    best = board.iloc[0]
    text = f"{board.attrs['scoring']} {best['score']:.4g}"
    by_origin = [best[name] for name in board.columns if str(name).startswith("score@")]
    if len(by_origin) > 1:
        text += f" ({min(by_origin):.4g} to {max(by_origin):.4g} at {len(by_origin)} origins)"
    is_baseline = board["family"] == "baseline"
    if is_baseline.iloc[0]:
        return text if is_baseline.all() else f"{text}; no model was better than this baseline"
    baselines = board.loc[is_baseline & board["score"].notna(), "score"]
    if len(baselines):
        text += f"; {baselines.index[0]}, the best baseline, {baselines.iloc[0]:.4g}"
    return text
