# Every target installs what it needs. `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# Tests wait more than they compute, so there are more workers than CPUs.
WORKERS ?= 4
NO_TESTS := 5
PYTEST := $(BIN)/python -m pytest

# Tests start hundreds of Pythons. Compile each module once, also where the environment forbids
# it, and keep the result out of the source tree.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/pycache

.DEFAULT_GOAL := help
.PHONY: help setup demo docs kind tools cluster env cluster-down test test-quick test-last test-profile chaos attack check static generate format soak bench bench-smoke bench-batching dashboard lock audit sbom

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with every dependency, from the lock file

$(STAMP): requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## Run the examples on a real cluster and watch them; KEEP=1 leaves it running
	@$(BIN)/python -m demo $(if $(KEEP),--keep)

kind: setup ## The same demo on kind, for people with Docker
	scripts/kind.sh

tools: setup ## Build the local cluster's programs (once, a quarter of an hour); prints their folder
	@$(BIN)/python -m localcluster tools

cluster: setup ## Start your own Kubernetes: a real node for root on Linux, otherwise simulated ones
	@$(BIN)/python -m localcluster up

env: setup ## Print KUBECONFIG and PATH of the cluster from `make cluster`, for a shell to evaluate
	@$(BIN)/python -m localcluster env

cluster-down: setup ## Stop the cluster from `make cluster` or `make demo KEEP=1`
	@$(BIN)/python -m localcluster down

test: tools static ## Every test, up to a real node (root on Linux); TESTS=path runs one file or folder
	@$(PYTEST) $(or $(TESTS),-n $(WORKERS))

test-quick: setup ## Unit, client and chart tests, which need no control plane: below a minute
	@$(PYTEST) -q -n 2 -m 'not api and not node' tests/unit tests/client tests/chart

test-last: tools ## The tests that failed in the last run
	@$(PYTEST) --last-failed --last-failed-no-failures none || test $$? -eq $(NO_TESTS)

test-profile: tools static ## Every test; writes what each layer takes into CONTRIBUTING.md
	@$(PYTEST) -n $(WORKERS) --durations=100 --costs=$(VENV)/costs.json
	@$(BIN)/python -m tests.harness.profile $(VENV)/costs.json

chaos: tools ## Kill the operator at each write of each scenario, break its network; writes docs/reliability.md (half an hour)
	@rm -f $(VENV)/chaos.json
	@CHAOS_WHOLE=1 CHAOS_SECONDS=240 CHAOS_RECORD=$(VENV)/chaos.json $(PYTEST) tests/unit/test_state_machine.py tests/unit/test_histories.py tests/chaos tests/e2e/test_under_load.py; \
	result=$$?; $(BIN)/python -m tests.chaos.report $(VENV)/chaos.json; exit $$result

attack: tools ## Let one namespace attack the operator, and measure what the others notice; writes docs/security.md (three quarters of an hour)
	@rm -f $(VENV)/attack.json
	@ATTACK_WHOLE=1 ATTACK_RECORD=$(VENV)/attack.json $(PYTEST) tests/attack; \
	result=$$?; $(BIN)/python -m tests.attack.report $(VENV)/attack.json; exit $$result

check: static ## Format, lint, types, import layers, generated files, chart: quick, changes nothing
	@$(PYTEST) -q tests/chart -m 'not api and not node'

static: setup
	@$(BIN)/ruff format --check --quiet . || { echo 'not formatted: run `make format`'; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@PYTHONPATH=operator:client:. $(BIN)/lint-imports --no-logo
	@$(BIN)/python -m codegen --check

generate: setup ## Regenerate the CRD, its copy in the chart and the API reference from the models, and the chart's README from its values
	@$(BIN)/python -m codegen

format: setup ## Format the code and fix what the linter can fix
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

docs: setup ## Build the site of docs/ into site/; a dead link fails it
	@$(BIN)/mkdocs build

soak: tools ## 20,000 tasks through one operator, and a start among 50,000 finished ones (an hour); writes docs/performance.md
	@$(BIN)/python -m benchmarks.start --write; started=$$?; \
	$(BIN)/python -m benchmarks.soak --write && exit $$started

bench: tools ## MLTasks beside Jobs and bare Pods: how fast, at what cost (a quarter of an hour); writes docs/performance.md
	@$(BIN)/python -m benchmarks.throughput --write

bench-smoke: tools ## The same with few tasks: checks the counts, which no machine's speed changes; changes no file
	@$(PYTEST) -q -s tests/benchmarks/test_throughput_smoke.py

bench-batching: setup ## Measure what steps that share an allocation cost and save, on a real node (half an hour)
	@$(BIN)/python -m benchmarks.batching

dashboard: tools ## Draw the Grafana dashboard's panels from a real Prometheus, time a scrape (five minutes); writes docs/
	@$(BIN)/python -m benchmarks.dashboard
	@$(BIN)/python -m benchmarks.scrape --write

audit: setup ## Scan what ships for known vulnerabilities; fails if the database does not answer
	@$(BIN)/python -m supplychain.audit $(AUDIT_FLAGS)

sbom: setup ## Build the image and write what is in it to dist/sbom.cdx.json (root on Linux)
	@mkdir -p dist && $(BIN)/python -m supplychain.image > dist/sbom.cdx.json

lock: ## Resolve the dependencies into the lock files again (needs uv)
	uv pip compile pyproject.toml $(LOCK_FLAGS) -o requirements.lock
	uv pip compile pyproject.toml --group dev $(LOCK_FLAGS) -o requirements-dev.lock
	uv pip compile --group build --constraint requirements-dev.lock $(LOCK_FLAGS) -o requirements-build.lock
	uv pip compile --group sbom --constraint requirements-dev.lock $(LOCK_FLAGS) -o requirements-sbom.lock

LOCK_FLAGS := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header
