# The only door to the tools. Every target works on a bare machine: it makes .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: help install demo test check docs format lint types floors clean

help:
	@echo "make demo     install, then run the embedded default and print where its report is"
	@echo "make test     install, then run the whole test suite"
	@echo "make check    formatting, lint, types and floors"
	@echo "make docs     the documentation site, in build/site; a dead link is an error"
	@echo "make format   rewrite the code in its one format"

install: $(INSTALLED)

$(INSTALLED): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $(INSTALLED)

demo: install
	$(BIN)/gapless assets fetch pubmed2021
	$(BIN)/gapless demo --dir runs

test: install
	$(BIN)/python -m pytest -n logical --maxprocesses 8 --dist loadfile

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/python docs/site

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint types floors: check

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
