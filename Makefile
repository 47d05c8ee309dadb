# The two commands of the README are `make demo` and `make test`.
# Each makes the virtual environment when it is missing, and installs what it needs.
VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.clvkit
LOCAL  := OMP_WAIT_POLICY=PASSIVE MPLBACKEND=Agg

.PHONY: help demo test test-long bench bench-quick bench-guard lint format clean checks
.DEFAULT_GOAL := help

help:
	@echo "make demo       the main job on the CDNOW log: results in ./clvkit-demo"
	@echo "make test       style, types, layers, doctests and tests (under 12 minutes on 2 cores)"
	@echo "make test-long  the suites that take longer (simulated coverage, high precision)"
	@echo "make bench      every peer on every log, speeds and precision: two hours; logs: DATA=folder"
	@echo "make bench-quick  accuracy and speed against peers, under 10 minutes; logs: DATA=folder"
	@echo "make bench-guard  whether anything became much slower, within a minute"
	@echo "make format     put the code into the house style"

demo: $(STAMP)-run
	$(LOCAL) $(BIN)/clvkit demo --out clvkit-demo

test: lint
	$(LOCAL) MLFLOW_DISABLE_TELEMETRY=true $(BIN)/python -m pytest -n 2

test-long: $(STAMP)-test
	$(LOCAL) MLFLOW_DISABLE_TELEMETRY=true $(BIN)/python -m pytest -n 2 -m "long or not long" --hypothesis-profile=long

# Logs to measure on: a folder of Parquet or CSV files. Without one, what the package holds.
DATA ?= $(or $(CLVKIT_DATA),$(wildcard ../shared/data))

# What benchmarks/results holds. An ended run goes on where it was: make bench RESUME=--resume
bench: $(STAMP)-test
	$(LOCAL) $(BIN)/python -m benchmarks accuracy --simulated bg_nbd mbg_nbd pareto_nbd without_dropout $(RESUME) $(if $(DATA),--data "$(DATA)") --out benchmarks/results
	$(LOCAL) $(BIN)/python -m benchmarks speed --out benchmarks/results
	$(LOCAL) $(BIN)/python -m benchmarks numerical --out benchmarks/results
	$(LOCAL) $(BIN)/python -m benchmarks intervals --simulated 200 --out benchmarks/results $(if $(DATA),--data "$(DATA)")
	$(LOCAL) $(BIN)/python -m benchmarks tables

bench-guard: $(STAMP)-run
	$(LOCAL) OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks guard

bench-quick: $(STAMP)-run
	$(LOCAL) $(BIN)/python -m benchmarks accuracy --quick $(if $(DATA),--data "$(DATA)")
	$(LOCAL) $(BIN)/python -m benchmarks speed --quick

lint: $(STAMP)-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) clvkit-demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# --- environment -------------------------------------------------------------------------

# The Python that will run: the environment's, where there is one.
RUNS = $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON))
# Whether somebody named a Python, which an environment of another one would leave unused.
NAMED = $(filter-out file default,$(origin PYTHON))

# Cheap, and asked every time: an environment outlives changes of the system around it.
checks:
	@$(RUNS) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "clvkit needs Python 3.11 or newer; '$(RUNS)' is $$($(RUNS) --version 2>&1)."; \
	  if [ "$(RUNS)" = "$(PYTHON)" ]; then echo "Name another one: make PYTHON=python3.12 ..."; \
	  else echo "Make the environment anew: make clean, then the same again."; fi; exit 1; }
	@test "$(RUNS)" = "$(PYTHON)" -o -z "$(NAMED)" || $(BIN)/python -c 'import sys; \
	  sys.exit("%d.%d" % sys.version_info[:2] != sys.argv[1])' \
	  "$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')" || { \
	  echo "'$(VENV)' was made with $$($(BIN)/python --version), not with PYTHON=$(PYTHON)."; \
	  echo "Make it anew with that: make clean, then the same again."; exit 1; }
	@$(RUNS) -c 'import ctypes, sys; sys.platform.startswith("linux") and ctypes.CDLL("libgomp.so.1")' 2>/dev/null || { \
	  echo "LightGBM needs the system library libgomp.so.1, which is not installed."; \
	  echo "On Debian or Ubuntu: apt-get install libgomp1 (Fedora: dnf install libgomp)"; exit 1; }

# Without its Python an environment is none, whatever the stamps in it say.
ifeq ($(wildcard $(BIN)/python),)
.PHONY: $(STAMP)-venv $(STAMP)-run $(STAMP)-test
endif

# An environment without pip was interrupted while it was made; making it once more mends it.
$(STAMP)-venv: | checks
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	    echo "This Python cannot make virtual environments: the module venv is not installed."; \
	    echo "On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }; \
	  echo "$(PYTHON) -m venv $(VENV)"; \
	  $(PYTHON) -m venv $(VENV); }
	@touch $@

$(STAMP)-run: pyproject.toml | checks $(STAMP)-venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(STAMP)-test: pyproject.toml | checks $(STAMP)-venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	@touch $@
