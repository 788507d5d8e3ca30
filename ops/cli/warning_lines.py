"""Warnings in words, one line each."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.warnings import EventWarning


def describe_warning(warning: EventWarning) -> str:
    """One line for one warning."""
    about = f" {warning.field}:" if warning.field else ""
    return f"warning ({warning.kind}){about} {warning.message}"


def describe_warnings(warnings: Iterable[EventWarning]) -> list[str]:
    """A line each."""
    return [describe_warning(warning) for warning in warnings]
