"""What the doctor says of Redis, from its INFO."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import AuthenticationError, NoPermissionError

from ops.doctor import store
from tests.doctor_world import about, context, only

HEALTHY: dict[str, Any] = {
    "redis_version": "8.2.3",
    "role": "master",
    "connected_slaves": 1,
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
    "maxmemory_policy": "noeviction",
    "maxmemory": 0,
    "used_memory": 100 * 2**20,
    "total_system_memory": 1000 * 2**20,
}


class FakeStore:
    """Answers as a Redis does that was set up so."""

    def __init__(self, *, knows_vectors: bool = True, saves: str = "", may_ask: bool = True, **changes: Any) -> None:
        self._information = HEALTHY | changes
        self._knows_vectors = knows_vectors
        self._saves = saves
        self._may_ask = may_ask

    def info(self, section: str) -> dict[str, Any]:
        if not self._may_ask:
            raise NoPermissionError("this user has no permissions to run the 'info' command")
        return self._information

    def hget(self, key: str, field: str) -> None:
        if not self._may_ask:
            raise NoPermissionError("no permissions to access the key")

    def config_get(self, name: str) -> dict[str, str]:
        return {name: self._saves}

    def execute_command(self, *words: str) -> list[Any]:
        return [["vadd"], ["vsim"]] if self._knows_vectors else [None, None]


def test_healthy() -> None:
    """A current primary with an append-only file and room gives no complaint."""
    assert {finding.state for finding in store.examine(context(store=FakeStore()))} == {"ok"}


@pytest.mark.parametrize(
    ("subject", "state", "changes", "advice"),
    [
        ("version", "wrong", {"redis_version": "7.4.2"}, "8.2"),
        ("version", "wrong", {"redis_version": "8.0.4"}, "8.2"),
        ("version", "ok", {"redis_version": "10.0.0"}, ""),
        ("vector sets", "wrong", {"knows_vectors": False}, "vector sets"),
        ("node", "wrong", {"role": "slave"}, "VIDSIGNAL_REDIS_URL"),
        ("node", "warning", {"cluster_enabled": 1}, "one primary"),
        ("persistence", "wrong", {"aof_enabled": 0}, "appendonly yes"),
        ("persistence", "warning", {"aof_enabled": 0, "saves": "3600 1"}, "appendonly yes"),
        ("persistence", "wrong", {"aof_last_write_status": "err"}, "disk"),
        ("eviction", "warning", {"maxmemory_policy": "allkeys-lru"}, "noeviction"),
        ("eviction", "wrong", {"maxmemory_policy": "allkeys-lru", "maxmemory": 2**40}, "noeviction"),
        ("memory", "warning", {"used_memory": 800 * 2**20}, "VIDSIGNAL_CLAIM_TTL_SECONDS"),
        ("memory", "wrong", {"used_memory": 95, "maxmemory": 100}, "VIDSIGNAL_CLAIM_TTL_SECONDS"),
        ("memory", "not-checked", {"total_system_memory": 0}, ""),
    ],
)
def test_findings(subject: str, state: str, changes: dict[str, Any], advice: str) -> None:
    """Each deviation is found, and says what to do."""
    finding = about(store.examine(context(store=FakeStore(**changes))), subject)
    assert finding.state == state
    assert advice in finding.do


def test_a_demo_keeps_nothing() -> None:
    """Its broker does not either, so it is said, and not called wrong."""
    finding = about(store.examine(context(store=FakeStore(aof_enabled=0), is_broker_embedded=True)), "persistence")
    assert finding.state == "warning"


def test_unavailable() -> None:
    """A store that is unavailable is one finding with the command that starts one."""
    finding = only(store.examine(context()))
    assert finding.state == "wrong"
    assert "vidsignal local" in finding.do


def test_refusal() -> None:
    """A wrong password is told apart from an absence."""
    finding = only(store.examine(context(store=AuthenticationError("WRONGPASS"))))
    assert "VIDSIGNAL_REDIS_PASSWORD" in finding.do


def test_rights() -> None:
    """A user without rights is told which command helps, and what could not be seen is not called wrong."""
    findings = list(store.examine(context(store=FakeStore(may_ask=False))))
    assert about(findings, "rights").state == "wrong"
    assert "vidsignal access redis" in about(findings, "rights").do
    assert about(findings, "information").state == "not-checked"
