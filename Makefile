# make run    install on first use, then start the app
# make test   install on first use, then run every test
# make check  style, types and the quick tests: for the habit, before each commit
# Use another Python:  make PYTHON=python3.12 run

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
# What needs neither the app nor a process of its own, and is done within a minute.
QUICK := tests/test_house.py tests/core/test_*.py $(addprefix tests/core/, checkpoints compute data \
  models optim) $(addprefix tests/tui/, analysis charts state text widgets)

.PHONY: run setup test check lint snapshots bench clean
.DELETE_ON_ERROR:

run: $(VENV)/.installed
	@$(BIN)/mnist-tui $(ARGS)

setup: $(VENV)/.installed

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

check: lint
	$(BIN)/python -m pytest -n auto --dist worksteal $(QUICK) $(ARGS)

# Accept the screens as they are drawn now as the pictures that the tests compare with.
snapshots: $(VENV)/.installed-dev
	$(BIN)/python -m pytest tests/tui/screens/test_snapshots.py --snapshot-update

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-dev
	@for script in throughput routes time_to_accuracy screen gpu; do \
	  echo "== benchmarks/$$script.py"; $(BIN)/python benchmarks/$$script.py || exit 1; done

clean:
	rm -rf $(VENV)

# The stamps make a second call reinstall nothing, until pyproject.toml changes.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[sample]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[sample,dev]'
	@touch $(VENV)/.installed $@

# Written for Python 2 too, so that even that one says a clear line. A .venv is made beside and
# moved into place only whole, so an interrupted first run does not leave a broken one.
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "mnist-tui: $(PYTHON) was not found. Install Python 3.11 or newer, or name yours: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "mnist-tui: needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -c 'import platform; print(platform.python_version())'). Name a newer one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "mnist-tui: $(PYTHON) comes without venv. Install it (Debian, Ubuntu: sudo apt install python3-venv), or name another Python: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Making $(VENV) and installing (PyTorch is large: a few minutes the first time) ..." >&2
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "mnist-tui: $(PYTHON) could not make $(VENV): see above" >&2; exit 1; }
