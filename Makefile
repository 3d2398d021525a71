# Everything runs in a virtual environment in this checkout; all targets work offline once set up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
BENCH_STAMP := $(VENV)/.bench

.PHONY: demo test bench check clean

demo: $(STAMP)
	@$(BIN)/python examples/demo.py

test: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q -n 2

# BENCH="--only 'plan-*' --rounds 3", or --small for a minute; without it the page is written, too.
BENCH ?= --write
bench: $(BENCH_STAMP)
	$(BIN)/python benchmarks/bench.py $(BENCH)

$(BENCH_STAMP): $(STAMP) requirements-bench.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -r requirements-bench.txt
	@touch $(BENCH_STAMP)

$(STAMP): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (once, about a minute) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "qstash-sync needs Python 3.11 or newer")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -r requirements-dev.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $(STAMP)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/qstash/sdk-js/node_modules
