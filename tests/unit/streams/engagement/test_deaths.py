"""A worker that dies by itself leaves its batch on the board; what the parent notes is met at the next start."""

from __future__ import annotations

from typing import Any

import pytest

from streams.engagement.batch_board import NO_SUSPECTS, BatchBoard, CountedRange, Suspects, counted_range
from streams.engagement.batch_changes import Changes, Found
from streams.lifecycle.exclusive_board import ExclusiveBoard
from streams.lifecycle.own_deaths import EndKind
from tests.support.engagement_log import TOPIC, events
from tests.support.engagement_role import FaultyStore, Role

pytestmark = pytest.mark.usefixtures("silent_logs")


class TestDeaths:
    """A worker that dies by itself leaves its batch on the board; what the parent notes is met at the next start."""

    @pytest.mark.parametrize(("end", "num_alone"), [("crash", 2), ("unsure", 4)])
    def test_the_event_that_ends_the_process_again_and_again_is_refused(self, end: EndKind, num_alone: int) -> None:
        """One death of the batch, and then of the event alone: two crashes, or four kills that may have had another
        cause; the rest of the batch is counted."""
        poison = "v0-9"
        store = FaultyStore({0: 5})
        deaths = 0
        for _ in range(8):
            board = ExclusiveBoard()
            role = Role(store, events(0, store.stands[0] or 0, 15 - (store.stands[0] or 0)), board)
            entry = _run_until_death(role, board, poison)
            board.close()
            if entry is None:
                break
            deaths += 1
            found = counted_range(entry)
            assert found is not None
            store.deaths[0] = store.deaths.get(0, NO_SUSPECTS).after_death(found, end)
        assert deaths == 1 + num_alone
        assert role.bridge.refused == [(9, "crash-loop")]
        assert store.counted == [f"v0-{offset}" for offset in range(5, 15) if offset != 9]

    def test_suspects_are_dropped_once_they_are_counted(self) -> None:
        """Later batches are counted whole again, by this worker and by the next."""
        store = FaultyStore({0: 5}, deaths={0: Suspects(6, 8)})
        role = Role(store, events(0, 5, 10))
        role.step()
        assert store.deaths == {}
        assert store.num_commits == 5  # one before them, three, and one behind
        role.client.log[0] += events(0, 15, 10)
        role.step()
        assert (store.num_commits, store.stands) == (6, {0: 25})

    def test_suspects_that_were_counted_by_somebody_else_are_none(self) -> None:
        """Noted of offsets before the place at which this worker begins."""
        store = FaultyStore({0: 9}, deaths={0: Suspects(5, 8)})
        role = Role(store, events(0, 5, 10))
        role.step()
        assert (store.deaths, store.num_commits, store.stands) == ({}, 1, {0: 15})

    def test_the_board_is_empty_between_batches(self) -> None:
        """A death while it waits for Kafka, for Redis or for dead letters speaks of no event."""
        board = ExclusiveBoard()
        role = Role(FaultyStore({0: 5}), events(0, 5, 3), board)
        role.step()
        assert board.read() == []
        board.close()

    def test_a_range_names_its_offsets(self) -> None:
        """What is read by the parent process is what was written, and no entry of another kind."""
        board = ExclusiveBoard()
        with BatchBoard(board).counting(TOPIC, {3: events(3, 5, 4)}):
            (entry,) = board.read()
        assert counted_range(entry) == CountedRange(TOPIC, 3, 5, 8)
        assert counted_range("vs:attempts:topic:0:7") is None
        board.close()


class _Died(BaseException):
    """The process ends here."""


def _run_until_death(role: Role, board: ExclusiveBoard, poison: str) -> str | None:
    """One batch; return what stood on the board when the process died, None where it did not."""
    commit = role.store.commit
    noted: list[str] = []

    def deadly(transaction: Any, changes: Changes, found: Found) -> None:
        if poison in changes.records:
            noted.extend(board.read())
            raise _Died
        FaultyStore.commit(role.store, transaction, changes, found)

    role.store.commit = deadly  # type: ignore[method-assign]
    try:
        role.step()
    except _Died:
        return noted[0]
    finally:
        role.store.commit = commit  # type: ignore[method-assign]
    return None
