# `make` alone lists what there is. Needs Python 3.11 or later with venv, and make; brings the rest from the lock files.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.set-up
SECONDS ?= 600
STACK ?= default
STACKS := default authorizer token-vending token-client
CASES ?= 100000

.PHONY: help run test setup check bench deploy docs format lock

help: ## print this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(SETUP) ## .venv from the lock file, with the latchkey command in it

# The stamp keeps `make` from setting up twice; a changed lock file or pyproject.toml sets up again.
$(SETUP): requirements.lock requirements-uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys, venv; sys.exit("Latchkey needs Python 3.11 or later, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Setting up $(VENV) from requirements.lock"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes --only-binary :all: requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(SETUP)

run: $(SETUP) ## start the local stack, show a token and a protected call, stay up until Ctrl-C
	@$(BIN)/latchkey local $(ARGS)

test: $(SETUP) ## the whole test suite
	@$(BIN)/pytest --numprocesses 2 --cov --cov-report term:skip-covered

check: $(SETUP) ## formatting, lint, strict types, import floors, template lint, then the tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m infra.lint
	@$(MAKE) --no-print-directory test

bench: $(SETUP) ## the benchmarks: one table, and bench/results.json
	@$(BIN)/python -m bench

deploy: $(SETUP) ## sam build and sam deploy --guided; STACK=authorizer: the authorizer alone
	$(if $(filter $(STACKS),$(STACK)),,$(error STACK is one of: $(STACKS); sam asks for the name of the stack))
	@cd infra && PATH="$(CURDIR)/$(BIN):$$PATH" && export PATH && \
		sam build --config-env $(STACK) && sam deploy --guided --config-env $(STACK)

docs: $(SETUP) ## write the README's tables and docs/conformance.md
	@$(BIN)/python -m tests.docs.tables
	@$(BIN)/python -m tests.docs.conformance

format: $(SETUP) ## write the formatting that check asks for
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only --quiet .

# A lock file names versions and hashes and no index, so that it serves behind a company's mirror too.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
lock: ## write the lock files anew from pyproject.toml
	@test -x $(BIN)/uv || ($(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --only-binary :all: uv)
	@$(LOCK) pyproject.toml --all-extras --group dev -o requirements.lock
	@echo uv | $(LOCK) -c requirements.lock - -o requirements-uv.lock
	@for name in auth-server authorizer resource-server; do \
		$(LOCK) pyproject.toml -c requirements.lock --extra $$name -o $$(echo $$name | tr - _)/requirements.txt; done
	@$(LOCK) pyproject.toml -c requirements.lock --extra client -o token_client/requirements.txt
	@echo awslambdaric | $(LOCK) - -o tests/artifact/requirements.txt
