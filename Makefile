# `make quickstart` and `make test` set up everything they need in .venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DATA   ?= data

.PHONY: quickstart test test-faults test-heavy test-cluster test-extras test-wheel test-release picture bench bench-scale docs tour lint format clean

quickstart: $(VENV)/.installed
	$(BIN)/xstilts run quickstart
	$(BIN)/xstilts report quickstart

test: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -n 2 --dist loadfile -m "not heavy and not cluster and not faults and not wheel"

# Kills, full disks and pauses by the dozen on one core; as root for the full disks.
test-faults: $(VENV)/.installed-dev
	$(BIN)/pytest -m faults

# The README's picture: the top of the quickstart's report, in Chromium.
picture: $(VENV)/.installed
	$(BIN)/xstilts run quickstart
	$(BIN)/xstilts report quickstart --out build/picture.html
	$(BIN)/python -m bench.picture build/picture.html docs/images/report.png

# Most of an hour on two cores.
test-heavy: $(VENV)/.installed-dev $(VENV)/.installed-bench
	$(BIN)/pytest -m heavy

# Ray and Slurm with several nodes on this machine. Slurm needs root; on Debian and Ubuntu its
# packages are installed, elsewhere its tests are skipped without them.
test-cluster: $(VENV)/.installed-dev $(VENV)/.installed-cluster
	command -v slurmctld && command -v munged || { apt-get update -qq && apt-get install -y -qq slurm-wlm munge; } || true
	$(BIN)/pytest -m cluster

# Tests with the real packages of extras, which `make test` skips, and the documentation site.
test-extras: $(VENV)/.installed-dev $(VENV)/.installed-bench docs
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[tasksource,mlflow,trackio,tensorboard,wandb]"
	$(BIN)/pytest tests/unit/tasks/test_tasksource_package.py tests/unit/export/test_sentence_layout.py tests/unit/trackers

# The wheel in two fresh environments, with the newest and the lowest dependencies: some GB of downloads.
test-wheel: $(VENV)/.installed-dev
	$(BIN)/pytest -m wheel

# Before a release, besides `make test`.
test-release: test-extras test-wheel

# `make bench DATA=FOLDER` (data: docs/reference/tasks.md). Up to an hour on two idle cores, 24 GB of
# memory and 6 GB of disk under build/.
bench: $(VENV)/.installed-bench
	$(BIN)/python -m bench --data $(DATA)

# Simulated schedules, and commands on large stores; writes docs/scale.md. A quarter of an hour.
bench-scale: $(VENV)/.installed-bench
	$(BIN)/python -m bench.scale

# The documentation as a site in build/site, to be opened as files; a broken link is an error.
docs: $(VENV)/.installed-docs
	$(BIN)/python -m mkdocs build --quiet
	@echo "open build/site/index.html"

# Runs the tour and stores its outputs, after a change of its cells or of what they show.
tour: $(VENV)/.installed
	$(BIN)/python -m website.notebook_run docs/tour.ipynb

lint format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

# torch first and pinned: the constraint file holds every other version.
$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

$(VENV)/.installed-bench: $(VENV)/.installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[bench]"
	touch $@

$(VENV)/.installed-cluster: $(VENV)/.installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[ray]"
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[docs]"
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build dist
