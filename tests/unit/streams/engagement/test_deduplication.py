"""Each id counts once, the first content stands, and the forgotten are left out."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.codec import encode
from schemas.engagement import EngagementEvent, EngagementKind
from streams.engagement.batch_changes import Found
from streams.engagement.counting import add_events
from streams.engagement.deduplication import Deduplicated, deduplicate
from streams.engagement.event_parsing import ParsedEvent, content_of, identity_of
from streams.engagement.summary_schedule import SOON_SECONDS

T0 = 1_700_000_000.0
BUCKET = int(T0 // 600)


def arrival(event_id: str, kind: EngagementKind = "view", video_id: str = "v") -> ParsedEvent:
    event = EngagementEvent(event_id=event_id, video_id=video_id, kind=kind, event_unix_seconds=T0)
    return ParsedEvent(event, identity_of(event), content_of(event), BUCKET, None)


def reckoned(
    arrived: list[ParsedEvent], known: Sequence[ParsedEvent] = (), forgotten: frozenset[str] = frozenset()
) -> Deduplicated:
    """Reckon one batch of partition 0 against a store that counted `known`."""
    record = encode(add_events(None, [each.event for each in known])) if known else None
    found = Found(
        stored={0: None},
        contents={(0, each.identity): bytes(each.content) for each in known},
        records={"v": record, "w": None},
        unknown=frozenset(),
        forgotten=forgotten,
    )
    return deduplicate({0: arrived}, {0: 7}, found, now_unix_seconds=T0, summary_seconds=60.0)


def test_duplicates_count_once_within_a_batch_and_across() -> None:
    """The same event again adds nothing, be its first in this batch or in the store."""
    result = reckoned([arrival("a"), arrival("a"), arrival("b")], known=[arrival("b")])
    assert (result.num_counted, result.num_duplicates, result.conflicts) == (1, 2, [])
    assert result.changes.records["v"].counts == {"view": 2}
    assert result.changes.positions == {0: 7}


def test_other_content_is_a_conflict_and_the_first_stands() -> None:
    """The same id with another kind is refused, within a batch and across."""
    result = reckoned([arrival("a"), arrival("a", "like"), arrival("b", "like")], known=[arrival("b")])
    assert [each.event.kind for each in result.conflicts] == ["like", "like"]
    assert result.changes.records["v"].counts == {"view": 2}


def test_ids_are_of_one_video() -> None:
    """The same event id at two videos are two acts."""
    assert reckoned([arrival("a"), arrival("a", video_id="w")]).num_counted == 2


def test_forgotten_videos_are_left_out() -> None:
    """Nothing of a forgotten video is counted, remembered or due; the place in the log moves on."""
    result = reckoned([arrival("a")], forgotten=frozenset({"v"}))
    assert (result.num_forgotten, result.changes.records, result.changes.identities) == (1, {}, {})
    assert result.changes.due == {}
    assert result.changes.positions == {0: 7}


def test_a_first_report_is_due_soon() -> None:
    """What passed a step of reports is due before what did not."""
    due = reckoned([arrival("a", "report"), arrival("b", video_id="w")]).changes.due[0]
    assert due == {"v": T0 + SOON_SECONDS, "w": T0 + 60.0}
