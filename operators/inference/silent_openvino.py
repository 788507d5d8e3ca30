"""Imports OpenVINO without its telemetry, which reports every import and conversion to its makers over the network, and
writes an identifier into the home folder, until somebody objects."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


def openvino_module() -> Any:
    """Return the package. It does without the other one where that cannot be imported."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    return import_module("openvino")
