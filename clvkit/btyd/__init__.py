"""Buy-till-you-die models: when customers buy, whether they will again, and what they spend."""

from clvkit.btyd._beta_geo_nbd import BetaGeoNBD
from clvkit.btyd._btyd_regressor import BTYDRegressor
from clvkit.btyd._gamma_gamma import GammaGamma

__all__ = ["BTYDRegressor", "BetaGeoNBD", "GammaGamma"]
