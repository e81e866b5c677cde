PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 8501
HOST ?= 0.0.0.0
# The exact versions of a release, for Python 3.11 to 3.14. An empty PINS= takes the newest that the ranges allow.
PINS ?= $(shell $(PYTHON) -c 'import sys; print("-c requirements.lock" if sys.version_info < (3, 15) else "")')

# Targets with several parts run all parts, even after a failure. The exit status is not 0 if any part failed.
ALL_OF := --no-print-directory --keep-going

.PHONY: app serve test test-browser test-others test-image test-dvc dvc repro lock check audit lint ruff format mypy contracts deployment train mlflow warm clean help
.NOTPARALLEL:

help:            ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/.run: requirements.txt requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make app PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "The venv module is missing: apt-get install python3-venv"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements.txt $(PINS)
	$(BIN)/python -m core warm
	touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.txt requirements-client.txt
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt $(PINS)
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $(VENV)/client-generator -r requirements-client.txt
	touch $@

app: $(VENV)/.run        ## make the environment and open the dashboard, for this machine only
	$(BIN)/streamlit run app.py --server.port $(PORT)

serve: $(VENV)/.run      ## open the dashboard to other machines; HOST= and PORT= choose the address
	$(BIN)/python -m core serve --with-dashboard --no-api --host $(HOST) --port $(PORT)

test: $(VENV)/.dev       ## make the environment and run all tests
	@$(MAKE) $(ALL_OF) test-others test-browser

test-others: $(VENV)/.dev
	$(BIN)/python -m pytest --ignore tests/browser -n auto --dist loadgroup -m "not container and not dvc"

# On a busy machine the browser can exceed a time limit. Only these failures are retried.
test-browser: $(VENV)/.dev
	$(BIN)/python -m pytest tests/browser -n 2 --dist loadgroup -m browser --reruns 2 --only-rerun TimeoutError

test-image: $(VENV)/.dev ## build the container image without a daemon, start it and ask it (root, mmdebstrap, buildah)
	$(BIN)/python -m pytest -n 0 -m container

$(VENV)/dvc/.made: requirements-dvc.txt
	$(PYTHON) -m venv $(VENV)/dvc
	$(VENV)/dvc/bin/pip install --quiet -r requirements-dvc.txt
	touch $@

dvc: $(VENV)/dvc/.made   ## install DVC, which versions data and models, in an environment of its own

repro: $(VENV)/.run $(VENV)/dvc/.made ## run the stages of dvc.yaml that are not up to date
	PATH="$(abspath $(BIN)):$$PATH" $(VENV)/dvc/bin/dvc repro

test-dvc: $(VENV)/.dev $(VENV)/dvc/.made ## run the pipeline with DVC, and S3 on this machine
	TME_DVC=$(VENV)/dvc/bin/dvc $(BIN)/python -m pytest -n 0 -m dvc

$(VENV)/lock/.made:
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet 'uv>=0.9,<1'
	touch $@

lock: $(VENV)/lock/.made ## write requirements.lock again; UPGRADE=--upgrade takes the newest versions
	$(VENV)/lock/bin/uv pip compile --quiet requirements.txt --universal --python-version 3.11 --annotation-style line \
		--custom-compile-command "make lock" --output-file requirements.lock $(UPGRADE)

lint: $(VENV)/.dev       ## ruff, mypy, the import contracts and the files for deployment
	@$(MAKE) $(ALL_OF) ruff format mypy contracts deployment

ruff: $(VENV)/.dev
	$(BIN)/ruff check .

format: $(VENV)/.dev
	$(BIN)/ruff format --check .

contracts: $(VENV)/.dev
	$(BIN)/lint-imports --no-cache

$(VENV)/deploy/.made: deploy/requirements-lint.txt
	$(PYTHON) -m venv $(VENV)/deploy
	$(VENV)/deploy/bin/pip install --quiet -r deploy/requirements-lint.txt
	touch $@

deployment: $(VENV)/deploy/.made
	@VENV=$(VENV)/deploy sh deploy/lint.sh

mypy: $(VENV)/.dev
	$(BIN)/mypy

audit: $(VENV)/.dev      ## look for known vulnerabilities of the installed packages, where there is a network
	@$(BIN)/python .ci/audit.py

check: $(VENV)/.dev      ## what CI runs: ruff, mypy, import contracts, all tests, known vulnerabilities
	@$(MAKE) $(ALL_OF) lint test audit

train: $(VENV)/.run      ## train, compare and register the models
	$(BIN)/python -m core train

mlflow: $(VENV)/.run     ## open MLflow's page with runs and registered models
	$(BIN)/python -m core mlflow

warm: $(VENV)/.run       ## compile the numerical code again
	$(BIN)/python -m core warm

clean:           ## remove the environment and caches (data and models stay)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
