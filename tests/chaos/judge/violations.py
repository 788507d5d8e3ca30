"""What can be wrong, and how bad each kind is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

Severity = Literal["lost", "doubled", "conflicting", "resurrected", "stale", "wrong", "unfinished"]
SEVERITIES: Final[tuple[Severity, ...]] = (
    "lost",
    "doubled",
    "conflicting",
    "resurrected",
    "stale",
    "wrong",
    "unfinished",
)
"""stale: a place that readers look at says something older than what was decided; an audit has to mend it.
wrong: what was decided is not what the records say. unfinished: work that is still to do although nothing happens."""

KINDS: Final[dict[str, Severity]] = {
    # of a video that should be alive
    "no-outcome": "lost",
    "not-final": "lost",
    "no-signal": "lost",
    "tombstone-on-live": "lost",
    "no-verdict-in-store": "lost",
    "no-vector": "lost",
    "review-lost": "lost",
    "engagement-lost": "lost",
    "poison-without-dead-letter": "lost",
    "engagement-expires-soon": "lost",
    "state-expires": "lost",
    "engagement-counted-twice": "doubled",
    "poison-with-two-dead-letters": "doubled",
    "version-with-two-contents": "conflicting",
    "signal-with-two-contents": "conflicting",
    "topics-differ": "conflicting",
    "key-of-deleted": "resurrected",
    "outcome-of-deleted": "resurrected",
    "vector-of-deleted": "resurrected",
    "dead-letter-of-deleted": "resurrected",
    "last-record-is-older": "stale",
    "store-differs": "stale",
    "status-differs": "stale",
    "vector-differs": "stale",
    "engagement-in-record-differs": "stale",
    "wrong-revision": "wrong",
    "version-of-no-fact": "wrong",
    "modality-differs": "wrong",
    "feature-differs": "wrong",
    "healthy-media-failed": "wrong",
    "dead-letter-of-healthy": "wrong",
    "guard-on-live": "wrong",
    "no-guard": "wrong",
    "no-tombstone": "wrong",
    "stranger-in-store": "wrong",
    "behind": "unfinished",
    "attempts-left": "unfinished",
    "overdue": "unfinished",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with one video, record or group."""

    kind: str
    about: str
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return KINDS[self.kind]


class Violations:
    """Collects them."""

    def __init__(self) -> None:
        self.found: list[Violation] = []

    def add(self, kind: str, about: str, **details: Any) -> None:
        """Note one. Raises KeyError for a kind that is not in the table."""
        assert kind in KINDS, kind
        self.found.append(Violation(kind, about, details))
