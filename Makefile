# Two commands do everything on a fresh machine with Python ≥ 3.10:
#   make demo    sets up, then capture → calibrate → live on the simulated camera, with pictures at the end
#   make test    sets up, then the whole suite with its checks of style, types and imports

VENV   := .venv
ifeq ($(OS),Windows_NT) # which sets OS itself; recipes need a bash such as Git's
PYTHON ?= python
BIN    := $(VENV)/Scripts
else
PYTHON ?= python3
BIN    := $(VENV)/bin
endif
READY  := $(VENV)/.ready

.PHONY: demo test check unit setup clean
.DEFAULT_GOAL := demo

setup: $(READY)

$(READY): pyproject.toml setup.py constraints.txt $(wildcard rtdenoise/engines/native/*)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(READY)
	$(BIN)/rtdenoise demo --folder demo

test: check unit

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(READY)
	$(BIN)/pytest

clean:
	rm -rf $(VENV) demo build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
