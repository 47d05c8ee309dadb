"""Comparisons find leaks that only rows of several cutoffs show."""

import numpy as np
import pytest

from clvkit.features import CohortFeatures, RFMFeatures
from clvkit.testing._history_logs import Rows, another_future, random_logs
from clvkit.testing._history_properties import check_comparison, no_future


class LateQuintiles(RFMFeatures):
    """Leaks: the quintiles of the last cutoff of fit for all earlier rows as well."""

    def fit(self, X, y=None):
        super().fit(X)
        self.score_times_ = self.score_times_[:1]
        self.score_edges_ = self.score_edges_[-1:]
        return self


class LateCohorts(CohortFeatures):
    """Leaks: the latest figures of each cohort for all earlier rows as well."""

    def _find_cells(self, cohort, age, known):
        latest = np.full_like(known, self.last_period_)
        return super()._find_cells(cohort, np.maximum(latest - cohort, 0), latest)


@pytest.mark.parametrize(
    ("honest", "leaking"), [(RFMFeatures, LateQuintiles), (CohortFeatures, LateCohorts)]
)
def test_a_group_that_forgets_the_cutoffs_of_its_rows_is_found(honest, leaking):
    logs, cutoffs = random_logs(3), ["2023-12-31", "2024-01-31", "2024-03-31"]
    other = another_future(logs, cutoffs[0], np.random.default_rng(0))
    comparison = no_future(Rows(logs), Rows(other), cutoffs[0], cutoffs)
    check_comparison(honest(), comparison)
    with pytest.raises(AssertionError, match="events after the cutoff 2023-12-31"):
        check_comparison(leaking(), comparison)
