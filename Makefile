# Two commands do all set-up: `make demo` and `make test`. Both may be run again at any time.

VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
NPM := tools/npm/node_modules/.ready
# A worker that crashes ends the run: another in its place is not given what was left.
TWO := --numprocesses 2 --dist loadfile --max-worker-restart 0
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: help setup static demo demo-provider test lint unit races bench fuzz pictures docs lock clean

help:
	@echo "make demo    set everything up and show it working; Ctrl-C ends it (ONCE=1: end after the last step)"
	@echo "make demo-provider   the same for a provider, its tenants and their consent"
	@echo "make test    set everything up and run every check and test"
	@echo "make lint    style, types, floors and the mirror of tests"
	@echo "make unit    the tests that need no RDP parts"
	@echo "make races   those again, where what arrives is seen late (TESTS=tests/agent): finds tests that hope"
	@echo "make bench   speed and memory, side by side with HAProxy"
	@echo "make fuzz    every fuzz target for a while (SECONDS=60)"
	@echo "make static  the portal's script from npm into the package, before an installation of your own"
	@echo "make docs    write the generated reference pages anew"
	@echo "make pictures   take the portal's pictures in docs/ anew"
	@echo "make lock    choose new versions for the lock files"

setup: $(READY) $(NPM)

static: $(NPM)

$(READY): requirements/dev.txt pyproject.toml tools/packages.sh
	tools/packages.sh base
	@echo "Installing Python packages from PyPI into $(VENV) …"
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(NPM): tools/npm/package.json tools/npm/package-lock.json
	tools/packages.sh base
	@echo "Installing parts from npm into tools/npm/node_modules …"
	npm ci --prefix tools/npm --ignore-scripts --no-audit --no-fund --loglevel=error
	install -D -m 644 tools/npm/node_modules/htmx.org/dist/htmx.min.js src/dialback/web/static/vendor/htmx.min.js
	@touch $@

demo: setup
	tools/packages.sh demo
	$(SUDO) env ONCE=$(ONCE) $(PYTHON) -m demo

demo-provider: setup
	tools/packages.sh demo
	$(SUDO) env ONCE=$(ONCE) $(PYTHON) -m demo.provider

test: setup
	tools/packages.sh test
	$(MAKE) --no-print-directory lint
	$(SUDO) env CI=$(CI) $(PYTHON) -m pytest -m "not interop" $(TWO)
	$(SUDO) env CI=$(CI) $(PYTHON) -m pytest -m interop $(TWO)

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PYTHON) tools/mirror.py

unit: setup
	$(PYTHON) -m pytest -m "not interop" $(TWO)

bench: setup
	tools/packages.sh bench
	$(PYTHON) -m bench

TESTS ?= tests
races: setup
	$(PYTHON) -m pytest -p tests.held_back -m "not interop" $(TWO) $(TESTS)

SECONDS ?= 60
fuzz: setup
	$(PYTHON) -m fuzz.run --seconds $(SECONDS)

pictures: setup
	tools/packages.sh test
	$(PYTHON) -m tests.interop.pictures

docs: setup
	$(PYTHON) tools/reference_pages.py

COMPILE := $(VENV)/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --upgrade
lock: setup
	$(COMPILE) --extra postgresql --output-file requirements/run.txt pyproject.toml
	$(COMPILE) --extra dev --output-file requirements/dev.txt pyproject.toml
	npm update --prefix tools/npm --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

clean:
	rm -rf $(VENV) tools/npm/node_modules src/dialback/web/static/vendor build dist demo/.state bench/results.json
