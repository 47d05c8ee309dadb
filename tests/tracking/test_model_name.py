import pytest

from clvkit.errors import OutputError
from clvkit.tracking import check_model_name


@pytest.mark.parametrize("name", ["shop-clv", "shop clv", "catalog.schema.clv", "Kundenwert ä"])
def test_a_name_comes_back(name):
    assert check_model_name(name) == name


@pytest.mark.parametrize("name", ["", "  ", "a/b", "models:/a", ".", "..", None, 7], ids=repr)
def test_what_mlflow_would_refuse_is_refused_before(name, store):
    from mlflow.exceptions import MlflowException

    with pytest.raises(OutputError, match="cannot be the name of a registered model"):
        check_model_name(name)
    if isinstance(name, str):
        with pytest.raises(MlflowException):
            store.create_registered_model(name)
