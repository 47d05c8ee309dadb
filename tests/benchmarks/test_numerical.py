"""Models are as exact as is said, by oracles that are right where the answer is known."""

from __future__ import annotations

import mpmath
import numpy as np
import pandas as pd
import pytest

from benchmarks.__main__ import main
from benchmarks.numerical import check, error_of, numerical_table
from benchmarks.oracles import beta_geo_nbd as bg
from benchmarks.oracles.models import ORACLES
from benchmarks.oracles.strata import STRATA, draw
from clvkit import btyd


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda oracle: oracle.model)
def test_models_are_exact_to_nine_digits(oracle):
    table = check([oracle.model], 1)
    assert set(table["stratum"]) == set(oracle.strata)
    assert "log_likelihood" in set(table["quantity"])
    assert table["worst"].max() < 1e-9
    assert table["failed"].sum() == 0


def test_every_model_of_purchases_that_reads_a_summary_alone_has_an_oracle():
    without = {"LeftTruncatedBetaGeoNBD", "LeftTruncatedParetoNBD"}  # tests/btyd has theirs
    without |= {"CorrelatedParetoNBD"}  # and that of a sum of four Pareto/NBD likelihoods
    # The one reads covariates of every week, too; the other is an integral with tests of its own.
    without |= {"TimeVaryingParetoNBD", "ParetoGGG"}
    models = {name for name in btyd.__all__ if hasattr(getattr(btyd, name), "expected_purchases")}
    assert models - without == {oracle.model for oracle in ORACLES} - {"GammaGamma"}


def test_errors_are_relative_but_near_a_log_likelihood_of_0():
    assert error_of("expected_purchases", 2e-20, 1e-20) == pytest.approx(1.0)
    assert error_of("log_likelihood", 2e-10, 1e-10) == pytest.approx(1e-10)
    assert error_of("log_likelihood", -101.0, -100.0) == pytest.approx(0.01)
    assert np.isnan(error_of("log_likelihood", np.nan, 1.0))


@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("modified", [False, True])
def test_likelihoods_of_all_histories_add_up_to_one(k, modified):
    """Over x, and over the time of the last purchase, of which the density of others is known.

    The likelihood is that of known times of purchase, given the last of which the others are
    even: so that x and t_x have the density with the factor t_x^(x - 1) / (x - 1)!.
    """
    params, T = tuple(map(mpmath.mpf, ("0.9", "3.0", "1.5", "2.5"))), mpmath.mpf(2)

    def density(x, t_x):
        value = mpmath.exp(bg.log_likelihood(*params, x, t_x, T, k=k, modified=modified))
        return value * t_x ** (x - 1) / mpmath.factorial(x - 1)

    total = mpmath.exp(bg.log_likelihood(*params, 0, mpmath.mpf(0), T, k=k, modified=modified))
    total += mpmath.fsum(mpmath.quad(lambda t, x=x: density(x, t), [0, T]) for x in range(1, 40))
    assert float(total) == pytest.approx(1.0, abs=1e-6)


def test_draws_are_histories():
    rng = np.random.default_rng(0)
    for name in STRATA:
        for _ in range(50):
            params, (x, t_x, T), horizon = draw(name, "stss", rng)
            assert min(*params, T, horizon) > 0
            assert 0 <= t_x <= T
            assert (t_x == 0) == (x == 0)


def test_a_stratum_alone_has_the_cases_that_it_has_among_all():
    whole, alone = check(["NBD", "GammaGamma"], 2), check(["GammaGamma"], 2)
    both = whole[whole["model"] == "GammaGamma"].reset_index(drop=True)
    pd.testing.assert_frame_equal(both, alone)


def test_the_table_names_the_worst_stratum():
    row = {"model": "NBD", "quantity": "log_likelihood", "cases": 2, "median": 0.0, "failed": 0}
    table = pd.DataFrame(
        [
            row | {"stratum": "heavy", "worst": 3e-12},
            row | {"stratum": "wild", "worst": 4e-14, "failed": 1},
        ]
    )
    shown = numerical_table(table)
    assert "| `NBD` | 4 | 3e-12 (heavy), 1 without a number |  |  |" in shown


def test_the_command_writes_what_it_prints(tmp_path, capsys):
    main(["numerical", "--model", "NBD", "--cases", "1", "--out", str(tmp_path)])
    assert capsys.readouterr().out.strip() == (tmp_path / "numerical.md").read_text().strip()
    assert set(pd.read_csv(tmp_path / "numerical.csv")["model"]) == {"NBD"}


def test_an_unknown_model_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["numerical", "--model", "Nothing", "--out", str(tmp_path)])
    assert "there is no oracle of Nothing; there are BetaGeoNBD" in capsys.readouterr().err
