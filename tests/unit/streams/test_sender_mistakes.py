"""What becomes of each of 36 mistakes that producers make; none is silent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from operators.errors import InvalidMedia
from operators.media.limits import DecodeLimits
from operators.media.pool import DecoderPool
from operators.media.shared_sessions import MediaSessions
from operators.media.sources.limits import FetchLimits
from operators.media.sources.source_registry import SourceAccess, SourceOpener
from operators.media.sources.spool import Spool
from schemas.codec import decode_fact, decode_upload
from schemas.errors import InvalidEvent
from schemas.facts import Fact
from schemas.identity import MODALITIES
from schemas.topics import SIGNALS, UPLOADED
from schemas.uploads import VideoUploaded
from schemas.warnings import EventWarning
from streams.decision.state import VideoState
from streams.delivery.admission import Slot
from streams.intake.intake import AcceptanceRules, Intake, IntakeParts
from streams.kafka.partitioning import partition_of
from streams.kafka.topic_ids import TopicFacts
from streams.record import Place, Record
from streams.store.video_statuses import Registered
from tests.documents import DOCS, bare, code_blocks, section, table
from tests.fakes import ManualClock, MemoryPublisher
from tests.unit.streams.sender_mistakes import MISTAKES, VALID, VIDEO_ID, Mistake
from tests.unit.streams.verdict.folding import fold_all

NUM_PARTITIONS = 8
(PUBLISH,) = code_blocks(section(DOCS["producers.md"], "Publish an upload"), "python")


class Topic:
    """The broker's word on the topic of uploads."""

    async def of(self, topic: str, generation: int) -> TopicFacts:
        del topic, generation
        return TopicFacts("t", NUM_PARTITIONS)


class AnyStore:
    """Registers whatever comes."""

    async def register(self, _: object) -> Registered:
        return Registered.WRITTEN


def value_of(value: Any) -> bytes | None:
    return value if isinstance(value, bytes | None) else json.dumps(value).encode()


async def accepted_by_intake(mistake: Mistake) -> VideoState:
    """The state that all uploads of a mistake lead to. Raises InvalidEvent where intake refuses one."""
    publisher = MemoryPublisher()
    store: Any = AnyStore()
    parts = IntakeParts(store, store, publisher, store, ManualClock(), Topic())  # type: ignore[arg-type]
    intake = Intake(parts, AcceptanceRules(MODALITIES, {"live": 600.0, "backfill": 600.0}))
    values = [value_of(event) for event in (*mistake.after, mistake.value)]
    partition = (partition_of(VIDEO_ID.encode(), NUM_PARTITIONS) + mistake.is_misplaced) % NUM_PARTITIONS
    for offset, value in enumerate(values):
        place = Place(UPLOADED.name, partition, offset)
        record = Record(place, mistake.key, value, (), 1_760_000_000.0, generation=1)
        await intake.run(record, Slot(place, 1))
    facts: list[Fact] = [decode_fact(record.value) for record in publisher.of(SIGNALS)]
    state = fold_all(facts)[-1].state
    assert state is not None
    return state


async def refusal(mistake: Mistake, folder: Path) -> tuple[str, str]:
    with pytest.raises(InvalidEvent) as caught:
        await accepted_by_intake(mistake)
    return caught.value.cause, caught.value.message


async def fault_of_media(mistake: Mistake, folder: Path) -> tuple[str, str]:
    (folder / "text.mp4").write_text("no video at all\n" * 100)
    (folder / "good.mp4").write_bytes(b"bytes whose hash is another")
    upload: VideoUploaded = decode_upload(value_of(mistake.value))
    spool = Spool(folder, 1 << 20)
    opener = SourceOpener(SourceAccess(roots=(folder,)), spool, FetchLimits())
    pool = DecoderPool(1, DecodeLimits())
    await pool.open()
    try:
        with pytest.raises(InvalidMedia) as caught:
            async with MediaSessions(pool, opener).open(VIDEO_ID, upload.source) as session:
                await session.receipt()
    finally:
        await pool.close()
        await opener.aclose()
    return caught.value.cause, caught.value.message


async def warning(mistake: Mistake, folder: Path) -> tuple[str, str]:
    state = await accepted_by_intake(mistake)
    found: tuple[EventWarning, ...] = state.accepted.warnings if state.accepted else state.deletion_warnings
    (only,) = found
    return only.kind, only.message


async def told_by_client(mistake: Mistake, folder: Path) -> tuple[str, str]:
    """The snippet sets the client's limit, the contract the broker's, and the snippet ends its wait."""
    limits = f"message.max.bytes {UPLOADED.max_message_bytes:_}"
    assert limits.replace(" ", '": ') in PUBLISH
    return "", f"{limits} {' '.join(UPLOADED.configuration())} {PUBLISH}"


LEARNT = {"refused": refusal, "media": fault_of_media, "warned": warning, "client": told_by_client}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
async def test_its_sender_learns_of_it(mistake: Mistake, tmp_path: Path) -> None:
    """Refused with cause and message, failed with cause and message, or accepted with one warning."""
    kind, message = await LEARNT[mistake.way](mistake, tmp_path)
    assert kind == mistake.kind
    assert mistake.says in message


async def test_what_is_right_has_no_warning() -> None:
    """Nobody would read warnings that are always there."""
    state = await accepted_by_intake(Mistake("none", "", "silent", "", VALID))
    assert state.accepted is not None
    assert state.accepted.warnings == ()


def test_at_most_two_of_36_are_silent() -> None:
    """The table is of 36, and so is the page's."""
    assert len(MISTAKES) == 36
    assert len([mistake for mistake in MISTAKES if mistake.way == "silent"]) <= 2
    rows = table(section(DOCS["producers.md"], "Common mistakes"))
    assert [(row[0], row[1]) for row in rows] == [(bare(mistake.name), mistake.before) for mistake in MISTAKES]
    for row, mistake in zip(rows, MISTAKES, strict=True):
        assert (mistake.kind or "client") in row[2]
