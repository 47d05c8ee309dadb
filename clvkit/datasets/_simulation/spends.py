"""What customers spend at a purchase, independently of when they buy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["SPENDS", "Spend"]

Array = NDArray[np.float64]
Params = dict[str, float]


class Spend(ABC):
    """A model of amounts: a latent value of each customer, and draws around it."""

    defaults: ClassVar[Params]

    @abstractmethod
    def draw_latent(self, params: Params, n: int, rng: np.random.Generator) -> Array:
        """Draw the latent value of every customer."""

    @abstractmethod
    def draw(self, params: Params, latent: Array, rng: np.random.Generator) -> Array:
        """Draw the amount of one purchase for each latent value."""

    @abstractmethod
    def mean(self, params: Params, latent: Array) -> Array:
        """Return the expected amount of a purchase."""


class GammaGamma(Spend):
    """Gamma amounts whose rate is Gamma(q, gamma) over customers (Fader and Hardie, 2013)."""

    # Of the repeat purchases of the CDNOW log.
    defaults = {"p": 6.25, "q": 3.74, "gamma": 15.44}

    def draw_latent(self, params: Params, n: int, rng: np.random.Generator) -> Array:
        return rng.gamma(params["q"], 1.0 / params["gamma"], n)

    def draw(self, params: Params, latent: Array, rng: np.random.Generator) -> Array:
        return rng.gamma(params["p"], 1.0, len(latent)) / latent

    def mean(self, params: Params, latent: Array) -> Array:
        return params["p"] / latent


class ZeroInflatedLognormal(Spend):
    """Free with a fixed chance, else lognormal about a location of the customer's own."""

    defaults = {"zero": 0.1, "mu": 3.0, "sigma": 0.6, "sigma_customers": 0.5}

    def draw_latent(self, params: Params, n: int, rng: np.random.Generator) -> Array:
        return params["mu"] + params["sigma_customers"] * rng.standard_normal(n)

    def draw(self, params: Params, latent: Array, rng: np.random.Generator) -> Array:
        amount = np.exp(latent + params["sigma"] * rng.standard_normal(len(latent)))
        return np.where(rng.random(len(latent)) < params["zero"], 0.0, amount)

    def mean(self, params: Params, latent: Array) -> Array:
        return (1.0 - params["zero"]) * np.exp(latent + params["sigma"] ** 2 / 2.0)


#: Name -> spend model.
SPENDS: dict[str, Spend] = {
    "gamma_gamma": GammaGamma(),
    "zero_inflated_lognormal": ZeroInflatedLognormal(),
}
