"""What the verdict role reads of a record: its fact once, whatever is then done with it."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.codec import encode
from streams.decision import fact_reading
from streams.decision.ruleset import Ruleset
from streams.record import Place, Record
from streams.store.stored_case import StoredVideo
from streams.verdict.role import VerdictRole
from tests.fakes import ManualClock, MemoryPublisher
from tests.sample_facts import VIDEO_ID
from tests.unit.streams.verdict.folding import POLICY, PRICES, summary


class NothingStored:
    """A store that knows no video."""

    async def read(self, video_id: str, _for_fact: Place) -> StoredVideo:
        del video_id
        return StoredVideo(None, None, is_published=True)


async def test_a_record_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Order, lane, boundary and fold share what was read."""
    decoded: list[bytes | None] = []
    decode = fact_reading.decode_fact

    def counting(value: bytes | None) -> Any:
        decoded.append(value)
        return decode(value)

    monkeypatch.setattr(fact_reading, "decode_fact", counting)
    store: Any = NothingStored()
    nobody: Any = None
    role = VerdictRole(store, nobody, MemoryPublisher(), Ruleset(POLICY, PRICES, 0), ManualClock(), nobody)
    values = [encode(summary(at=float(number))) for number in range(3)]
    for offset, value in enumerate(values):
        await role.run(Record(Place("video.signals", 0, offset), VIDEO_ID.encode(), value, (), 0.0, generation=1))
    await role.close()
    assert decoded == values
