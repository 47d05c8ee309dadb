"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from clvkit.datasets import load_cdnow
from clvkit.history import latest_histories

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def cdnow() -> pd.DataFrame:
    """The CDNOW sample as a log."""
    return load_cdnow()


@pytest.fixture(scope="session")
def cdnow_histories(cdnow: pd.DataFrame) -> pd.DataFrame:
    """Histories of the CDNOW sample at the end of its log, 1998-06-30."""
    return latest_histories(cdnow)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real logs beside the project."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"the folder of real logs, {folder}, is absent")
    return folder
