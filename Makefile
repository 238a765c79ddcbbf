# The everyday commands. Each sets up all that it needs: a virtual environment in .venv, the package and its tools.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test archives oracles lint format bench clean
.DEFAULT_GOAL := test

$(READY): pyproject.toml
	@command -v $(PYTHON) >/dev/null || \
		{ echo "Python 3.11 or later is needed: install it (Debian, Ubuntu: apt install python3 python3-venv)." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed: name one with 'make PYTHON=/path/to/python3.11'." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing: install it (Debian, Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@rm -rf $(VENV)
	@echo "Setting up $(VENV) (once; a minute or two) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# Convert the small studies in testdata/, show what came out, and make a page of it.
demo: $(READY)
	@echo '$$ imgsel convert testdata --output demo-output'
	@$(BIN)/imgsel convert testdata --output demo-output
	@echo
	@echo 'One of the resources in demo-output/ImagingSelection.ndjson, a circle that a report draws on an image:'
	@grep -m 1 '"regionType":"circle"' demo-output/ImagingSelection.ndjson | $(BIN)/python -m json.tool
	@echo
	@echo '$$ imgsel view demo-output --dicom testdata --output demo-output/page.html'
	@$(BIN)/imgsel view demo-output --dicom testdata --output demo-output/page.html

test: $(READY)
	@$(BIN)/python -m pytest --quiet --numprocesses auto

# Kill runs, start clusters, write large archives: what takes minutes and is not part of test.
archives: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,dask]'
	@$(BIN)/python -m pytest --quiet --numprocesses auto -m archive tests/run

# What some tests compare with, beside DCMTK.
oracles: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,oracles]'
	@npm install --prefix $(VENV) --no-save --no-package-lock --no-audit --no-fund --ignore-scripts --silent \
		fhir@4.12.0 @medplum/core@5.2.13

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(READY)
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: $(READY)
	@for each in headers conversion runs memory kinds annotations outlines; do \
		echo "python -m benchmarks.$$each" && $(BIN)/python -m benchmarks.$$each || exit 1; done

clean:
	rm -rf $(VENV) demo-output test-output build dist
