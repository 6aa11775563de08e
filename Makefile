# The short verbs of this house. Everything is set up on first use in .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# As a path in a .pth file: type checkers and editors don't see through setuptools' import hook.
EDITABLE := --config-settings editable_mode=compat -e '.[dev]'

.PHONY: setup demo test most test-pure test-oldest test-releases lint types unit integration deb e2e bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml slackd/__init__.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(EDITABLE)
	touch $@

demo: setup
	$(BIN)/python -m slackd.cli.demo

# Most tests wait more than they compute, so several run at a time; those that compare times run alone.
AT_ONCE := -n 3 --dist worksteal
# What fails is run once more, alone: others may have had the machine. What fails twice has failed.
AGAIN = $(BIN)/python -m pytest -m "not e2e" --last-failed --last-failed-no-failures=none

# What compares no times goes side by side.
test: setup
	$(MAKE) -j3 lint types most
	$(BIN)/python -m pytest -m alone || $(AGAIN)
	$(MAKE) -j2 test-pure test-releases
	$(MAKE) e2e

most: setup
	$(BIN)/python -m pytest $(AT_ONCE) -m "not e2e and not alone" || $(AGAIN)

# Without the accelerators (msgspec, uvloop), as far as they make a difference.
test-pure: setup
	SLACKD_PURE=1 $(BIN)/python -m pytest -q $(AT_ONCE) tests/unit/broker tests/unit/link tests/integration/broker \
	    || SLACKD_PURE=1 $(AGAIN)

lint: setup
	$(BIN)/ruff check slackd tests
	$(BIN)/ruff format --check slackd tests

types: setup
	$(BIN)/mypy

unit: setup
	$(BIN)/python -m pytest tests/unit

integration: setup
	$(BIN)/python -m pytest tests/integration

# The same tests with the libraries of Debian 12, the oldest that slackd runs with.
OLDEST := .venv-oldest
test-oldest: $(OLDEST)/.installed
	$(OLDEST)/bin/python -m pytest tests/unit tests/integration

$(OLDEST)/.installed: pyproject.toml packaging/debian-12-constraints.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check \
	    --constraint packaging/debian-12-constraints.txt $(EDITABLE)
	touch $@

# The tests that depend on them, with Debian 12's and 13's own Python and libraries, side by side; as root, and
# elsewhere one line says why not.
test-releases: setup
	$(BIN)/python packaging/deb/test_release.py

# Signed apt repositories in dist/bookworm and dist/trixie; needs root, and says what else.
deb:
	$(PYTHON) packaging/deb/build.py --twice

# Debian 12 and 13, booted side by side, as root; elsewhere one line says why not. SLACKD_E2E=0 leaves it out.
e2e: setup
	$(BIN)/python -m tests.e2e

# slackd beside Bolt for Python, and its gateway beside Slack, on a machine that does nothing else: a table, and
# plots and flame graphs in dist/bench.
bench: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(EDITABLE:dev]'=dev,bench]')
	missed=0; for part in throughput gateway flame; do $(BIN)/python -m tests.bench.$$part || missed=1; done; exit $$missed

clean:
	rm -rf $(VENV) $(OLDEST) build dist .pytest_cache .mypy_cache .ruff_cache
