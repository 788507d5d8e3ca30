"""Text about a refusal, the same in every command."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from ops.cli.console import out
from ops.cli.deletion_lines import describe_place
from streams.store.refusal_reading import Refusal


def describe_refusal(refusal: Refusal) -> list[str]:
    """Return a line with role and subject, one with the reason, one with the remedy."""
    moment = datetime.fromtimestamp(refusal.refused_unix_seconds, UTC)
    revision = f" of revision {refusal.revision}" if refusal.revision else ""
    return [
        f"refused: {refusal.cause}{revision} at {describe_place(refusal.upload)}, "
        f"by {refusal.role} at {moment:%Y-%m-%d %H:%M:%S}Z (dead letter {refusal.dead_letter_id[:12]})",
        f"  found  {refusal.message}",
        f"  do     {refusal.advice}",
    ]


def print_refusals(refusals: Iterable[Refusal]) -> None:
    """Print to standard output without markup, because the text is from the sender."""
    for refusal in refusals:
        for line in describe_refusal(refusal):
            out.fitted(line)
