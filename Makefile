# On Linux pip takes the CUDA build of torch, several GB; PIP_FLAGS can name an index that has the CPU build.

PYTHON ?= python3
PIP_FLAGS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip --disable-pip-version-check --quiet install $(PIP_FLAGS)
SOURCES := $(wildcard pyproject.toml README.md facelm/*.py facelm/*/*.py facelm/*/*.npz facelm/*/*.onnx facelm/*/*.html facelm/py.typed weights/*)

.PHONY: help demo test clean
.NOTPARALLEL:
.DELETE_ON_ERROR:

help:
	@echo "make demo    draw masks and landmarks on the pictures in sample_images"
	@echo "make test    lint, types and tests"
	@echo "make clean   remove what these made"

demo: $(VENV)/.demo
	@echo "Drawing on sample_images ..."
	@$(BIN)/facelm overlay sample_images -o demo --overwrite
	@echo "The pictures are in demo/"

test: $(VENV)/.test
	@echo "Lint ..."
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "Types ..."
	@$(BIN)/mypy
	@echo "Tests ..."
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

clean:
	rm -rf $(VENV) demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find facelm tests recipes bench -name __pycache__ -prune -exec rm -rf {} +

# The demo installs a copy, as a user does; the tests install a link to this checkout, so that the command and the
# imported package are one code. Each replaces the other, and both are due when a source is newer, so either works.
# pip installs a local folder again though its version is the same, and leaves satisfied dependencies alone.
$(VENV)/.demo: $(VENV)/pyvenv.cfg $(SOURCES)
	@echo "Installing facelm; the first time takes some minutes ..."
	@$(INSTALL) .
	@touch $@

$(VENV)/.test: $(VENV)/pyvenv.cfg $(SOURCES)
	@echo "Installing facelm for the tests; the first time takes some minutes ..."
	@$(INSTALL) --editable '.[test]'
	@touch $@

$(VENV)/pyvenv.cfg:
	@echo "Making $(VENV) with $(PYTHON) ..."
	@$(PYTHON) -m venv $(VENV)
