# The two commands of the README are `make demo` and `make test`.
# Each makes the virtual environment when it is missing, and installs what it needs.
VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.clvkit
LOCAL  := OMP_WAIT_POLICY=PASSIVE MPLBACKEND=Agg

.PHONY: demo test test-long lint format clean
.DEFAULT_GOAL := help

help:
	@echo "make demo       the main job on the CDNOW log: results in ./clvkit-demo"
	@echo "make test       style, types, layers, doctests and tests (under 12 minutes on 2 cores)"
	@echo "make test-long  the suites that take longer (simulated coverage, high precision)"
	@echo "make format     put the code into the house style"

demo: $(STAMP)-run
	$(LOCAL) $(BIN)/clvkit demo --out clvkit-demo

test: lint
	$(LOCAL) MLFLOW_DISABLE_TELEMETRY=true $(BIN)/python -m pytest -n 2

test-long: $(STAMP)-test
	$(LOCAL) MLFLOW_DISABLE_TELEMETRY=true $(BIN)/python -m pytest -n 2 -m "long or not long"

lint: $(STAMP)-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) clvkit-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis

# --- environment -------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "clvkit needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
	  echo "Name another one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "This Python cannot make virtual environments: the module venv is not installed."; \
	  echo "On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -c 'import ctypes, sys; sys.platform.startswith("linux") and ctypes.CDLL("libgomp.so.1")' 2>/dev/null || { \
	  echo "LightGBM needs the system library libgomp.so.1, which is not installed."; \
	  echo "On Debian or Ubuntu: apt-get install libgomp1 (Fedora: dnf install libgomp)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(STAMP)-run: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(STAMP)-test: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[test]"
	@touch $@
