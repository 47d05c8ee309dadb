"""When a parameter of a contractual model runs to the boundary of its range: what it means."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._likelihood_model import ALIKE, Boundary
from clvkit.btyd._tenures import Tenures

__all__ = ["churn_boundaries", "churn_starts"]

Array = NDArray[np.float64]

#: Below this a probability is nothing.
_NOTHING = 1e-6
#: Below this sum of its parameters a Beta variable is 0 or 1.
_ALL_OR_NONE = 1e-3
#: Outside of these time does not count, or does not go on.
_STANDS, _RUNS = 1e-2, 30.0


def churn_starts(rows: Tenures, weights: Array, shapes: tuple[float, ...]) -> list[Array]:
    """Return starts at the mean churn, with customers who differ much, for each value of c."""
    asked = float(weights @ (rows.tenure - rows.entry))
    lost = float(weights @ rows.churned)
    mean = (lost + 0.5) / (asked + 1.0)
    common = [2.0 * mean, 2.0 * (1.0 - mean)]
    return [np.log([*common, *([c] if shapes != (1.0,) else [])]) for c in shapes]


def churn_boundaries(
    params: dict[str, float], rows: Tenures, weights: Array, *, nested: str
) -> list[Boundary]:
    """Diagnose alpha and beta (and c): what their ends amount to.

    ``nested`` is the lifetime of customers who are all alike, in words.
    """
    names = tuple(params)
    alpha, beta = params["alpha"], params["beta"]
    lost = float(weights @ rows.churned)
    periods = len(np.unique(rows.tenure[rows.tenure > rows.entry]))
    asked = float(rows.tenure.max()) - float(rows.entry.min())
    if lost == 0.0:
        return [
            Boundary(
                names,
                "nobody has refused a renewal, so that nobody is expected to. Wait until some do, "
                "or give a prior.",
            )
        ]
    if beta / (alpha + beta) < _NOTHING:
        return [Boundary(names, "every customer refuses the first renewal.")]
    if min(asked, periods + 1.0) < len(params):
        return [
            Boundary(
                names,
                f"customers were asked to renew at most {asked:.0f} times, which is too little to "
                f"tell {len(params)} parameters apart: the mean churn so far is known, and what "
                "comes later is not. Bring longer tenures, or give a prior.",
            )
        ]
    found = _shape_boundary(params)
    if found:
        return found
    both = ("alpha", "beta")
    if alpha + beta < _ALL_OR_NONE:
        return [
            Boundary(
                both,
                f"{alpha / (alpha + beta):.0%} of the customers refuse the first renewal, and the "
                "others never do.",
            )
        ]
    if alpha + beta > ALIKE:
        return [
            Boundary(
                both,
                "all customers refuse the first renewal with the same probability "
                f"alpha / (alpha + beta) = {alpha / (alpha + beta):.3g} (the nested model with "
                f"{nested}).",
            )
        ]
    return []


def _shape_boundary(params: dict[str, float]) -> list[Boundary]:
    c = params.get("c", 1.0)
    if c < _STANDS:
        return [Boundary(("c",), "who takes the first renewal takes all of them.")]
    if c > _RUNS:
        power = params["alpha"] * c
        return [
            Boundary(
                tuple(params),
                f"the share of customers who stay falls as a power of tenure, t^-{power:.3g}; only "
                "the product alpha c, which that is, is known.",
            )
        ]
    return []
