"""The watchdog's thread, without servers: it goes on looking, names what is unavailable, and ends when asked to."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from ops.local.ports import ReservedPort
from streams.config.settings import Settings, read_settings
from streams.progress.watch_thread import WatchThread
from streams.progress.watched import HeldRecord
from tests.unit.streams.progress.fake_role import FakeRole

WAIT_SECONDS = 120.0


def settings_of(port: int, **changes: object) -> Settings:
    """Servers that are not there."""
    address = f"127.0.0.1:{port}"
    return read_settings(kafka_bootstrap_servers=address, redis_url=f"redis://{address}", **changes)


async def until(is_so: Callable[[], bool], explain: Callable[[], str]) -> None:
    """Wait until something is so."""
    give_up = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < give_up, explain()
        await asyncio.sleep(0.1)


def is_running() -> bool:
    return any(thread.name == "vidsignal-watchdog" for thread in threading.enumerate())


class TestWatchThread:
    async def test_unavailable_servers_are_named_and_end_no_worker(self) -> None:
        """Each look is made although nothing answers; an event that hangs is not held against the worker either."""
        given_up: list[str] = []
        with ReservedPort() as nobody:
            watch = WatchThread(
                settings_of(nobody.number, undelivered_unready_seconds=3), "w", given_up.append, given_up.append
            )
            watch.watch(FakeRole("outage-role"))
            watch.open()
            try:
                await until(
                    lambda: watch.watchdog.reports["outage-role"].state in ("store-unavailable", "broker-unavailable"),
                    lambda: str(watch.watchdog.reports),
                )
                assert watch.watchdog.reports["outage-role"].lag is None
            finally:
                await asyncio.to_thread(watch.close)
        await until(lambda: not is_running(), lambda: "the thread still runs")  # `close` waits some seconds at most
        assert given_up == []

    async def test_an_embedded_broker_is_not_asked(self) -> None:
        """Its role is unknown, which is no reason for anything."""
        given_up: list[str] = []
        with ReservedPort() as nobody:
            watch = WatchThread(
                settings_of(nobody.number, is_broker_embedded=True), "w", given_up.append, given_up.append
            )
            watch.watch(FakeRole("embedded-role"))
            looked = threading.Event()
            watch.watchdog.watch(Looked("looked-role", looked))
            watch.open()
            try:
                assert await asyncio.to_thread(looked.wait, WAIT_SECONDS)
                assert not watch.watchdog.reports["embedded-role"].problem
                assert not any(keeper.is_broker_unavailable for keeper in watch.watchdog.keepers)
            finally:
                await asyncio.to_thread(watch.close)
        assert given_up == []

    async def test_an_error_in_it_is_reported_to_the_worker(self) -> None:
        """A worker that nobody watches any more has to end."""
        reported: list[BaseException] = []
        with ReservedPort() as nobody:
            watch = WatchThread(settings_of(nobody.number), "w", reported.append, pytest.fail)
            watch.watch(Broken("broken-role"))
            watch.open()
            try:
                await until(lambda: bool(reported), lambda: "nothing was reported")
            finally:
                await asyncio.to_thread(watch.close)
        assert str(reported[0]) == "a bug"


class Looked(FakeRole):
    """Says that it was looked at."""

    def __init__(self, role: str, looked: threading.Event) -> None:
        super().__init__(role)
        self._looked = looked

    def held(self) -> Sequence[HeldRecord]:
        self._looked.set()
        return ()


class Broken(FakeRole):
    """Cannot be looked at."""

    def held(self) -> Sequence[HeldRecord]:
        raise RuntimeError("a bug")
