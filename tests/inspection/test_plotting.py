import subprocess
import sys

import pytest

from clvkit.errors import NotInstalledError
from clvkit.inspection import CumulativeGainsDisplay


def test_missing_matplotlib_is_named(monkeypatch):
    def without_matplotlib(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("importlib.import_module", without_matplotlib)
    with pytest.raises(NotInstalledError, match=r"to draw a plot.*pip install matplotlib"):
        CumulativeGainsDisplay.from_predictions([0, 5], [1, 2])


def test_matplotlib_is_not_imported_with_the_package():
    code = "import sys, clvkit.inspection; print('matplotlib' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "False", result.stderr
