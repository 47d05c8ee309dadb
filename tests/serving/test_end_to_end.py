"""From a fit to production and back, on a store of its own."""

import json
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import requests

from clvkit import AutoCLV
from clvkit.btyd import BTYDRegressor
from clvkit.cli import main
from clvkit.errors import UntrustedModelError
from clvkit.history import latest_histories
from clvkit.serving import CLVModel, load, promote, register, rollback

CHAMPION = "models:/shop@champion"


def ask(url, lines):
    body = json.dumps({"dataframe_split": lines.to_dict("split", index=False)}).encode()
    headers = {"Content-Type": "application/json"}
    response = requests.post(url, data=body, headers=headers, timeout=60)
    assert response.status_code == 200, response.text[:500]
    return pd.DataFrame(response.json()["predictions"])


@pytest.fixture
def fresh_store(store, tmp_path, monkeypatch):
    """MLflow at a new sqlite store, and back afterwards."""
    uri, before = f"sqlite:///{tmp_path}/mlflow.db", mlflow.get_tracking_uri()
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(uri)
    yield uri
    mlflow.set_tracking_uri(before)


def test_from_a_fit_to_production_and_back(fresh_store, serving, cdnow):
    past, end = cdnow[cdnow["date"] <= "1998-03-31"], "1998-03-31"
    lines = past.head(1000)[["customer_id", "date", "amount"]]
    lines = lines.assign(date=lines["date"].astype(str))

    # Fit and register; the first version is champion.
    auto = AutoCLV("13W", candidates="baseline", n_trials=2, end=end, random_state=0,
                   tracking="shop", verbose=0).fit(past)  # fmt: skip
    first = register(auto, "shop")
    assert promote("shop", first, cdnow).promoted

    # A better one takes over.
    better = CLVModel(BTYDRegressor(), horizon="13W").fit(latest_histories(past, end))
    result = promote("shop", better, cdnow, n_bootstrap=200)
    assert result.promoted
    assert load(CHAMPION).predict_customers(past).equals(better.predict_customers(past))

    # Served, a log of 1,000 lines gets one row a customer.
    with serving(CHAMPION, MLFLOW_TRACKING_URI=fresh_store) as (url, _):
        answer = ask(url, lines)
    values = better.predict_customers(lines).reset_index()
    assert len(answer) == lines["customer_id"].nunique()
    pd.testing.assert_frame_equal(answer.astype(values.dtypes), values, rtol=1e-12)

    # Somebody exchanges a byte of its artifact: it is refused wherever it is read.
    root = Path(mlflow.artifacts.download_artifacts(CHAMPION))
    file = root / "artifacts" / "clv_model" / "model.skops"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(UntrustedModelError, match="changed after it was registered"):
        load(CHAMPION)
    assert main(["serve", CHAMPION, "--port", "0"]) == 2

    # Roll back: the version before is in use again, and served.
    assert rollback("shop") == first
    with serving(CHAMPION, MLFLOW_TRACKING_URI=fresh_store) as (url, _):
        answer = ask(url, lines)
    values = auto.predict_customers(lines).reset_index()
    pd.testing.assert_frame_equal(answer.astype(values.dtypes), values, rtol=1e-12)
