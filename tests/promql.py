"""What tests read out of PromQL: the series that an expression selects, with the labels that it names."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SELECTOR = re.compile(r"\b((?:vidsignal|process)_\w+|up)\b(?:\{([^}]*)\})?")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\b(?:by|on|ignoring) \(([^)]*)\)")


@dataclass(frozen=True)
class Selector:
    """One series selector."""

    metric: str
    matchers: str

    @property
    def labels(self) -> set[str]:
        """Labels that it asks for."""
        return set(_LABEL.findall(self.matchers))

    @property
    def text(self) -> str:
        """As PromQL."""
        return f"{self.metric}{{{self.matchers}}}" if self.matchers else self.metric


def selectors(expression: str) -> set[Selector]:
    """Every series selector of an expression, windows and offsets left out."""
    return {Selector(name, labels or "") for name, labels in _SELECTOR.findall(_GROUPING.sub("", expression))}


def grouped_labels(expression: str) -> set[str]:
    """Labels that an expression groups by."""
    lists = _GROUPING.findall(expression)
    return {label.strip() for labels in lists for label in labels.split(",") if label.strip()}
