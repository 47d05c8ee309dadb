"""What a fitted search tells people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from clvkit.serving import CLVModel

__all__ = ["Presentation"]


class Presentation:
    """The methods of :class:`AutoCLV` that explain and show what was found."""

    if TYPE_CHECKING:  # what the search has
        covariates: Any
        model_: CLVModel

    def explain(
        self, log: Any, customer_id: Any, cutoff: Any = None, **settings: Any
    ) -> pd.DataFrame:
        """Return a frame that says why a customer is valued so.

        See :meth:`clvkit.serving.CLVModel.explain`.
        """
        check_is_fitted(self, "model_")
        settings.setdefault("covariates", self.covariates)
        return self.model_.explain(log, customer_id, cutoff, **settings)
