"""A stored position after the end of the log: it is replaced once, and nothing is lost or read over and over."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from streams.observability import metrics
from tests.support.engagement_log import events
from tests.support.engagement_role import FaultyStore, Role

pytestmark = pytest.mark.usefixtures("silent_logs")

OLD, NEW = 1_600_000_000.0, 1_700_000_000.0


def num_resets() -> float:
    return metrics.ENGAGEMENT_OFFSET_RESETS._value.get()


@pytest.mark.parametrize("when", ["at the start", "while it reads"])
class TestPositionAfterTheEnd:
    """Met at an assignment, or by a worker that was reading when it happened."""

    def begin(self, when: str, role: Role) -> None:
        """Let the log be cut at the given time; the client starts at its beginning, as `auto.offset.reset` says."""
        if when == "while it reads":
            log, role.client.log[0] = role.client.log[0], events(0, 990, 10, OLD)
            role.step()
            role.store.counted.clear()
            role.client.log[0], role.client.standing[0] = log, 0

    def steps(self, role: Role, number: int = 5) -> int:
        """Take steps; return how often the client sought."""
        for _ in range(number):
            role.clock.advance(5.0)
            role.step()
        return len(role.client.sought)

    def test_of_a_topic_that_was_created_again(self, when: str) -> None:
        """Every event of the new log is counted, once; later ones as ever."""
        role = Role(FaultyStore({0: 1_000 if when == "at the start" else 990}), events(0, 0, 10, NEW))
        role.store.counted_until_unix_seconds = NEW - 600.0
        self.begin(when, role)
        before = num_resets()
        with capture_logs() as log:
            assert self.steps(role) <= 1
        assert role.store.counted == [f"v0-{offset}" for offset in range(10)]
        assert num_resets() > before
        assert [line["continued_at"] for line in log if "after the end of the log" in line["event"]] == [0]
        role.client.log[0] += events(0, 10, 3, NEW)
        self.steps(role)
        assert role.store.stands == {0: 13}

    def test_of_a_log_that_lost_records(self, when: str) -> None:
        """What was counted long ago is not read again: its ids are not known any more."""
        role = Role(FaultyStore({0: 1_000 if when == "at the start" else 990}), events(0, 0, 10, OLD))
        role.store.counted_until_unix_seconds = NEW
        self.begin(when, role)
        assert self.steps(role) <= 1
        assert (role.store.counted, role.store.stands) == ([], {0: 10})
        role.client.log[0] += events(0, 10, 3, NEW)
        self.steps(role)
        assert role.store.counted == ["v0-10", "v0-11", "v0-12"]


def test_another_worker_was_faster() -> None:
    """Its position is taken over."""
    store = FaultyStore({0: 1_000})
    role = Role(store, events(0, 0, 10, NEW))
    store.move = lambda partition, before, after: store.stands.update({partition: 4}) is not None  # type: ignore[method-assign]
    role.step()
    assert store.counted == [f"v0-{offset}" for offset in range(4, 10)]


def test_a_broker_that_does_not_say() -> None:
    """Reading starts where the store says, and the position is looked at again when a batch contradicts it."""
    role = Role(FaultyStore({0: 1_000}), [])
    role.step()
    assert role.store.stands == {0: 1_000}
    role.client.log[0], role.client.standing[0] = events(0, 0, 10, NEW), 0
    role.step()
    role.step()
    assert role.store.counted == [f"v0-{offset}" for offset in range(10)]
