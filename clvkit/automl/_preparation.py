"""From the settings of an AutoCLV and what it is fitted on to a search that is ready to run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from clvkit.automl._bootstrap import draw_customers
from clvkit.automl._cold_start import hold_out_customers
from clvkit.automl._inputs import read_histories, search_identity
from clvkit.automl._level import add_level
from clvkit.automl._memory import MemoryLimit
from clvkit.automl._rhythm import leave_out_without_rhythm
from clvkit.automl._scoring import Scoring
from clvkit.automl._search import Search
from clvkit.automl._sharing import SharedResults
from clvkit.automl._short import learn_shorter
from clvkit.automl._study import SharedStudy
from clvkit.automl._validation import Validation, plan_validation
from clvkit.automl.candidates import Candidate, resolve_candidates
from clvkit.errors import ShortLogError

if TYPE_CHECKING:
    from clvkit.automl._auto_clv import AutoCLV

__all__ = ["Preparation", "prepare_search"]


class Preparation(NamedTuple):
    """A search, the study that it fills, and the histories that it is about."""

    search: Search
    study: SharedStudy
    histories: pd.DataFrame


def prepare_search(
    auto: AutoCLV, X: Any, y: Any, scorer: Scoring, deadline: float | None
) -> Preparation:
    """Read the log, lay out the validation, and open the study.

    Parameters
    ----------
    auto : AutoCLV
    X, y : what it is fitted on
    scorer : Scoring
    deadline : float or None
        A reading of ``time.perf_counter()`` by which everything is to be done.
    """
    candidates = resolve_candidates(auto.candidates)
    study = SharedStudy(auto.storage, auto.study_name)
    seed = study.agree_on_seed(auto.random_state)
    histories = read_histories(auto, X, y)
    validation = _plan(auto, histories, y, seed)
    candidates = leave_out_without_rhythm(candidates, auto.candidates, validation)
    if validation.regime == "short":
        candidates = _for_short_log(candidates, validation)
    limit = MemoryLimit.of(auto.memory, histories, auto.n_jobs)
    limit.warn(auto.memory, len(histories), are_samples=y is not None)
    identity = search_identity(histories, y, validation, auto.horizon_, scorer.identity)
    study.agree_on_search(identity | {"rows": str(limit.max_rows)})
    search = Search(
        candidates=limit.apply(candidates),
        validation=validation,
        scorer=scorer,
        n_trials=auto.n_trials,
        deadline=deadline,
        n_jobs=auto.n_jobs,
        seed=seed,
        patience=auto.patience,
        mixes=auto.ensemble,
        shared=SharedResults(limit.max_shared),
        bootstrap=draw_customers(validation, seed),
    )
    return Preparation(search, study, histories)


def _plan(auto: AutoCLV, histories: pd.DataFrame, y: Any, seed: int) -> Validation:
    validation = plan_validation(
        histories,
        y,
        auto.horizon_,
        n_origins=auto.n_origins,
        random_state=seed,
        splitter=auto.validation,
    )
    if auto.groups == "customers":
        validation = hold_out_customers(validation, histories, seed)
    return add_level(validation) if auto.level == "season" and y is None else validation


def _for_short_log(candidates: list[Candidate], validation: Validation) -> list[Candidate]:
    """Return what can compete where the log has no labels for the horizon that was asked for.

    What learns from labels learns those of the shorter horizon. It tells customers apart by
    them, and knows nothing of the total: without a level to bring it to, it is left out.
    """
    if validation.levelled:
        return [
            learn_shorter(one, validation.horizon) if one.label_trained else one
            for one in candidates
        ]
    remaining = [candidate for candidate in candidates if not candidate.label_trained]
    if not remaining:
        raise ShortLogError(
            "the log is too short for candidates that learn from labels, and no others were "
            "named. Add 'btyd' or 'baseline' to candidates, or give a shorter horizon."
        )
    return remaining
