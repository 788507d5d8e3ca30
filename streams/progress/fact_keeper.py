"""The broker's last answer about one role, and how long it is valid."""

from __future__ import annotations

import structlog

from streams.observability import metrics
from streams.progress.broker_facts import FactsUnknown, GroupFacts, OffsetsUnavailable, Partition

_log = structlog.get_logger(__name__)


class FactKeeper:
    """Keeps the last answer about one role, discards it when it is old, and exports it as metrics.

    Args:
        role: for metrics.
        max_age_seconds: validity of an answer; time is counted in checks.
    """

    def __init__(self, role: str, max_age_seconds: float) -> None:
        self.role = role
        self._max_age_seconds = max_age_seconds
        self._age_seconds = 0.0
        self._facts: GroupFacts | None = None
        self._shown: set[Partition] = set()
        self._reason = ""
        self.is_settled = True
        """Whether the group was not in a rebalance at the last answer."""
        self.is_broker_unavailable = False
        """Whether the last question had no answer."""
        metrics.BROKER_OFFSETS_KNOWN.labels(role).set(0)

    @property
    def facts(self) -> GroupFacts | None:
        """The last answer with an assignment; None means unknown, never that no record waits."""
        return self._facts

    def hear(self, facts: GroupFacts) -> None:
        """Store an answer. During a rebalance it contains no assignment, and the previous answer stays valid until it
        expires."""
        self.is_broker_unavailable, self._reason = False, ""
        self.is_settled = facts.is_settled
        if facts.is_settled:
            self._facts, self._age_seconds = facts, 0.0
            self._show()

    def miss(self, error: FactsUnknown) -> None:
        """Note that the broker did not answer."""
        self.is_broker_unavailable = isinstance(error, OffsetsUnavailable)
        if type(error).__name__ != self._reason:
            self._reason = type(error).__name__
            _log.warning("role offsets unknown: the broker does not report them", role=self.role, reason=str(error))

    def look(self, seconds: float) -> None:
        """Count elapsed time."""
        self._age_seconds += seconds
        if self._facts is not None and self._age_seconds > self._max_age_seconds:
            self.forget()

    def forget(self) -> None:
        """Discard the answer and remove its metrics: 0 would be wrong."""
        self._facts = None
        self._show()

    def _show(self) -> None:
        partitions = {} if self._facts is None else self._facts.partitions
        metrics.BROKER_OFFSETS_KNOWN.labels(self.role).set(self._facts is not None)
        for topic, number in self._shown - set(partitions):
            metrics.CONSUMER_LAG.remove(self.role, topic, str(number))
            metrics.COMMITTED_OFFSET.remove(self.role, topic, str(number))
        for (topic, number), facts in partitions.items():
            metrics.CONSUMER_LAG.labels(self.role, topic, str(number)).set(facts.lag)
            if facts.committed is not None:
                metrics.COMMITTED_OFFSET.labels(self.role, topic, str(number)).set(facts.committed)
        self._shown = set(partitions)
