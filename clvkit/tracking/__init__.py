"""What a fit has to tell, and the one writer that tells it to MLflow."""

from clvkit.tracking._environment import describe_environment
from clvkit.tracking._fingerprint import fingerprint
from clvkit.tracking._mlflow_writer import MLflowWriter
from clvkit.tracking._model_name import check_model_name
from clvkit.tracking._records import (
    ArtifactRecord,
    CandidateRecord,
    DatasetRecord,
    FitRecord,
    ModelRecord,
    PipelineRecord,
    Record,
    TrackedRun,
)
from clvkit.tracking._replay import replay
from clvkit.tracking._write import keep, write

__all__ = [
    "ArtifactRecord",
    "CandidateRecord",
    "DatasetRecord",
    "FitRecord",
    "MLflowWriter",
    "ModelRecord",
    "PipelineRecord",
    "Record",
    "TrackedRun",
    "check_model_name",
    "describe_environment",
    "fingerprint",
    "keep",
    "replay",
    "write",
]
