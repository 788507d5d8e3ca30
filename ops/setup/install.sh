#!/usr/bin/env bash
# Makes the virtual environment and installs the pinned packages into it. Called by make, which says when.
set -euo pipefail

: "${PYTHON:?}" "${VENV:?}" "${UV_VERSION:?}"

fail() {
  printf 'vidsignal cannot be set up: %s\n' "$*" >&2
  exit 1
}

check_python() {
  command -v "$PYTHON" >/dev/null || fail "there is no Python; install Python 3.11, 3.12 or 3.13"
  local version
  version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  case $version in
    3.11 | 3.12 | 3.13) ;;
    *) fail "$PYTHON is Python $version; 3.11, 3.12 or 3.13 is needed (make PYTHON=/path/to/python3.11 ...)" ;;
  esac
  "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$PYTHON has no venv module; on Debian and Ubuntu: apt-get install python$version-venv"
}

make_environment() {
  # One that was made half, or by another Python that is gone, is made again.
  "$VENV/bin/python" -c 'import pip' 2>/dev/null || "$PYTHON" -m venv --clear "$VENV"
}

install_packages() {
  local wanted=(-c constraints.txt -e '.[dev,docs]')
  if "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" &&
    "$VENV/bin/uv" pip install --quiet --python "$VENV/bin/python" "${wanted[@]}"; then
    return
  fi
  echo 'uv did not manage, trying again with pip (slower)' >&2
  "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "${wanted[@]}" ||
    fail "the packages could not be installed; see the message of pip above"
}

check_python
echo "Setting up $VENV with $("$PYTHON" --version): the first time this downloads about 3 GB ..."
make_environment
install_packages
