"""The newest verdicts in the topic, and those that a changed policy affects."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from schemas.identity import Market, VideoId
from schemas.outcomes import Action, OutcomeStatus, Version
from schemas.topics import MODERATION
from streams.config.settings import Settings
from streams.kafka.clients import read_to_end
from streams.recovery.result_comparison import newest_by_key


class PastVerdict(Struct, frozen=True, kw_only=True):
    """The fields of a `Verdict` that the selection needs; one partition of them is held in memory, without evidence."""

    video_id: VideoId
    version: Version
    status: OutcomeStatus
    action: Action
    market: Market | None
    policy: str
    """Label of the policy that decided."""


@dataclass(frozen=True, slots=True)
class PolicyFilter:
    """Verdicts that an operator selects."""

    market: Market | None = None
    action: Action | None = None
    """Current action."""
    limit: int | None = None


def is_asked(verdict: PastVerdict, asked: PolicyFilter, policy_label: str) -> bool:
    """Return whether a verdict is decided, under another policy than this one, and selected by the filter."""
    return (
        verdict.status != "pending"
        and verdict.policy != policy_label
        and asked.market in (None, verdict.market)
        and asked.action in (None, verdict.action)
    )


def past_verdicts(settings: Settings, partition: int) -> list[PastVerdict]:
    """Return the newest verdict of every video in one partition. Blocks. Raises BrokerUnavailable."""
    records = read_to_end(settings, [settings.topic_prefix + MODERATION.name], partition=partition)
    return list(newest_by_key(((record.key, record.value) for record in records), PastVerdict).values())
