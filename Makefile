# Two commands on a fresh machine: `make demo` and `make test`. Each sets everything up by itself.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
READY := $(VENV)/.ready

export DAGSTER_DISABLE_TELEMETRY := yes
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DO_NOT_TRACK := 1
export GX_ANALYTICS_ENABLED := false
export PYTHONUTF8 := 1

.PHONY: help setup demo test check conformance bench fuzz dev contracts format lock clean

help: ## Show this help
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: $(READY) ## Install everything into .venv, compile what is compiled
	@$(BIN)/python -m tokenworks_sources.connectors.kernels

.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Tokenworks needs Python 3.11 or newer; say which with PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check uv

# Compiled here: where Python may write no bytecode, each start of dbt would compile for a second.
$(READY): requirements.lock pyproject.toml | $(UV)
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## Sample fleet -> lake -> warehouse -> replay -> reports
	@$(BIN)/tokenworks demo

test: setup check ## Check, then run all tests
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder

check: $(READY) ## Format, lint, types, import rules, contract drift
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=sources:pipelines:sample_data $(BIN)/lint-imports --no-cache
	$(BIN)/tokenworks contracts --check

conformance: $(READY) | $(UV) ## Judge the FOCUS export by the public validator (needs Python 3.12)
	CONFORMANCE_UV=$(UV) $(BIN)/python -m pytest tests/conformance -q -s

bench: setup ## Measure speed and memory beside bare libraries (slow)
	@missed=; for file in tests/benchmarks/bench_*.py; do \
		echo "== $$file"; $(BIN)/python $$file || missed="$$missed $$file"; \
	done; test -z "$$missed" || { echo "Short of a goal:$$missed"; exit 1; }

fuzz: $(READY) ## Ingest 1,000 broken variants of every kind of file, die at every write (slow)
	TOKENWORKS_FUZZ_VARIANTS=1000 $(BIN)/pytest tests/hostile -q
	TOKENWORKS_EVERY_DEATH=1 $(BIN)/pytest tests/unit/lake -q

dev: $(READY) ## Open the Dagster UI on loopback
	@$(BIN)/tokenworks dev

contracts: $(READY) ## Render dbt sources and docs from the contracts
	@$(BIN)/tokenworks contracts --write

format: $(READY) ## Format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: | $(UV) ## Resolve requirements.lock again
	$(UV) pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --quiet -o requirements.lock

clean: ## Remove the environment and caches; data stays
	rm -rf $(VENV) .uv .conformance .peers .mypy_cache .ruff_cache .pytest_cache dbt/target dbt/logs
