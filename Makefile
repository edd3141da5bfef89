# Set-up is part of every target that needs it: `make demo` works on a fresh Debian 12 or Ubuntu 24.04.

PREFIX ?= /usr/local
ARGS ?=
LIB := $(PREFIX)/lib/systape

.DEFAULT_GOAL := help
.PHONY: help setup bpf demo bench test lint docs lock wheel install uninstall clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## packages, .venv and the project in it: what is missing
	@scripts/setup.sh

bpf: setup ## compile the kernel program
	@if [ -e capture/bpf/Makefile ]; then $(MAKE) --no-print-directory -s -C capture/bpf; fi

demo: bpf ## record this machine for a few seconds, and ask questions
	@scripts/demo.sh

bench: bpf ## what tracing costs here, beside others: tables and a picture in build/bench; ARGS="--rounds 11"
	@.venv/bin/capture bench --force -o build/bench $(ARGS)

test: bpf ## every test; ARGS="-k sink" passes options to pytest
	@.venv/bin/python -m pytest $(ARGS)

lint: setup ## ruff and mypy
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

docs: setup ## write the generated pages: docs/schema.md and docs/cli.md
	.venv/bin/python scripts/make_docs.py

lock: setup ## resolve pyproject.toml's requirements anew
	.venv/bin/python scripts/lock.py

wheel: bpf ## dist/systape-*.whl, with the compiled kernel program
	@rm -rf dist
	@.venv/bin/python -m hatchling build -t wheel

install: wheel ## capture and analyze into PREFIX=/usr/local
	@/usr/bin/python3 -m venv --clear $(LIB)
	@$(LIB)/bin/python -m pip install -q --disable-pip-version-check -c requirements.lock "$$(echo dist/*.whl)[bench]"
	@mkdir -p $(PREFIX)/bin
	@ln -sf $(LIB)/bin/capture $(LIB)/bin/analyze $(PREFIX)/bin/
	@echo 'Installed. Now: capture doctor'

uninstall: ## take them away again
	rm -f $(PREFIX)/bin/capture $(PREFIX)/bin/analyze
	rm -rf $(LIB)

clean: ## everything made here but .venv
	rm -rf build dist capture/bpf/.output demo.parquet*
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -r {} +
