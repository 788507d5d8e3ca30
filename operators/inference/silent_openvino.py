"""Imports OpenVINO without its telemetry, which reports every import and conversion to its makers over the network, and
writes an identifier into the home folder, until somebody objects."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


def openvino_module() -> Any:
    """Return the package. It does without the other one where that cannot be imported."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    return import_module("openvino")


@contextmanager
def kept_log_level() -> Iterator[None]:
    """Restore the root logger, which a conversion that fails leaves at errors only, for the whole process."""
    root = logging.getLogger()
    level, filters, handlers = root.level, list(root.filters), list(root.handlers)
    try:
        yield
    finally:
        root.setLevel(level)
        root.filters, root.handlers = filters, handlers
