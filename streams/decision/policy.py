"""What a policy says, as plain values, and the decision that it makes of a video's signals.

A rule speaks of a taxonomy path of any level and holds one threshold an action. Of the rules whose path contains a
label only the most specific one is asked, so a rule about `violence/weapons/gunfire-heard` replaces, for that label,
a rule about `violence`; a rule without thresholds takes its labels out of the broader rule. Within a rule the
strongest action whose threshold the score reaches is taken, and among all rules the strongest action decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec import UnsetType

from schemas.engagement import Engagement, EngagementWindow
from schemas.evidence import LabelEvidence, SecondLook, TextMatch
from schemas.facts import Signal
from schemas.identity import Market, Modality
from schemas.labels import LABELS
from schemas.outcomes import ACTIONS, Action, ModalityStates, Reason

DEFAULT_WORDS = "{label} scored {score}, at or above the {action} threshold {threshold}: {meaning}"
"""Reason of a rule that gives no words of its own."""

WORDS_FIELDS = ("label", "meaning", "score", "threshold", "action", "model", "market")
"""What a rule's words may name in braces."""

Thresholds = Mapping[Action, float]
"""Lowest score of each action; empty: these labels are never acted upon."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a policy does about the labels below one taxonomy path."""

    path: str
    thresholds: Thresholds
    markets: Mapping[Market, Thresholds] = field(default_factory=dict)
    """A market's thresholds stand in place of the rule's own, all of them."""
    words: str = DEFAULT_WORDS
    uncleared: Action = "allow"
    """At least this where a threshold is reached by a frame of a video that other frames around it do not clear."""

    def thresholds_in(self, market: Market | None) -> Thresholds:
        """The thresholds that hold in a market."""
        return self.markets.get(market, self.thresholds) if market else self.thresholds


@dataclass(frozen=True, slots=True)
class ReportRule:
    """What a policy does when viewers report a video."""

    thresholds: Thresholds
    """Over the share of recent views that were reported."""
    window: EngagementWindow = "1d"
    """What recent means: the decayed counts of this window."""
    min_reports: float = 5.0
    """Fewer recent reports than that are never acted upon."""
    prior_views: float = 100.0
    """Views without a report that every video is given beforehand, so that few views make no high share."""

    def report_ratio(self, engagement: Engagement) -> float:
        """Share of recent views that were reported; 0 where there are too few reports to speak of."""
        counts = engagement.windows.get(self.window, {})
        reports = counts.get("report", 0.0)
        if reports < self.min_reports:
            return 0.0
        return min(1.0, reports / (max(counts.get("view", 0.0), reports) + self.prior_views))


SHARE_WORDS = "Only {percent} of what {feature} measures was reached; {action} below {threshold}."
"""Reason of a share rule that gives no words of its own."""

SHARE_WORDS_FIELDS = ("percent", "feature", "action", "threshold", "modality")
"""What a share rule's words may name in braces."""


@dataclass(frozen=True, slots=True)
class ShareRule:
    """What a policy does when too little of a modality was seen."""

    feature: str
    """A number in [0, 1], 1 where all was seen."""
    floors: Thresholds
    """Highest share at which each action is not taken: it is where the share is below."""
    words: str = SHARE_WORDS

    def reached(self, share: float) -> tuple[Action, float] | None:
        """The strongest action whose floor the share is below, and that floor."""
        below = [action for action, floor in self.floors.items() if share < floor]
        return (strongest(below), self.floors[strongest(below)]) if below else None


UnseenKind = Literal["video", "audio", "text", "picture", "attachment", "hidden", "trailing"]
UNSEEN_KINDS: tuple[UnseenKind, ...] = ("video", "audio", "text", "picture", "attachment", "hidden", "trailing")
UNSEEN_FEATURES = ("visual.unseen_tracks", "audio.unseen_tracks")
"""Features that name tracks nobody looks at."""

NO_REPORT_RULE = ReportRule({})
"""Of a policy that says nothing about reports."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A validated policy file."""

    name: str
    version: int
    file_hash: str
    """SHA-256 of the file's bytes, 64 hex digits."""
    pending: Action
    """What holds while nothing is decided."""
    reporting_floor: float
    """Evidence below this score is left out of verdicts."""
    when_missing: Mapping[Modality, Action]
    when_failed: Mapping[Modality, Action]
    when_absent: Mapping[Modality, Action]
    rules: Mapping[str, Rule]
    """By taxonomy path."""
    reports: ReportRule = NO_REPORT_RULE
    shares: tuple[ShareRule, ...] = ()
    when_unseen: Mapping[UnseenKind, Action] = field(default_factory=dict)
    """Action for a kind of track that the media holds and nobody looks at; allow where not given."""
    min_unseen_bytes: Mapping[UnseenKind, int] = field(default_factory=dict)
    """Fewer bytes of a kind than this, all tracks of it together, have no action; 0 where not given."""

    @property
    def label(self) -> str:
        """How verdicts name it."""
        return f"{self.name}-{self.version}@{self.file_hash[:12]}"

    def rule_for(self, label: str) -> Rule | None:
        """The most specific rule whose path contains a level-3 label."""
        area, group, _ = label.split("/")
        paths = (label, f"{area}/{group}", area)
        return next((self.rules[path] for path in paths if path in self.rules), None)


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy makes of a video."""

    action: Action
    reasons: tuple[Reason, ...]
    """The strongest action first, then the highest score."""
    labels: tuple[LabelEvidence, ...]
    """At or above the reporting floor, strongest first."""


def decide(
    policy: Policy,
    signals: Iterable[Signal],
    states: ModalityStates,
    market: Market | None,
    engagement: Engagement | None = None,
) -> Decision:
    """Apply a policy to the winning signals of a revision, to what did not answer, and to viewers' reports."""
    answers = [signal for signal in signals if signal.status == "ok"]
    evidence = _strongest_first(item for signal in answers for item in signal.labels)
    reasons = [
        *_label_reasons(policy, evidence, market),
        *_modality_reasons(policy, states),
        *_share_reasons(policy, answers),
        *_unseen_reasons(policy, answers),
        *_report_reasons(policy.reports, engagement),
    ]
    reasons.sort(key=lambda reason: (-ACTIONS.index(reason.action), -(reason.score or 0.0)))
    return Decision(
        action=strongest(reason.action for reason in reasons),
        reasons=tuple(reasons) or (_NOTHING_FOUND,),
        labels=tuple(item for item in evidence if item.score >= policy.reporting_floor),
    )


def decide_nothing(policy: Policy, states: ModalityStates) -> Decision:
    """What holds while a revision waits for its signals."""
    words = f"Nothing is decided yet; {' and '.join(states.missing)} still to answer."
    return Decision(policy.pending, (Reason(action=policy.pending, words=words),), ())


def strongest(actions: Iterable[Action]) -> Action:
    """The strongest of some actions; allow where there are none."""
    return max(actions, key=ACTIONS.index, default="allow")


_NOTHING_FOUND = Reason(action="allow", words="Every modality answered and no label reached a threshold.")


def _strongest_first(evidence: Iterable[LabelEvidence]) -> list[LabelEvidence]:
    return sorted(evidence, key=lambda item: (-item.score, item.label, item.model))


def _label_reasons(policy: Policy, evidence: Iterable[LabelEvidence], market: Market | None) -> Iterable[Reason]:
    seen: set[str] = set()
    for item in evidence:  # strongest first, so that a label's first evidence is its best
        if item.label not in seen:
            seen.add(item.label)
            yield from _reason(policy, item, market)


def _reason(policy: Policy, item: LabelEvidence, market: Market | None) -> Iterable[Reason]:
    rule = policy.rule_for(item.label)
    reached = _reached(rule.thresholds_in(market), item.score) if rule else None
    if rule is None or reached is None:
        return
    reached_action, threshold = reached
    action = strongest((reached_action, rule.uncleared if _is_uncleared(item) else "allow"))
    words = rule.words.format(
        label=item.label, meaning=LABELS.get(item.label, item.label), score=f"{item.score:.3f}",
        threshold=f"{threshold:g}", action=reached_action, model=item.model, market=market or "any market",
    )  # fmt: skip
    words += _place(item) + _agreement(item.second_look)
    yield Reason(action=action, words=words, label=item.label, score=item.score, threshold=threshold)


def _place(item: LabelEvidence) -> str:
    """Where in the text it was found; people look for the words as written and may not see them."""
    if not isinstance(item.text, TextMatch):
        return ""
    words = f": {', '.join(item.text.words)}" if item.text.words else ""
    return f" ({item.text.part}, {item.text.form}{words})"


def _is_uncleared(item: LabelEvidence) -> bool:
    return isinstance(item.second_look, SecondLook) and not item.second_look.is_cleared


def _agreement(look: SecondLook | UnsetType) -> str:
    """How many frames say so, where one was looked at again."""
    if not isinstance(look, SecondLook):
        return ""
    at = f"{int(look.at_seconds) // 60}:{int(look.at_seconds) % 60:02d}"
    if look.num_frames < 2:
        return f" (no other frame around {at} could be looked at)"
    return f" ({look.num_agree} of {look.num_frames} frames around {at} agree)"


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
            continue  # of a release that did not count it, or of media without the stream
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
    """A share below 1 as people say it, never rounded up to 100%."""
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
"""What people call them, and what nobody did."""


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
