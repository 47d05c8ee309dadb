"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import settings

from clvkit.datasets import load_cdnow
from clvkit.history import latest_histories

# A busy machine is no reason to fail, so examples have no deadline. `make test` tries the same
# ones every time, that it judges the change and not the day; `make test-long` looks for new ones.
settings.register_profile("fast", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("long", deadline=None, max_examples=500)
settings.load_profile("fast")

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
