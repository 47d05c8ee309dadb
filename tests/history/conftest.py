"""A log of a dozen customers small enough to work out by hand, and the answers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

from clvkit.history import latest_histories

# customer, date, amount. The cutoff is 2024-06-30, the horizon 30 days: to 2024-07-30.
LINES = [
    # Two orders on one day are one purchase.
    ("A same day", "2024-01-10 09:00", 20.0),
    ("A same day", "2024-01-10 18:00", 5.0),
    ("A same day", "2024-03-10 12:00", 30.0),
    ("A same day", "2024-07-05 12:00", 12.0),
    # The refund is larger than the purchase before it.
    ("B large refund", "2024-02-01", 50.0),
    ("B large refund", "2024-02-20", 10.0),
    ("B large refund", "2024-02-21", -40.0),
    ("B large refund", "2024-07-02", -8.0),
    # A later refund lowers the value of the purchase before it.
    ("C later refund", "2024-01-01", 100.0),
    ("C later refund", "2024-04-01", 60.0),
    ("C later refund", "2024-04-15", -20.0),
    ("C later refund", "2024-05-01", 40.0),
    ("C later refund", "2024-07-10", 25.0),
    ("C later refund", "2024-07-12", -5.0),
    # Free orders are purchases.
    ("D free orders", "2024-05-05", 0.0),
    ("D free orders", "2024-05-20", 0.0),
    ("D free orders", "2024-07-01", 0.0),
    # A fully refunded order is none, even where rounding leaves something (0.1 + 0.2 - 0.3).
    ("E refunded", "2024-03-01", 10.0),
    ("E refunded", "2024-03-20", 0.1),
    ("E refunded", "2024-03-20", 0.2),
    ("E refunded", "2024-03-20", -0.3),
    ("E refunded", "2024-07-08", 0.1),
    ("E refunded", "2024-07-08", 0.2),
    ("E refunded", "2024-07-08", -0.3),
    # One purchase at the cutoff; one on the last day of the horizon, one on the day after.
    ("F at cutoff", "2024-06-30", 8.0),
    ("F at cutoff", "2024-07-30 23:59", 7.0),
    ("F at cutoff", "2024-07-31", 100.0),
    # Ties in time and amount.
    ("G ties", "2024-06-01 09:00", 5.0),
    ("G ties", "2024-06-01 09:00", 5.0),
    ("G ties", "2024-06-15 09:00", 3.0),
    ("G ties", "2024-06-15 09:00", 3.0),
    # From 28 February 2023 to 29 February 2024 are 366 days.
    ("H leap day", "2023-02-28", 9.0),
    ("H leap day", "2024-02-29", 11.0),
    # Refunds only: a newcomer of that age.
    ("I refund only", "2024-06-10", -15.0),
    ("I refund only", "2024-07-20", 30.0),
    # Age counts from the first purchase, not from the refund of an older one.
    ("J refund first", "2024-05-01", -5.0),
    ("J refund first", "2024-05-11", 20.0),
    ("J refund first", "2024-05-21", 20.0),
    # The local day counts: in UTC (Berlin is two hours ahead) these lie on other days.
    ("K midnight", "2024-06-01 00:30", 3.0),
    ("K midnight", "2024-06-30 23:30", 4.0),
    ("K midnight", "2024-07-01 00:10", 6.0),
    # Unknown at the cutoff.
    ("L newcomer", "2024-07-03", 40.0),
    # The only purchase, refunded on a later day: still a purchase.
    ("M refund later", "2024-04-10", 30.0),
    ("M refund later", "2024-04-12", -30.0),
]

COLUMNS = ["frequency", "recency", "T", "monetary_value", "spend", "net", "purchases"]
ANSWERS = {
    "A same day": (1, 60, 172, 30.0, 12.0, 12.0, 1),
    "B large refund": (1, 19, 150, 0.0, 0.0, -8.0, 0),
    "C later refund": (2, 121, 181, 40.0, 20.0, 20.0, 1),
    "D free orders": (1, 15, 56, 0.0, 0.0, 0.0, 1),
    "E refunded": (0, 0, 121, 0.0, 0.0, 0.0, 0),
    "F at cutoff": (0, 0, 0, 0.0, 7.0, 7.0, 1),
    "G ties": (1, 14, 29, 6.0, 0.0, 0.0, 0),
    "H leap day": (1, 366, 488, 11.0, 0.0, 0.0, 0),
    "I refund only": (0, 0, 20, 0.0, 30.0, 30.0, 1),
    "J refund first": (1, 10, 50, 20.0, 0.0, 0.0, 0),
    "K midnight": (1, 29, 29, 4.0, 6.0, 6.0, 1),
    "M refund later": (0, 0, 81, 0.0, 0.0, 0.0, 0),
}


@pytest.fixture(params=["naive", "time zone", "text"])
def hand_log(request):
    """The log worked out by hand, in the kinds of dates that logs have."""
    log = pd.DataFrame(LINES, columns=["customer_id", "date", "amount"])
    if request.param != "text":
        log["date"] = pd.to_datetime(log["date"], format="mixed")
    if request.param == "time zone":
        log["date"] = log["date"].dt.tz_localize("Europe/Berlin")
    return log.sample(frac=1, random_state=0)


@pytest.fixture
def hand_answers():
    """What comes out of it at 2024-06-30."""
    return pd.DataFrame.from_dict(ANSWERS, orient="index", columns=COLUMNS).astype(np.float64)


def _as_log(rows):
    log = pd.DataFrame(rows, columns=["customer_id", "day", "cents", "kind"])
    date = pd.Timestamp("2020-01-01") + log.pop("day").to_numpy().astype("m8[D]")
    return log.assign(date=date, amount=log.pop("cents") / 100)


#: Random logs of few customers, with ties, refunds, free orders and a missing attribute.
random_logs = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(0, 200),
        st.integers(-3000, 9000),
        st.sampled_from(["web", "shop", None]),
    ),
    min_size=1,
    max_size=40,
).map(_as_log)


@pytest.fixture(scope="session")
def logs():
    """The strategy for random logs."""
    return random_logs


@pytest.fixture
def X():
    """Latest histories of a dozen customers, with a text and a number attribute."""
    rng = np.random.default_rng(5)
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 12, 90),
            "date": np.datetime64("2023-01-01") + rng.integers(0, 300, 90).astype("m8[D]"),
            "amount": np.round(rng.normal(20, 15, 90), 2),
            "channel": rng.choice(["web", "shop", None], 90),
            "items": rng.integers(0, 5, 90).astype(float),
        }
    )
    return latest_histories(log, attributes=["channel", "items"])


@pytest.fixture
def array(X):
    """The histories of ``X``."""
    return X["history"].array
