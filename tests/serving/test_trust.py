import importlib
import inspect
import pkgutil

import pytest
from sklearn.base import BaseEstimator

import clvkit
from clvkit.serving._trust import TRUSTED_TYPES, untrusted

#: The search is no part of a served model (its study cannot be stored, and the model needs none),
#: and nothing is an instance of the base class.
NOT_SERVED = {
    "clvkit.automl._auto_clv.AutoCLV",
    "clvkit.features._base.BaseHistoryTransformer",
}


def public_estimators():
    """Return the qualified names of all estimators that a public package of clvkit exports."""
    names = set()
    for info in pkgutil.iter_modules(clvkit.__path__, "clvkit."):
        module = importlib.import_module(info.name)
        for name in getattr(module, "__all__", []):
            found = getattr(module, name)
            if inspect.isclass(found) and issubclass(found, BaseEstimator):
                names.add(f"{found.__module__}.{found.__name__}")
    return names


def test_every_public_estimator_is_trusted():
    assert public_estimators() - NOT_SERVED - set(TRUSTED_TYPES) == set()


@pytest.mark.parametrize("name", TRUSTED_TYPES)
def test_the_list_names_what_exists(name):
    module, attribute = name.rsplit(".", 1)
    assert inspect.isclass(getattr(importlib.import_module(module), attribute))


def test_nothing_on_the_list_runs_commands():
    assert all(name.startswith(("clvkit.", "collections.", "lightgbm.")) for name in TRUSTED_TYPES)


def test_untrusted_keeps_what_is_off_the_list():
    asked = ["os.system", "collections.OrderedDict", "builtins.eval"]
    assert untrusted(asked) == ["builtins.eval", "os.system"]
