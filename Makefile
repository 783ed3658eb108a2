# Everything a newcomer needs: `make run` shows the demo city, `make test` proves it works.
# Both set up what they need: Python packages in .venv, Debian packages, model weights in .cache.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
TORCH_INDEX ?=
HOST ?= 127.0.0.1
PORT ?= 8050
VAR ?= var
export YOLO_OFFLINE := true
export YOLO_AUTOINSTALL := false
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# What the product itself needs beyond pip (fonts for Chinese labels), and what the tests talk to.
APT_RUN := fonts-noto-cjk libgl1 libglib2.0-0
APT_TEST := $(APT_RUN) nginx-light caddy chromium gcc libc6-dev libnss3-tools mosquitto mosquitto-clients postgresql ffmpeg python3-gi gstreamer1.0-rtsp \
	gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad \
	gstreamer1.0-plugins-ugly gstreamer1.0-libav

.PHONY: setup setup-test run test check bench bench-latency lock clean

setup: $(VENV)/.ready models

$(VENV)/.ready: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH_INDEX),$(PY) -m pip install --quiet --index-url $(TORCH_INDEX) torch==2.14.1 torchvision==0.29.1)
	$(PY) -m pip install --quiet -r requirements.lock
	touch $@

.PHONY: models
models: $(VENV)/.ready
	$(PY) app.py models --config config.yaml

run: setup
	-@bash .ci/apt.sh $(APT_RUN)
	$(PY) app.py run --config config.yaml --var $(VAR) --host $(HOST) --port $(PORT)

# Node.js checks and tests the screens' scripts and is an identity provider for tests; nothing that runs needs it.
$(VENV)/.node: .ci/node.txt $(VENV)/.ready
	$(PY) -m pip install --quiet -r $<
	touch $@

setup-test: setup $(VENV)/.node
	bash .ci/apt.sh $(APT_TEST)

# The screens' scripts: Biome (lint, format of modules) and TypeScript's checker.
.PHONY: scripts rest-types
scripts: $(VENV)/.node
	$(PY) -m tests.scripts.node

# layouts/types/rest.d.ts, after a body or an answer of the REST API has changed.
rest-types: $(VENV)/.node
	$(PY) -m tests.scripts.rest_types

check: $(VENV)/.ready scripts
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/hadolint Dockerfile
	$(VENV)/bin/check-jsonschema -q --builtin-schema vendor.compose-spec compose.yaml
	$(VENV)/bin/check-jsonschema -q --builtin-schema vendor.github-workflows .github/workflows/ci.yml
	$(VENV)/bin/check-jsonschema -q --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/feature.yml

test: setup-test check
	bash .ci/pytest.sh $(PYTEST_ARGS)

# The whole table of cameras (three quarters of an hour, on a machine that does nothing else), then frame to screen.
bench: setup-test
	$(PY) -m bench.latency; status=$$?; $(PY) -m bench && exit $$status

# Each configuration once for 25 s at the number it must reach.
.PHONY: bench-quick accuracy
bench-quick: setup-test
	$(PY) -m bench --quick

# Every measurement of the table for some seconds, to see that it runs (five minutes).
.PHONY: bench-smoke
bench-smoke: setup-test
	$(PY) -m bench --smoke

# Clips of alerts and the live view of a camera, through the real processes (six minutes); one line of JSON.
.PHONY: bench-review
bench-review: setup-test
	$(PY) -m bench.review $(PARTS)

# 10 to 10,000 gauges at 5,000 readings a second (real broker, web server and Modbus device): what a reading costs, threads,
# start (eight minutes; ARGS="--gauges 10 500 --seconds 10" is shorter). Ends with one line of JSON.
.PHONY: bench-gauges
bench-gauges: setup-test
	$(PY) -m bench.gauges $(ARGS)

# Every page and dialog, filled as on a bad night, at five sizes, in both languages, at 100 and 150 %: can it be read? axe, requests
# to other hosts, weight (half an hour; ARGS="--views wall duty" looks at some). Ends with one line of JSON.
.PHONY: bench-screens
bench-screens: setup-test
	$(PY) -m bench.screens $(ARGS)

bench-latency: setup-test
	$(PY) -m bench.latency

# About half an hour on two free cores; ACCURACY_DATA=folder adds footage of your own (docs/accuracy-data.md).
accuracy: setup-test
	$(PY) -m bench.accuracy_report --write $(if $(ACCURACY_DATA),--data $(ACCURACY_DATA))

# Objects that the network cannot name: found of how many, and how often something is raised where nothing is; one line
# of JSON (an hour on a busy machine; `--part`, `--kept` of bench.unknown go on where it was).
.PHONY: unknown
unknown: setup-test
	$(PY) -m bench.unknown --write

# Canary targets found against real people found, in footage made bad in thirty ways; one line of JSON (half an hour on a busy
# machine; KINDS="night-1 fog-2" does some of it, and what is done is kept for a day).
.PHONY: canaries
canaries: setup-test
	$(PY) -m bench.canary --write $(if $(KINDS),--kinds $(KINDS))

# Ten thousand canary targets put into copies of pictures: detections, rules and pictures stay as without them.
.PHONY: canary-leaks
canary-leaks: setup-test
	YIPING_CANARIES=10000 $(VENV)/bin/pytest -q --timeout 1800 tests/engine/test_canaries.py -k reaches

# A thousand generated scenes of standing cars (over 2,000 stays) against a script that knows the truth; two minutes.
.PHONY: stays
stays: setup-test
	YIPING_STAYS=1000 $(VENV)/bin/pytest -q tests/alerts/test_one_object_one_alert.py

# Is somebody there in time? A thousand generated floods and two real gauges, judged by what was true; one line of JSON.
.PHONY: early-alarm
early-alarm: $(VENV)/.ready
	$(PY) -m bench.early_alarm

.PHONY: accuracy-degraded
accuracy-degraded: setup-test
	$(PY) -m bench.degraded --write

# A million bent inputs over every parser, another seed each day; prints what was accepted and what refused, and why.
.PHONY: fuzz
fuzz: setup-test
	YIPING_FUZZ=1000000 YIPING_FUZZ_SEED=$$(date +%Y%m%d) $(VENV)/bin/pytest -q -s tests/fuzz

# The scenarios S1 to S13 and the way from camera to closed task on PostgreSQL, by the tests that SQLite passes, unchanged
# (a quarter of an hour; SCENARIOS="tests/scenarios/test_s3_storm.py" walks some).
SCENARIOS ?= tests/scenarios tests/e2e/test_by_rest.py tests/e2e/test_in_the_browser.py
.PHONY: scenarios-postgres
scenarios-postgres: setup-test
	YIPING_TEST_STORE=postgresql $(VENV)/bin/pytest -q --durations 20 --durations-min 10 $(SCENARIOS)

# Mosquitto and the sensors' process killed ten times each under load: nothing promised is lost.
.PHONY: durability
durability: setup-test
	YIPING_KILLS=10 $(VENV)/bin/pytest -q -s tests/engine/test_durability.py

# 5,000 readings a second for a minute, stored durably; the last hour of 20 gauges out of ten million readings.
.PHONY: readings readings-10m
readings: setup-test
	$(PY) -m bench.readings rate

readings-10m: setup-test
	$(PY) -m bench.readings history

# 200 alerts a second for a minute, stored durably: 99 % within 50 ms.
.PHONY: alerts-rate
alerts-rate: setup-test
	$(PY) -m bench.alert_rate

# 200 alerts and 5,000 readings a second and 100 screens for ten minutes while an officer acknowledges: one line of JSON.
LOAD_SECONDS ?= 600
.PHONY: load
load: setup-test
	$(PY) -m bench.load_storm --seconds $(LOAD_SECONDS)

# 10,000 races of two responders for one task, and of acknowledging against telling.
.PHONY: races
races: setup-test
	YIPING_RACES=10000 $(VENV)/bin/pytest -q --timeout 1800 tests/dispatch/test_who_is_sent.py tests/notices/test_races.py -k races

# Half an hour of random faults on eight RTSP cameras beside two that are well and a hundred dead ones; one line of JSON.
.PHONY: faults-video
faults-video: setup-test
	$(PY) -m bench.faults_video

# Two hours (SOAK_MINUTES) of a city whose cameras loop and flap, with gauges and a screen: nothing grows; one line of JSON.
.PHONY: soak
soak: setup-test
	$(PY) -m bench.soak

# Three minutes of it, beside nothing else.
.PHONY: soak-short
soak-short: setup-test
	YIPING_SOAK=1 $(VENV)/bin/pytest -q -rP tests/bench/test_soak.py

# Who is nearest by road: 200 units on 50,000 nodes, and how often the straight line would have been wrong.
.PHONY: bench-routing
bench-routing: setup-test
	$(PY) -m bench.routing

lock:
	bash .ci/lock.sh

clean:
	rm -rf $(VENV) node_modules .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Does a resting camera find what a fully decoded one finds? Films are made once (.cache/gating), detections are kept.
.PHONY: gating
# VARIANT=day-vbr-gop25 does one of the eight; what is done is kept, and the table is of all that is kept.
gating: setup-test
	$(PY) -m bench.gating --write $(if $(VARIANT),--variant $(VARIANT))

# Two of its films in some minutes (half a minute of one runs with the tests).
.PHONY: gating-short
gating-short: setup-test
	YIPING_GATING=1 $(VENV)/bin/pytest -q tests/bench/test_gating.py

# Processes killed 500 times, the N-th call on a file fails, 3,000 flipped bits, 200 histories;
# broker killed, database locked for 30 s, disk slow and full, clock set by an hour: one line of JSON.
.PHONY: faults
faults: setup-test
	$(PY) -m bench.faults $(FAULTS_ARGS)

.PHONY: docs
docs: $(VENV)/.ready
	$(PY) app.py describe > docs/config.md

# A million random steps over events and tasks, and a million over the life of alarms: nothing illegal (half an hour on
# two free cores; 20,000 of each run with the tests). Eight walks each with seeds of their own, as many at once as there
# are cores.
.PHONY: soak-states
soak-states: setup-test
	YIPING_SOAK_STEPS=1000000 YIPING_SOAK_WALKS=8 $(VENV)/bin/pytest -n auto -q -rP \
		tests/dispatch/test_case_table.py tests/alerts/test_life_machine.py -k "random_steps"

# The security of the whole: routes and roles, the API by schemathesis, parsers, secrets, the audit trail, and an attack of
# everything at once. Ends with one line of JSON. PARTS="attack routes" runs some of it.
# Patterns in the product's code that are known to be dangerous: none may be left without a reason beside it.
.PHONY: bandit sbom
bandit: $(VENV)/.ready
	$(VENV)/bin/bandit -q -c pyproject.toml -r app.py alerts data detectors dispatch engine layouts monitors notices web

# What it is built of: build/sbom.cdx.json (CycloneDX 1.6) and build/licences.md, of the pinned packages.
sbom: $(VENV)/.ready
	mkdir -p build
	$(VENV)/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible \
		--of JSON --sv 1.6 -o build/sbom.cdx.json
	$(VENV)/bin/pip-licenses --format=markdown --with-urls --output-file=build/licences.md

.PHONY: security
security: setup-test
	$(PY) -m bench.security $(PARTS)

# Ten minutes of a running city beside one fake of each odd source; ends with one line of JSON, all zero.
.PHONY: oddities
oddities: setup-test
	$(PY) -m bench.oddities
