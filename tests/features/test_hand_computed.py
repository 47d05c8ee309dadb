"""A dozen customers, and what every group of features says of them: worked out by hand.

The cutoff is Sunday, 2024-03-31, the 91st day of a leap year; 1 March is the 61st. A group has a
table with a line a customer; a new feature is a new column.
"""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from clvkit.features import (
    AttributeFeatures,
    CadenceFeatures,
    CohortFeatures,
    EventStreamFeatures,
    RFMFeatures,
    SeasonFeatures,
    TenureFeatures,
    WindowFeatures,
    default_features,
)
from clvkit.history import latest_histories

LINES = """
A same day       2024-01-10 09:00  20    web
A same day       2024-01-10 18:00  5     shop
A same day       2024-03-10        30    web
A same day       2024-04-01        99    web
B large refund   2024-02-01        50    web
B large refund   2024-02-20        10    shop
B large refund   2024-02-21        -40   shop
C later refund   2024-01-01        100   web
C later refund   2024-02-01        60    shop
C later refund   2024-02-15        -20   shop
C later refund   2024-03-01        40    shop
D free orders    2024-03-05        0     shop
D free orders    2024-03-20        0     shop
E refunded       2024-02-01        10    web
E refunded       2024-02-20        0.1   shop
E refunded       2024-02-20        0.2   shop
E refunded       2024-02-20        -0.3  shop
F at the cutoff  2024-03-31        8     web
G ties           2024-03-01 09:00  5     web
G ties           2024-03-01 09:00  5     web
G ties           2024-03-15 09:00  3     shop
G ties           2024-03-15 09:00  3     shop
H leap day       2023-02-28        9     web
H leap day       2024-02-29        11    web
I refund only    2024-03-10        -15   shop
J refund first   2024-02-01        -5    web
J refund first   2024-02-11        20    web
J refund first   2024-02-21        20    shop
K midnight       2024-03-01 00:30  3     web
K midnight       2024-03-31 23:30  4     web
K midnight       2024-04-01 00:10  6     web
L newcomer       2024-04-02        40    web
M refund later   2024-01-10        30    shop
M refund later   2024-01-12        -30   shop
"""

VISITS = """
A same day       2024-03-09
A same day       2024-03-11
A same day       2024-03-31 23:59
A same day       2024-04-01
F at the cutoff  2024-03-30
I refund only    2024-01-01
"""

RFM = """
customer         frequency  recency  T    monetary_value  days_since_last  n_events  total_spend
A same day       1          60       81   30              21               3         55
B large refund   1          19       59   0               40               3         20
C later refund   2          60       90   40              30               4         180
D free orders    1          15       26   0               11               2         0
E refunded       0          0        59   0               59               4         10
F at the cutoff  0          0        0    0               0                1         8
G ties           1          14       30   6               16               4         16
H leap day       1          366      397  11              31               2         20
I refund only    0          0        21   0               nan              1         -15
J refund first   1          10       49   20              39               3         35
K midnight       1          30       30   4               0                2         7
M refund later   0          0        81   0               81               2         0
"""

TENURE = """
customer         days_since_first  active_span  active_share  first_purchase  days_to_second
A same day       81                60           60/81         25              60
B large refund   59                19           19/59         50              19
C later refund   90                60           60/90         100             31
D free orders    26                15           15/26         0               15
E refunded       59                0            0             10              nan
F at the cutoff  0                 0            nan           8               nan
G ties           30                14           14/30         10              14
H leap day       397               366          366/397       9               366
I refund only    21                nan          nan           nan             nan
J refund first   59                10           10/49         20              10
K midnight       30                30           1             3               30
M refund later   81                0            0             0               nan
"""

# Everybody's first event tells the cohort: also the refund of J, who is of February either way.
COHORT = """
customer         cohort_age  cohort_size
A same day       3           3
B large refund   2           3
C later refund   3           3
D free orders    1           5
E refunded       2           3
F at the cutoff  1           5
G ties           1           5
H leap day       14          1
I refund only    1           5
J refund first   2           3
K midnight       1           5
M refund later   3           3
"""

CADENCE = """
customer         mean_gap  max_gap  last_gap  gaps_since_last
A same day       60        60       60        21/60
B large refund   19        19       19        40/19
C later refund   30        31       29        1
D free orders    15        15       15        11/15
E refunded       nan       nan      nan       nan
F at the cutoff  nan       nan      nan       nan
G ties           14        14       14        16/14
H leap day       366       366      366       31/366
I refund only    nan       nan      nan       nan
J refund first   10        10       10        39/10
K midnight       30        30       30        0
M refund later   nan       nan      nan       nan
"""

# 1 March is 30 days ago, just outside the window of 30 days; 1 January is 90 days ago.
WINDOW = """
customer         purchases_30d  purchases_90d  spend_30d  spend_90d
A same day       1              2              30         55
B large refund   0              2              0          20
C later refund   0              2              0          80
D free orders    2              2              0          0
E refunded       0              1              0          10
F at the cutoff  1              1              8          8
G ties           1              2              6          16
H leap day       0              1              0          11
I refund only    0              0              -15        -15
J refund first   0              2              0          35
K midnight       1              2              4          7
M refund later   0              1              0          0
"""

SEASON = """
customer         year_elapsed
A same day       91/366
B large refund   91/366
C later refund   91/366
D free orders    91/366
E refunded       91/366
F at the cutoff  91/366
G ties           91/366
H leap day       91/366
I refund only    91/366
J refund first   91/366
K midnight       91/366
M refund later   91/366
"""

ATTRIBUTE = """
customer         channel=web_events  channel=web_spend  channel=shop_events  channel=shop_spend
A same day       2                   50                 1                    5
B large refund   1                   50                 2                    -30
C later refund   1                   100                3                    80
D free orders    0                   0                  2                    0
E refunded       1                   10                 3                    0
F at the cutoff  1                   8                  0                    0
G ties           2                   10                 2                    6
H leap day       2                   20                 0                    0
I refund only    0                   0                  1                    -15
J refund first   2                   15                 1                    20
K midnight       2                   7                  0                    0
M refund later   0                   0                  2                    0
"""

STREAMS = """
customer         visits_n_events  visits_days_since_last  visits_30d  visits_since_purchase
A same day       3                0                       3           2
B large refund   0                nan                     0           0
C later refund   0                nan                     0           0
D free orders    0                nan                     0           0
E refunded       0                nan                     0           0
F at the cutoff  1                1                       1           0
G ties           0                nan                     0           0
H leap day       0                nan                     0           0
I refund only    1                90                      0           1
J refund first   0                nan                     0           0
K midnight       0                nan                     0           0
M refund later   0                nan                     0           0
"""

GROUPS = {
    "rfm": (RFMFeatures(), RFM),
    "tenure": (TenureFeatures(), TENURE),
    "cohort": (CohortFeatures(), COHORT),
    "cadence": (CadenceFeatures(), CADENCE),
    "window": (WindowFeatures(), WINDOW),
    "season": (SeasonFeatures(), SEASON),
    "attribute": (AttributeFeatures(min_events=1), ATTRIBUTE),
    "streams": (EventStreamFeatures(), STREAMS),
}


def cells(text):
    """Split lines into cells, which are two spaces or more apart."""
    return [[c.strip() for c in line.split("  ") if c] for line in text.strip().splitlines()]


def answers(text):
    (_, *names), *rows = cells(text)
    values = [[np.nan if c == "nan" else float(Fraction(c)) for c in row[1:]] for row in rows]
    return pd.DataFrame(values, index=[row[0] for row in rows], columns=names)


@pytest.fixture(params=["naive", "time zone"])
def X(request):
    lines = [[name, date, float(amount), channel] for name, date, amount, channel in cells(LINES)]
    log = pd.DataFrame(lines, columns=["customer_id", "date", "amount", "channel"])
    visits = pd.DataFrame(cells(VISITS), columns=["customer_id", "date"])
    for table in (log, visits):
        table["date"] = pd.to_datetime(table["date"], format="mixed")
        if request.param == "time zone":  # the day that counts is the one in Berlin
            table["date"] = table["date"].dt.tz_localize("Europe/Berlin")
    logs = {"transactions": log.sample(frac=1.0, random_state=0), "visits": visits}
    attributes = {"transactions": ["channel"]}
    return latest_histories(logs, cutoff="2024-03-31", attributes=attributes)


@pytest.mark.parametrize("group", GROUPS)
def test_features_by_hand(X, group):
    transformer, table = GROUPS[group]
    expected = answers(table)
    features = transformer.set_output(transform="pandas").fit_transform(X).droplevel("cutoff")
    actual = features[expected.columns]
    assert actual.index.tolist() == expected.index.tolist()
    assert_allclose(actual, expected, rtol=1e-12, atol=0, err_msg=group)


def test_every_group_of_the_default_union_has_a_table():
    union = [name for name, _ in default_features().transformers[0][1].transformer_list]
    assert {*union, "streams"} == GROUPS.keys()
