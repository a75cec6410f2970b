# make demo | test | lint | clean, from a fresh clone: the first one makes .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
PY := $(VENV)/bin/python
# The demo does without what only tests need: encoders, transformers, the openai client.
DEMO_ENV := $(VENV)/.installed
TEST_ENV := $(VENV)/.installed-tests
PIP := $(PY) -m pip --no-input --disable-pip-version-check

.PHONY: demo test lint clean

demo: $(DEMO_ENV)
	$(PY) tools/demo.py

test: $(TEST_ENV)
	$(PY) -m pytest -q tests

lint: $(TEST_ENV)
	$(PY) -m ruff check .

clean:
	rm -rf $(VENV) build dist *.egg-info cocodiff_mm/.mim .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(DEMO_ENV): EXTRAS := mm
$(TEST_ENV): EXTRAS := mm,tests

# Touched last: an interrupted installation is taken up again.
$(DEMO_ENV) $(TEST_ENV): pyproject.toml setup.py requirements/constraints.txt
	@test -n "$(PYTHON)" || { echo 'Python 3.10 or later is needed; PYTHON=/path/to/python make ...'; exit 1; }
	@echo 'Installing into $(VENV) (once, a minute or two) ...'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -q -c requirements/constraints.txt -e '.[$(EXTRAS)]'
	@touch $@
