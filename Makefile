# Everything a person does with this repository. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# More than two cores can carry at once: half of what a test does is wait
WORKERS ?= 3
TOOLS := clients/typescript/node_modules
LOCKS := base api cpu madmom gpu flower local dev studio whisperx release
UV ?= $(CURDIR)/$(BIN)/uv
# The Python of the images; hosts may have a later one (Ubuntu 24.04)
PYTHONS := 3.11 3.12

.PHONY: help
help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  KEEP=1 make demo leaves the system up; make test ARGS='tests/cli -k help' passes arguments to pytest"

.PHONY: demo
demo: $(VENV)/.local browser studio-if-possible ## Caption a real spoken video end to end and print where it is
	@$(BIN)/reelyard demo $(ARGS)

.PHONY: up
up: $(VENV)/.local browser studio-if-possible ## Run the whole system on this machine until Ctrl-C
	@exec $(BIN)/reelyard up $(ARGS)

.PHONY: dev
dev: $(VENV)/.dev ## Set up what changing the code needs: pytest, linters, documentation

.PHONY: test
test: $(VENV)/.dev browser clients-tools studio-if-possible ## Run every test against real services, WORKERS files at a time (each with services of its own)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: test-security
test-security: $(VENV)/.dev browser ## Run the tests of the security promises S-1 to S-18
	$(BIN)/python -m pytest -m security $(ARGS)

.PHONY: fuzz-api
fuzz-api: $(VENV)/.dev ## Try the API by its own document (EXAMPLES=300 for each operation, ARGS=--record keeps the figures)
	$(BIN)/python -m tests.security.fuzz --examples $(or $(EXAMPLES),60) $(ARGS)

.PHONY: fuzz-api-faults
fuzz-api-faults: $(VENV)/.dev ## Put 20 faults into the API one at a time; the fuzzer must find 18
	$(BIN)/python -m tests.security.fuzz --faults only $(ARGS)

.PHONY: lint
lint: $(VENV)/.dev ## Check style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit -q -ll -r api tasks render_node cli migrations

.PHONY: licences
licences: $(VENV)/.dev ## List the licences of all packages, fonts and models, and fail on one that does not fit
	$(BIN)/python -m deploy.licences

.PHONY: sbom
sbom: $(VENV)/.dev $(VENV)/.release ## Write all that each image holds (CycloneDX) into dist/sbom, and judge it (ARGS='api cpu')
	@$(BIN)/python -m deploy.sbom $(ARGS)

.PHONY: release-check
release-check: ## Fail unless this commit is tagged with the release of tasks/version.py
	@version="v$$(sed -n 's/^RELEASE = "\(.*\)"$$/\1/p' tasks/version.py)"; tag="$$(git describe --tags --exact-match)"; \
	  [ "$$tag" = "$$version" ] || { echo "The tag is $$tag, tasks/version.py says $$version"; exit 1; }; echo "$$tag"

.PHONY: try-images
try-images: $(VENV)/.dev ## Build and start each image without a container engine (root, debootstrap; ARGS='api cpu')
	$(BIN)/python -m deploy.try_images $(ARGS)

.PHONY: try-host
try-host: $(VENV)/.dev ## Run the installer of GPU hosts in a fresh Debian tree (root, debootstrap, bubblewrap; ARGS=--whisperx)
	$(BIN)/python -m deploy.try_host $(ARGS)

.PHONY: try-api-host
try-api-host: $(VENV)/.dev ## Type the page about API hosts into a fresh Debian tree, and start what it installs (root, debootstrap, bubblewrap)
	$(BIN)/python -m deploy.try_api_host $(ARGS)

.PHONY: check-deploy
check-deploy: $(VENV)/.dev ## Judge manifests, units, Compose files, Dockerfiles, scripts, alerts and the dashboard
	$(BIN)/python -m pytest tests/deploy $(ARGS)

.PHONY: docs
docs: $(VENV)/.dev ## Build the documentation; warnings are errors
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

# npm for those who have none: the pinned package of Node has one
.PHONY: node
node: $(VENV)/.local
	@command -v npm >/dev/null || $(PIP) install --require-hashes -r requirements/studio.txt

.PHONY: studio
studio: node ## Build the web studio, with the system's Node or with the pinned package of it
	@$(BIN)/python -m cli.studio

.PHONY: studio-if-possible
studio-if-possible: $(VENV)/.local
	@$(BIN)/python -m cli.studio --if-possible

.PHONY: test-studio
test-studio: $(VENV)/.dev browser studio ## Drive the studio in Chromium against the real system: every page, parity, phone, accessibility
	TEST_STUDIO=all $(BIN)/python -m pytest tests/studio $(ARGS)

.PHONY: pictures
pictures: $(VENV)/.dev browser ## Draw the documentation's pictures of motions, looks and scripts; look at them, then commit
	$(BIN)/python -m tests.render.contact

.PHONY: clients
clients: $(VENV)/.dev clients-tools ## Generate the Python and TypeScript clients from the OpenAPI document
	$(BIN)/python -m clients.generate

.PHONY: clients-tools
clients-tools: $(TOOLS)/.package-lock.json ## Install what generates and compiles the TypeScript client

$(TOOLS)/.package-lock.json: clients/typescript/package-lock.json
	@if command -v npm >/dev/null; then cd clients/typescript && npm ci --ignore-scripts --no-audit --no-fund --silent; else \
	  echo "npm is not here: the tests of the TypeScript client are skipped"; fi

.PHONY: migrations-check
migrations-check: $(VENV)/.dev ## Migrate up, down and up on a real PostgreSQL; one head
	$(BIN)/python -m cli.migrations_check

.PHONY: browser
browser: $(VENV)/.local ## Find a Chromium that starts, or get one
	@$(BIN)/python -m cli.browser_setup

.PHONY: packages
packages: ## As root on Debian: what tests want of the system: bubblewrap, VLC, promtool, systemd-analyze
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends bubblewrap vlc-bin vlc-plugin-base \
	  $$(command -v systemd-analyze >/dev/null || echo systemd)
	command -v promtool >/dev/null || { cd "$$(mktemp -d)" && apt-get -q -o APT::Sandbox::User=root download prometheus && \
	  dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool && install usr/bin/promtool /usr/local/bin/ && \
	  rm -r "$$PWD"; }  # the package itself would start a server

.PHONY: requirements
requirements: $(VENV)/.dev ## Pin requirements/*.in again
	$(PIP) install uv
	cd requirements && for name in $(LOCKS); do \
	  $(UV) pip compile --quiet --generate-hashes --python-version $(firstword $(PYTHONS)) --no-header --no-annotate $$name.in -o $$name.txt; \
	done; \
	$(UV) pip compile --quiet --generate-hashes --python-version $(firstword $(PYTHONS)) --no-header --no-annotate \
	  --override whisperx-cpu.overrides whisperx-cpu.in -o whisperx-cpu.txt
	$(MAKE) --no-print-directory requirements-check

# As images and hosts install them: with hashes, from wheels, but for what installers compile on later Pythons (pocketsphinx)
.PHONY: requirements-check
requirements-check: ## Look whether each lock is whole on the images' Python and on a later one (UV=path of uv)
	@cd requirements && for python in $(PYTHONS); do for name in $(filter-out madmom dev,$(LOCKS)); do \
	  built=$$([ $$python = $(firstword $(PYTHONS)) ] || echo --no-binary pocketsphinx); \
	  $(UV) pip install --quiet --dry-run --require-hashes --python-version $$python --python-platform x86_64-unknown-linux-gnu \
	    --only-binary :all: $$built --target "$$(mktemp -d -u)" -r $$name.txt || { echo "$$name.txt on Python $$python"; exit 1; }; \
	done; echo "Python $$python: whole"; done

.PHONY: clean
clean: ## Remove the environment, caches and builds; data of reelyard up stays
	rm -rf $(VENV) $(VENV)-whisperx $(VENV)-release build dist *.egg-info docs/_build docs/_generated .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.reelyard/*' -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@python="$$(bash cli/find_python.sh)" && bash cli/make_venv.sh "$$python" $(VENV)

# What the system needs. The development environment holds all of it and more, so where that is there it is used.
$(VENV)/.local: $(VENV)/bin/python requirements/local.txt setup.cfg pyproject.toml
	@if [ -e $(VENV)/.dev ]; then $(MAKE) --no-print-directory $(VENV)/.dev; else \
	  echo "Installing the pinned requirements into $(VENV) ..."; \
	  $(PIP) install --require-hashes -r requirements/local.txt && $(PIP) install --no-deps -e .; \
	fi
	@touch $@

$(VENV)/.release: $(VENV)/bin/python requirements/release.txt
	@python="$$(bash cli/find_python.sh)" && bash cli/make_venv.sh "$$python" $(VENV)-release
	@$(VENV)-release/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements/release.txt
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python requirements/dev.txt setup.cfg pyproject.toml
	@echo "Installing the pinned development requirements into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(PIP) install --no-deps -e .
	@touch $@ $(VENV)/.local

.PHONY: models
models: $(VENV)/.local ## Fetch Whisper base (many languages) and the speaker encoder, 150 MB, to where workers look
	@$(BIN)/python -m cli.models

# WhisperX asks for a torch that cannot be had beside ours, so it is installed apart, without asking what it wants (1.8 GB).
# PyTorch's own index has its build for CPUs: PIP_EXTRA_INDEX_URL names it. torchaudio's extension wants CUDA and goes;
# torchaudio then runs without.
$(VENV)/.whisperx: requirements/whisperx-cpu.txt $(VENV)/bin/python
	@python="$$(bash cli/find_python.sh)" && bash cli/make_venv.sh "$$python" $(VENV)-whisperx
	@echo "Installing WhisperX into $(VENV)-whisperx ..."
	@$(VENV)-whisperx/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --require-hashes -r requirements/whisperx-cpu.txt
	@rm -f $(VENV)-whisperx/lib/python3*/site-packages/torchaudio/lib/*.so
	@touch $@

.PHONY: bench-render
bench-render: $(VENV)/.dev browser ## Compare a render with a plain transcode in one run (ARGS='--sizes 1280x720')
	$(BIN)/python bench/render.py $(ARGS)

.PHONY: bench-dispatch
bench-dispatch: $(VENV)/.dev ## Send empty jobs through the whole engine (JOBS=10000)
	$(BIN)/python -m bench.engine.dispatch --jobs $(or $(JOBS),10000) $(ARGS)

.PHONY: bench-load
bench-load: $(VENV)/.dev ## Submit and read at fixed rates with 500 event streams open (DURATION=300, seconds)
	$(BIN)/python -m bench.load --seconds $(or $(DURATION),300) $(ARGS)

.PHONY: bench-farm
bench-farm: $(VENV)/.dev ## Try the dispatcher and the node registry with a thousand simulated nodes
	$(BIN)/python -m bench.sim_farm $(ARGS)

.PHONY: bench-chaos
bench-chaos: $(VENV)/.dev ## Break everything under load and judge what is stored (JOBS=300 FAULTS=40 SEED=1)
	$(BIN)/python -m bench.chaos --jobs $(or $(JOBS),300) --faults $(or $(FAULTS),40) --seed $(or $(SEED),1) $(ARGS)

.PHONY: bench-outage
bench-outage: $(VENV)/.dev ## Take the broker away for a minute while jobs are handed in (ARGS='--seconds 60 --submits 200')
	$(BIN)/python -m bench.chaos.outage $(ARGS)

.PHONY: bench-zombies
bench-zombies: $(VENV)/.dev ## Stop attempts at named points, wake them after their lease (ARGS='--jobs 60')
	$(BIN)/python -m bench.chaos.zombies $(ARGS)

.PHONY: bench-trial
bench-trial: $(VENV)/.dev ## Try one promise on a farm under load (TRIAL=rolling|comeback|deliveries|cancels … SEED=1)
	$(BIN)/python -m bench.chaos.trials $(or $(TRIAL),rolling) --seed $(or $(SEED),1) $(ARGS)

.PHONY: bench-soak
bench-soak: $(VENV)/.dev ## Work for long, and look for what grows (MINUTES=60)
	$(BIN)/python -m bench.chaos.trials soak --minutes $(or $(MINUTES),60) --seed $(or $(SEED),1) $(ARGS)

.PHONY: bench-music
bench-music: $(VENV)/.dev ## Compare music analysis with librosa and madmom alone (ARGS='--songs 4 --synth plain')
	$(BIN)/python -m bench.music $(ARGS)

.PHONY: bench-speech
bench-speech: $(VENV)/.dev ## Compare transcription with plain faster-whisper, and measure speakers (ARGS='--model base')
	$(BIN)/python -m bench.speech $(ARGS)

.PHONY: bench-shorts
bench-shorts: $(VENV)/.dev browser ## Make five shorts of an eight-minute video, and tell where the time goes (ARGS='--seconds 120')
	$(BIN)/python -m bench.shorts $(ARGS)
