# Everything that one does with this repository. `make demo` and `make test` need nothing but a Debian 12
# machine: they install what is missing (tools/setup), build, and run.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build demo test fault mutants serve bench format lint asan tsan fuzz clean

PYTHON := /usr/bin/python3
RELEASE := build/release

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

setup: ## installs Debian and npm packages that are missing
	@tools/setup

build: setup ## builds build/release/insula and the test programs
	@tools/build release

demo: setup ## loads real data, asks, kills, compares with DuckDB; ends by itself
	@tools/build release insula
	@node demo/run.mjs

test: build ## unit tests, checks of the layers and of style, spec tests against the binary
	@$(PYTHON) tools/run_tests.py --build $(RELEASE)

fault: build ## the fault programme: crashes, power cuts, damage (SECONDS=N SEED=S PARTS="kill postgres")
	@$(PYTHON) tests/fault/run.py $(PARTS) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

mutants: build ## planted bugs of durability and authorisation, each of which the tests must notice (SEED=S)
	@$(PYTHON) tests/fault/mutants.py $(if $(SEED),--seed $(SEED))
	@$(PYTHON) tests/spec/authorisation_mutants.py

serve: setup ## runs a server for development on 127.0.0.1:8000
	@tools/build release insula
	@$(RELEASE)/insula serve --dev

bench: build ## measures, target beside result
	@bench/run

format: setup ## formats the C++ files in place
	@tools/format

lint: build ## format, layers, style, clang-tidy on what changed (LINT_ALL=1: on all)
	@tools/lint

# libduckdb is not instrumented, so a leak that it reports at exit is not ours to see: leaks are looked for in
# the test programs that do not start the engine.
asan: setup ## all unit tests under the address and undefined-behaviour sanitizers
	@tools/build asan tests
	@$(PYTHON) tools/run_tests.py --build build/asan --unit-only --sanitizer address

tsan: setup ## all unit tests under the thread sanitizer, but for sweeps of one thread
	@tools/build tsan tests
	@$(PYTHON) tools/run_tests.py --build build/tsan --unit-only --sanitizer thread

fuzz: setup ## searches for inputs that break a promise, with libFuzzer (SECONDS=600)
	@tools/fuzz $(or $(SECONDS),600)

clean: ## removes what was built, keeps installed packages
	rm -rf build
