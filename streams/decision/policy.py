"""A policy as plain values, and its decision about a video's signals.

A rule concerns a taxonomy path of any level and has one threshold per action. Of the rules whose path contains a label,
only the most specific one is applied, so a rule about `violence/weapons/gunfire-heard` replaces, for that label, a rule
about `violence`; a rule without thresholds excludes its labels from the broader rule. Within a rule, the strongest
action whose threshold the score reaches is taken; among all rules, the strongest action decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from operators.fusion.fusing import fused_evidence
from operators.fusion.fusion_rule import FusionRule
from schemas.engagement import Engagement, EngagementWindow
from schemas.evidence import UNMEASURED, FusedPart, LabelEvidence, SecondLook, TextMatch
from schemas.facts import Signal
from schemas.identity import Market, Modality
from schemas.labels import LABELS, paths_of
from schemas.outcomes import ACTIONS, Action, ModalityStates, Reason
from streams.decision.judge_rule import JudgeRule

DEFAULT_WORDS = "{label} scored {score}, at or above the {action} threshold {threshold}: {meaning}"
"""Reason of a rule without words of its own."""

WORDS_FIELDS = ("label", "meaning", "score", "threshold", "action", "model", "market")
"""Fields that a rule's words may contain in braces."""

MOST_OF_UNCALIBRATED: Action = "review"
"""What a score without calibration may cause at most: its thresholds were set for other models."""

Thresholds = Mapping[Action, float]
"""Lowest score of each action; empty if these labels never cause an action."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a policy does about the labels below one taxonomy path."""

    path: str
    thresholds: Thresholds
    markets: Mapping[Market, Thresholds] = field(default_factory=dict)
    """Thresholds by market; they replace all of the rule's own."""
    words: str = DEFAULT_WORDS
    uncleared: Action = "allow"
    """Lowest action if a frame of a video reaches a threshold and neighbouring frames do not clear it."""
    second_vote: float = 0.0
    """Evidence that names a lower second vote causes no action; evidence that names none acts alone."""
    unmeasured: Action = "allow"
    """What a score that nobody measured may cause at most."""

    def thresholds_in(self, market: Market | None) -> Thresholds:
        """Return the thresholds that apply in a market."""
        return self.markets.get(market, self.thresholds) if market else self.thresholds


@dataclass(frozen=True, slots=True)
class ReportRule:
    """What a policy does when viewers report a video."""

    thresholds: Thresholds
    """By the share of recent views that were reported."""
    window: EngagementWindow = "1d"
    """The decayed counts of this window are used."""
    min_reports: float = 5.0
    """With fewer recent reports there is no action."""
    prior_views: float = 100.0
    """Views without a report that are added for every video, so that few views do not give a high share."""

    def report_ratio(self, engagement: Engagement) -> float:
        """Return the share of recent views that were reported; 0 with too few reports."""
        counts = engagement.windows.get(self.window, {})
        reports = counts.get("report", 0.0)
        if reports < self.min_reports:
            return 0.0
        return min(1.0, reports / (max(counts.get("view", 0.0), reports) + self.prior_views))


SHARE_WORDS = "Only {percent} of what {feature} measures was reached; {action} below {threshold}."
"""Reason of a share rule without words of its own."""

SHARE_WORDS_FIELDS = ("percent", "feature", "action", "threshold", "modality")
"""Fields that a share rule's words may contain in braces."""


@dataclass(frozen=True, slots=True)
class ShareRule:
    """What a policy does when too little of a modality was analysed."""

    feature: str
    """Name of a ratio in [0, 1]; 1 means complete."""
    floors: Thresholds
    """Ratio by action; the action is taken if the ratio is below it."""
    words: str = SHARE_WORDS

    def reached(self, share: float) -> tuple[Action, float] | None:
        """Return the strongest action whose floor is above the ratio, and that floor; None if there is none."""
        below = [action for action, floor in self.floors.items() if share < floor]
        return (strongest(below), self.floors[strongest(below)]) if below else None


UnseenKind = Literal["video", "audio", "text", "picture", "attachment", "hidden", "trailing"]
UNSEEN_KINDS: tuple[UnseenKind, ...] = ("video", "audio", "text", "picture", "attachment", "hidden", "trailing")
UNSEEN_FEATURES = ("visual.unseen_tracks", "audio.unseen_tracks")
"""Features that name skipped tracks."""

NO_REPORT_RULE = ReportRule({})
"""For a policy without a rule about reports."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A validated policy file."""

    name: str
    version: int
    file_hash: str
    """SHA-256 of the file's bytes, 64 hex digits."""
    pending: Action
    """Action while nothing is decided."""
    reporting_floor: float
    """Evidence below this score is left out of verdicts."""
    when_missing: Mapping[Modality, Action]
    when_failed: Mapping[Modality, Action]
    when_absent: Mapping[Modality, Action]
    rules: Mapping[str, Rule]
    """Rules by taxonomy path."""
    reports: ReportRule = NO_REPORT_RULE
    shares: tuple[ShareRule, ...] = ()
    when_unseen: Mapping[UnseenKind, Action] = field(default_factory=dict)
    """Action by kind of skipped track; `allow` if not given."""
    min_unseen_bytes: Mapping[UnseenKind, int] = field(default_factory=dict)
    """With fewer bytes of a kind, all tracks of it together, there is no action; 0 if not given."""
    fusion: tuple[FusionRule, ...] = ()
    """Labels that are made from evidence of several modalities."""
    judge: JudgeRule | None = None
    """Whether a chat model is asked about uncertain labels."""

    @property
    def label(self) -> str:
        """The policy's name in verdicts."""
        return f"{self.name}-{self.version}@{self.file_hash[:12]}"

    def rule_for(self, label: str) -> Rule | None:
        """Return the most specific rule whose path contains a level-3 label."""
        paths = paths_of(label)
        return next((self.rules[path] for path in paths if path in self.rules), None)


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


def strongest(actions: Iterable[Action]) -> Action:
    """Return the strongest of some actions; `allow` without any."""
    return max(actions, key=ACTIONS.index, default="allow")


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
