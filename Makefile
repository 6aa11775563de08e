# The short verbs of this house. Everything is set up on first use in .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# As a path in a .pth file: type checkers and editors don't see through setuptools' import hook.
EDITABLE := --config-settings editable_mode=compat -e '.[dev]'

.PHONY: setup demo test most alone attacks test-pure test-oldest releases test-releases lint types unit integration deb \
    packages e2e bench clean

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

# What compares no times goes side by side, and what compares them has the machine to itself: what a package's
# build makes the kernel do cannot be interrupted by whatever goes first, nice or not.
test: setup
	$(MAKE) -j4 lint types most releases
	$(MAKE) alone
	$(MAKE) attacks
	$(MAKE) e2e

most: setup
	$(BIN)/python -m pytest $(AT_ONCE) -m "not e2e and not alone" || $(AGAIN)

ATTACKS := tests/integration/hostile
alone: setup
	$(BIN)/python -m pytest -m alone --ignore=$(ATTACKS) || $(AGAIN)

# They compare milliseconds, on a machine that others may use: here what fails three times has failed.
attacks: setup
	$(BIN)/python -m pytest $(ATTACKS) || $(AGAIN) || $(AGAIN)

# Without the accelerators (msgspec, uvloop), as far as they make a difference: test-releases has neither, too.
FAILED_HERE := -o cache_dir=.pytest_cache/pure
PURE = SLACKD_PURE=1 $(BIN)/python -m pytest $(FAILED_HERE) -q $(AT_ONCE) \
    tests/unit/broker tests/unit/link tests/integration/broker || SLACKD_PURE=1 $(AGAIN) $(FAILED_HERE)
test-pure: setup
	$(PURE)

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
# elsewhere (77) one line says why not.
test-releases: setup
	nice -n 5 $(BIN)/python packaging/deb/test_release.py || { test $$? = 77 && { $(PURE); }; }

# One after the other: side by side they would take most tests' time.
releases: setup
	$(MAKE) test-releases
	$(MAKE) packages

# Signed apt repositories in dist/bookworm and dist/trixie; needs root, and says what else.
deb:
	$(PYTHON) packaging/deb/build.py --twice

# Debian 12 and 13, booted side by side, as root; elsewhere one line says why not. SLACKD_E2E=0 leaves it out.
e2e: setup
	$(BIN)/python -m tests.e2e

# The packages' own tests, and whatever the booted machines will find in the cache.
packages: setup
	nice -n 19 $(BIN)/python -m tests.e2e tests/e2e/test_packages.py

# slackd beside Bolt for Python, and its gateway beside Slack, on a machine that does nothing else: a table, and
# plots and flame graphs in dist/bench.
bench: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(EDITABLE:dev]'=dev,bench]')
	missed=0; for part in throughput gateway flame; do $(BIN)/python -m tests.bench.$$part || missed=1; done; exit $$missed

clean:
	rm -rf $(VENV) $(OLDEST) build dist .pytest_cache .mypy_cache .ruff_cache
