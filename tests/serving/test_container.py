"""The image that MLflow describes for a model, and what the documentation adds to it."""

import re
import shlex
from pathlib import Path

import pytest

from clvkit.serving import model_record
from clvkit.tracking._mlflow_models import save_model

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mlflow-and-serving.md"


@pytest.fixture(scope="module")
def dockerfile(btyd, tmp_path_factory, store):
    """As ``mlflow models generate-dockerfile`` writes it."""
    from mlflow.models.flavor_backend_registry import get_flavor_backend

    folder = tmp_path_factory.mktemp("image")
    save_model(model_record(btyd), folder / "model")
    backend = get_flavor_backend(str(folder / "model"), docker_build=True, env_manager=None)
    backend.generate_dockerfile(str(folder / "model"), str(folder / "image"))
    return (folder / "image" / "Dockerfile").read_text()


def test_lightgbm_needs_a_library_of_the_system():
    import lightgbm

    (library,) = Path(lightgbm.__file__).parent.rglob("lib_lightgbm.so")
    assert b"libgomp.so.1" in library.read_bytes()


def test_the_image_lacks_it_until_the_documented_line_is_run(dockerfile):
    assert re.search(r"^FROM python:[\d.]+-slim", dockerfile, flags=re.MULTILINE)
    assert "libgomp1" not in dockerfile
    line = next(line for line in PAGE.read_text().splitlines() if line.startswith("sed -i "))
    _, old, new, _ = shlex.split(line)[2].split("/")
    assert dockerfile.count(old) == 1
    mended = dockerfile.replace(old, new.replace("&", old))
    install = next(line for line in mended.splitlines() if "apt-get install" in line)
    assert install.split()[-2:] == ["nginx", "libgomp1"]


def test_nothing_is_installed_for_java(dockerfile):
    assert "jdk" not in dockerfile
