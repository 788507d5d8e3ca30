"""The small client of Redis answers as the library does, over every way in that the settings have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.asyncio import Redis

from ops.local.redis_server import RedisServer
from streams.config.redis_options import store_options
from streams.config.settings import Settings, read_settings
from streams.store.quick_reads import QuestionRefused, QuickReads, StoreForbids, StoreUnavailable
from streams.store.reading import ReadsStore
from tests.support.certificates import Authority, KeyPair
from tests.support.tls_proxy import TlsProxy

PASSWORD = "p@ss/w:rd"
HASH = {b"a": b"1", b"b": "\u00e4".encode(), b"c": b"x" * 200_000}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis with a password, with something in two databases, and a user who may read one key."""
    with RedisServer(tmp_path_factory.mktemp("redis"), password="secret") as opened:
        for database in (0, 3):
            with redis.Redis.from_url(opened.url.removesuffix("0") + str(database)) as client:
                client.hset("hash", mapping=HASH)
                client.set("text", f"of {database}")
        with redis.Redis.from_url(opened.url) as client:
            client.execute_command(
                "ACL", "SETUSER", "reader", "on", f">{PASSWORD}", "~text", "+get", "+multi", "+exec", "+select"
            )
        yield opened


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whose certificates are trusted."""
    return Authority(tmp_path_factory.mktemp("certificates") / "authority")


async def answers(store: ReadsStore) -> list[object]:
    """To every kind of question."""
    async with store.pipeline(transaction=True) as pipeline:
        pipeline.hgetall("hash")
        pipeline.get("text")
        pipeline.hgetall("none")
        pipeline.get("none")
        together = await pipeline.execute()
    alone = [await store.get("text"), await store.get("none"), await store.hgetall("hash"), await store.hgetall("none")]
    return [*together, *alone]


async def both(settings: Settings) -> tuple[list[object], list[object]]:
    """What the small client and the library say."""
    quick = QuickReads(settings, 5.0)
    url = settings.redis_url.get_secret_value()
    async with Redis.from_url(url, **store_options(settings)) as library:
        found = await answers(quick), await answers(library)
    await quick.aclose()
    return found


class TestAnswers:
    @pytest.mark.parametrize("path", ["", "/", "/0", "/3", "/?db=3"])
    async def test_are_those_of_the_library(self, server: RedisServer, path: str) -> None:
        """Of any database, with a large value, and of keys that are not there."""
        quick, library = await both(read_settings(redis_url=f"redis://:secret@{server.address}{path}"))
        assert quick == library

    async def test_over_tls_with_certificates(self, server: RedisServer, authority: Authority) -> None:
        """A store that asks for our certificate, its own signed by the authority that is named."""
        own = authority.issue("client")
        with TlsProxy(server.address, authority.issue("store"), client_authority=authority.certificate_path) as proxy:
            quick, library = await both(tls_settings(proxy, authority, own))
        assert quick == library

    async def test_user_and_password(self, server: RedisServer) -> None:
        """In the address, percent-encoded, or in settings of their own; what the user may not read is reported it."""
        for settings in (
            read_settings(redis_url=f"redis://reader:p%40ss%2Fw%3Ard@{server.address}/3"),
            read_settings(redis_url=f"redis://{server.address}/3", redis_username="reader", redis_password=PASSWORD),
        ):
            store = QuickReads(settings, 5.0)
            assert await store.get("text") == b"of 3"
            with pytest.raises(StoreForbids, match="NOPERM"):
                await store.hgetall("hash")
            async with store.pipeline() as pipeline:
                pipeline.get("hash")
                with pytest.raises(StoreForbids, match="NOPERM"):
                    await pipeline.execute()
            assert await store.get("text") == b"of 3", "an error leaves nothing behind for the next question"
            await store.aclose()


def tls_settings(proxy: TlsProxy, authority: Authority, own: KeyPair) -> Settings:
    """As operators write them."""
    return read_settings(
        redis_url=f"rediss://:secret@{proxy.address}/3",
        redis_ca_file=authority.certificate_path,
        redis_cert_file=own.certificate_path,
        redis_key_file=own.key_path,
    )


class TestRefused:
    async def test_wrong_password(self, server: RedisServer) -> None:
        """It is not in the message."""
        store = QuickReads(read_settings(redis_url=f"redis://:hunter2@{server.address}/0"), 5.0)
        with pytest.raises(StoreUnavailable, match="WRONGPASS") as refused:
            await store.get("text")
        assert "hunter2" not in str(refused.value)

    async def test_key_of_another_type(self, server: RedisServer) -> None:
        """Alone and among others."""
        store = QuickReads(read_settings(redis_url=f"redis://:secret@{server.address}/0"), 5.0)
        with pytest.raises(QuestionRefused, match="WRONGTYPE"):
            await store.get("hash")
        async with store.pipeline() as pipeline:
            pipeline.hgetall("text")
            with pytest.raises(QuestionRefused, match="WRONGTYPE"):
                await pipeline.execute()
        await store.aclose()

    async def test_certificate_of_a_stranger(self, server: RedisServer, authority: Authority, tmp_path: Path) -> None:
        """Nothing is sent to it, the password least of all."""
        stranger = Authority(tmp_path / "stranger")
        with TlsProxy(server.address, stranger.issue("store")) as proxy:
            store = QuickReads(tls_settings(proxy, authority, authority.issue("client")), 5.0)
            with pytest.raises(StoreUnavailable, match="certificate verify failed"):
                await store.get("text")

    async def test_certificate_of_another_host(self, server: RedisServer, authority: Authority) -> None:
        """The host's name is compared."""
        with TlsProxy(server.address, authority.issue("elsewhere", ("elsewhere.example",))) as proxy:
            store = QuickReads(tls_settings(proxy, authority, authority.issue("client")), 5.0)
            with pytest.raises(StoreUnavailable, match="certificate verify failed"):
                await store.get("text")

    async def test_nobody_there(self, tmp_path: Path) -> None:
        """At a socket and at a port."""
        for url in (f"unix://{tmp_path}/none", "redis://127.0.0.1:1/0"):
            with pytest.raises(StoreUnavailable):
                await QuickReads(read_settings(redis_url=url), 5.0).get("text")
