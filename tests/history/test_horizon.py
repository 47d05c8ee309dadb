import pytest

from clvkit.errors import DurationError, HorizonError
from clvkit.history import HistoryDtype, resolve_horizon


@pytest.fixture
def recorded(cdnow_histories):
    def histories(horizon):
        return cdnow_histories["history"].array[:2].with_dtype(HistoryDtype("D", horizon=horizon))

    return histories


@pytest.mark.parametrize(
    ("horizon", "record", "expected"),
    [
        ("13W", None, "13W"),
        (None, "13W", "13W"),
        ("91D", "13W", "91D"),
        ("12M", "1Y", "12M"),
        ("1Y", "4Q", "1Y"),
    ],
)
def test_horizon(recorded, horizon, record, expected):
    assert str(resolve_horizon(horizon, recorded(record))) == expected


@pytest.mark.parametrize(("horizon", "record"), [("13W", "12W"), ("1Y", "365D"), ("365D", "1Y")])
def test_another_horizon_than_that_of_the_samples(recorded, horizon, record):
    message = rf"predicts horizon='{horizon}', but the samples were made with '{record}'. Make them"
    with pytest.raises(HorizonError, match=message):
        resolve_horizon(horizon, recorded(record))


def test_no_horizon(recorded):
    with pytest.raises(HorizonError, match=r"no horizon is known.*such as horizon='13W'"):
        resolve_horizon(None, recorded(None))
    with pytest.raises(DurationError, match="could mean minutes or months"):
        resolve_horizon("3m", recorded(None))
