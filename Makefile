# Everything that a person needs. Requires make, bash and Python 3.11-3.13; `make help` lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
ARGS :=

export DO_NOT_TRACK := true
unexport PYTHONDONTWRITEBYTECODE # where it is set, each of a hundred processes compiles all that it imports

.PHONY: help run test set-up check unit cluster-test chaos viz mlflow lab lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

run: set-up ## Set up and run the default pipeline on the bundled data; ARGS="--pipelines=train" goes to kedro run
	@$(BIN)/kedro run $(ARGS)

test: check unit ## Set up and run everything that guards the project

set-up: ## Make .venv from requirements.lock, with a Java if the machine has none
	@scripts/set-up

check: set-up ## Run the static checks: ruff, mypy, import-linter
	@echo "-- ruff" && $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "-- mypy" && $(BIN)/mypy
	@echo "-- import-linter" && $(BIN)/lint-imports --no-logo

unit: set-up ## Run the tests, the notebook among them; ARGS="tests/scenario -k split" goes to pytest
	@echo "-- pytest" && $(BIN)/python -m pytest -n 2 $(ARGS)

cluster-test: set-up ## Train, predict and lose a worker on a Spark cluster of processes, and over Spark Connect
	@echo "-- pytest, on a cluster" && $(BIN)/python -m pytest -m cluster tests/cluster $(ARGS)

chaos: set-up ## Kill runs at a hundred random moments and count what is left; not in CI; ARGS="--kills 20 --seed 1"
	@$(BIN)/python -m pytest -m chaos tests/faults
	@$(BIN)/python -m tests.faults.chaos $(ARGS)

viz: set-up ## Open the pipelines in Kedro-Viz
	@$(BIN)/kedro viz run $(ARGS)

mlflow: set-up ## Open the tracked runs in MLflow
	@$(BIN)/kedro mlflow ui $(ARGS)

lab: set-up ## Open JupyterLab with the project's catalog
	@$(BIN)/kedro jupyter lab $(ARGS)

lock: ## Compile the lock files from pyproject.toml; ARGS=--upgrade takes the newest versions
	@scripts/lock $(ARGS)

clean: ## Remove .venv, build/ and the tools' caches; data and tracked runs stay
	@rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache src/*.egg-info
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
