"""Reviewed verdicts as examples: what the sources of a fused label said, and what a person did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from msgspec import UNSET

from operators.fusion.fusing import FUSION, fused_evidence
from operators.fusion.fusion_rule import FusionRule
from schemas.evidence import SHADOW, LabelEvidence
from schemas.outcomes import Verdict
from schemas.topics import MODERATION
from streams.config.settings import Settings
from streams.decision.decide import may_be_fused
from streams.decision.policy import Policy
from streams.kafka.clients import read_to_end
from streams.recovery.result_comparison import newest_by_key

ACTED = ("limit", "block")
"""What a person did where the label was right. A review that asks for another person says nothing."""


class InvalidVerdicts(Exception):
    """A file of verdicts cannot be read; the message says where."""


@dataclass(frozen=True, slots=True)
class ReviewedExample:
    """One verdict that a person decided."""

    scores: dict[str, float]
    """Of each source that has evidence, at the moment of the highest stated score."""
    stated: float
    """The rule's score without a head."""
    is_right: bool
    reviewed_unix_seconds: float


def verdicts_of_log(settings: Settings) -> list[Verdict]:
    """Read the newest verdict of every video that a person decided. Blocks. Raises BrokerUnavailable."""
    records = read_to_end(settings, [settings.topic_prefix + MODERATION.name])
    newest = newest_by_key(((record.key, record.value) for record in records), Verdict)
    return [verdict for verdict in newest.values() if verdict.reviewed is not None]


def verdicts_of_file(path: Path) -> list[Verdict]:
    """Read verdicts, one JSON object a line, as the topic has them. Raises InvalidVerdicts."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InvalidVerdicts(f"{path} cannot be read: {error.strerror}") from error
    return [_decoded(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1) if line.strip()]


def _decoded(line: bytes, place: str) -> Verdict:
    try:
        return msgspec.json.decode(line, type=Verdict)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidVerdicts(f"{place}: {error}; allowed: a verdict as in {MODERATION.name}") from error


def examples_of(rule: FusionRule, policy: Policy, verdicts: Iterable[Verdict]) -> list[ReviewedExample]:
    """Return the verdicts that say something of the rule's label.

    A review names an action and no label. So a verdict counts only if all sources' groups have evidence, and no label
    that is not the rule's was a reason of it.
    """
    return list(_examples(replace(rule, head=None, is_shadow=False), policy, verdicts))


def _examples(rule: FusionRule, policy: Policy, verdicts: Iterable[Verdict]) -> Iterator[ReviewedExample]:
    known = {rule.label, *rule.sources}
    for verdict in verdicts:
        is_about_it = all(reason.label is None or reason.label in known for reason in verdict.reasons)
        if verdict.reviewed is None or verdict.action == "review" or not is_about_it:
            continue
        items = [item for item in verdict.labels if item.fused_from is UNSET and may_be_fused(policy, item)]
        for fused in fused_evidence([rule], [("frames", item) for item in items]):
            parts = fused.fused_from or ()
            scores = {part.label: part.score for part in parts}
            time = verdict.reviewed.event_unix_seconds
            yield ReviewedExample(scores, fused.score, verdict.action in ACTED, time)


@dataclass(frozen=True, slots=True)
class ShadowExample:
    """One verdict that a person decided after a shadow was learned, with the shadow's score."""

    score: float
    stated: float
    is_right: bool


def shadow_examples(rule: FusionRule, policy: Policy, verdicts: Iterable[Verdict]) -> list[ShadowExample]:
    """Return what a shadow said of verdicts whose reviews it was not learned from."""
    until = rule.head.until_unix_seconds if rule.head else 0.0
    found: list[ShadowExample] = []
    for verdict in verdicts:
        shadow = next((item for item in verdict.labels if _is_of(rule, item)), None)
        if shadow is not None:
            examples = examples_of(rule, policy, [verdict])
            found += [
                ShadowExample(shadow.score, each.stated, each.is_right)
                for each in examples
                if each.reviewed_unix_seconds > until
            ]
    return found


def _is_of(rule: FusionRule, item: LabelEvidence) -> bool:
    return item.held_back == SHADOW and (item.label, item.model) == (rule.label, f"{FUSION}@{rule.version}")
