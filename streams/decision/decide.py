"""A policy's decision about a video's signals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET, UnsetType

from operators.fusion.fusing import fused_evidence
from schemas.engagement import Engagement
from schemas.evidence import UNMEASURED, FusedPart, LabelEvidence, SecondLook, TextMatch
from schemas.facts import Signal
from schemas.identity import Market
from schemas.labels import LABELS
from schemas.outcomes import ACTIONS, Action, ModalityStates, Reason
from streams.decision.policy import (
    MOST_OF_UNCALIBRATED,
    UNSEEN_FEATURES,
    UNSEEN_KINDS,
    Policy,
    ReportRule,
    Rule,
    Thresholds,
    UnseenKind,
    strongest,
)


@dataclass(frozen=True, slots=True)
class Decision:
    """A policy's decision about a video."""

    action: Action
    reasons: tuple[Reason, ...]
    """The strongest action first, then by descending score."""
    labels: tuple[LabelEvidence, ...]
    """At or above the reporting floor, and all answers of a judge, highest score first."""


def decide(
    policy: Policy,
    signals: Iterable[Signal],
    states: ModalityStates,
    market: Market | None,
    engagement: Engagement | None = None,
) -> Decision:
    """Apply a policy to the winning signals of a revision, to modalities without a result, and to viewers' reports."""
    answers = [signal for signal in signals if signal.status == "ok"]
    evidence = _strongest_first([*(item for signal in answers for item in signal.labels), *_fused(policy, answers)])
    reasons = [
        *_label_reasons(policy, evidence, market),
        *_judge_reasons(policy, evidence),
        *_modality_reasons(policy, states),
        *_share_reasons(policy, answers),
        *_unseen_reasons(policy, answers),
        *_report_reasons(policy.reports, engagement),
    ]
    reasons.sort(key=lambda reason: (-ACTIONS.index(reason.action), -(reason.score or 0.0)))
    return Decision(
        action=strongest(reason.action for reason in reasons),
        reasons=tuple(reasons) or (_NOTHING_FOUND,),
        labels=tuple(item for item in evidence if item.score >= policy.reporting_floor or item.judgement is not UNSET),
    )


def decide_nothing(policy: Policy, states: ModalityStates) -> Decision:
    """Return the decision while a revision waits for its signals."""
    words = f"Nothing is decided yet; {' and '.join(states.missing)} still to answer."
    return Decision(policy.pending, (Reason(action=policy.pending, words=words),), ())


def _fused(policy: Policy, answers: Iterable[Signal]) -> tuple[LabelEvidence, ...]:
    """Return what the modalities show together; evidence that its rule lets not act is no part of it."""
    said = ((signal.modality, item) for signal in answers for item in signal.labels)
    return fused_evidence(policy.fusion, (each for each in said if may_be_fused(policy, each[1])))


def may_be_fused(policy: Policy, item: LabelEvidence) -> bool:
    """Return whether evidence has the second vote that its rule asks for, if it does."""
    return _has_votes(policy.rule_for(item.label), item)


_NOTHING_FOUND = Reason(action="allow", words="Every modality answered and no label reached a threshold.")


def _strongest_first(evidence: Iterable[LabelEvidence]) -> list[LabelEvidence]:
    return sorted(evidence, key=lambda item: (-item.score, item.label, item.model))


def _label_reasons(policy: Policy, evidence: Iterable[LabelEvidence], market: Market | None) -> Iterable[Reason]:
    seen: set[str] = set()
    for item in evidence:  # highest score first, so that a label's first evidence with enough votes is its best
        rule = policy.rule_for(item.label)
        if rule is not None and item.label not in seen and _has_votes(rule, item) and _most(rule, item) != "allow":
            seen.add(item.label)
            yield from _reason(rule, item, market)


def _has_votes(rule: Rule | None, item: LabelEvidence) -> bool:
    return rule is None or not isinstance(item.second_vote, float) or item.second_vote >= rule.second_vote


def _most(rule: Rule, item: LabelEvidence) -> Action:
    """Return the strongest action that the evidence may cause."""
    allowed: Action = "block" if item.held_back is UNSET else "allow"
    if item.held_back == UNMEASURED:
        allowed = rule.unmeasured
    return min(allowed, MOST_OF_UNCALIBRATED if item.uncalibrated is True else "block", key=ACTIONS.index)


def _reason(rule: Rule, item: LabelEvidence, market: Market | None) -> Iterable[Reason]:
    reached = _reached(rule.thresholds_in(market), item.score)
    if reached is None:
        return
    reached_action, threshold = reached
    action = strongest((reached_action, rule.uncleared if _is_uncleared(item) else "allow"))
    action = min(action, _most(rule, item), key=ACTIONS.index)
    words = rule.words.format(
        label=item.label, meaning=LABELS.get(item.label, item.label), score=f"{item.score:.3f}",
        threshold=f"{threshold:g}", action=reached_action, model=item.model, market=market or "any market",
    )  # fmt: skip
    words += _place(item) + _agreement(item.second_look) + _origin(item.fused_from)
    words += " (the score is not calibrated)" if item.uncalibrated is True else ""
    yield Reason(action=action, words=words, label=item.label, score=item.score, threshold=threshold)


def _judge_reasons(policy: Policy, evidence: Iterable[LabelEvidence]) -> Iterable[Reason]:
    """Yield a review for what a judge confirms in its band. Reasons are only added: no answer makes one milder."""
    for item in evidence:
        if policy.judge is not None and policy.judge.acts(item):
            meaning = LABELS.get(item.label, item.label)
            words = f"{item.label} has an uncertain score, and {item.model} says yes: {meaning}"
            yield Reason(action="review", words=words, label=item.label)


def _place(item: LabelEvidence) -> str:
    """Return where in the text it was found, for people, who may not see the words as written."""
    if not isinstance(item.text, TextMatch):
        return ""
    words = f": {', '.join(item.text.words)}" if item.text.words else ""
    return f" ({item.text.part}, {item.text.form}{words})"


def _is_uncleared(item: LabelEvidence) -> bool:
    return isinstance(item.second_look, SecondLook) and not item.second_look.is_cleared


def _agreement(look: SecondLook | UnsetType) -> str:
    """Return how many frames agree, if the frame had a second look."""
    if not isinstance(look, SecondLook):
        return ""
    at = f"{int(look.at_seconds) // 60}:{int(look.at_seconds) % 60:02d}"
    if look.num_frames < 2:
        return f" (no other frame around {at} could be looked at)"
    return f" ({look.num_agree} of {look.num_frames} frames around {at} agree)"


def _origin(parts: tuple[FusedPart, ...] | UnsetType) -> str:
    """Return what fused evidence was made from."""
    if isinstance(parts, UnsetType):
        return ""
    return f" ({', '.join(f'{part.label} {part.score:.2f}' for part in parts)})"


def _reached(thresholds: Thresholds, score: float) -> tuple[Action, float] | None:
    reached = [action for action, threshold in thresholds.items() if score >= threshold]
    action = strongest(reached)
    return (action, thresholds[action]) if reached else None


def _modality_reasons(policy: Policy, states: ModalityStates) -> Iterable[Reason]:
    for modality in states.missing:
        words = f"{modality} had not answered when the deadline passed."
        yield Reason(action=policy.when_missing[modality], words=words, modality=modality)
    for modality, failure in states.failed.items():
        words = f"{modality} failed ({failure.cause}): {failure.message}"
        yield Reason(action=policy.when_failed[modality], words=words, modality=modality)
    for modality in states.absent:
        if policy.when_absent[modality] != "allow":
            words = f"The media has nothing for {modality} to look at."
            yield Reason(action=policy.when_absent[modality], words=words, modality=modality)


def _share_reasons(policy: Policy, answers: Iterable[Signal]) -> Iterable[Reason]:
    by_feature = {name: (signal, feature) for signal in answers for name, feature in signal.features.items()}
    for rule in policy.shares:
        if rule.feature not in by_feature:
            continue  # from a release without the feature, or of media without the stream
        signal, feature = by_feature[rule.feature]
        share = feature.value if isinstance(feature.value, int | float) else 1.0
        reached = rule.reached(share)
        if reached is not None:
            action, floor = reached
            words = rule.words.format(
                percent=percent(share), feature=rule.feature, action=action, threshold=f"{floor:g}",
                modality=signal.modality,
            )  # fmt: skip
            yield Reason(action=action, words=words, score=share, threshold=floor, modality=signal.modality)


def percent(share: float) -> str:
    """Return a ratio below 1 as text, never rounded up to 100%."""
    return f"{math.floor(share * 1000) / 10:g}%" if share < 0.1 or share >= 0.99 else f"{math.floor(share * 100)}%"


def _unseen_reasons(policy: Policy, answers: Iterable[Signal]) -> Iterable[Reason]:
    for signal in answers:
        for name in UNSEEN_FEATURES:
            for kind, tracks in _by_kind(signal.features[name].value).items() if name in signal.features else ():
                action = policy.when_unseen.get(kind, "allow")
                sizes = [track["size_bytes"] for track in tracks if isinstance(track.get("size_bytes"), int)]
                is_small = len(sizes) == len(tracks) and sum(sizes) < policy.min_unseen_bytes.get(kind, 0)
                if action != "allow" and not is_small:
                    yield Reason(action=action, words=_unseen_words(kind, tracks, sum(sizes)), modality=signal.modality)


_UNSEEN_TRACKS: Mapping[str, tuple[str, str]] = {
    "video": ("video track", "looked at"),
    "audio": ("sound track", "listened to"),
    "text": ("text track", "read"),
    "picture": ("cover picture", "looked at"),
    "attachment": ("attached file", "looked at"),
}
"""Names of skipped tracks for people, and why they are skipped."""


def _unseen_words(kind: UnseenKind, tracks: list[Mapping[str, Any]], num_bytes: int) -> str:
    formats = sorted({track["codec"] for track in tracks if track.get("codec")})
    size = f"{max(1, num_bytes // 1024)} KiB" if num_bytes else "bytes"
    described = f"{size} ({', '.join(formats)})" if formats else size
    if kind == "trailing":
        return f"The media has {described} behind the end of its container, which nobody looked at."
    if kind == "hidden":
        return f"The media holds {described} that belong to none of its streams, which nobody looked at."
    name, verb = _UNSEEN_TRACKS[kind]
    return f"The media has {len(tracks)} {name}{'s' if len(tracks) > 1 else ''} more, which nobody {verb}."


def _by_kind(tracks: object) -> dict[UnseenKind, list[Mapping[str, Any]]]:
    found: dict[UnseenKind, list[Mapping[str, Any]]] = {}
    for track in tracks if isinstance(tracks, list | tuple) else ():
        kind = track.get("kind") if isinstance(track, dict) else None
        if kind in UNSEEN_KINDS:
            found.setdefault(kind, []).append(track)
    return found


def _report_reasons(rule: ReportRule, engagement: Engagement | None) -> Iterable[Reason]:
    ratio = rule.report_ratio(engagement) if engagement else 0.0
    reached = _reached(rule.thresholds, ratio) if ratio else None
    if reached is not None:
        action, threshold = reached
        words = f"Viewers report it: {ratio:.3f} of recent views, at or above the {action} threshold {threshold:g}."
        yield Reason(action=action, words=words, score=ratio, threshold=threshold)
