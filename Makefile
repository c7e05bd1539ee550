# Everything needed is Python 3.11 or newer and make: each target sets up .venv by itself when the lock changed.

VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
LOCK_TOOLS := .cache/lock-tools

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
# The first interpreter that is new enough; `make test PYTHON=/path/to/python` names another one.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	if $$p -c '$(NEW_ENOUGH)' 2>/dev/null; then echo $$p; break; fi; done)

TEST_PROCESSES = $(shell $(BIN)/python -c 'import os; print(os.cpu_count() + 1)')
# Tests start many processes: each would compile all modules again.
export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.PHONY: help demo dev test test-fast check format soak soak-short fuzz bench bench-reminders screenshots lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.project ## Play whole claims and plans, weeks each, in under two minutes
	@$(BIN)/aftercare demo

dev: $(VENV)/.project ## Start the local stack: Temporal with its UI, worker, API
	@$(BIN)/aftercare dev

# One process more than cores: a test of workflows waits for the server much of its time. ARGS="tests/store -k dispatch" and the like.
test: $(VENV)/.project ## Run every test but the random whole claims
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist worksteal -m "not soak" $(ARGS)

test-fast: $(VENV)/.project ## Run the tests that need no server: rules, parts, the API against fakes
	@$(BIN)/python -m pytest -n logical --dist worksteal -m "not server and not soak" \
		tests/domain tests/parts tests/api tests/webhooks $(ARGS)

soak-short: $(VENV)/.project ## Play a few whole claims at random and check every invariant
	@$(BIN)/python -m pytest -n logical --dist worksteal -m soak $(ARGS)

check: $(VENV)/.project ## Format, lint, types, import contracts and the table of rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.rules_table --check
	@$(BIN)/python -m tests.roles_table --check

format: $(VENV)/.project ## Format the code and mend what lint can mend
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

# ARGS="--claims 100 --seed 2" and the like.
soak: $(VENV)/.project ## Live 1,000 claims with lost answers, bad cards and killed workers; check every invariant
	@$(BIN)/python -m tests.soak $(ARGS)

# ARGS="--examples 10 --seed 2" and the like.
fuzz: $(VENV)/.project ## Send random requests by the OpenAPI document to a local stack; judge each response
	@$(BIN)/python -m tests.fuzz $(ARGS)

screenshots: $(VENV)/.project ## Take the pictures in docs/images from a running stack; needs Chromium
	@$(BIN)/python -m demo.screenshots

bench: $(VENV)/.project ## Measure what a claim costs, each figure beside a baseline of the same run
	@$(BIN)/python -m benchmarks all

# ARGS="--terms 20000 --postgres" and the like; docs/performance.md has more.
bench-reminders: $(VENV)/.project ## Send a day's reminders of a million terms, killing the worker twice
	@$(BIN)/python -m benchmarks.reminders $(ARGS)

lock: $(LOCK_TOOLS)/.uv-$(UV_VERSION) ## Rewrite the hashed locks (UPGRADE=1 takes newer releases)
	@$(COMPILE) --output-file requirements.lock pyproject.toml
	@$(COMPILE) --output-file requirements-stripe.lock --extra stripe --constraints requirements.lock pyproject.toml
	@$(COMPILE) --output-file requirements-traces.lock --extra stripe --extra traces --constraints requirements-stripe.lock \
		pyproject.toml
	@$(COMPILE) --output-file requirements-dev.lock --group dev --constraints requirements-traces.lock pyproject.toml
	@$(COMPILE) --output-file benchmarks/peer/peer.lock --constraints requirements-dev.lock pyproject.toml benchmarks/peer/peer.in
	@$(COMPILE:3.11=3.12) --output-file tests/stripe/simulator.lock tests/stripe/simulator.in

COMPILE = $(LOCK_TOOLS)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

clean: ## Remove the environment and every cache (the data folder stays)
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A new lock means a new environment, so nothing stays that the lock does not name.
$(VENV)/.lock: requirements-dev.lock
	@$(if $(PYTHON),,echo "Aftercare needs Python 3.11 or newer and found none. Install it, or name it: make PYTHON=/path/to/python3" >&2; exit 1)
	@$(PYTHON) -c '$(NEW_ENOUGH)' 2>/dev/null || { echo "Aftercare needs Python 3.11 or newer, and $(PYTHON) is not. Name another one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Setting up $(VENV) from requirements-dev.lock (about a minute, once)..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	@touch $@

$(VENV)/.project: $(VENV)/.lock pyproject.toml
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(LOCK_TOOLS)/.uv-$(UV_VERSION):
	@$(PYTHON) -m venv --clear $(LOCK_TOOLS)
	@$(LOCK_TOOLS)/bin/python -m pip install -qq --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@
