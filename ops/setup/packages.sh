#!/usr/bin/env bash
# Installs the pinned packages of one image variant into a virtual environment. Called by the Dockerfile, which says with what.
set -euo pipefail

: "${VENV:?}" "${VARIANT:?}"

fail() {
  printf 'the image cannot be built: %s\n' "$*" >&2
  exit 1
}

install_pinned() {
  uv pip install --python "$VENV/bin/python" --compile-bytecode -c constraints.txt "$@"
}

# What is installed satisfies the pin, so the rest is resolved around it, without the libraries of accelerators.
install_processor_torch() {
  install_pinned --no-deps --index-url "$TORCH_INDEX" torch torchaudio
}

# Extras of pyproject.toml; the telemetry of the second one is switched off by the product.
extras=(--extra speech)
if [ -n "${OPENVINO:-}" ]; then
  extras+=(--extra openvino)
fi

# The vendor's packages end at another torch than the pinned one, which has other libraries of accelerators.
install_with_neuron_torch() {
  local others
  others=$(mktemp)
  grep -vE '^(torch(audio|vision)?|triton|cuda-[a-z]+|nvidia-(cu|nccl|nv)[a-z0-9-]*)==' constraints.txt >"$others"
  uv pip install --python "$VENV/bin/python" --compile-bytecode -c "$others" --overrides ops/setup/neuron.txt "$@"
}

case $VARIANT in
  light)
    install_pinned -r pyproject.toml --excludes ops/setup/light.txt
    ;;
  cpu)
    if [ -n "${TORCH_INDEX:-}" ]; then
      install_processor_torch
    else
      echo 'TORCH_INDEX is not set: the image will carry the libraries of accelerators, more than half of its size' >&2
    fi
    install_pinned -r pyproject.toml "${extras[@]}"
    ;;
  cuda)
    install_pinned -r pyproject.toml "${extras[@]}"
    ;;
  neuron)
    [ -n "${NEURON_PACKAGES:-}" ] || fail 'variant neuron needs NEURON_PACKAGES, and NEURON_INDEX where they are not on the usual index'
    read -ra named <<<"$NEURON_PACKAGES"
    install_with_neuron_torch -r pyproject.toml "${extras[@]}" ${NEURON_INDEX:+--extra-index-url "$NEURON_INDEX"} "${named[@]}"
    ;;
  *)
    fail "VARIANT is '$VARIANT'; one of light, cpu, cuda, neuron is allowed"
    ;;
esac
