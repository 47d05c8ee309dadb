"""Buy-till-you-die models: when customers buy, whether they will again, and what they spend."""

from clvkit.btyd._beta_discrete_weibull import BetaDiscreteWeibull
from clvkit.btyd._beta_geo_beta_binom import BetaGeoBetaBinom
from clvkit.btyd._beta_geo_cnbd import BetaGeoCNBD
from clvkit.btyd._beta_geo_nbd import BetaGeoNBD
from clvkit.btyd._btyd_regressor import BTYDRegressor
from clvkit.btyd._conditional_gamma_gamma import ConditionalGammaGamma
from clvkit.btyd._contract_curve import ContractCurve
from clvkit.btyd._contract_payments import payments_from_contracts
from clvkit.btyd._contractual_clv_regressor import ContractualCLVRegressor
from clvkit.btyd._correlated_pareto_nbd import CorrelatedParetoNBD
from clvkit.btyd._covariate_calendar import covariate_calendar
from clvkit.btyd._gamma_gamma import GammaGamma
from clvkit.btyd._gompertz_gamma_nbd import GompertzGammaNBD
from clvkit.btyd._independence import Independence, check_independence
from clvkit.btyd._inference import LikelihoodRatioTest, likelihood_ratio_test
from clvkit.btyd._left_truncated_beta_geo_nbd import LeftTruncatedBetaGeoNBD
from clvkit.btyd._left_truncated_pareto_nbd import LeftTruncatedParetoNBD
from clvkit.btyd._modified_beta_geo_cnbd import ModifiedBetaGeoCNBD
from clvkit.btyd._modified_beta_geo_nbd import ModifiedBetaGeoNBD
from clvkit.btyd._nbd import NBD
from clvkit.btyd._pareto_ggg import ParetoGGG
from clvkit.btyd._pareto_nbd import ParetoNBD
from clvkit.btyd._purchase_model_features import PurchaseModelFeatures
from clvkit.btyd._regularity import Regularity, regularity
from clvkit.btyd._shifted_beta_geo import ShiftedBetaGeo
from clvkit.btyd._tenures import life_table, tenures_from_cohorts
from clvkit.btyd._time_varying_pareto_nbd import TimeVaryingParetoNBD
from clvkit.btyd._tracking import (
    FrequencyHistogram,
    PurchaseTracking,
    frequency_histogram,
    track_purchases,
)

__all__ = [
    "NBD",
    "BTYDRegressor",
    "BetaDiscreteWeibull",
    "BetaGeoBetaBinom",
    "BetaGeoCNBD",
    "BetaGeoNBD",
    "ConditionalGammaGamma",
    "ContractCurve",
    "ContractualCLVRegressor",
    "CorrelatedParetoNBD",
    "FrequencyHistogram",
    "GammaGamma",
    "GompertzGammaNBD",
    "Independence",
    "LeftTruncatedBetaGeoNBD",
    "LeftTruncatedParetoNBD",
    "LikelihoodRatioTest",
    "ModifiedBetaGeoCNBD",
    "ModifiedBetaGeoNBD",
    "ParetoGGG",
    "ParetoNBD",
    "PurchaseModelFeatures",
    "PurchaseTracking",
    "Regularity",
    "ShiftedBetaGeo",
    "TimeVaryingParetoNBD",
    "check_independence",
    "covariate_calendar",
    "frequency_histogram",
    "life_table",
    "likelihood_ratio_test",
    "payments_from_contracts",
    "regularity",
    "tenures_from_cohorts",
    "track_purchases",
]
