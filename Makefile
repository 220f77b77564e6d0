# Millwright's tasks. Each works from a fresh clone with nothing done before it, as often as you
# like and in any order; all of them share the one virtual environment in .venv.

PYTHON ?= python3
BIN := .venv/bin
DEMO_ARGS ?=
PYTEST_ARGS ?=
JOBS ?= 2

NODE := $(shell command -v npm 2>/dev/null)
WEB_SOURCES := $(shell [ -d web ] && find web -name node_modules -prune -o -type f \
	\( -path 'web/src/*' -o -path 'web/public/*' -o -maxdepth 1 \) -print 2>/dev/null)
INSTALL_INPUTS := pyproject.toml $(wildcard hatch_build.py) $(WEB_SOURCES)
NODE_MODULES := $(if $(and $(NODE),$(wildcard web/package-lock.json)),web/node_modules/.package-lock.json)

# Without Node the browser UI cannot be built. Tests and docs do without it and say so at the end;
# the demo shows the UI, so there the build stops and says what to install.
SKIP_UI := $(if $(NODE),,MW_SKIP_UI=1)

.PHONY: help demo test lint typecheck docs bench install clean
.DELETE_ON_ERROR:

help: ## Show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: .venv/.installed-demo ## A year in the life of a model, on real data (DEMO_ARGS="--no-serve")
	@$(BIN)/mw demo $(DEMO_ARGS)

test: .venv/.installed-dev $(NODE_MODULES) ## Everything this machine can run; the last line says what it could not
	@mkdir -p build && rm -f build/tests.xml
	@status=0; $(BIN)/python -m pytest -n $(JOBS) --dist worksteal --junitxml=build/tests.xml $(PYTEST_ARGS) || status=$$?; \
	$(BIN)/python ci/not_run.py build/tests.xml; exit $$status

lint: .venv/.installed-dev $(NODE_MODULES) ## ruff, strict types, the architecture's import contracts, eslint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(if $(NODE_MODULES),cd web && npm run --silent check && npm run --silent lint,@echo "The UI was not checked: install Node 20 or newer.")

docs: .venv/.installed-dev ## Build the documentation into site/, strictly
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet && echo "The documentation is in site/index.html."

bench: .venv/.installed-dev ## Measure; docs/benchmarks.md says what each number means
	@for benchmark in benchmarks/*.py benchmarks/*/*.py; do echo "== $$benchmark"; $(BIN)/python $$benchmark || exit 1; done

install: .venv/.installed-dev $(NODE_MODULES) ## Everything that development needs, into .venv

clean: ## Remove all that these tasks made, .venv included (workspaces of the demo stay)
	rm -rf .venv build dist site web/node_modules src/millwright/server/ui
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests ci benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Millwright needs Python 3.11 or newer; '$(PYTHON)' is older. Use: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { \
	  echo "Could not create .venv. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

.venv/.installed-demo: .venv/.created $(INSTALL_INPUTS)
	@echo "Installing Millwright and what the demo needs into .venv (once; about two minutes) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

.venv/.installed-dev: .venv/.created $(INSTALL_INPUTS)
	@echo "Installing Millwright and what its tests need into .venv (once; about three minutes) …"
	@$(SKIP_UI) $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@$(if $(NODE),touch .venv/.installed-demo)
	@touch $@

# The build of the UI installs these too; npm keeps this file as its record of what is there.
web/node_modules/.package-lock.json: web/package-lock.json
	@cd web && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --loglevel=error
	@touch $@
