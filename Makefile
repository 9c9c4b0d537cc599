# make demo   train a GRU language model on Python's documentation, then sample from it
# make test   everything CI checks: style, types, imports, tests
# make lint   the same without the tests
# make peers  adds PyTorch, Keras, Flax and others, with which tests then compare
# make bench  five minutes: retrax beside PyTorch and Flax, on this machine
# make docs   the documentation as a site: docs/_build/index.html
# make notebooks  the pages of examples/ as notebooks, beside them
# make parity  Trax's own tests against retrax; writes the table in docs/parity.md
# make clean  removes what the targets made, except runs/
#
# Each target sets up .venv by itself. To choose the interpreter: make test PYTHON=python3.12

USABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
    $$p -c '$(USABLE)' >/dev/null 2>&1 && echo $$p && break; done)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
RUN := runs/gru_pydocs
PYTEST_ARGS ?=

# Where there is no recent node, pyright[nodejs] brings one from the package index.
NODE_OK := process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)

# The checker is in pyright's wheel; these keep it from looking for a newer one on the network.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.PHONY: demo test lint peers bench docs notebooks parity clean
.DEFAULT_GOAL := test
.DELETE_ON_ERROR:

demo: $(VENV)/installed
	$(BIN)/retrax train gru_pydocs
	$(BIN)/retrax generate $(RUN)

test: lint
	$(BIN)/python -m pytest tests -n auto --maxprocesses 4 --dist loadgroup $(PYTEST_ARGS)

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

peers: $(VENV)/installed-peers

bench: $(VENV)/installed-peers
	$(BIN)/python -m benchmarks short

docs: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build
	@echo 'The site is in docs/_build/index.html'

notebooks: $(VENV)/created
	$(BIN)/python docs/notebooks.py notebooks

parity: $(VENV)/installed-dev
	$(BIN)/python -m tests.parity --write

clean:
	rm -rf $(VENV) build dist docs/_build *.egg-info .ruff_cache .import_linter_cache .hypothesis
	find . \( -name __pycache__ -o -name .pytest_cache \) -type d -prune -exec rm -rf {} +

# Stamps: a second run installs nothing. They depend on what an installation copies from the tree;
# the code itself is installed as a link.

$(VENV)/created:
	@test -n '$(PYTHON)' || { echo 'make: found no Python 3.11 or newer with the venv module.' \
	    'Install one (on Debian: python3 and python3-venv), or name it: make PYTHON=/path/to/python' >&2; exit 1; }
	@$(PYTHON) -c '$(USABLE)' || { echo 'make: $(PYTHON) is not a Python 3.11 or newer with the' \
	    'venv module. Name another: make PYTHON=/path/to/python' >&2; exit 1; }
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/created pyproject.toml
	@echo 'Installing retrax into $(VENV); the first time takes a minute or two.'
	@$(PIP) 'setuptools>=77'
	@$(PIP) --no-build-isolation --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/created pyproject.toml
	@echo 'Installing retrax with its test tools into $(VENV); the first time takes a minute or two.'
	@$(PIP) 'setuptools>=77'
	@$(PIP) --no-build-isolation --editable '.[dev]'
	@node -e '$(NODE_OK)' 2>/dev/null || $(PIP) 'pyright[nodejs]'
	@touch $(VENV)/installed $@

$(VENV)/installed-peers: $(VENV)/installed-dev
	@echo 'Installing other frameworks into $(VENV); this takes some minutes.'
	@$(PIP) --no-build-isolation --editable '.[peers]'
	@touch $@

$(VENV)/installed-docs: $(VENV)/installed
	@$(PIP) --no-build-isolation --editable '.[docs]'
	@touch $@
