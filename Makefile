# make demo and make test work on a fresh machine with Python 3.11+, git and make; each sets up what it needs.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8
INSTALLED := $(VENV)/.installed
PYTEST_ARGS ?=
TEST_PROCESSES ?= 3
BENCH ?= pipeline
BENCH_ARGS ?= --quick
SEED ?= 1
FAULTS ?= 100
MINUTES ?= 30
FUZZ_SECONDS ?= 60
CHAOS_ARGS ?=
MUTANTS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup assets evaluation-data evaluation-documents evaluate demo test test-neuron-torch test-remote lint docs format bench corpus corpus-combinations corpus-signals corpus-mutated chaos worker-kills fuzz mutants clean

help:  ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: assets  ## Virtual environment, pinned packages, models and sample clips, engines measured; quick when nothing changed.
	-@$(BIN)/vidsignal models measure

demo: assets  ## Analyse the sample clips on an embedded broker and Redis; KEEP=1 leaves it running.
	@$(BIN)/vidsignal demo $(if $(filter-out 0,$(KEEP)),--keep)

# Tests wait more than they compute, so three processes share two cores, each with servers of its own.
test: assets lint docs  ## Lint, types, layers, the documentation site, then all tests; PYTEST_ARGS='tests/unit -k name' picks some.
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

# Not in the gate: it downloads another torch. The devices' packages themselves are not needed.
NEURON_VENV := $(VENV)/neuron-torch

test-neuron-torch: assets  ## Tests of models, inference and backends with torch 2.9, which Neuron devices need, in a second environment.
	@VENV='$(NEURON_VENV)' UV='$(BIN)/uv' PYTHON='$(BIN)/python' bash ops/setup/neuron_torch.sh
	$(NEURON_VENV)/bin/python -m pytest -n $(TEST_PROCESSES) tests/unit/models tests/unit/operators tests/contract $(PYTEST_ARGS)

# Not in the gate: it downloads two servers and a model, some 600 MB. Without it tests/remote is skipped.
SERVERS_VENV := $(VENV)/remote

test-remote: assets  ## Tests on real model servers, Triton and llama.cpp, which are installed in a second environment.
	@VENV='$(SERVERS_VENV)' UV='$(BIN)/uv' PYTHON='$(BIN)/python' bash ops/setup/remote.sh
	MODEL_SERVERS_VENV='$(SERVERS_VENV)' $(BIN)/python -m pytest -n 0 tests/remote $(PYTEST_ARGS)

lint: $(INSTALLED)  ## Style, formatting, types and the direction of imports.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(INSTALLED)  ## Build the documentation site into build/docs; a warning or a broken link fails.
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -b html docs build/docs

format: $(INSTALLED)  ## Put the code into the house format.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: assets  ## Run a benchmark: BENCH=pipeline BENCH_ARGS=--quick
	$(BIN)/vidsignal bench $(BENCH) $(BENCH_ARGS)

evaluation-data: $(INSTALLED)  ## Fetch what evaluation sets take from published packages, each checked by its hash.
	$(BIN)/python -m ops.evaluate.archives

evaluation-documents: $(INSTALLED)  ## Write the figures of saved evaluation results into cards, documents and the default policy.
	$(BIN)/python -m ops.evaluate.documents

evaluate: assets evaluation-data  ## Measure the small size of all evaluation sets; a figure below its saved interval fails.
	$(BIN)/vidsignal evaluate

corpus: assets  ## Compare what is sampled of 400 generated media files with a full decode of each, and print the table.
	$(BIN)/python -m tests.corpus
	$(BIN)/python -m tests.corpus.independent

corpus-combinations: assets  ## The same comparison for 300 combinations that no list holds, other ones at each run.
	VIDSIGNAL_CORPUS=full $(BIN)/python -m pytest -n 0 tests/corpus/test_combinations.py

corpus-signals: assets  ## Send the corpus through `analyze` and through a worker: both must say the same of every file.
	VIDSIGNAL_CORPUS=full $(BIN)/python -m pytest -n 0 tests/integration/test_corpus_signals.py

corpus-mutated: assets  ## Damage 2,000 generated files in fixed ways: nothing may crash, nor pass as seen that a plain decoder does not get.
	$(BIN)/python -m tests.corpus.mutations

chaos: assets  ## Break brokers, Redis, workers and network, and judge what is left; SEED=1 FAULTS=100 MINUTES=30 STOCK=1
	$(BIN)/python -m tests.chaos --seed $(SEED) --faults $(FAULTS) --minutes $(MINUTES) $(if $(filter-out 0,$(STOCK)),--stock) $(CHAOS_ARGS)

worker-kills: assets  ## Kill one of two workers eight times during 200 uploads: the end equals that of an undisturbed run.
	VIDSIGNAL_WORKER_KILLS=full $(BIN)/python -m pytest -n 0 tests/integration/test_worker_kills.py

# Wants `pip install atheris`, which is not in the gate: it comes as a wheel for some interpreters alone.
fuzz: $(INSTALLED)  ## Follow what parses foreign bytes, FUZZ_SECONDS=60 for each target of tests/fuzz; wants atheris.
	for target in $$($(BIN)/python -m tests.fuzz.names); do $(BIN)/python -m tests.fuzz $$target $(FUZZ_SECONDS) || exit 1; done

mutants: $(INSTALLED)  ## Put small faults into core modules, and count those that their own tests notice; MUTANTS='--most 60 fold'
	$(BIN)/python -m tests.mutants $(MUTANTS)

clean:  ## Remove the virtual environment and all caches of the tools; models and clips stay in their cache.
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Looks into the cache each time: it is outside of this folder, and may have been emptied.
assets: $(INSTALLED)
	@$(BIN)/python -m ops.assets

$(INSTALLED): pyproject.toml constraints.txt Makefile
	@PYTHON='$(PYTHON)' VENV='$(VENV)' UV_VERSION='$(UV_VERSION)' bash ops/setup/install.sh
	@touch $@
