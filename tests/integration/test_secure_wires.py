"""Wrong passwords, foreign certificates, secrets that change: who is let in, and what the others are told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from redis.asyncio import Redis

from schemas.topics import UPLOADED
from streams.config.connection_checks import kafka_tls_files
from streams.config.redis_options import store_options
from streams.config.settings import Settings
from streams.config.tls import TlsFiles, client_context
from streams.kafka.clients import (
    BrokerRefuses,
    producer_configuration,
    require_broker,
)
from streams.kafka.publisher import Publisher
from streams.store.client import open_store
from tests.integration.authenticated_stack import (
    ASK_SECONDS,
    PREFIX,
    AuthenticatedStack,
    enter_store,
    refusal_of_store,
    refused_worker,
)
from tests.support.certificates import Authority, KeyPair
from tests.support.tls_proxy import TlsProxy

pytestmark = pytest.mark.slow


class TestEntryIsRefused:
    """Wrong passwords and certificates: said at once, in one line."""

    def test_worker_with_a_wrong_kafka_password(self, stack: AuthenticatedStack) -> None:
        """It ends as misconfigured and says what the broker said; no secret is in it."""
        said = refused_worker(stack, kafka_sasl_password_file=wrong_password(stack))
        assert "refuses us" in said and "SASL authentication error" in said
        assert "not-the-password" not in said

    def test_worker_with_a_wrong_redis_password(self, stack: AuthenticatedStack) -> None:
        """The same for Redis."""
        said = refused_worker(stack, redis_password_file=wrong_password(stack))
        assert "Redis at the address in redis_url refuses us: invalid username-password pair" in said
        assert "not-the-password" not in said

    def test_brokers_of_another_authority(self, stack: AuthenticatedStack, tmp_path: Path) -> None:
        """Brokers whose certificate our authorities did not sign are not talked to."""
        other = Authority(tmp_path / "other").certificate_path
        with pytest.raises(BrokerRefuses, match="certificate verify failed"):
            require_broker(stack.settings("operator", kafka_ssl_ca_file=other), ASK_SECONDS)

    def test_store_of_another_authority(self, stack: AuthenticatedStack, tmp_path: Path) -> None:
        """The same for Redis."""
        other = Authority(tmp_path / "other").certificate_path
        assert "CERTIFICATE_VERIFY_FAILED" in refusal_of_store(stack.settings("intake", redis_ca_file=other))

    @pytest.mark.parametrize(
        ("hosts", "age", "library_words", "broker_words"),
        [
            (("127.0.0.1",), timedelta(days=-1), "certificate has expired", "certificate verify failed"),
            (("elsewhere.example",), timedelta(days=1), "IP address mismatch", "certificate verify failed"),
        ],
        ids=["expired", "of another host"],
    )
    def test_bad_server_certificates(
        self, stack: AuthenticatedStack, hosts: tuple[str, ...], age: timedelta, library_words: str, broker_words: str
    ) -> None:
        """A certificate that ran out, or is another host's, is refused by all three client libraries."""
        pair = stack.authority.issue(f"bad-{hosts[0]}", hosts, valid_until=datetime.now(UTC) + age)
        with TlsProxy(stack.redis.address, pair) as proxy:
            here = stack.settings("intake", redis_url=f"rediss://{proxy.address}/0")
            assert library_words in refusal_of_store(here)
            settings = stack.settings("operator", kafka_bootstrap_servers=proxy.address)
            with pytest.raises(BrokerRefuses, match=broker_words):
                require_broker(settings, ASK_SECONDS)
            with pytest.raises(KafkaConnectionError):
                asyncio.run(topics_seen_by_aiokafka(settings))


def wrong_password(stack: AuthenticatedStack) -> str:
    """A file with one."""
    path = stack.folder / "wrong.password"
    path.write_text("not-the-password", encoding="utf-8")
    return str(path)


async def topics_seen_by_aiokafka(settings: Settings) -> set[str]:
    """What the client library of the Faust apps sees, configured as they are."""
    password = settings.kafka_sasl_password
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        sasl_plain_username=settings.kafka_sasl_username,
        sasl_plain_password=password.get_secret_value() if password else None,
        ssl_context=client_context(kafka_tls_files(settings)),
    )
    try:
        await consumer.start()
        return set(await consumer.topics())
    finally:
        await consumer.stop()


class TestClientCertificates:
    """Brokers that know their clients by certificate alone."""

    def test_both_libraries_are_known_by_their_certificate(self, stack: AuthenticatedStack) -> None:
        """The certificate's common name is the user, with the ACLs of that user."""
        settings = by_certificate(stack, stack.authority.issue(f"{PREFIX}vidsignal-producer"))
        admin = require_broker(settings, ASK_SECONDS)
        assert PREFIX + UPLOADED.name in admin.list_topics(timeout=ASK_SECONDS).topics
        assert asyncio.run(topics_seen_by_aiokafka(settings)) == {PREFIX + UPLOADED.name}

    def test_certificates_of_another_authority_are_refused(self, stack: AuthenticatedStack, tmp_path: Path) -> None:
        """Anyone who signs for himself is not let in."""
        stranger = Authority(tmp_path / "stranger").issue(f"{PREFIX}vidsignal-producer")
        with pytest.raises(BrokerRefuses, match="certificate"):
            require_broker(by_certificate(stack, stranger), ASK_SECONDS)
        with pytest.raises(KafkaConnectionError):
            asyncio.run(topics_seen_by_aiokafka(by_certificate(stack, stranger)))

    def test_redis_asks_for_one(self, stack: AuthenticatedStack) -> None:
        """A store that asks for a certificate gets the one of the settings, and refuses who has none."""
        pair, own = stack.authority.issue("redis"), stack.authority.issue("client")
        with TlsProxy(stack.redis.address, pair, client_authority=stack.authority.certificate_path) as proxy:
            url = f"rediss://{proxy.address}/0"
            shown = {"redis_cert_file": own.certificate_path, "redis_key_file": own.key_path}
            enter_store(stack.settings("intake", redis_url=url, **shown))
            context = client_context(TlsFiles(stack.authority.certificate_path))
            assert asyncio.run(speak(proxy.address, context)) == b""


def by_certificate(stack: AuthenticatedStack, pair: KeyPair) -> Settings:
    """Settings of a client without user and password."""
    return stack.settings(
        "producer",
        kafka_security_protocol="SSL",
        kafka_sasl_username=None,
        kafka_sasl_password=None,
        kafka_bootstrap_servers=stack.kafka.servers("SSL"),
        kafka_ssl_cert_file=pair.certificate_path,
        kafka_ssl_key_file=pair.key_path,
    )


async def speak(address: str, context: ssl.SSLContext) -> bytes:
    """Send one PING and read what comes back before the line is cut."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    try:
        writer.write(b"PING\r\n")
        return await reader.read(100)
    except OSError:  # ssl.SSLError among them: refused in so many words
        return b""
    finally:
        writer.close()


class TestSecretsThatChange:
    """A password that is changed under a worker's feet: it reports it, waits, and goes on once it is right again."""

    async def test_redis(self, stack: AuthenticatedStack) -> None:
        """The command waits, an error line says why, and it is answered in the end."""
        settings = stack.settings("operator")
        user, password = settings.redis_username, stack.passwords[str(settings.redis_username)]
        client = open_store(settings.redis_url.get_secret_value(), store_options(settings))
        async with Redis.from_url(stack.redis.url) as administrator:
            assert await client.ping()
            await administrator.execute_command("ACL", "SETUSER", user, "resetpass", ">another")
            await administrator.execute_command("CLIENT", "KILL", "USER", user)
            try:
                with structlog.testing.capture_logs() as told:
                    waiting = asyncio.ensure_future(client.ping())
                    await reached(lambda: any("redis authentication failed" in line["event"] for line in told))
                    assert not waiting.done()
                    await administrator.execute_command("ACL", "SETUSER", user, f">{password}")
                    assert await asyncio.wait_for(waiting, ASK_SECONDS)
            finally:  # the stack is other tests', too
                await administrator.execute_command("ACL", "SETUSER", user, "resetpass", f">{password}")
        await client.aclose()
        assert password not in str(told)

    async def test_kafka(self, stack: AuthenticatedStack) -> None:
        """The same for the publisher of all roles."""
        settings = stack.settings("producer", kafka_sasl_password="the-new-one")
        with structlog.testing.capture_logs() as told:
            publisher = Publisher(producer_configuration(settings), PREFIX)
            waiting = asyncio.ensure_future(publisher.publish(UPLOADED, "v", b"{}"))
            await reached(lambda: any("kafka authentication failed" in line["event"] for line in told))
            assert not waiting.done()
            user = str(settings.kafka_sasl_username)
            try:
                await asyncio.to_thread(change_password, stack, user, "the-new-one")
                await asyncio.wait_for(waiting, ASK_SECONDS)
            finally:  # the stack is other tests', too
                await asyncio.to_thread(change_password, stack, user, stack.passwords[user])
        await publisher.close()
        assert "the-new-one" not in str(told)


def change_password(stack: AuthenticatedStack, user: str, password: str) -> None:
    """As an administrator of Kafka would, for SCRAM."""
    admin = AdminClient(stack.kafka.administration)
    credential = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    change = UserScramCredentialUpsertion(user, credential, password.encode())
    admin.alter_user_scram_credentials([change])[user].result(ASK_SECONDS)


async def reached(is_so: Callable[[], bool]) -> None:
    """Return when it is so; fails when it never is."""
    async with asyncio.timeout(ASK_SECONDS):
        while not is_so():
            await asyncio.sleep(0.1)
