# run, test, check, bench: the same words for people and for CI.

VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 3
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
STAMPS := pyproject.toml scripts/venv.sh

# A container image often sets it; every process would compile orion anew, which is half of what a command costs.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-all check format bench soak fuzz docs rows wheel pyz clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.run ## start server, clock and agent with the example deployments
	@exec $(BIN)/orion start --agent --apply examples/weather/deployment.yaml --run weather/ad-hoc

test: $(VENV)/.dev ## run every test, PostgreSQL and a browser included
	@sh scripts/chromium.sh
	@sh scripts/axe.sh
	$(PYTEST) $(ARGS)

test-all: $(VENV)/.all ## the same with Dask and Ray, and with every other Python that is found
	@sh scripts/chromium.sh
	@sh scripts/axe.sh
	$(PYTEST) $(ARGS)
	@for minor in 11 12 13 14; do \
		if python3.$$minor -c '' 2>/dev/null; then \
			$(MAKE) test VENV=.venv.3.$$minor PYTHON=python3.$$minor || exit 1; \
		fi; \
	done

check: $(VENV)/.dev ## lint, types, floors
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_floors.py

format: $(VENV)/.dev ## let ruff format and mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## measure against the floor, and peers where ORION_PEER_C3, ORION_PEER_C2 name a Python
	$(BIN)/python -m benchmarks $(ARGS)

soak: $(VENV)/.dev ## ten minutes of random kills on each database; SOAK="--seconds 60 --runs 120" for less
	$(BIN)/python -m tests.soak postgres $(SOAK)
	$(BIN)/python -m tests.soak sqlite $(SOAK)

fuzz: $(VENV)/.dev ## ten minutes of hostile requests on each database; FUZZ="--seconds 60 --seed 1" for others
	$(BIN)/python -m tests.fuzz postgres --seconds 600 $(FUZZ)
	$(BIN)/python -m tests.fuzz sqlite --seconds 600 $(FUZZ)

docs: $(VENV)/.docs ## build the documentation site into site/
	$(BIN)/python scripts/reference.py
	$(BIN)/zensical build -f mkdocs.yml --strict

rows: $(VENV)/.dev ## which rows of the acceptance list have a test, and which not
	$(BIN)/python scripts/rows.py

wheel: $(VENV)/.dev ## build the wheel into dist/
	$(BIN)/python -m pip wheel -q --no-deps --no-build-isolation -w dist .

pyz: $(VENV)/.dev ## build dist/orion.pyz: orion and all it needs in one file, for Python 3.11 to 3.14
	$(BIN)/python scripts/pyz.py

clean: ## remove everything that make has built
	rm -rf $(VENV) build dist site

$(VENV)/.run: $(STAMPS)
	@sh scripts/venv.sh $(VENV) "" && touch $@

$(VENV)/.dev: $(STAMPS)
	@sh scripts/venv.sh $(VENV) dev && touch $@ $(VENV)/.run

$(VENV)/.docs: $(STAMPS)
	@sh scripts/venv.sh $(VENV) dev,docs && touch $@ $(VENV)/.dev $(VENV)/.run

$(VENV)/.all: $(STAMPS)
	@sh scripts/venv.sh $(VENV) dev,dask,ray && touch $@ $(VENV)/.dev $(VENV)/.run
