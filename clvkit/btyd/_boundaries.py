"""When a parameter runs to the boundary of its range: what simpler model that amounts to."""

from __future__ import annotations

import numpy as np

from clvkit.btyd._likelihood_model import ALIKE, Boundary
from clvkit.btyd._summary import Rows

#: Below this a probability is nothing, for any number of purchases a log can hold.
_NOTHING = 1e-6


def rate_boundaries(params: dict[str, float], rows: Rows) -> list[Boundary]:
    """Diagnose r and alpha, the heterogeneity of the purchase rate."""
    if not rows.frequency.any():
        return [
            Boundary(
                ("r", "alpha"),
                "no customer has bought again, so that expected repeat purchases are "
                "practically 0. Wait for repeat purchases, or bring customers who have some.",
            )
        ]
    if params["r"] > ALIKE:
        return [
            Boundary(
                ("r", "alpha"),
                "all customers buy at the same rate r / alpha (the nested model with a Poisson "
                "count instead of the NBD).",
            )
        ]
    return []


def dropout_boundaries(
    params: dict[str, float], rows: Rows, *, first: str = "first repeat"
) -> list[Boundary]:
    """Diagnose a and b, the heterogeneity of the dropout probability.

    ``first`` names the first purchase after which a customer may drop out.
    """
    a, b = params["a"], params["b"]
    both = ("a", "b")
    if not rows.frequency.any():
        return [Boundary(both, "without repeat purchases nothing tells about dropout.")]
    if a / (a + b) < _NOTHING:
        return [Boundary(both, "no customer drops out, which is the nested model NBD.")]
    if b / (a + b) < _NOTHING:
        return [Boundary(both, f"every customer drops out after the {first} purchase.")]
    if a + b > ALIKE:
        return [
            Boundary(
                both,
                "all customers have the same dropout probability "
                f"a / (a + b) = {a / (a + b):.3g} (the nested model with a geometric "
                "lifetime instead of the Beta-geometric).",
            )
        ]
    return []


def lifetime_boundaries(params: dict[str, float], rows: Rows) -> list[Boundary]:
    """Diagnose s and beta, the heterogeneity of the rate at which lifetimes end."""
    s, beta = params["s"], params["beta"]
    both = ("s", "beta")
    if not rows.frequency.any():
        return [Boundary(both, "without repeat purchases nothing tells about dropout.")]
    if s * np.log1p(rows.T.max() / beta) < _NOTHING:
        return [Boundary(both, "no customer drops out, which is the nested model NBD.")]
    typical = float(rows.T.mean())
    if beta < _NOTHING * typical:
        lost = -np.expm1(-s * np.log1p(typical / beta))
        return [
            Boundary(
                both,
                f"{lost:.0%} of the customers are lost right after the first purchase, and hardly "
                "any later.",
            )
        ]
    if s > ALIKE:
        return [
            Boundary(
                both,
                f"all customers drop out at the same rate s / beta = {s / beta:.3g} (the nested "
                "model with an exponential lifetime instead of the Pareto).",
            )
        ]
    return []
