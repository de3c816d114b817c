# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
#
# make help            what can be done
# make setup PYTHON=python3.12 VENV=.venv312      another Python, another environment;
#                      from then on VENV=.venv312 is enough

VENV ?= .venv
# The Python that made the environment, where there is one.
PYTHON ?= $(or $(realpath $(VENV)/bin/python),python3)
BAG ?=
PYTEST_ARGS ?=
WORKERS ?= 2
PARTS ?= test
FAULTS_ARGS ?=
MINUTES ?= 30
MODULES ?=

BIN := $(VENV)/bin

# The guard of the ROS wheels' start-up hook: inherited from another environment's Python it would keep ours
# from finding its libraries.
unexport _ROS_WHEELS_BOOTSTRAP_COMPLETE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-noise coverage mutation faults soak lint docs audit sbom colcon clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

setup:  ## make the virtual environment, the messages and the commands (seconds when nothing changed)
	@command -v $(PYTHON) >/dev/null || \
	  { echo "setup: there is no $(PYTHON): apt-get install python3 python3-venv python3-dev" >&2; exit 1; }
	@$(PYTHON) tools/setup_venv.py $(VENV)

demo: setup  ## the monitor, live, on a recorded drive (BAG=path: on your own recording)
	@$(BIN)/rs_monitor demo $(if $(BAG),--bag "$(BAG)")

test: setup  ## all tests, in WORKERS (2) processes (PYTEST_ARGS="-k launch": some of them)
	@ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST \
	  $(BIN)/python -m pytest test -q -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

test-noise: setup  ## the statistics of the noise, on 4e8 draws (20 s)
	@RS_MONITOR_NOISE_DRAWS=400000000 $(BIN)/python -m pytest -q test/engines/test_noise_statistics.py

coverage: setup  ## lines and branches that the tests reach, processes included (PARTS="test/ros": some)
	@$(BIN)/python -m coverage erase
	@for part in $(PARTS); do ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST \
	  $(BIN)/python -m coverage run -m pytest -q $$part $(PYTEST_ARGS) || exit; done
	@$(BIN)/python -m coverage combine -q && $(BIN)/python -m coverage report

mutation: setup  ## does any test notice a changed certificate? (MODULES="certification/bounds": some)
	@$(BIN)/python -m pip install -q 'rs_monitor[mutation]'
	@$(BIN)/python tools/mutation.py $(MODULES)

faults: setup  ## every fault against the real processes, as a table (4 minutes, machine left alone)
	@$(BIN)/python -m rs_monitor.ros.faults $(FAULTS_ARGS)

soak: setup  ## camera, node and safety monitor at 25 Hz for MINUTES (30): benchmarks/soak.log
	@$(BIN)/python benchmarks/soak.py --minutes $(MINUTES)

lint: setup  ## ruff
	@$(BIN)/python -m ruff check .

docs: setup  ## bring the tables in the documents and the files in config/ up to date with the code
	@$(BIN)/python tools/write_tables.py

audit: setup  ## known vulnerabilities of what the virtual environment holds
	@$(BIN)/python tools/audit.py vulnerabilities $(VENV)

sbom: setup  ## a CycloneDX list of it: build/sbom.cdx.json
	@$(BIN)/python tools/audit.py sbom $(VENV) build/sbom.cdx.json

colcon: setup  ## build and test as a ROS workspace does, in the virtual environment
	@export PATH="$(abspath $(BIN)):$$PATH" ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST; \
	  python -m colcon build || exit; \
	  python -m colcon test --return-code-on-test-failure --event-handlers console_direct+; \
	  status=$$?; python -m colcon test-result --all; exit $$status

clean:  ## remove what setup, tests and colcon have made
	rm -rf $(VENV) rs_monitor/engines/*.so .coverage* build install log .pytest_cache .ruff_cache .hypothesis rs_monitor.egg-info
	find rs_monitor rs_monitor_msgs test tools launch -name __pycache__ -type d -exec rm -rf {} +
