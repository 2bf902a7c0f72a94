# make dev    serve the rest-api template on http://127.0.0.1:8788
# make test   every check and every test
# make check  only the checks that need no running: format, lint, types, imports
# make test-providers  the AI providers against LiteLLM and fastembed (about 1 GB)
# make test-distribution  the wheel, installed for every Python of this machine
# make docs   build the documentation to site/
# make bench  side by side with its peers (bench/README.md); QUICK=1, SOAK=minutes

PYTHON ?= python3
BIN := .venv/bin
DEMO := build/rest-api

.PHONY: dev test test-providers test-distribution check docs bench clean

dev: .venv/installed
	@test -d $(DEMO) || $(BIN)/aerostack init $(DEMO) --template rest-api --language python
	@exec $(BIN)/aerostack dev --config $(DEMO)/aerostack.toml

test: .venv/installed
	@scripts/test

test-providers: .venv/installed
	@scripts/test-providers

test-distribution: .venv/installed
	@scripts/test-distribution

check: .venv/installed
	@scripts/check

docs: .venv/installed
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: .venv/installed
	@QUICK=$(QUICK) SOAK=$(SOAK) scripts/bench

clean:
	rm -rf .venv build site .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache

# One environment for all of the above, from pinned versions.
.venv/installed: pyproject.toml requirements-dev.txt
	@echo "Installing into .venv ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "aerostack-dev needs Python 3.11 or newer; set PYTHON=... to one"; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@# The npm package of the tests of HTMLRewriter, which are skipped without it.
	@mkdir -p .venv/node && cd .venv/node && \
		echo '{"dependencies": {"html-rewriter-wasm": "0.4.1"}}' > package.json && \
		DENO_NO_UPDATE_CHECK=1 ../bin/deno install --quiet || \
		echo "No npm registry: the tests of HTMLRewriter will be skipped."
	@touch $@
