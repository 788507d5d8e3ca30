"""What the chaos hurts with does what it says: the proxy, the shifted clock, the full disk, the failover."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from ops.local.child import start_child
from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from tests.chaos.faults.disks import full_disk
from tests.chaos.world.clock_file import ClockFile
from tests.chaos.world.proxy import GOOD, Network, Proxy
from tests.chaos.world.store import ReplicatedStore
from tests.chaos.world.worker import shifted_clock_path
from tests.pipeline import await_value


@pytest.fixture
def proxy(redis_server: RedisServer) -> Iterator[Proxy]:
    with Proxy(redis_server.address) as proxy:
        yield proxy


@pytest.fixture
def store() -> Iterator[ReplicatedStore]:
    with scratch_dir() as folder, ReplicatedStore(folder / "redis") as opened:
        yield opened


def client_of(proxy: Proxy, timeout_seconds: float = 60.0) -> redis.Redis:
    return redis.Redis.from_url(f"redis://{proxy.address}/0", socket_timeout=timeout_seconds, retry=None)


class TestProxy:
    def test_passes_on(self, proxy: Proxy) -> None:
        """Both ways, what is larger than a chunk, too."""
        text = b"x" * 300_000
        with client_of(proxy) as client:
            assert client.echo(text) == text

    def test_says_nothing_while_it_is_silent(self, proxy: Proxy) -> None:
        """A question hangs, and is answered when the network is good again."""
        proxy.become(Network(is_silent=True))
        with client_of(proxy, 0.3) as client, pytest.raises(redis.TimeoutError):
            client.ping()
        proxy.become(GOOD)
        with client_of(proxy) as client:
            assert client.ping()

    def test_slows_down(self, proxy: Proxy) -> None:
        """An answer takes at least the delay of both ways."""
        proxy.become(Network(delay_seconds=0.1))
        with client_of(proxy) as client:
            began = time.monotonic()
            client.ping()
            assert time.monotonic() - began >= 0.2

    def test_cuts(self, proxy: Proxy) -> None:
        """Who was connected is no longer; who returns is served."""
        host, _, port = proxy.address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=60.0) as connected:
            connected.sendall(b"PING\r\n")
            assert connected.recv(100) == b"+PONG\r\n"
            proxy.cut()
            with suppress(ConnectionResetError):
                assert connected.recv(100) == b""
        with client_of(proxy) as client:
            assert client.ping()


class TestStore:
    def test_fails_over_at_the_same_address(self, store: ReplicatedStore) -> None:
        """The replica takes over with what was written; the former primary follows it, and may be promoted in turn."""
        with redis.Redis.from_url(store.url) as client:
            for number in range(2):
                client.set("number", number)
                client.wait(1, 0)
                store.fail_over()
                store.bring_back_replica()
                client.connection_pool.disconnect()
                assert client.get("number") == str(number).encode()

    def test_comes_back_from_its_file(self, store: ReplicatedStore) -> None:
        """What was written before a SIGKILL is there after the restart."""
        with redis.Redis.from_url(store.direct_url) as client:
            client.set("key", "value")
            store.primary.kill()
            store.restart_primary()
            client.connection_pool.disconnect()
            assert client.get("key") == b"value"


def test_a_clock_jumps_and_comes_back(tmp_path: Path) -> None:
    """A process with a shifted clock sees the wall clock move, not the monotonic one."""
    clock = ClockFile(tmp_path / "clock")
    clock.jump(3600.0)
    code = "import time; print(time.time(), time.time_ns(), time.monotonic())"
    environment = {**os.environ, "PYTHONPATH": shifted_clock_path(), "CHAOS_CLOCK_FILE": str(clock.path)}

    def ahead_seconds() -> tuple[float, float, float]:
        said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout
        wall, nanoseconds, monotonic = (float(word) for word in said.split())
        return wall - time.time(), nanoseconds / 1e9 - time.time(), monotonic - time.monotonic()

    for found in ahead_seconds()[:2]:
        assert 1800.0 < found <= 3600.0
    assert ahead_seconds()[2] <= 0.0
    clock.jump(0.0)
    assert ahead_seconds()[0] <= 0.0


def test_a_full_disk_refuses_and_is_emptied(tmp_path: Path) -> None:
    """Writes of a running process fail without ending it, and succeed again afterwards."""
    code = """
import pathlib, sys, time
path = pathlib.Path(sys.argv[1])
while True:
    try:
        path.with_suffix(".try").write_text("x"); said = "wrote"
    except OSError as error:
        said = f"errno-{error.errno}"
    path.with_suffix("." + said).touch()
    time.sleep(0.05)
"""
    path = tmp_path / "file"
    child = start_child("writer", [sys.executable, "-c", code, str(path)], log_path=tmp_path / "log")
    try:
        wrote, refused = path.with_suffix(".wrote"), path.with_suffix(".errno-27")
        await_value(lambda: wrote.exists() or None, 60.0, child.log_tail)
        with full_disk(child):
            await_value(lambda: refused.exists() or None, 60.0, child.log_tail)
        wrote.unlink()
        await_value(lambda: wrote.exists() or None, 60.0, child.log_tail)
        child.require_alive()
    finally:
        child.kill()
