"""The judge: folds everything by itself, and says what is wrong. It knows no product code, only the wire."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.chaos.judge import dead_letters, engagement, leftovers
from tests.chaos.judge.deleted_videos import DeletedVideos, keys_of_videos
from tests.chaos.judge.evidence import DEAD_LETTER, ENGAGEMENT, SIGNALS, UPLOADED, Evidence
from tests.chaos.judge.expected import expected_of
from tests.chaos.judge.facts import read_facts
from tests.chaos.judge.live_videos import LiveVideos
from tests.chaos.judge.outcomes import read_outcomes
from tests.chaos.judge.violations import SEVERITIES, Severity, Violation, Violations


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was looked at, and what is wrong."""

    violations: tuple[Violation, ...]
    looked_at: dict[str, Any]
    """Numbers of videos, records and so on, so that nobody takes an empty look for a good one."""

    def by_severity(self) -> dict[Severity, int]:
        """How many of each; all are named."""
        found = Counter(violation.severity for violation in self.violations)
        return {severity: found[severity] for severity in SEVERITIES}

    def by_kind(self) -> dict[str, int]:
        """How many of each kind that was found."""
        return dict(Counter(violation.kind for violation in self.violations))


def judge(evidence: Evidence) -> Evaluation:
    """Look at everything."""
    violations = Violations()
    records, store = evidence.records, evidence.store
    expected = expected_of(records[UPLOADED])
    facts = read_facts(records[SIGNALS], violations)
    said = read_outcomes(records, violations)
    live = LiveVideos(facts, said, store, violations)
    deleted = DeletedVideos(said, store, keys_of_videos(store), violations)
    for video_id, video in expected.videos.items():
        (live if video.is_live else deleted).look(video_id, video)
    counted = engagement.count(records[ENGAGEMENT])
    num_counted = engagement.look(counted, expected.videos, said, store, violations)
    judged_dead_letters = dead_letters.look(records[DEAD_LETTER], records, expected, counted.poison, violations)
    left = leftovers.look(store, evidence.groups, expected.videos, said, violations)
    looked_at = {
        "videos": len(expected.videos),
        "live": sum(video.is_live for video in expected.videos.values()),
        "poison": len(expected.poison) + len(counted.poison),
        "engagement_events": len(records[ENGAGEMENT]),
        "engagement_distinct": counted.num_distinct,
        "videos_with_engagement": num_counted,
        "reviews": sum(map(len, facts.reviews.values())),
        "facts": dict(facts.kinds),
        "redone": facts.redone(),
        "outcomes": {topic: dict(found.counts) for topic, found in said.items()},
        "dead_letters": judged_dead_letters,
        **left,
    }
    return Evaluation(tuple(violations.found), looked_at)
