"""When a parameter runs to the boundary of its range: what simpler model that amounts to."""

from __future__ import annotations

import numpy as np

from clvkit.btyd._gompertz import decay
from clvkit.btyd._likelihood_model import ALIKE, Boundary
from clvkit.btyd._special import log_survival
from clvkit.btyd._summary import Rows

#: Below this a probability is nothing, for any number of purchases a log can hold.
_NOTHING = 1e-6
#: Below this sum of its parameters a Beta variable is 0 or 1.
_ALL_OR_NONE = 1e-3
#: Below this growth within a typical age, of its logarithm, the risk of being lost is constant.
_NO_AGEING = 1e-3
#: From here on, or its inverse, a dependence is that of the end of its range.
_WHOLE_RANGE = 1e-3
#: A logarithm of k that is not told from that of Poisson purchases.
_POISSON = 0.05
#: Opportunities that histories need to tell four parameters apart: at two, three chances differ.
_FEWEST = 3


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
    params: dict[str, float], rows: Rows, *, first: str = "first repeat", nested: str = "NBD"
) -> list[Boundary]:
    """Diagnose a and b, the heterogeneity of the dropout probability.

    ``first`` names the first purchase after which a customer may drop out, ``nested`` what the
    model is if nobody does.
    """
    a, b = params["a"], params["b"]
    both = ("a", "b")
    if not rows.frequency.any():
        return [Boundary(both, "without repeat purchases nothing tells about dropout.")]
    if a / (a + b) < _NOTHING:
        return [Boundary(both, f"no dropout detected: {nested} fits as well.")]
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


def dependence_boundaries(params: dict[str, float]) -> list[Boundary]:
    """Diagnose how far the rates of purchase and dropout depend on each other."""
    c = params["dependence"]
    if _WHOLE_RANGE < c < 1.0 / _WHOLE_RANGE:
        return []
    end = "positively" if c > 1.0 else "negatively"
    return [
        Boundary(
            ("dependence",),
            f"the rates of purchase and dropout are correlated as {end} as the Sarmanov family "
            "can have it with such distributions; the correlation may be stronger.",
        )
    ]


def lifetime_boundaries(
    params: dict[str, float], rows: Rows, *, nested: str = "NBD"
) -> list[Boundary]:
    """Diagnose s and beta, the heterogeneity of the rate at which lifetimes end."""
    s, beta = params["s"], params["beta"]
    both = ("s", "beta")
    if not rows.frequency.any():
        return [Boundary(both, "without repeat purchases nothing tells about dropout.")]
    if s * np.log1p(rows.T.max() / beta) < _NOTHING:
        return [Boundary(both, f"no dropout detected: {nested} fits as well.")]
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


def rhythm_boundaries(params: dict[str, float], rows: Rows) -> list[Boundary]:
    """Diagnose t and gamma, the heterogeneity of regularity."""
    both = ("t", "gamma")
    if not rows.frequency.any():
        return [Boundary(both, "without repeat purchases nothing tells about regularity.")]
    if params["t"] > ALIKE:
        k = params["t"] / params["gamma"]
        return [
            Boundary(
                both,
                f"all customers are equally regular, k = t / gamma = {k:.3g}"
                + (": ParetoNBD fits as well." if abs(np.log(k)) < _POISSON else "."),
            )
        ]
    return []


def ageing_boundaries(params: dict[str, float], rows: Rows) -> list[Boundary]:
    """Diagnose b, s and beta, the risk of being lost and how it grows with age."""
    b, s, beta = params["b"], params["s"], params["beta"]
    both = ("s", "beta")
    if not rows.frequency.any():
        return [Boundary(both, "without repeat purchases nothing tells about dropout.")]
    if s * float(decay(b, beta, rows.T.max())) < _NOTHING:
        return [Boundary(both, "no dropout detected: NBD fits as well.")]
    typical = float(rows.T.mean())
    if b * typical < _NO_AGEING:
        return [
            Boundary(
                ("b", "beta"),
                "the risk of being lost does not grow with age, and only beta / b = "
                f"{beta / b:.4g} is known: ParetoNBD with that beta fits as well.",
            )
        ]
    if s > ALIKE:
        return [
            Boundary(
                both,
                "all customers of an age are lost at the same rate (only s / beta = "
                f"{s / beta:.3g} is known: the nested model with a Gompertz lifetime).",
            )
        ]
    return []


def opportunity_boundaries(params: dict[str, float], rows: Rows) -> list[Boundary]:
    """Diagnose the probabilities of a purchase, and of dropout, at one of many opportunities."""
    dropout = ("gamma", "delta")
    if not rows.frequency.any():
        return [
            Boundary(
                ("alpha", "beta"),
                "no customer has bought again, so that expected repeat purchases are "
                "practically 0. Wait for repeat purchases, or bring customers who have some.",
            ),
            Boundary(dropout, "without repeat purchases nothing tells about dropout."),
        ]
    if rows.T.max() < _FEWEST:
        return [
            Boundary(
                ("alpha", "beta", *dropout),
                f"histories of at most {rows.T.max():.0f} opportunities differ too little to tell "
                "four parameters apart, and others would fit as well. Bring longer histories.",
            )
        ]
    return _purchase_chance(params) + _dropout_chance(params, float(rows.T.max()))


def _purchase_chance(params: dict[str, float]) -> list[Boundary]:
    alpha, beta = params["alpha"], params["beta"]
    both = ("alpha", "beta")
    if min(alpha, beta) < _NOTHING and alpha + beta < _ALL_OR_NONE:
        return [
            Boundary(
                both,
                f"{alpha / (alpha + beta):.0%} of the customers buy at every opportunity while "
                "they are alive, and the others at none.",
            )
        ]
    if min(beta, beta / (alpha + beta)) < _NOTHING:
        return [Boundary(both, "customers buy at every opportunity while they are alive.")]
    if alpha + beta > ALIKE:
        return [
            Boundary(
                both,
                "all customers buy with the same probability alpha / (alpha + beta) = "
                f"{alpha / (alpha + beta):.3g} (the nested model with a binomial count instead of "
                "the Beta-binomial).",
            )
        ]
    return []


def _dropout_chance(params: dict[str, float], longest: float) -> list[Boundary]:
    gamma, delta = params["gamma"], params["delta"]
    both = ("gamma", "delta")
    if -log_survival(delta, gamma, longest) < _NOTHING:
        return [Boundary(both, "no dropout detected: the nested Beta-binomial model fits as well.")]
    if min(gamma, delta) < _NOTHING and gamma + delta < _ALL_OR_NONE:
        return [
            Boundary(
                both,
                f"{gamma / (gamma + delta):.0%} of the customers are lost before the first "
                "opportunity, and the others never.",
            )
        ]
    if gamma + delta > ALIKE:
        return [
            Boundary(
                both,
                "all customers have the same dropout probability gamma / (gamma + delta) = "
                f"{gamma / (gamma + delta):.3g} (the nested model with a geometric lifetime "
                "instead of the Beta-geometric).",
            )
        ]
    return []
