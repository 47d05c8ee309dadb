import pytest

from clvkit.errors import OutputError
from clvkit.serving import model_record
from clvkit.tracking import FitRecord, MLflowWriter
from clvkit.tracking._create_version import create_version


def test_versions_are_counted_and_keep_their_run_and_tags(store, model):
    tracked = MLflowWriter().write([FitRecord("versions"), model_record(model)])
    model_id = tracked.model_uri.removeprefix("models:/")
    source = tracked.model_uri
    numbers = [
        create_version(store, "counted", model_id, source, tracked.run_id, {"a": "b"})
        for _ in range(2)
    ]
    assert numbers == [1, 2]
    version = store.get_model_version("counted", "2")
    assert (version.run_id, version.source) == (tracked.run_id, source)
    assert version.tags == {"a": "b"}


def test_a_name_that_mlflow_cannot_take_is_refused_before_it_is_asked():
    with pytest.raises(OutputError, match="cannot be the name of a registered model"):
        create_version(None, "a/b", "m-1", "models:/m-1", "run", {})
