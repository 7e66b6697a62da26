# make demo   install, train LeNet-5 on the built-in digits, say where the report is
# make test   install everything, run the checks and the tests
# make check  lint, format, types and the floor contract
# make bench  speed beside the peers, side by side in one run

PYTHON ?= python3
BIN := .venv/bin
DEMO := runs/demo

.PHONY: demo test check bench clean

demo: .venv/installed
	rm -rf $(DEMO)
	$(BIN)/canon train lenet5 --out $(DEMO)
	@echo "report: $(CURDIR)/$(DEMO)/report.html"

test: check
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2

check: .venv/installed-dev
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/installed
	$(BIN)/python -m benchmarks

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Canon needs Python 3.11 or newer: pass PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,augment,big]'
	touch $@

clean:
	rm -rf .venv runs
