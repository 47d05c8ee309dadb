"""The next version of a registered model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clvkit.tracking._model_name import check_model_name

__all__ = ["create_version"]


def create_version(
    client: Any, name: str, model_id: str, source: str, run_id: str, tags: Mapping[str, str]
) -> int:
    """Register a logged model as the next version of ``name``, which is made where it is missing.

    Parameters
    ----------
    client : MlflowClient
    name : str
    model_id : str
        Of the logged model.
    source : str
        Where the registry finds it: ``"models:/<id>"`` or the place of the files.
    run_id : str
        Of the run that it comes from.
    tags : mapping of str to str

    Returns
    -------
    int
        The version.
    """
    from mlflow.exceptions import MlflowException

    check_model_name(name)
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"):
            raise
    version = client.create_model_version(
        name, source, run_id=run_id, tags=dict(tags), model_id=model_id
    )
    return int(version.version)
