PYTHON ?= python3
BIN := .venv/bin
DEMO := runs/demo
CODE := src tests benchmarks examples tools
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast test-all check format docs sizes bench clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: .venv/installed  ## install, train LeNet-5 on the built-in digits, print the path of the report
	rm -rf $(DEMO)
	$(BIN)/canon train lenet5 --out $(DEMO)
	@echo "report: $(CURDIR)/$(DEMO)/report.html"

test: check  ## all checks, and all tests except the slow ones
	$(PYTEST) -m "not slow"

test-fast: .venv/installed-dev  ## tests without checks: last failures first, stop at the first one
	$(PYTEST) -m "not slow" --failed-first --exitfirst

test-all: .venv/installed-all  ## the slow tests, which `make test` leaves out
	$(PYTEST) -m slow

check: .venv/installed-dev  ## lint, format, types, imports between floors, words
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/words.py

format: .venv/installed-dev  ## format the code and fix what the linter can fix
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

docs: .venv/installed-docs  ## build the documentation and the API reference into site/
	$(BIN)/python tools/build_docs.py

sizes:  ## lines by floor, long files and functions, ResNet's lines of code
	@$(PYTHON) tools/sizes.py

bench: .venv/installed-all  ## speed compared with other libraries, in one run
	$(BIN)/python -m benchmarks

clean:  ## remove the environment, the runs and the site
	rm -rf .venv runs site

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Canon needs Python 3.11 or newer: pass PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,app,augment,big,cluster,deploy,explain]'
	touch $@

.venv/installed-all: .venv/installed-dev
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[ncnn,openvino]'
	touch $@

.venv/installed-docs: .venv/installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@
