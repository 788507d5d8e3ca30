"""What a worker remembers of the store's word, and for how long an absence speaks against the store."""

from __future__ import annotations

from typing import Any

import pytest

from streams.store.witness import StoreWentBack, Witness
from tests.fakes import ManualClock

DAY_SECONDS = 86_400.0


class Connection:
    """Answers as a store that holds one place for every key."""

    def __init__(self, place: tuple[bytes | None, bytes | None]) -> None:
        self._place = place

    async def on_connect(self) -> None:
        return None

    async def send_command(self, *words: Any) -> None:
        assert words[0] == "HMGET"

    async def read_response(self) -> tuple[bytes | None, bytes | None]:
        return self._place


GONE = Connection((None, None))
OLDER = Connection((b"0", b"6"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def witness(clock: ManualClock) -> Witness:
    made = Witness(clock)
    made.confirm("state", (0, 7))
    return made


class TestGreet:
    async def test_a_state_that_was_just_written_is_missed(self, witness: Witness) -> None:
        """No state ends within half a day of its last fold."""
        with pytest.raises(StoreWentBack, match="now has None"):
            await witness.greet(GONE)

    async def test_a_state_that_may_have_ended_is_not_missed(self, witness: Witness, clock: ManualClock) -> None:
        """A guard or a video came to its end while this worker had nothing to fold."""
        clock.advance(DAY_SECONDS)
        await witness.greet(GONE)

    async def test_an_older_state_speaks_for_ever(self, witness: Witness, clock: ManualClock) -> None:
        """A state is removed as a whole; one that is behind was never removed."""
        clock.advance(100 * DAY_SECONDS)
        with pytest.raises(StoreWentBack, match="now has \\(0, 6\\)"):
            await witness.greet(OLDER)

    async def test_a_later_fold_begins_the_time_anew(self, witness: Witness, clock: ManualClock) -> None:
        """What counts is when the store last gave its word."""
        clock.advance(DAY_SECONDS)
        witness.confirm("state", (0, 8))
        with pytest.raises(StoreWentBack):
            await witness.greet(GONE)
