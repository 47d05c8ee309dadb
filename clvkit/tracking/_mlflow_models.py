"""Models and pipelines as MLflow model folders on disk, without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from clvkit.tracking._digest import DIGEST_TAG, digest_of_folder
from clvkit.tracking._records import ModelRecord, PipelineRecord

__all__ = ["save_model", "save_pipeline"]


def save_model(
    record: ModelRecord, folder: Path, logged: Any = None, run_id: str | None = None
) -> str:
    """Write a pyfunc from code beside the model that it loads; return the digest of the model.

    The digest is in the metadata of the MLflow model, too: what loads the model compares them.
    """
    import mlflow.pyfunc

    with TemporaryDirectory() as place:
        saved = Path(place) / record.artifact
        record.save(saved)
        digest = digest_of_folder(saved)
        mlflow.pyfunc.save_model(
            path=str(folder),
            python_model=str(record.code),
            artifacts={record.artifact: str(saved)},
            signature=_signature(record),
            input_example=record.example,
            pip_requirements=list(record.requirements),
            metadata={DIGEST_TAG: digest},
            mlflow_model=_describe(logged, run_id),
        )
    return digest


def save_pipeline(record: PipelineRecord, folder: Path, logged: Any, run_id: str) -> None:
    """Write a scikit-learn model in the skops format."""
    import mlflow.sklearn

    mlflow.sklearn.save_model(
        record.pipeline,
        path=str(folder),
        serialization_format="skops",
        skops_trusted_types=list(record.trusted_types),
        pip_requirements=list(record.requirements),
        mlflow_model=_describe(logged, run_id),
    )


def _describe(logged: Any, run_id: str | None) -> Any:
    from mlflow.models import Model

    if logged is None:  # a folder that belongs to no run
        return None
    return Model(
        artifact_path=logged.artifact_location,
        model_uuid=logged.model_id,
        run_id=run_id,
        model_id=logged.model_id,
    )


def _signature(record: ModelRecord) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ParamSchema, ParamSpec

    params = [
        ParamSpec(name, _type(kind), default) for name, (kind, default) in record.params.items()
    ]
    return ModelSignature(
        inputs=None if record.inputs is None else _schema(record.inputs),
        outputs=_schema(record.outputs),
        params=ParamSchema(params),
    )


def _schema(columns: Mapping[str, str]) -> Any:
    from mlflow.types import ColSpec, Schema

    return Schema([ColSpec(_type(kind), name) for name, kind in columns.items()])


def _type(kind: str) -> Any:
    from mlflow.types import DataType
    from mlflow.types.schema import AnyType

    # A fixed type would refuse timestamps or text in a column of dates, and whole numbers in a
    # column of amounts: what may be in such columns is checked at clvkit's own door.
    return {
        "integer": DataType.long,
        "number": DataType.double,
        "string": DataType.string,
        "any": AnyType(),
    }[kind]
