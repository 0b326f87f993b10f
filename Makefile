# BERT by Hand. `make lab` opens the course; `make test` proves that it is right.
# Windows without make: the README gives the same steps as plain lines.

PYTHON ?= python3# the Python that creates .venv
ARGS   ?=# extra arguments: make lab ARGS="--no-browser --port=8899"
NB     ?= $(shell $(PYTHON) -m publish.notebooks)# all of them, core and depth

VENV   := .venv
PY     := $(VENV)/bin/python
READY  := $(VENV)/ready# exists once everything is installed

# Many containers set this to 1; then every process would compile anew what it imports, torch among it.
export PYTHONDONTWRITEBYTECODE :=
# On Linux: keep the memory of large tensors for the next ones, instead of fresh pages at every training step.
export MALLOC_MMAP_MAX_ := 0
export MALLOC_TRIM_THRESHOLD_ := 4294967296

.PHONY: help lab present test test-gpu plants check outputs trust student solutions slides site quiz bench faults clean

help:      ## this list
	@sed -n 's/^\([a-z-]*\): .*## /make \1\t/p' Makefile

lab: $(READY) student  ## install if needed, then open your own copy of the first notebook in JupyterLab
	$(PY) -m jupyter lab --LabApp.default_url=/lab/tree/build/student/01_attention.ipynb $(ARGS)

present: $(READY) trust  ## open the executed notebooks in JupyterLab, to show them in class
	$(PY) -m jupyter lab --LabApp.default_url=/lab/tree/notebooks/01_attention.ipynb $(ARGS)

test: $(READY)  ## install if needed, then run every test and every notebook on the CPU
	COURSE_BUDGET=class CUDA_VISIBLE_DEVICES= $(PY) -m pytest -n 2 --dist loadscope $(ARGS)

test-gpu: $(READY)  ## run every notebook on CUDA; the claims judge, stored outputs are not compared
	COURSE_TEST_GPU=1 $(PY) -m pytest notebooks --nbval-lax $(ARGS)

plants: $(READY)  ## plant every kept bug in a copy of helpers; the test that names it must go red
	COURSE_PLANTS=all OMP_NUM_THREADS=1 $(PY) -m pytest tests/unit/test_plants.py $(ARGS)

check: $(READY)  ## one line per requirement: ok, or what to do
	$(PY) -m helpers.classroom.doctor

# The same settings as in conftest.py, so that the tests find what is stored here.
outputs: export COURSE_BUDGET = class
outputs: export COURSE_STATIC = 1# a stored control would be an error box
outputs: export COURSE_STRICT = 1# a build cell that fails must not fall back
outputs: export CUDA_VISIBLE_DEVICES =
outputs: export HF_HUB_OFFLINE = 1
outputs: export HF_HUB_DISABLE_PROGRESS_BARS = 1
outputs: export TRANSFORMERS_VERBOSITY = error
outputs: export TQDM_DISABLE = 1# a stored progress bar would stand at 0 % for ever
outputs: $(READY)  ## run notebooks and store their outputs (one: NB=notebooks/03_masking.ipynb)
	runs=$$(mktemp -d) && trap 'rm -rf "$$runs"' EXIT && COURSE_RUNS="$$runs" $(PY) -m jupyter nbconvert \
	    --to notebook --execute --inplace --ExecutePreprocessor.timeout=600 \
	    --ExecutePreprocessor.record_timing=False --ExecutePreprocessor.store_widget_state=False $(NB)

trust: $(READY)  ## let JupyterLab show the stored interactive outputs
	@$(if $(NB),$(PY) -m jupyter trust $(NB) >/dev/null)

student: $(READY)  ## copies to work in, blank, in build/student; those that are there stay as they are
	$(PY) -m publish.copies student

solutions: $(READY)  ## copies with every exercise solved, in build/solutions
	$(PY) -m publish.copies solutions

slides: $(READY)  ## a deck for each core notebook, in build/slides; opens without a network
	$(PY) -m publish.slides

site: $(READY)  ## lessons, notebooks, results and a BERT to try as a website, in build/site; opens without a network
	$(PY) -m publish.site

quiz: $(READY)  ## each lesson's quiz for Moodle (GIFT) and Canvas (QTI), in build/quiz
	$(PY) -m publish.quiz_exports

bench: $(READY)  ## measure the course against what people would otherwise use, and texts at scale; data/results
	rm -f data/results/bench-full.json data/results/tokenizing-full.json
	$(PY) -m helpers.lab bench --budget full --seeds 1
	$(PY) -m helpers.lab tokenizing --budget full --seeds 1
	$(PY) -m helpers.lab.bench

faults: $(READY)  ## kill training at random moments and let it go on; data/results/faults-full.json
	rm -f data/results/faults-full.json
	$(PY) -m helpers.lab faults --budget full --seeds 1

clean:     ## remove runs, site, slides, quizzes and caches (the environment and the copies, where somebody may work, stay)
	rm -rf runs build/site build/slides build/quiz *.egg-info __pycache__ .pytest_cache .ruff_cache .hypothesis
	find helpers notebooks publish tests \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

# torch comes first: it is by far the largest, and the pin in requirements.txt names the exact one. Python compiles what
# it imports and keeps that; to compile everything here (--no-compile spares it) would take a minute or two more.
$(READY): requirements.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 to 3.14 is needed, and there is no $(PYTHON) here."; exit 1; }
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info[:2] <= (3, 14) or sys.exit("Python 3.11 to 3.14 is needed; $(PYTHON) is %d.%d. Name another one: make PYTHON=python3.12 ..." % sys.version_info[:2])'
	$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --no-compile $$(grep '^torch==' requirements.txt)
	$(PY) -m pip install --no-compile -r requirements.txt
	$(PY) -m pip install --no-deps --no-build-isolation -e .
	$(PY) -m jupyter labextension disable "@jupyterlab/apputils-extension:announcements"
	touch $@
