# WayPoint: `make up` for a running fleet on this machine, `make help` for everything else.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.PHONY: help up down status shell test unit functional system fault bench all format lint types sample metrics proto stage clean prepare

PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest
LAB := $(PYTHON) -m waypoint_lab

help: ## This list
	@awk -F ':.*## ' '/^[a-z.]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Boot etcd, agent, proxy and control plane with 4 warm browsers, and run a first session
	@lab/prerequisites up
	@$(MAKE) --no-print-directory stage
	@$(LAB) up

down: ## Remove every trace of it
	@if [ -x $(PYTHON) ]; then $(LAB) down; fi

status: .venv/done ## What is running in the lab
	@$(LAB) status

shell: .venv/done ## A root shell inside the booted host
	@$(LAB) shell

test: prepare stage ## All tests, several suites at a time, after installing what they need
	$(call run,fault system rest wire unit)

unit: .venv/done ## Tests without I/O beyond a temporary folder
	$(call run,unit)

functional: prepare stage ## Tests of one component against the real thing beside it
	$(call run,rest wire)

system: prepare stage ## Tests of the whole on booted hosts
	$(call run,system)

fault: prepare stage ## Tests that break a booted host's parts under live sessions
	$(call run,fault)

# Most of a suite's time is waiting. What a suite prints comes at its end when it does not run alone, the longest first.
run = @$(MAKE) --no-print-directory --jobs=$(LANES) --output-sync=$(if $(word 2,$(1)),target,none) $(addprefix suite-,$(1))
LANES := 2
TESTS_wire := tests/functional/etcd tests/functional/proxy
TESTS_rest := $(filter-out $(TESTS_wire) %/__pycache__ %.py,$(wildcard tests/functional/*))

suite-%:
	$(PYTEST) $(or $(TESTS_$*),tests/$*)

bench: prepare stage ## Measurements, each a ratio taken in one run
	$(PYTHON) tests/bench/sessions.py
	$(PYTHON) tests/bench/endings.py
	$(PYTHON) tests/bench/actions.py
	$(PYTHON) tests/bench/relay.py
	$(PYTHON) tests/bench/chromium_flags.py
	$(PYTHON) tests/bench/confinement.py
	$(PYTHON) tests/bench/agent.py
	$(PYTHON) tests/bench/table.py

all: format lint types unit ## What to run before a commit

format: .venv/done ## Rewrite sources into our format
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --select I --fix .

lint: .venv/done ## Check style and import contracts
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	PATH=$(CURDIR)/.venv/bin:$$PATH cython-lint --max-line-length=120 proxy
	.venv/bin/lint-imports

types: .venv/done ## Check types
	$(PYTHON) -m mypy

# The oldest version that we support: newer protobuf runtimes accept older generated code, never the reverse.
proto: .venv/done ## Generate messages from the protocol definitions
	@test -x .build/protoc/bin/python || { $(PYTHON) -m venv .build/protoc && \
	  .build/protoc/bin/pip install -qq --disable-pip-version-check 'grpcio-tools==1.66.2' 'setuptools<81'; }
	@for file in $$(git ls-files --cached --others --exclude-standard 'core/*.proto' 'controlplane/*.proto'); do root=$${file%%/*}; \
	  echo "  proto          $$file"; \
	  .build/protoc/bin/python -m grpc_tools.protoc -I $$root --python_out=$$root --pyi_out=$$root $${file#*/}; done

sample: .venv/done ## Write the documented sample settings file
	$(PYTHON) -m waypoint_core.config > packaging/waypoint.toml

metrics: .venv/done ## Write docs/metrics.md
	$(PYTHON) -m waypoint_lab.metrics_page > docs/metrics.md

stage: .venv/done ## Build the tree of files that a package contains, in .build/stage
	@packaging/stage .build/stage

clean: down ## Remove everything that was built
	rm -rf .build .venv .mypy_cache .ruff_cache .pytest_cache

prepare:
	@lab/prerequisites test

# Units run with ProtectHome= and as other users: only the system's Python serves everywhere.
.venv/done: pyproject.toml hatch_build.py $(wildcard proxy/waypoint_proxy/*.pyx proxy/waypoint_proxy/*.pxd)
	@echo "  venv           .venv with the development dependencies"
	@test -x $(PYTHON) || /usr/bin/python3 -m venv .venv || \
	  { echo "cannot make .venv: run lab/prerequisites up first"; rm -rf .venv; exit 1; }
	@$(PYTHON) -m pip install -qq --disable-pip-version-check -U 'pip>=23' hatchling editables cython setuptools wheel
	@$(PYTHON) -m pip install -qq --disable-pip-version-check --no-build-isolation -e '.[dev]'
	@touch $@
