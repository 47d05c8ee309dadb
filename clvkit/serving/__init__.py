"""The fitted model that people deploy: save, register, load and score raw logs with it."""

from clvkit.serving._batch_result import BatchResult
from clvkit.serving._clv_model import CLVModel
from clvkit.serving._components import calibrations
from clvkit.serving._load import load
from clvkit.serving._predict_batches import predict_batches
from clvkit.serving._promote import promote, refresh
from clvkit.serving._promotion import Promotion
from clvkit.serving._records import model_record, pipeline_record
from clvkit.serving._registry import register, rollback
from clvkit.serving._server import make_app, serve
from clvkit.serving._store import check_save_folder

__all__ = [
    "BatchResult",
    "CLVModel",
    "Promotion",
    "calibrations",
    "check_save_folder",
    "load",
    "make_app",
    "model_record",
    "pipeline_record",
    "predict_batches",
    "promote",
    "refresh",
    "register",
    "rollback",
    "serve",
]
