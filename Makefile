# Every target does its own set-up: a virtual environment in .venv with the tested versions of constraints.txt.
# Needed beforehand: Python 3.11 or newer and, on the first call, whatever pip installs from.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV ?= .venv
BIN := $(VENV)/bin
# -qq: errors only.
INSTALL := $(BIN)/python -m pip --disable-pip-version-check --no-input install -qq -c constraints.txt
TORCH := $(shell sed -n 's/^\(torch==[^ ;]*\).*/\1/p' constraints.txt)
# Test processes: one a core, at most eight, since each of them loads torch.
JOBS ?= $(shell n=$$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN); echo $$((n > 8 ? 8 : n)))
# What lint and format read: whatever is there of these.
CODE := $(wildcard src tests benchmarks checks examples docs)

.PHONY: help install demo test test-web views serve check lint format-check types web-types imports docs smoke format clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{ printf "  make %-14s %s\n", $$1, $$2 }'

# --- set-up: stamp files, so that a second call installs nothing ------------------------------------------------------

FIND_PYTHON := for python in $(PYTHON) python3.11 python3 python3.12 python3.13 python; do \
	    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; python=; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "Latebloom needs Python 3.11 or newer; found: $$(python3 --version 2>&1 || true)" >&2; \
	    echo "Install it, or say where it is: make $(MAKECMDGOALS) PYTHON=path/to/python3.11" >&2; \
	    exit 1; \
	fi

# torch comes first and alone: it is the one large download, and its exact version decides which build everyone gets.
$(VENV)/.stamp-torch: constraints.txt
	@$(FIND_PYTHON); \
	echo "Setting up $(VENV) with $$("$$python" --version); the first time takes a few minutes."; \
	"$$python" -m venv $(VENV)
	@echo "  $(TORCH)"
	@$(INSTALL) '$(TORCH)'
	@touch $@

$(VENV)/.stamp-package: $(VENV)/.stamp-torch pyproject.toml
	@echo "  latebloom and what it needs"
	@$(INSTALL) -e .
	@touch $@

$(VENV)/.stamp-tools: $(VENV)/.stamp-package
	@echo "  tools for tests and documentation"
	@$(INSTALL) -e '.[view,dev,docs,text]'
	@touch $@

# The views build themselves when they are first shown; here so that tests and a first look need not wait for it.
VIEWS := src/latebloom/view/static/sources.sha256
$(VIEWS): $(VENV)/.stamp-tools $(wildcard web/*.json web/*.mjs) $(shell find web/src -type f 2>/dev/null)
	@$(BIN)/python web/build.py && touch $@ || \
	    echo "The views could not be built (see above). All but \`latebloom serve\`, \`export\` and their tests works without them." >&2

views: $(VIEWS) ## build the front end

install: $(VENV)/.stamp-tools $(VIEWS) ## set up the environment with all tools

# --- use --------------------------------------------------------------------------------------------------------------

demo: $(VENV)/.stamp-tools $(VIEWS) ## train real populations, judge the claims, print the ledger, write a site (about five minutes)
	@$(BIN)/latebloom run grokking.modular_addition --scale quick training.lr=1e-2 training.steps=5000 seed=0:3
	@$(BIN)/latebloom reproduce grokking --scale quick
	@if [ -e $(VIEWS) ]; then $(BIN)/latebloom export build/site --study grokking; fi

serve: $(VENV)/.stamp-tools $(VIEWS) ## the lab in the browser
	@$(BIN)/latebloom serve

test: $(VENV)/.stamp-tools $(VIEWS) test-web ## run all tests, doctests, examples and the code of the documentation
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -rs -n $(JOBS) --dist worksteal $(ARGS)

test-web: $(VIEWS) ## run the tests of the front end's logic
	@if [ -e $(VIEWS) ]; then $(BIN)/python web/build.py --npm test; else echo "Tests of the front end are skipped: it is not built." >&2; fi

# --- checks -----------------------------------------------------------------------------------------------------------

check: lint format-check types web-types imports ## everything that reads the code without running it

lint: $(VENV)/.stamp-tools
	@$(BIN)/ruff check $(CODE)

format-check: $(VENV)/.stamp-tools
	@$(BIN)/ruff format --check $(CODE)

types: $(VENV)/.stamp-tools
	@$(BIN)/mypy

web-types: $(VIEWS)
	@if [ -e $(VIEWS) ]; then $(BIN)/python web/build.py --npm types; fi

imports: $(VENV)/.stamp-tools
	@$(BIN)/lint-imports

docs: $(VENV)/.stamp-tools ## build the documentation into build/docs, warnings are errors
	@$(BIN)/sphinx-build -q -W --keep-going -b html docs build/docs
	@echo "build/docs/index.html"

smoke: $(VENV)/.stamp-package ## run what every claim needs at scale smoke, and judge it for show
	@LATEBLOOM_HOME=build/smoke/runs $(BIN)/latebloom reproduce --scale smoke --ledger build/smoke/ledger

format: $(VENV)/.stamp-tools ## rewrite the code in the project's format
	@$(BIN)/ruff check -q --fix $(CODE) || true
	@$(BIN)/ruff format $(CODE)

clean: ## remove caches and builds; runs and the environment stay
	@rm -rf build dist web/node_modules src/latebloom/view/static .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
