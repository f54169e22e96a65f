# `make` lists the targets. Everything needs only Python 3.11+ with pip and, for the rehearsals, node and git.
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
READY := .venv/.ready
WORKFLOWS := $(wildcard .github/workflows/*.yml) $(wildcard examples/*/.github/workflows/*.yml)
COG := README.md CONTRIBUTING.md docs/rehearsal.md

# The environment is always ./.venv, whatever the shell has activated or exported.
unexport VIRTUAL_ENV UV_PYTHON UV_WORKING_DIRECTORY PYTHONHOME PYTHONPATH
export UV_PROJECT_ENVIRONMENT := .venv
export UV_PYTHON_DOWNLOADS := never

.DEFAULT_GOAL := help
.PHONY: help setup demo test check docs bench container clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with everything in it
$(READY): pyproject.toml uv.lock
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear .venv
	@$(BIN)/uv --version 2>/dev/null | grep -q '^uv $(UV_VERSION)' || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv sync --frozen --quiet
	@touch $@

demo: setup ## rehearse a failed run and its recovery on this machine
	$(BIN)/recovery rehearse examples/flaky --scenario network --output .demo

test: setup ## run every test
	$(BIN)/pytest -n 2 --dist worksteal

check: setup ## run every static check
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --strict-collection --quiet action.yml .github examples
	$(BIN)/actionlint $(WORKFLOWS)
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows $(WORKFLOWS)
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/cog -I docs --check $(COG)

docs: setup ## write the generated parts of the documents anew
	$(BIN)/cog -I docs -r $(COG)
	$(BIN)/python docs/tables.py

bench: setup ## measure start-up and classifying against their references (one: `make bench-start`)
	$(BIN)/python -m benchmarks
bench-%: setup
	$(BIN)/python -m benchmarks $*

container: ## build and test the container with podman
	bash tests/container/run

clean: ## remove what was made, .venv included
	rm -rf .venv .demo build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
