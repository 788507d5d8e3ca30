"""A policy as plain values.

A rule concerns a taxonomy path of any level and has one threshold per action. Of the rules whose path contains a label,
only the most specific one is applied, so a rule about `violence/weapons/gunfire-heard` replaces, for that label, a rule
about `violence`; a rule without thresholds excludes its labels from the broader rule. Within a rule, the strongest
action whose threshold the score reaches is taken; among all rules, the strongest action decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from operators.fusion.fusion_rule import FusionRule
from schemas.engagement import Engagement, EngagementWindow
from schemas.identity import Market, Modality
from schemas.labels import paths_of
from schemas.outcomes import ACTIONS, Action
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


def strongest(actions: Iterable[Action]) -> Action:
    """Return the strongest of some actions; `allow` without any."""
    return max(actions, key=ACTIONS.index, default="allow")
