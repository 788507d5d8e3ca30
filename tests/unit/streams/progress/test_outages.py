"""What is unavailable to the whole process."""

from __future__ import annotations

from streams.progress.outages import Outages


class Servers:
    """What the process sees of broker and store."""

    def __init__(self) -> None:
        self.retries = 0.0
        self.unconfirmed_seconds = 0.0
        self.outages = Outages(lambda: self.retries, lambda: self.unconfirmed_seconds)

    def look(self, times: int = 1) -> str | None:
        for _ in range(times):
            self.outages.look()
        return self.outages.current()


class TestOutages:
    def test_nothing_is_unavailable(self) -> None:
        """Both answer."""
        assert Servers().look() is None

    def test_a_store_that_does_not_answer(self) -> None:
        """By its ping."""
        servers = Servers()
        servers.outages.is_store_answering = False
        assert servers.look() == "store-unavailable"

    def test_a_store_that_answers_and_takes_no_writes(self) -> None:
        """Roles wait for it again and again; a single hiccup is none."""
        servers = Servers()
        servers.look()
        servers.retries = 1
        assert servers.look() is None
        servers.retries = 4
        assert servers.look() == "store-unavailable"
        assert servers.look(20) is None

    def test_a_broker_that_confirms_nothing(self) -> None:
        """It answers questions, and has too few replicas in sync."""
        servers = Servers()
        servers.unconfirmed_seconds = 16
        assert servers.look() == "broker-unavailable"
