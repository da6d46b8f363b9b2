# Every target is one line of work. `make` alone lists them.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
MEMBERS := schemas libs/chassis libs/secrets libs/guidebook libs/judge libs/migrating libs/goaround $(addprefix services/,orchestrator verifier deployer watcher scribe notifier) $(addprefix examples/,shop source-csv)
WATCHBENCH ?= ../shared/watchbench
# Where it is set, every process of a test or a demo would compile all of our code anew.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.PHONY: help demo test check fast format schemas asyncapi docs bench watches growth rehearsal simulate mutate watchbench judge-power chaos chaos-short system pins clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | column -t -s '|'

.venv/ready: requirements.txt $(addsuffix /pyproject.toml,$(MEMBERS))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "goaround needs Python 3.11 or newer; this is %s. Try: make PYTHON=python3.12 ..." % sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "could not make .venv: on Debian and Ubuntu, install python3-venv"; rm -rf .venv; exit 1; }
	@echo "installing into .venv (once; under a minute) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(addprefix -e ,$(MEMBERS))
	@touch $@

demo: .venv/ready ## the whole system on this machine: four deployments, what happened and why
	@$(BIN)/goaround demo

test: .venv/ready ## every test, on real servers
	@$(BIN)/pytest -n 3 --dist loadgroup

fast: .venv/ready ## the tests that need no servers
	@$(BIN)/pytest -n 2 -m "not system" -q

system: .venv/ready ## only the tests with real processes
	@$(BIN)/pytest -m system

check: .venv/ready ## format, lint, types, import rules, and that every test is found
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@set -o pipefail; $(BIN)/pyright --threads 2 & $(BIN)/mypy && $(BIN)/lint-imports --cache-dir .import_linter_cache && $(BIN)/pytest --collect-only -q | grep -v ::; own=$$?; wait $$! && exit $$own

format: .venv/ready ## put the code in house format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

schemas: .venv/ready ## write the published JSON Schemas; refuses a break
	@$(BIN)/python -m goaround_schemas.export schemas/json

asyncapi: .venv/ready ## write the AsyncAPI 3 document
	@$(BIN)/python -m goaround_schemas.asyncapi docs/asyncapi.json

docs: .venv/ready ## write the pages that are made from code
	@$(BIN)/python -m goaround_orchestrator.diagram docs/lifecycle.md

.venv/peers: .venv/ready requirements-bench.txt
	@echo "installing the peers that are compared with (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.txt
	@touch $@

bench: .venv/peers ## runs a second and what one costs, beside a DBOS workflow of the same steps
	@$(BIN)/python -m tests.bench.throughput

simulate: .venv/ready ## whole histories under faults, in no time: SEEDS from SEED_FROM on; VERBOSE=1 prints one
	@SEEDS=$(SEEDS) SEED_FROM=$(SEED_FROM) VERBOSE=$(VERBOSE) $(BIN)/python -m tests.simulation.run

mutate: .venv/ready ## take out one safeguard at a time, and show which check catches it
	@SEED_FROM=$(SEED_FROM) $(BIN)/python -m tests.simulation.mutate

chaos: .venv/ready ## kill everything while thousands of runs go on, and check what is left; RUNS, SECONDS, SEED
	@$(BIN)/python -m tests.chaos

chaos-short: .venv/ready ## the same in three minutes; SCENES="one three disk" chooses among them
	@$(BIN)/python -m tests.chaos short $(SCENES)

growth: .venv/ready ## what a run and every question cost beside 1,000,000 finished runs; RUNS="N ..." other numbers
	@$(BIN)/python -m tests.bench.growth $(RUNS)

watches: .venv/ready ## 10,000 watches on this machine: ticks in time, what they cost, a second watcher and its death
	@$(BIN)/python -m tests.bench.watches

rehearsal: .venv/ready ## what a rehearsal of a schema of 500 tables costs, and its fingerprint; TABLES=N another number
	@$(BIN)/python -m tests.bench.rehearsal $(TABLES)

watchbench: .venv/peers ## the judge beside its peers on real incidents; WATCHBENCH names the folder
	@$(BIN)/python -m tests.bench.judge_watchbench $(WATCHBENCH)

judge-power: .venv/ready ## how often the judge calls watches Red, without harm and with it
	@$(BIN)/python -m tests.bench.judge_power

pins: .venv/ready ## write requirements.txt anew from the members' needs
	@$(BIN)/uv export --quiet --all-packages --all-groups --no-group bench --no-emit-workspace --no-header --output-file requirements.txt
	@$(BIN)/uv export --quiet --only-group bench --no-emit-workspace --no-header --output-file requirements-bench.txt

clean: ## remove the environment and every cache
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .demo .prometheus
