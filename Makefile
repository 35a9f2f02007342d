# Two commands do everything on a fresh machine with Python ≥ 3.10:
#   make demo    sets up, then capture → calibrate → live on the simulated camera, with pictures at the end
#   make test    sets up, then the whole suite with its checks of style, types and imports, and the sanitizers

VENV   := .venv
ifeq ($(OS),Windows_NT) # which sets OS itself; recipes need a bash such as Git's
PYTHON ?= python
BIN    := $(VENV)/Scripts
else
PYTHON ?= python3
BIN    := $(VENV)/bin
endif
READY  := $(VENV)/.ready
C      := $(wildcard rtdenoise/engines/native/*.[ch] tests/rtdenoise/engines/native/*.[ch])

.PHONY: demo test check unit sanitize test-devices setup clean
.DEFAULT_GOAL := demo

setup: $(READY)

$(READY): pyproject.toml setup.py constraints.txt $(wildcard rtdenoise/engines/native/*)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[app,cluster,dev,raw]'
	@touch $@

demo: $(READY)
	$(BIN)/rtdenoise demo --folder demo

test: check unit sanitize

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run -Werror $(C)
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(READY)
	$(BIN)/pytest

# The compiled engine's own tests on builds with sanitizers, where the compiler has them.
sanitize: $(READY)
	$(BIN)/python -m tests.rtdenoise.engines.sanitize

# The tests on real device drivers alone, in a virtual machine whose kernel is built the first time; with the reasons
# where they can't run.
test-devices: $(READY)
	-$(BIN)/python -m tests.e2e.vm.image
	$(BIN)/pytest tests/e2e/vm -rs

clean:
	rm -rf $(VENV) demo build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
