# Each target is one line of the tool it calls; `make demo` and `make test` need only Python, git and make.
PYTHON ?= python3
BIN := .venv/bin
export PIP_CONSTRAINT := constraints.txt
# Files of tests side by side; more than four engines at once would need much memory.
TESTS := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

.PHONY: demo test e2e cluster lint fix bench clean

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	# torch goes first and pinned: the package index's newest build would bring the CUDA packages along.
	$(BIN)/pip install --quiet --disable-pip-version-check "$$(grep ^torch== constraints.txt)"
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $@

demo: .venv/installed
	$(BIN)/python examples/demo.py $(if $(MODEL),--model $(MODEL))

test: .venv/installed
	$(TESTS)

e2e: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[e2e]"
	tests/e2e/install.sh .venv/e2e
	INFILL_E2E_TOOLS=.venv/e2e $(TESTS) tests/e2e
	$(BIN)/python -m pytest tests/lsp/endpoints/test_llama_server.py tests/model/coder/test_llama_cpp.py

# A server for a team on a real Ray: it takes minutes, and is run by hand.
cluster: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[e2e,serve]"
	$(BIN)/python -m pytest tests/cluster

lint: .venv/installed
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

fix: .venv/installed
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

bench: .venv/installed
	$(BIN)/infill-lsp bench fill

clean:
	rm -rf .venv dist build
