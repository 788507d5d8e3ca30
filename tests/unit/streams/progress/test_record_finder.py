"""What was asked once is not asked again."""

from __future__ import annotations

from streams.progress.broker_facts import FactsUnknown, Partition
from streams.progress.record_finder import UNKNOWN, RecordFinder

PLACE: Partition = ("video.uploaded", 0)


class Log:
    """A log with records at some offsets; what was asked is kept."""

    def __init__(self, *records: int) -> None:
        self.records = records
        self.asked: list[tuple[int, int]] = []
        self.answers = True

    async def first(self, partition: Partition, offset: int, end: int) -> int | None:
        assert partition == PLACE
        self.asked.append((offset, end))
        if not self.answers:
            raise FactsUnknown("away")
        return next((record for record in self.records if offset <= record < end), None)


class TestFinder:
    async def test_a_record_is_unknown_until_it_was_asked_for(self) -> None:
        """Then it is remembered: a log below its last stable offset does not change."""
        log = Log(7)
        finder = RecordFinder(log.first)
        assert finder.first(PLACE, 3, 9) == UNKNOWN
        await finder.answer()
        assert [finder.first(PLACE, 3, end) for end in (9, 20, 7)] == [7, 7, None]
        await finder.answer()
        assert log.asked == [(3, 9)]

    async def test_where_there_was_none_only_what_is_new_is_asked_for(self) -> None:
        """Markers are read once."""
        log = Log()
        finder = RecordFinder(log.first)
        finder.first(PLACE, 3, 9)
        await finder.answer()
        assert finder.first(PLACE, 3, 9) is None
        assert finder.first(PLACE, 3, 12) == UNKNOWN
        await finder.answer()
        assert finder.first(PLACE, 3, 12) is None
        assert log.asked == [(3, 9), (9, 12)]

    async def test_nothing_follows_the_end(self) -> None:
        """Nobody is asked."""
        finder = RecordFinder(Log(7).first)
        assert finder.first(PLACE, 9, 9) is None

    async def test_a_log_that_cannot_be_read_stays_unknown(self) -> None:
        """And is asked again."""
        log = Log(7)
        log.answers = False
        finder = RecordFinder(log.first)
        finder.first(PLACE, 3, 9)
        await finder.answer()
        assert finder.first(PLACE, 3, 9) == UNKNOWN
        log.answers = True
        await finder.answer()
        assert finder.first(PLACE, 3, 9) == 7
