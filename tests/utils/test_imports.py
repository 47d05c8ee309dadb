import sys

import pytest

from clvkit.errors import ClvkitError, NotInstalledError
from clvkit.utils._imports import try_import


def test_returns_the_module():
    import json

    assert try_import("json", install="-", purpose="-") is json


@pytest.mark.parametrize("error", [ImportError("no module"), OSError("libgomp.so.1: cannot open")])
def test_says_what_for_and_how_to_install(monkeypatch, error):
    def fail(name):
        raise error

    monkeypatch.setattr("importlib.import_module", fail)
    with pytest.raises(NotInstalledError, match=r"lightgbm is needed to boost.*pip install x") as e:
        try_import("lightgbm", install="pip install x", purpose="boost")
    assert str(error) in str(e.value)
    assert isinstance(e.value, (ClvkitError, ImportError))


def test_importing_the_package_loads_nothing_heavy():
    import subprocess

    code = (
        "import sys, clvkit.history, clvkit.datasets; heavy = {'polars', 'lightgbm', 'optuna', "
        "'mlflow', 'matplotlib'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
