import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from clvkit.automl import AutoCLV
from clvkit.automl.candidates import resolve_candidates
from clvkit.btyd import (
    BetaDiscreteWeibull,
    ContractualCLVRegressor,
    ShiftedBetaGeo,
    payments_from_contracts,
)
from clvkit.btyd._contract_periods import advance
from clvkit.errors import DateError, HorizonError, LogError, ShortLogError, UnknownNameError
from clvkit.history import latest_histories, make_samples
from clvkit.serving import CLVModel
from clvkit.serving._trust import TRUSTED_TYPES
from clvkit.utils._duration import parse_duration

TRUTH = BetaDiscreteWeibull.from_params(alpha=0.6, beta=5.0, c=1.2)


def subscriptions(n=4_000, *, truth=TRUTH, seed=0, start="2021-01-01", days=730, late=0):
    """Return a log of monthly payments, 60 periods at most, and the customers."""
    rng = np.random.default_rng(seed)
    taken = truth.simulate(np.zeros(n), 60, rng)
    first = np.datetime64(start, "D").astype(np.int64) + rng.integers(0, days, n)
    price = rng.choice([10.0, 15.0, 40.0], n)
    row = np.repeat(np.arange(n), taken + 1)
    number = np.arange(len(row)) - np.repeat(np.cumsum(taken + 1) - taken - 1, taken + 1)
    day = advance(first[row], parse_duration("1M"), number)
    day = day + np.where(number > 0, rng.integers(0, late + 1, len(day)), 0)
    log = pd.DataFrame(
        {"customer_id": row, "date": day.astype("M8[D]").astype("M8[s]"), "amount": price[row]}
    )
    customers = pd.DataFrame({"customer_id": np.arange(n), "first": first.astype("M8[D]")})
    return log, customers.astype({"first": "M8[s]"})


@pytest.fixture(scope="module")
def log():
    return subscriptions()[0]


@pytest.fixture(scope="module")
def X(log):
    return latest_histories(log, "2022-12-31")


@pytest.mark.parametrize("late", [0, 4])
def test_what_subscribers_will_pay_is_predicted(late):
    log, _ = subscriptions(late=late)
    X, y = make_samples(log, "12M", cutoffs=["2022-12-31"])
    model = ContractualCLVRegressor(BetaDiscreteWeibull(), horizon="12M").fit(X)
    assert model.period_ == "1M"
    predicted = model.predict(X)
    assert predicted.sum() == pytest.approx(y.sum(), rel=0.03)
    # Among those under contract, too, who are worth more spend more.
    alive = predicted > 0
    order = np.argsort(predicted[alive])
    tenths = [part.mean() for part in np.array_split(y.to_numpy()[alive][order], 5)]
    assert (np.diff(tenths) > 0).all()
    np.testing.assert_allclose(
        [part.mean() for part in np.array_split(predicted[alive][order], 5)], tenths, rtol=0.1
    )


def test_the_truth_is_learnt(X):
    model = ContractualCLVRegressor(BetaDiscreteWeibull(), horizon="12M").fit(X)
    curve = model.model_.survival_curve(24, coverage=0.99).frame()
    exact = TRUTH.survival(np.arange(1, 25))
    assert ((curve["lower"] < exact) & (exact < curve["upper"])).all()
    assert model.model_.time_unit == "1M"


def test_components_make_the_prediction(X):
    model = ContractualCLVRegressor(horizon="6M").fit(X)
    table = model.predict_components(X)
    np.testing.assert_allclose(
        model.predict(X), table["expected_purchases"] * table["expected_spend"]
    )
    gone = table["probability_alive"] == 0
    assert 0.2 < gone.mean() < 0.8
    assert (table.loc[gone, ["expected_purchases", "probability_active"]] == 0).all(axis=None)
    # Who is overdue may pay for that month, too.
    overdue = table["probability_alive"].between(0.0, 1.0, inclusive="neither")
    assert table.loc[~overdue, "expected_purchases"].max() < 6 < table["expected_purchases"].max()
    assert set(table["expected_spend"]) == {10.0, 15.0, 40.0}


def test_a_horizon_without_a_renewal_brings_nothing(log):
    X = latest_histories(log[log["date"] <= "2022-06-15"], "2022-06-15")
    table = ContractualCLVRegressor(horizon="7D", grace=0).fit(X).predict_components(X)
    alive = table["probability_alive"] == 1
    due = table["expected_purchases"] > 0
    assert 0.1 < due[alive].mean() < 0.4
    np.testing.assert_allclose(
        table.loc[due, "expected_purchases"], table.loc[due, "probability_active"]
    )


def test_prices_that_change_are_read_from_the_last_payment():
    log = pd.DataFrame(
        {
            "customer_id": [1, 1, 1, 2, 2, 2, 2],
            "date": pd.to_datetime(
                ["2024-01-10", "2024-02-10", "2024-03-10"] + ["2024-01-05", "2024-02-05"] * 2
            ),
            "amount": [10.0, 10.0, 16.0, 8.0, 8.0, 4.0, 2.0],
        }
    )
    X = latest_histories(log, "2024-03-12")
    model = FrozenEstimator(ShiftedBetaGeo.from_params(alpha=1.0, beta=9.0))
    settings = {"model": model, "horizon": "1M", "period": "1M"}
    mean = ContractualCLVRegressor(**settings).fit(X).predict_components(X)
    last = ContractualCLVRegressor(payment="last", **settings).fit(X).predict_components(X)
    assert mean["expected_spend"].tolist() == [12.0, 11.0]
    assert last["expected_spend"].tolist() == [16.0, 10.0]


def test_no_future_and_row_by_row(log, X):
    model = ContractualCLVRegressor(horizon="12M").fit(X)
    changed = log.assign(
        amount=np.where(log["date"] > "2022-12-31", log["amount"] * 7, log["amount"])
    )
    again = latest_histories(changed, "2022-12-31")
    np.testing.assert_array_equal(model.predict(again), model.predict(X))
    some = X.iloc[[5, 900, 17]]
    np.testing.assert_array_equal(model.predict(some), model.predict(X)[[5, 900, 17]])
    assert model.predict(X.iloc[:0]).shape == (0,)


def test_earlier_rows_of_a_customer_do_not_count(log):
    both, _ = make_samples(log, "6M", cutoffs=["2022-06-30", "2022-12-31"])
    latest, _ = make_samples(log, "6M", cutoffs=["2022-12-31"])
    one, other = (ContractualCLVRegressor().fit(table) for table in (both, latest))
    assert one.model_.params_ == other.model_.params_
    assert one.horizon_ == "6M"


def test_covariates_stand_beside_the_history():
    first, _ = subscriptions(2_000, seed=1)
    loyal = ShiftedBetaGeo.from_params(alpha=0.5, beta=20.0)
    second, _ = subscriptions(2_000, truth=loyal, seed=2)
    log = pd.concat([first, second.assign(customer_id=second["customer_id"] + 2_000)])
    table = pd.DataFrame({"customer_id": range(4_000), "plan": ["basic"] * 2_000 + ["pro"] * 2_000})
    X = latest_histories(log, "2022-12-31", covariates=table)
    model = ContractualCLVRegressor(ShiftedBetaGeo(covariates=["plan"]), "12M").fit(X)
    one_year = model.model_.survival([12, 12], covariates=pd.DataFrame({"plan": ["basic", "pro"]}))
    assert one_year[1] == pytest.approx(loyal.survival(12), abs=0.03)
    assert one_year[0] < one_year[1] - 0.1
    assert len(model.predict(X)) == len(X)
    with pytest.raises(UnknownNameError, match="'plan', which the model names"):
        model.predict(X[["history"]])


def test_customers_older_than_the_log(log):
    """Without their date of acquisition survivors pass for newcomers who hardly ever leave."""
    whole, customers = subscriptions(20_000, truth=ShiftedBetaGeo.from_params(alpha=0.8, beta=3.0))
    seen = whole[whole["date"] >= "2022-01-01"]
    X = latest_histories(seen, "2022-12-31", covariates=customers)
    exact = ShiftedBetaGeo.from_params(alpha=0.8, beta=3.0).survival(np.arange(1, 13))
    told = ContractualCLVRegressor(horizon="12M", acquired="first").fit(X).model_
    naive = ContractualCLVRegressor(horizon="12M").fit(X).model_
    off = [np.abs(model.survival(np.arange(1, 13)) - exact).max() for model in (told, naive)]
    assert off[0] < 0.02
    assert off[0] < 0.3 * off[1]


@pytest.mark.parametrize(
    ("column", "error", "message"),
    [
        ("nobody", UnknownNameError, "no column 'nobody', which acquired= names"),
        ("number", DateError, "holds numbers, such as 3"),
        ("text", DateError, "cannot be read as dates"),
    ],
)
def test_dates_of_acquisition_that_are_none(X, column, error, message):
    table = X.assign(number=3, text="last year")
    with pytest.raises(error, match=message):
        ContractualCLVRegressor(horizon="12M", acquired=column).fit(table)


def test_what_is_refused(X, log):
    with pytest.raises(HorizonError, match="no horizon is known"):
        ContractualCLVRegressor().fit(X)
    with pytest.raises(TypeError, match="is a class: give an instance"):
        ContractualCLVRegressor(ShiftedBetaGeo, "12M").fit(X)
    once = latest_histories(log.drop_duplicates("customer_id"))
    with pytest.raises(ShortLogError, match="nobody has paid twice"):
        ContractualCLVRegressor(horizon="12M").fit(once)


def test_round_trip_through_skops(X):
    model = ContractualCLVRegressor(BetaDiscreteWeibull(), "12M").fit(X)
    loaded = skops.io.loads(skops.io.dumps(model), trusted=list(TRUSTED_TYPES))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert clone(model).horizon == "12M"


def test_as_the_model_that_is_served(log, tmp_path):
    X = latest_histories(log, "2022-12-31")
    model = CLVModel(ContractualCLVRegressor(), horizon="12M").fit(X)
    values = model.predict_customers(log, cutoff="2022-12-31")
    assert values["probability_alive"].isin([0.0, 1.0]).mean() > 0.9
    assert values["clv"].gt(0).any()


@pytest.mark.long
def test_as_a_candidate_of_the_search(log):
    some = log[(log["customer_id"] < 800) & (log["date"] <= "2023-12-31")]
    regressor = ContractualCLVRegressor(BetaDiscreteWeibull(), "6M")
    own = next(one for one in resolve_candidates({"contract": regressor}) if one.family == "own")
    assert not own.label_trained
    auto = AutoCLV(
        "6M",
        candidates=["historical_rate", "last_period", own],
        n_trials=3,
        random_state=0,
        verbose=0,
    ).fit(some)
    score = auto.leaderboard_["score"]
    assert score["contract"] > 0.9
    assert score["contract"] > score[["historical_rate", "last_period"]].max() + 0.1
    assert len(auto.predict_customers(some)) == 800


# --- tables of contracts -----------------------------------------------------------------------


def test_contracts_and_payments_are_the_same():
    contracts = pd.DataFrame(
        {
            "who": ["a", "a", "b"],
            "from": pd.to_datetime(["2023-01-31", "2023-09-01", "2023-05-20"]),
            "to": pd.to_datetime(["2023-04-30", None, "2024-05-20"]),
            "fee": [5.0, 6.0, 7.0],
        }
    )
    names = {"customer_id": "who", "start": "from", "end": "to", "amount": "fee"}
    log = payments_from_contracts(contracts, "1M", until="2023-12-31", **names)
    dates = log.groupby(["customer_id", "amount"])["date"].agg(["min", "max", "size"])
    assert dates["size"].tolist() == [3, 4, 8]
    assert dates["max"].tolist() == list(pd.to_datetime(["2023-03-31", "2023-12-01", "2023-12-20"]))


def test_contracts_of_any_kind_of_table():
    import polars as pl

    table = pl.DataFrame(
        {"customer_id": [1], "start": ["2023-01-01"], "end": [None], "amount": [2.0]},
        schema_overrides={"end": pl.String},
    )
    assert len(payments_from_contracts(table, "1Q", until="2023-12-31")) == 4


def test_contracts_that_cannot_be():
    table = pd.DataFrame({"customer_id": [1], "start": ["x"], "end": [None], "amount": [2.0]})
    with pytest.raises(DateError, match="'start' cannot be read as dates"):
        payments_from_contracts(table, "1M", until="2023-12-31")
    table = table.assign(start="2023-02-01", end="2023-01-01")
    with pytest.raises(LogError, match="customer 1: 2023-02-01 to 2023-01-01"):
        payments_from_contracts(table, "1M", until="2023-12-31")
