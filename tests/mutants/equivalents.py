"""The survivors that need no test: mutants that do the same as the original, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

_LIST = Path(__file__).with_name("equivalent.yaml")

EQUIVALENTS: Final[Mapping[str, Mapping[str, str]]] = yaml.safe_load(_LIST.read_text("utf-8")) or {}
"""Reason by source and name of the mutant."""
