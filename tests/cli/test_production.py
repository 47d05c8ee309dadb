"""Promotion, refresh and rollback from the command line."""

from __future__ import annotations

import pytest

from clvkit.baselines import HistoricalRate, LastPeriod
from clvkit.btyd import BTYDRegressor
from clvkit.cli import main
from clvkit.history import latest_histories
from clvkit.serving import CLVModel, load, promote, register

pytestmark = pytest.mark.filterwarnings("default::clvkit.errors.BoundaryWarning")


@pytest.fixture(scope="module")
def log_file(cdnow, tmp_path_factory):
    path = tmp_path_factory.mktemp("logs") / "log.parquet"
    cdnow.to_parquet(path)
    return str(path)


@pytest.fixture(scope="module")
def shop(cdnow, mlflow_at, tmp_path_factory):
    """A store whose model 'shop' has a champion, and two versions that challenge it."""
    folder = tmp_path_factory.mktemp("shop")
    X = latest_histories(cdnow, "1998-03-31")
    with (
        mlflow_at(f"sqlite:///{folder}/mlflow.db") as mlflow,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.chdir(folder)
        for estimator in (HistoricalRate(), BTYDRegressor(), LastPeriod()):
            register(CLVModel(estimator, horizon="13W").fit(X), "shop")
        promote("shop", 1, cdnow)
        yield mlflow.MlflowClient()


def champion(client):
    return int(client.get_model_version_by_alias("shop", "champion").version)


def said(capsys):
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["promote", "shop", "1", "LOG"], "is the champion already"),
        (["promote", "shop", "9", "LOG"], "'models:/shop/9' could not be fetched"),
        (["promote", "shop", "2", "LOG", "--scoring", "best"], "scoring='best' is not known"),
        (["refresh", "nobody", "LOG"], "has no champion to refresh"),
        (["rollback", "shop"], "no version to roll back to"),
    ],
    ids=["champion", "version", "scoring", "nobody", "rollback"],
)
def test_what_cannot_be_done_is_a_message(shop, log_file, arguments, message, capsys):
    assert main([log_file if word == "LOG" else word for word in arguments]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_versions_are_promoted_refused_and_rolled_back(shop, log_file, capsys):
    assert main(["promote", "shop", "2", log_file]) == 0
    output = said(capsys)
    assert "better beyond the noise" in output
    assert "Version 2 is the champion now." in output
    assert "2,357 customers in the 13W after 1998-03-31" in output
    assert main(["promote", "shop", "3", log_file]) == 0
    output = said(capsys)
    assert "is worse" in output
    assert "Version 3 was not promoted." in output
    assert champion(shop) == 2
    assert main(["rollback", "shop"]) == 0
    assert "version 1 again" in said(capsys)
    assert champion(shop) == 1


def test_a_refresh_is_one_command(shop, log_file, capsys):
    assert main(["refresh", "shop", log_file, "--min-gain", "-0.05"]) == 0
    assert "Version 4" in said(capsys)
    assert load("models:/shop/4").training_end_ == "1998-06-30"
    assert champion(shop) in (1, 4)
