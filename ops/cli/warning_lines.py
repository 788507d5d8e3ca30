"""Warnings as text, one line each."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.warnings import EventWarning


def describe_warning(warning: EventWarning) -> str:
    """Return one line for one warning."""
    about = f" {warning.field}:" if warning.field else ""
    return f"warning ({warning.kind}){about} {warning.message}"


def describe_warnings(warnings: Iterable[EventWarning]) -> list[str]:
    """Return one line per warning."""
    return [describe_warning(warning) for warning in warnings]
