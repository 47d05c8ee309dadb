from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from clvkit.serving import model_record, pipeline_record
from clvkit.tracking._mlflow_models import save_model, save_pipeline

LOGGED = SimpleNamespace(artifact_location="somewhere", model_id="m-" + 32 * "a")


def test_a_model_is_code_beside_the_folder_that_it_loads(store, model, tmp_path):
    import mlflow

    save_model(model_record(model), tmp_path / "model", LOGGED, run_id=32 * "b")
    served = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    assert (tmp_path / "model/artifacts/clv_model/model.skops").is_file()
    assert served.metadata.model_id == LOGGED.model_id
    assert served.metadata.run_id == 32 * "b"
    pd.testing.assert_frame_equal(served.input_example, model_record(model).example)


@pytest.mark.parametrize("named", [True, False], ids=["columns", "none"])
def test_columns_are_in_the_signature_where_they_are_named(store, model, tmp_path, named):
    import mlflow

    record = model_record(model)
    if not named:
        record = replace(record, inputs=None)
    save_model(record, tmp_path / "model", LOGGED, run_id=32 * "b")
    signature = mlflow.models.Model.load(str(tmp_path / "model")).signature
    names = ["customer_id", "date", "amount"]
    assert (signature.inputs.input_names() if named else signature.inputs) == (
        names if named else None
    )
    kinds = {spec.name: str(spec.type) for spec in signature.outputs}
    assert (kinds["customer_id"], kinds["segment"]) == ("Any", "DataType.long")
    defaults = {param.name: param.default for param in signature.params}
    assert defaults == {"cutoff": None, "coverage": 0.9}


def test_a_pipeline_is_stored_by_skops(store, model, X, tmp_path):
    import mlflow

    save_pipeline(pipeline_record(model.pipeline_), tmp_path / "pipeline", LOGGED, 32 * "b")
    files = {file.suffix for file in (tmp_path / "pipeline").rglob("*")}
    assert ".skops" in files
    assert not files & {".pkl", ".pickle", ".joblib"}
    loaded = mlflow.sklearn.load_model(str(tmp_path / "pipeline"))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
