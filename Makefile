# make lab    the course, open in JupyterLab
# make students   what to hand out to students, in build/students; STUDENTS=course.zip: another folder, or a zip file
# make test   every test, and every notebook run again and compared with what it shows; TEST_ARGS=tests/attribution: a room's
# make site   the course's site, in build/site; make site-open shows it in a browser, on this machine only
# The other commands are for those who work on the course: see CONTRIBUTING.md.

PYTHON ?= python3
# TORCH=cpu takes the small CPU build of torch (Linux; elsewhere PyPI's is that one).
TORCH ?=
CPU_TORCH := https://download.pytorch.org/whl/cpu
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UNFINISHED := $(VENV)/.unfinished

# JupyterLab lists no extensions from the network (and, see below, asks for no news): the course needs none.
LAB := $(BIN)/jupyter lab --LabApp.extension_manager=readonly
# A photo of one's own comes to the kernel in one message, and telephones' are larger than the ten megabytes that Jupyter allows.
LAB += --ServerApp.tornado_settings="{'websocket_max_message_size': 67108864}"
# Containers run as root, which JupyterLab refuses until it is told. It listens on this machine only, behind a token.
LAB += $(if $(filter 0,$(shell id -u)),--allow-root)

# With glibc, large tensors lie in large pages, and what one leaves is kept for the next: getting it anew from the system, layer by layer,
# takes a quarter of a large network's pass. (Other systems do not read this.)
export GLIBC_TUNABLES ?= glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=1073741824

STUDENTS ?= build/students

SETTINGS := $(VENV)/share/jupyter/lab/settings
NBGRADER := assignment_list course_list formgrader validate_assignment

# What the site takes from npm. Without Node, or where its registry cannot be reached, the site is built without the studio.
NPM := site/node_modules/.package-lock.json

# "On ImageNet" explains real photos with a small network (5 MB), which is fetched once; WEIGHTS=none does without it.
WEIGHTS ?= squeezenet1_0
OFFERED := $(VENV)/.weights

.PHONY: lab students slides test site site-open site-test portable notebooks models scores bench hostile bench-test lock clean

lab: $(READY) $(OFFERED)
	$(LAB) --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb $(LAB_ARGS)

$(OFFERED): | $(READY)
	@[ "$(WEIGHTS)" = none ] || $(BIN)/xaitutor download $(WEIGHTS) --seconds 60 2>/dev/null || \
	echo 'No network: "On ImageNet" keeps its stored pictures. Later, `$(BIN)/xaitutor download $(WEIGHTS)` gets what it needs.'
	@touch $@

students: $(READY)
	$(BIN)/xaitutor edition --for students --to $(STUDENTS)

# Slides of the notebooks that are marked for it, or of NOTEBOOKS; reveal.js and MathJax come from npm, once.
slides: $(READY) tools/slides/node_modules
	$(BIN)/xaitutor slides $(or $(NOTEBOOKS),$(shell grep -l '"slide_type"' notebooks/*.ipynb)) --to build/slides

tools/slides/node_modules: tools/slides/package-lock.json
	npm ci --ignore-scripts --prefix tools/slides && touch $@

test: $(READY) $(NPM)
	$(BIN)/python -m ruff check --quiet .
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=10 $(TEST_ARGS)

# The notebooks as a book, and the studio. Needs Node for the studio; without it the rest is built. SITE_ARGS="--shapes horse dog" is quicker.
site: $(READY) $(NPM)
	$(BIN)/python -m tools.website $(SITE_ARGS)

$(NPM): $(wildcard site/package-lock.json)
	@if ! command -v npm >/dev/null || [ ! -e site/package-lock.json ]; then \
	  echo "There is no Node (npm): the site will be without its studio. https://nodejs.org has it."; \
	elif ! (cd site && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error); then \
	  echo "npm could not fetch what site/package-lock.json names: the site will be without its studio."; fi

SITE_PORT ?= 8000
site-open: $(READY)
	[ -e build/site/index.html ] || $(MAKE) site
	@echo "http://localhost:$(SITE_PORT) shows the site, on this machine only. Ctrl-C ends it."
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory build/site $(SITE_PORT)

# Every page in a browser, at three widths, light and dark; `make test` opens a few.
site-test: site
	SITE_PAGES=all $(BIN)/python -m pytest tests/project/test_site.py $(TEST_ARGS)

# The lock is a list of constraints: what pyproject.toml asks for is installed, in exactly the versions of the lock.
# A CPU build of torch that is already there satisfies it, and is kept. pip trusts whatever an interrupted install
# left behind, so such an environment is thrown away.
$(READY): requirements.lock pyproject.toml tools/jupyterlab_overrides.json
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "The course needs Python 3.11 or newer; \
	$(PYTHON) is " + sys.version.split()[0] + ". Try: make $(MAKECMDGOALS) PYTHON=python3.12")'
	@if [ -e $(UNFINISHED) ]; then echo "The last install was interrupted: starting afresh."; rm -rf $(VENV); fi
	@mkdir -p $(VENV) && touch $(UNFINISHED)
	[ -x $(BIN)/pip ] || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --constraint requirements.lock setuptools
	@if [ "$(TORCH)" = cpu ]; then \
	  $(BIN)/python -m pip install --no-deps --constraint requirements.lock torch torchvision --index-url $(CPU_TORCH) || \
	  { echo "The CPU build of torch comes from $(CPU_TORCH), which cannot be reached. Try: make $(MAKECMDGOALS)"; exit 1; }; fi
	$(BIN)/python -m pip install --constraint requirements.lock --no-build-isolation --editable '.[test]'
	$(BIN)/jupyter labextension disable @jupyterlab/apputils-extension:announcements  # news and updates
	$(BIN)/jupyter labextension disable @jupyter/nbgrader  # its commands are used, its menus would confuse students,
	$(BIN)/jupyter labextension disable @jupyter-notebook/lab-extension  # as would a button of what it brings
	for name in $(NBGRADER); do $(BIN)/jupyter server extension disable --sys-prefix nbgrader.server_extensions.$$name; done
	mkdir -p $(SETTINGS) && cp tools/jupyterlab_overrides.json $(SETTINGS)/overrides.json  # long lines of code wrap
	@mv $(UNFINISHED) $(READY)

# Every notebook and numerical test, as other processors would compute it; PORTABLE_ARGS='--machine "no AVX" notebooks/08*' does less.
portable: $(READY)
	$(BIN)/python tools/portable.py $(PORTABLE_ARGS)

# Runs every notebook, or those of NOTEBOOKS, in a fresh kernel and stores its outputs.
notebooks: $(READY)
	$(BIN)/python tools/execute_notebooks.py $(NOTEBOOKS)

models: $(READY)
	$(BIN)/python -m xaitutor.menagerie.make_models $(MODELS_ARGS)
	$(BIN)/python -m xaitutor.audit.strangers

scores: $(READY)
	$(BIN)/python -m xaitutor.truth.scoreboard
	$(BIN)/python -m xaitutor.truth.doubts
	$(BIN)/python -m xaitutor.referees.judged
	$(BIN)/python -m xaitutor.audit.clever_hans
	$(BIN)/python -m xaitutor.studio.truths
	$(BIN)/python -m xaitutor.maximization.class_pictures
	$(BIN)/python -m xaitutor.concepts.dictionaries
	$(BIN)/python -m xaitutor.concepts.measured
	$(BIN)/python tools/pages.py

bench: $(READY)
	$(BIN)/python benchmarks/run.py $(BENCH_ARGS)

# Odd networks, pictures and options, three thousand calls: none may be answered wrongly, or with somebody else's error.
hostile: $(READY)
	$(BIN)/python benchmarks/run.py --hostile

bench-test: $(READY) $(NPM)
	$(BIN)/python benchmarks/run.py --whole-test

# Keeps the locked versions where pyproject.toml allows them; LOCK_ARGS=--upgrade takes the newest.
lock: build/lock/bin/uv
	build/lock/bin/uv pip compile pyproject.toml --extra test --universal --python-version 3.11 \
	  --custom-compile-command 'make lock' --output-file requirements.lock $(LOCK_ARGS)

build/lock/bin/uv:
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install uv

clean:
	rm -rf $(VENV) build
