"""The fitted model that people deploy: save, register, load and score raw logs with it."""

from clvkit.serving._clv_model import CLVModel
from clvkit.serving._components import calibrations
from clvkit.serving._load import load
from clvkit.serving._records import model_record, pipeline_record
from clvkit.serving._store import check_save_folder

__all__ = [
    "CLVModel",
    "calibrations",
    "check_save_folder",
    "load",
    "model_record",
    "pipeline_record",
]
