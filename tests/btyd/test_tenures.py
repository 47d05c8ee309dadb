import numpy as np
import pandas as pd
import pytest

from clvkit.btyd import ShiftedBetaGeo, life_table, tenures_from_cohorts
from clvkit.btyd._tenures import read_tenures
from clvkit.errors import SummaryError


def test_cohorts_of_different_age_and_older_than_the_data():
    table = pd.DataFrame(
        [[100, 80, 70, 65], [90, 70, np.nan, np.nan], [np.nan, 50, 45, 40]],
        index=["2021", "2023", "2020"],
    )
    tenures = tenures_from_cohorts(table)
    assert tenures["count"].sum() == 240
    old = tenures[tenures["cohort"] == "2020"]
    assert old["tenure"].tolist() == [2.0, 3.0, 3.0]
    assert old["churned"].tolist() == [1.0, 1.0, 0.0]
    assert old["entry"].tolist() == [1.0, 1.0, 1.0]
    assert tenures.loc[tenures["cohort"] == "2023", "count"].tolist() == [20.0, 70.0]


def test_life_table_counts_those_who_were_asked():
    table = life_table(
        tenures_from_cohorts([[100, 80, 70, 65], [90, 70, np.nan, np.nan], [np.nan, 50, 45, 40]])
    )
    assert table["at_risk"].tolist() == [190.0, 130.0, 115.0]
    assert table["churned"].tolist() == [40.0, 15.0, 10.0]
    np.testing.assert_allclose(table["survival"], np.cumprod([150 / 190, 115 / 130, 105 / 115]))


def test_counts_and_customers_one_by_one_are_the_same():
    tenures = tenures_from_cohorts([50, 30, 24, 20])
    one_by_one = tenures.loc[tenures.index.repeat(tenures["count"].astype(int))]
    by_count = ShiftedBetaGeo().fit(tenures)
    for other in (
        ShiftedBetaGeo().fit(one_by_one.drop(columns="count")),
        ShiftedBetaGeo().fit(one_by_one[["tenure", "churned"]].to_numpy()),
        ShiftedBetaGeo().fit(tenures.drop(columns="count"), sample_weight=tenures["count"]),
    ):
        assert other.params_ == pytest.approx(by_count.params_, rel=1e-9)
        assert other.log_likelihood_ == pytest.approx(by_count.log_likelihood_, rel=1e-12)
        assert other.bic_ == pytest.approx(by_count.bic_, rel=1e-12)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"tenure": [1.5], "churned": [0]}, "tenure is not a whole number in 1 of 1"),
        ({"tenure": [-1], "churned": [0]}, "tenure is negative"),
        ({"tenure": [np.nan], "churned": [0]}, "tenure is missing"),
        ({"tenure": [1], "churned": [2]}, "churned is neither 0 nor 1"),
        ({"tenure": [1, 0], "churned": [1, 1]}, "lost before a renewal was due, .*row 1"),
        ({"tenure": [4], "churned": [1], "entry": [4]}, "before the data begin"),
        ({"tenure": ["x"], "churned": [1]}, "not numeric"),
        ({"tenure": [1]}, "no column 'churned'"),
    ],
)
def test_what_no_customer_can_have_is_refused(columns, message):
    with pytest.raises(SummaryError, match=message):
        read_tenures(pd.DataFrame(columns))


def test_an_array_has_two_columns():
    with pytest.raises(SummaryError, match="tenure, churned in this order"):
        read_tenures(np.ones((3, 3)))


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([[10, 8, 9]], "customers increase in 1 of 1 cohorts, for example cohort 0: 10, 8, 9"),
        ([[10, np.nan, 9]], "missing between others"),
        ([[np.nan, np.nan]], "missing between others, or altogether"),
        ([[10, -1]], "negative"),
        ([], "give the counts"),
    ],
)
def test_cohorts_that_cannot_be_are_refused(counts, message):
    with pytest.raises(SummaryError, match=message):
        tenures_from_cohorts(counts)
