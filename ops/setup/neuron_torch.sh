#!/usr/bin/env bash
# Makes the second environment of make test-neuron-torch: as the first one, with the torch of ops/setup/neuron.txt.
set -euo pipefail

: "${VENV:?}" "${UV:?}" "${PYTHON:?}"

others=$(mktemp)
trap 'rm -f "$others"' EXIT
grep -vE '^(torch(audio|vision)?|triton|cuda-[a-z]+|nvidia-(cu|nccl|nv)[a-z0-9-]*)==' constraints.txt >"$others"
[ -x "$VENV/bin/python" ] || "$UV" venv --quiet --python "$PYTHON" "$VENV"
"$UV" pip install --quiet --python "$VENV/bin/python" -c "$others" --overrides ops/setup/neuron.txt -e '.[dev]'
