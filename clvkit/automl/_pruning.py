"""Which candidates are hopeless after their first origin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clvkit.automl._evaluation import Evaluation

__all__ = ["Hurdle", "hurdle_of"]

#: So many complete evaluations tell how far the first origin can mislead.
LEAST_RIVALS = 8

#: A candidate is given up where the first origin would have to mislead so many times as much.
_DEVIATIONS = 3.0


@dataclass(frozen=True)
class Hurdle:
    """The score at the first origin below which a candidate is not tried at the others."""

    score: float

    def stops(self, score: float) -> bool:
        """Whether a candidate with this score at the first origin is hopeless."""
        return score < self.score


def hurdle_of(done: Sequence[Evaluation]) -> Hurdle | None:
    """Return the hurdle that earlier batches set; None while they are too few.

    The first origin misleads: a candidate's distance to the leader there is not its mean distance
    over all origins. How much it does so is the spread of that difference among the candidates
    that were tried at all origins (by the median, for a few are far off in any respect). A
    candidate that lies further behind the leader at the same origin than three times that, and
    in the lower half too, would have to be an exception to lead in the end.

    Parameters
    ----------
    done : sequence of Evaluation
        Those of earlier batches only: what runs at the same time must not decide.

    Notes
    -----
    It is not free of error, and saves nothing with one origin. Defaults are never stopped.
    """
    scores = [result.scores for result in done if np.isfinite(result.score)]
    if len(scores) < LEAST_RIVALS or len(scores[0]) < 2:
        return None
    by_origin = np.array(scores)
    leader = by_origin[by_origin.mean(axis=1).argmax()]
    behind = by_origin - leader
    misled = np.abs(behind[:, 0] - behind.mean(axis=1))
    spread = float(np.median(misled)) / 0.6745  # that of a normal law
    return Hurdle(min(float(leader[0]) - _DEVIATIONS * spread, float(np.median(by_origin[:, 0]))))
