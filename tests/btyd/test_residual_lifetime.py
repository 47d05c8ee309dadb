import mpmath as mp
import numpy as np
import pytest

from clvkit.btyd._residual_lifetime import discounted_renewals

CASES = [
    ({"alpha": 0.7, "beta": 1.2}, 0.0, 0.1),
    ({"alpha": 0.067, "beta": 0.267}, 3.0, 0.1),
    ({"alpha": 0.3, "beta": 0.5}, 5.0, 1e-3),
    ({"alpha": 0.3, "beta": 0.5, "c": 0.6}, 2.0, 8e-3),
    ({"alpha": 0.21, "beta": 1.43, "c": 1.72}, 1.0, 8e-3),
    ({"alpha": 40.0, "beta": 60.0, "c": 1.2}, 0.0, 1e-3),
]


def exact_sum(params, tenure, most, rate):
    alpha, beta, c = (mp.mpf(params.get(name, 1)) for name in ("alpha", "beta", "c"))
    begin = mp.beta(alpha, beta + mp.mpf(tenure) ** c)

    def term(k):
        kept = mp.beta(alpha, beta + (tenure + mp.mpf(k)) ** c) / begin
        return mp.exp(-rate * (k - 1)) * kept

    return mp.fsum(term(k) for k in range(1, most + 1))


@pytest.mark.parametrize(("params", "tenure", "rate"), CASES, ids=str)
@pytest.mark.parametrize("most", [1, 12, 256, 257, 1_500])
def test_sums_are_exact(params, tenure, rate, most):
    got = discounted_renewals(params, np.array([tenure]), np.array([float(most)]), rate)[0]
    with mp.workdps(25):
        assert got == pytest.approx(float(exact_sum(params, tenure, most, rate)), rel=1e-9)


@pytest.mark.parametrize("rate", [0.1, 2e-3, 3e-5])
def test_a_sum_without_end_is_the_hypergeometric_function(rate):
    # Fader and Hardie (2010), eq. 6, with n = 4 periods of which three renewals are taken.
    alpha, beta, n = 0.6, 1.4, 4
    got = discounted_renewals(
        {"alpha": alpha, "beta": beta}, np.array([3.0]), np.array([np.inf]), rate
    )
    with mp.workdps(30):
        z = mp.exp(-mp.mpf(rate))
        share = mp.mpf(beta + n - 1) / (alpha + beta + n - 1)
        exact = share * mp.hyp2f1(1, beta + n, alpha + beta + n, z)
        assert got[0] == pytest.approx(float(exact), rel=1e-9)


def test_rows_do_not_depend_on_each_other():
    rng = np.random.default_rng(0)
    tenure = rng.integers(0, 40, 1_500).astype(float)
    most = rng.integers(0, 700, 1_500).astype(float)
    params = {"alpha": rng.uniform(0.2, 2.0, 1_500), "beta": rng.uniform(0.5, 9.0, 1_500)}
    together = discounted_renewals(params, tenure, most, 0.01)
    for row in (0, 777, 1_499):
        own = {name: value[[row]] for name, value in params.items()}
        alone = discounted_renewals(own, tenure[[row]], most[[row]], 0.01)
        assert together[row] == pytest.approx(alone[0], rel=1e-13)
