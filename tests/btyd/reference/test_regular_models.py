"""The rows of the reference table of the BG/CNBD-k and the MBG/CNBD-k."""

import numpy as np

from clvkit.btyd import BetaGeoCNBD, ModifiedBetaGeoCNBD, ModifiedBetaGeoNBD

MODELS = {
    "BG/CNBD-k": lambda args: BetaGeoCNBD(k=args.get("k", 2)),
    "MBG/CNBD-k": lambda args: ModifiedBetaGeoCNBD(k=args.get("k", 2)),
}
EXCEPTIONS = {}


def published_approximation(case):
    """Return the expectation of the papers and of BTYDplus: P(alive) times that of a BG/NBD.

    The phases of the current interval are passed over and purchases taken to be Poisson with a
    k-th of the rate. (What the model itself predicts is exact; see test_regular_model.py.)
    """
    fitted, summary = case.fitted, case.summary
    params = {**fitted.params_, "alpha": fitted.params_["alpha"] * fitted.k_}
    poisson = ModifiedBetaGeoNBD.from_params(**params)
    if_alive = poisson.expected_purchases(summary, "52W") / poisson.probability_alive(summary)
    return fitted.probability_alive(summary) * if_alive


def corrected_error(case):
    """Return what the vignette calls MAE: absolute errors over purchases.

    BTYDplus scales its approximation to what newcomers of these ages are expected to buy, which
    makes a customer's prediction depend on the others.
    """
    T, approximation = case.summary["T"].to_numpy(), published_approximation(case)
    newcomers = case.fitted.expected_purchases_newcomer
    factor = (newcomers(T + 52.0) - newcomers(T)).sum() / approximation.sum()
    holdout = case.get("holdout_of")("grocery")
    return np.abs(factor * approximation - holdout).sum() / holdout.sum()


QUANTITIES = {
    "holdout52_total_uncorrected": lambda case: published_approximation(case).sum(),
    "holdout52_sum_abs_err/sum_actual": corrected_error,
}


def test_table_is_read(reference_table):
    assert len(reference_table(MODELS)) > 60


def test_reference_number(reference_case):
    assert reference_case.compute() == reference_case.expected
