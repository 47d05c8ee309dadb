import logging
import os

import pytest

from clvkit.tracking._quiet import quiet_mlflow, without_retries

BAR, RETRIES = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"


@pytest.mark.parametrize("level", [logging.DEBUG, logging.ERROR], ids=["debug", "error"])
def test_loggers_are_raised_to_a_warning_and_come_back(level):
    logger = logging.getLogger("mlflow")
    before = logger.level
    logger.setLevel(level)
    try:
        with quiet_mlflow():
            assert logger.level == max(level, logging.WARNING)
        assert logger.level == level
    finally:
        logger.setLevel(before)


def test_an_error_passes_and_leaves_nothing_changed():
    level, bar = logging.getLogger("mlflow").level, os.environ.get(BAR)
    with pytest.raises(KeyError), quiet_mlflow():
        raise KeyError
    assert (logging.getLogger("mlflow").level, os.environ.get(BAR)) == (level, bar)


@pytest.mark.parametrize("asked", [None, "true"])
def test_the_bars_are_off_unless_asked_for(asked, monkeypatch):
    monkeypatch.delenv(BAR, raising=False)
    if asked is not None:
        monkeypatch.setenv(BAR, asked)
    with quiet_mlflow():
        assert os.environ[BAR] == (asked or "false")
    assert os.environ.get(BAR) == asked


def test_a_server_is_asked_once(monkeypatch):
    from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_MAX_RETRIES

    monkeypatch.setenv(RETRIES, "5")
    with without_retries():
        assert MLFLOW_HTTP_REQUEST_MAX_RETRIES.get() == 0
    assert os.environ[RETRIES] == "5"
