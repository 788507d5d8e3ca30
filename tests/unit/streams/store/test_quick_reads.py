"""The small client of Redis reads addresses as the library does, and tells an unavailable store from other errors."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from redis.asyncio import Redis

from streams.config.redis_options import store_options
from streams.config.settings import read_settings
from streams.store import quick_reads
from streams.store.quick_reads import NoAnswer, QuestionRefused, QuickReads, StoreForbids, StoreUnavailable, place_of


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


class TestPlace:
    @pytest.mark.parametrize(
        "url",
        [
            "redis://h",
            "redis://h:1/2",
            "redis://h/prod",
            "redis://h/1/",
            "redis://[::1]:7/0",
            "redis://%68ost/1",
            "redis://h/5?db=2&db=3",
            "redis://ann:p%40ss@h",
            "redis://:p%2Fss@h/%31",
            "redis://ann@h",
            "redis://h?username=ann&password=pw",
            "unix:///run/redis%20a.sock?db=4",
            "unix://:pw@/run/redis.sock",
        ],
    )
    def test_is_that_of_the_library(self, url: str) -> None:
        """Host, port, database and user, whatever the spelling."""
        place, library = place_of(read_settings(redis_url=url)), Redis.from_url(url).connection_pool.connection_kwargs
        assert (place.host, place.port) == (
            library.get("path") or library.get("host", "localhost"),
            0 if "path" in library else library.get("port", 6379),
        )
        assert (place.database, place.username, place.password) == (
            library.get("db", 0),
            library.get("username"),
            library.get("password"),
        )

    @pytest.mark.parametrize("password", ["", "pw"])
    def test_an_empty_user_is_none(self, password: str) -> None:
        """As compose files hand on a variable that is not set: the default user is meant."""
        settings = read_settings(redis_username="", redis_password=password)
        place = place_of(settings)
        assert (place.username, place.password) == (None, password or None)
        assert not store_options(settings)["username"]


def asked(monkeypatch: pytest.MonkeyPatch, answer: bytes, path: str = "") -> NoAnswer:
    """The error of one question to a store that answers so."""
    ours, its = socket.socketpair()
    monkeypatch.setattr(quick_reads, "_opened", lambda *_: ours)
    its.sendall(answer)
    with its, pytest.raises(NoAnswer) as refused:
        QuickReads(read_settings(redis_url=f"redis://h{path}"), 5.0).ask([("GET", "key")])
    assert ours.fileno() == -1
    return refused.value


class TestErrors:
    @pytest.mark.parametrize(
        ("said", "kind"),
        [
            ("NOAUTH Authentication required.", StoreUnavailable),
            ("DENIED Redis is running in protected mode", StoreUnavailable),
            ("LOADING Redis is loading the dataset in memory", StoreUnavailable),
            ("BUSY Redis is busy running a script.", StoreUnavailable),
            ("CLUSTERDOWN The cluster is down", StoreUnavailable),
            ("NOPERM User ann has no permissions to run the 'get' command", StoreForbids),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", QuestionRefused),
        ],
    )
    def test_have_a_kind(self, monkeypatch: pytest.MonkeyPatch, said: str, kind: type[NoAnswer]) -> None:
        """By which the command ends with its code; the connection is closed."""
        assert type(asked(monkeypatch, f"-{said}\r\n".encode())) is kind

    def test_a_database_that_there_is_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The address is wrong, and not the question."""
        assert type(asked(monkeypatch, b"-ERR DB index is out of range\r\n", "/99")) is StoreUnavailable
