"""Which default rules act on what a decode covered."""

from __future__ import annotations

from schemas.receipts import Seen
from streams.decision.seen_rules import DEFAULT_SHARES


def coverage_rule_acts(prefix: str, seen: Seen | None) -> bool:
    """Return whether a default rule acts on these shares; none does on an absent stream.

    Rules of features that only a model finds, such as the share of text that could be read, are none of a decode's.
    """
    rules = [(rule, rule.feature.removeprefix(prefix)) for rule in DEFAULT_SHARES if rule.feature.startswith(prefix)]
    return seen is not None and any(
        rule.reached(getattr(seen, name)) is not None for rule, name in rules if hasattr(seen, name)
    )
