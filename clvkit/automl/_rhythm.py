"""Whether purchases have a rhythm, so that models of regular purchases should compete."""

from __future__ import annotations

from typing import Any

from clvkit.automl._validation import Validation
from clvkit.automl.candidates import Candidate
from clvkit.btyd import regularity
from clvkit.errors import SummaryError
from clvkit.history import latest_rows, rfm_summary

__all__ = ["leave_out_without_rhythm"]

#: Candidates whose purchases come at regular intervals.
RHYTHMIC = ("mbg_cnbd", "pareto_ggg")
#: Random purchases have k = 1. Below this k, whatever its error, the random models say as much.
_LEAST = 1.25


def leave_out_without_rhythm(
    candidates: list[Candidate], asked: Any, validation: Validation
) -> list[Candidate]:
    """Return the candidates without those of regular purchases, where there is no regularity.

    It is seen in the histories as they were at the earliest origin. What was asked for by its own
    name, or given, competes in any case.
    """
    asked = [asked] if isinstance(asked, str) else asked
    named = [one.name if isinstance(one, Candidate) else one for one in asked]
    doubtful = {one for one in RHYTHMIC if one not in named}
    if not any(candidate.name in doubtful for candidate in candidates) or _has_rhythm(validation):
        return candidates
    return [candidate for candidate in candidates if candidate.name not in doubtful]


def _has_rhythm(validation: Validation) -> bool:
    known = latest_rows(min(validation.folds, key=lambda fold: fold.origin).X_known)
    try:
        seen = regularity(rfm_summary(known, gaps=True))
    except SummaryError:  # nobody has bought three times
        return False
    return seen.k - 2.0 * seen.standard_error > _LEAST
