# Every target sets up what it lacks; a clone, make and Python 3.11 or newer are enough.
#
#   make demo       sixteen requests to bundled servers, and where their time went
#   make test       every test, on each of PYTHONS that is on the machine
#                   make test PYTHONS=python3.11 ARGS='-k redirect'
#   make check      style, types, generated files, layers, change fragments; reports sizes
#   make bench      measured against other clients
#   make wire       how far timelines are from what passes the network; needs Linux and root
#                   make wire ARGS="--times 100 post"
#   make docs       docs/_build/html/index.html
#   make soak       many requests for a long time with flat memory
#   make fuzz       random bytes and timings, until a failure or FUZZ_SECONDS
#   make ecosystem  libraries that use aiohttp's client, run on httptrace
#                   make ecosystem ARGS='aiodocker gql', ARGS='--on aiohttp'
#   make clean      remove everything that these targets made

SHELL = /bin/sh
PYTHON ?=
PYTHONS ?= python3.11 python3.12 python3.13 python3.14 python3.15
WORKERS ?= 2
FUZZ_SECONDS ?= 60
ARGS ?=

VENV = .venv
BIN = $(VENV)/bin

export WORKERS PYTHON

.DEFAULT_GOAL = help
.NOTPARALLEL:
.PHONY: help venv demo test check lint mypy pyright signals compat layers fragments sizes format bench wire docs soak fuzz ecosystem clean

help:
	@sed -n 's/^#   //p' Makefile

venv:
	@python=$$(scripts/find-python $(PYTHON)) && scripts/make-venv $(VENV) "$$python"

demo: venv
	@$(BIN)/python -m httptrace.demo $(ARGS)

test:
	@scripts/run-tests $(PYTHONS) -- $(ARGS)

check: venv
	@$(MAKE) --keep-going --no-print-directory lint mypy pyright signals compat layers fragments sizes

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

mypy:
	$(BIN)/mypy

pyright:
	$(BIN)/pyright --pythonpath $(BIN)/python

signals:
	$(BIN)/python scripts/generate_signals.py --check

compat:
	$(BIN)/python scripts/generate_compat.py --check

layers:
	PYTHONPATH=src $(BIN)/lint-imports --no-logo

fragments:
	@$(BIN)/towncrier build --draft --version next >/dev/null

sizes:
	@$(BIN)/python scripts/report_sizes.py

format: venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: venv
	@$(BIN)/python -m benchmarks $(ARGS)
	@$(BIN)/python -m benchmarks.context

wire: venv
	@$(BIN)/python -m tests.wire $(ARGS)

docs: venv
	$(BIN)/sphinx-build -W --keep-going -q -d docs/_build/doctrees docs docs/_build/html
	@echo "== docs/_build/html/index.html"

soak: venv
	@test -f benchmarks/soak.py || { echo "make soak: benchmarks/soak.py does not exist" >&2; exit 1; }
	@$(BIN)/python -m benchmarks.soak $(ARGS)

fuzz: venv
	@test -d tests/fuzz || { echo "make fuzz: tests/fuzz does not exist" >&2; exit 1; }
	@FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest tests/fuzz --timeout 0 $(ARGS)

ecosystem:
	@python=$$(scripts/find-python $(PYTHON)) && "$$python" -m ecosystem $(ARGS)

clean:
	rm -rf .venv .venv-* build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	    .import_linter_cache src/*.egg-info bench-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
