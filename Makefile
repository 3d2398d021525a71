# Everything runs in a virtual environment in this checkout; all targets work offline once set up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
BENCH_STAMP := $(VENV)/.bench
QUALITY_STAMP := $(VENV)/.quality

.PHONY: demo test bench coverage mutants check clean

demo: $(STAMP)
	@$(BIN)/python examples/demo.py

# TESTS="tests/config tests/crons" for some of them.
TESTS ?=
test: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q -n 2 $(TESTS)

# BENCH="--only 'plan-*' --rounds 3", or --small for a minute; without it the page is written, too.
BENCH ?= --write
bench: $(BENCH_STAMP)
	$(BIN)/python benchmarks/bench.py $(BENCH)

$(BENCH_STAMP): $(STAMP) requirements-bench.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -r requirements-bench.txt
	@touch $(BENCH_STAMP)

# The whole suite, traced. COVERAGE="tests/crons tests/planning" for some of it (the floors then mean little).
COVERAGE ?= tests
coverage: $(QUALITY_STAMP)
	@$(BIN)/pytest -q -n 2 --cov --cov-report= --cov-report=json:.coverage.json $(COVERAGE); tests=$$?; \
	$(BIN)/python benchmarks/coverage_table.py .coverage.json && exit $$tests

# MUTANTS="--seed 7 --sample 40 --rooms crons", or --all; --map draws anew which test meets which line.
MUTANTS ?= --map --write
mutants: $(QUALITY_STAMP)
	@$(BIN)/python benchmarks/mutants.py $(MUTANTS)

$(QUALITY_STAMP): $(STAMP) requirements-quality.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -r requirements-quality.txt
	@touch $(QUALITY_STAMP)

$(STAMP): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (once, about a minute) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "qstash-sync needs Python 3.11 or newer")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -r requirements-dev.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $(STAMP)

clean:
	rm -rf $(VENV) .coverage .coverage.json .mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/qstash/sdk-js/node_modules
