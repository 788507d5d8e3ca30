"""How our clients reach Kafka: the one place for addresses, security and partitioning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.config.connection_checks import kafka_tls_files
from streams.config.settings import Settings
from streams.kafka.refusals import Refusals

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

REQUEST_SECONDS = 10.0
"""How long an interactive command waits for a broker's answer."""


READER_GROUP = "vidsignal-reader"
"""Group of clients that read topics from beginning to end; they never join it."""
WATCH_GROUP = "vidsignal-watch"
"""Group of clients that follow topics; they never join it."""
_ATTEMPT_SECONDS = 1.0
"""Time between two checks for a refusal."""
_NEW_TOPIC_SECONDS = 2.0
"""Time to wait for a topic that was just created and is not known to every broker yet."""
_LOOK_AGAIN_SECONDS = 0.2
_NO_RIGHT = "our user lacks the right Read on it; `vidsignal access kafka` prints what each role is allowed"


class BrokerUnavailable(Exception):
    """No broker answered; the message names the address."""


class BrokerRefuses(BrokerUnavailable):
    """A broker rejected the client, or failed the certificate check; the message contains the broker's answer."""


class RightMissing(BrokerRefuses):
    """The user may not read a topic or use a group; the message names it."""


def client_configuration(settings: Settings, refusals: Refusals | None = None) -> dict[str, Any]:
    """Return the configuration of every librdkafka client; each logs refusals.

    Args:
        settings: addresses and security.
        refusals: receives the client's errors; a new one if None.
    """
    configuration: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "security.protocol": settings.kafka_security_protocol,
        "log_level": 3,
        "error_cb": (refusals or Refusals()).hear,
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        configuration["sasl.mechanism"] = settings.kafka_sasl_mechanism
        configuration["sasl.username"] = settings.kafka_sasl_username
        password = settings.kafka_sasl_password
        configuration["sasl.password"] = password.get_secret_value() if password else None
    if settings.kafka_security_protocol.endswith("SSL"):
        configuration |= _tls_configuration(settings)
    return configuration


def _tls_configuration(settings: Settings) -> dict[str, Any]:
    files = kafka_tls_files(settings)
    named = {
        "ssl.ca.location": files.ca_file,
        "ssl.certificate.location": files.certificate_file,
        "ssl.key.location": files.key_file,
        "ssl.key.password": files.key_password,
    }
    always = {"enable.ssl.certificate.verification": True, "ssl.endpoint.identification.algorithm": "https"}
    return always | {name: str(value) for name, value in named.items() if value is not None}


def producer_configuration(settings: Settings) -> dict[str, Any]:
    """Return the configuration of an idempotent producer that partitions like Java and Faust clients."""
    return {
        **client_configuration(settings),
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        "linger.ms": 5,
        "compression.type": "lz4",
        "message.max.bytes": 16 * 1024 * 1024,
        "message.timeout.ms": 0,
    }


def require_broker(settings: Settings, timeout_seconds: float = REQUEST_SECONDS) -> AdminClient:
    """Return an admin client once a broker has answered. Raises BrokerUnavailable, or BrokerRefuses as soon as one
    refuses."""
    from confluent_kafka.admin import AdminClient  # the import takes a tenth of a second

    refusals = Refusals()
    admin = AdminClient(_silent_configuration(settings, refusals))
    _require_answer(settings, admin, refusals, timeout_seconds)
    return admin


def answered_consumer(
    settings: Settings, configuration: Mapping[str, Any], timeout_seconds: float = REQUEST_SECONDS
) -> Consumer:
    """Return a consumer once a broker has answered it. Raises BrokerUnavailable, or BrokerRefuses as soon as one
    refuses."""
    refusals = Refusals()
    consumer = Consumer({**_silent_configuration(settings, refusals), **configuration})
    try:
        _require_answer(settings, consumer, refusals, timeout_seconds)
    except BaseException:
        consumer.close()
        raise
    return consumer


def _silent_configuration(settings: Settings, refusals: Refusals) -> dict[str, Any]:
    """Return a configuration that does not print to the terminal; the library's message is in the raised error
    instead."""
    return {**client_configuration(settings, refusals), "log_level": 0}


def _require_answer(
    settings: Settings, client: AdminClient | Consumer, refusals: Refusals, timeout_seconds: float
) -> None:
    give_up = monotonic() + timeout_seconds
    while True:
        try:
            client.list_topics(timeout=min(_ATTEMPT_SECONDS, timeout_seconds))
        except KafkaException as error:
            require_no_refusal(settings, client, refusals)
            if monotonic() >= give_up:
                said = refusals.last or error
                raise BrokerUnavailable(
                    f"no broker answered at {settings.kafka_bootstrap_servers!r}"
                    f" (VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS): {said}"
                ) from error
        else:
            return


def require_no_refusal(settings: Settings, admin: AdminClient | Consumer, refusals: Refusals) -> None:
    """Raise BrokerRefuses if the client was refused since it was created."""
    admin.poll(0)
    if refusals.refusal is not None:
        raise BrokerRefuses(f"Kafka at {settings.kafka_bootstrap_servers!r} refuses us: {refusals.refusal}")


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record in a topic."""

    topic: str
    partition: int
    offset: int
    timestamp_unix_seconds: float
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def read_to_end(
    settings: Settings,
    topics: Iterable[str],
    timeout_seconds: float = 30.0,
    *,
    partition: int | None = None,
    since_unix_seconds: float | None = None,
) -> Iterator[StoredRecord]:
    """Yield every record that is in the topics now, from the oldest, without joining a group.

    With `partition`, only records of that partition number; with `since_unix_seconds`, none before the first record of
    that time.

    Raises:
        BrokerUnavailable: no broker answers, or it stopped answering before the end was reached; or see
            `partitions_of`.
    """
    consumer = answered_consumer(
        settings,
        {
            "group.id": READER_GROUP,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,  # only existing records are read, so a fetch need not wait for new ones
            "fetch.message.max.bytes": 16 * 1024 * 1024,
        },
    )
    try:
        found = [(topic, number) for topic in topics for number in partitions_of(consumer, topic)]
        wanted = {item for item in found if partition is None or item[1] == partition}
        consumer.assign(_starts(consumer, wanted, since_unix_seconds))
        yield from _drain(consumer, wanted, timeout_seconds)
    finally:
        consumer.close()


def _starts(consumer: Consumer, wanted: set[tuple[str, int]], since_unix_seconds: float | None) -> list[TopicPartition]:
    if since_unix_seconds is None:
        return [TopicPartition(topic, partition, 0) for topic, partition in wanted]
    asked = [TopicPartition(topic, partition, int(since_unix_seconds * 1000)) for topic, partition in wanted]
    try:
        return list(consumer.offsets_for_times(asked, timeout=REQUEST_SECONDS))
    except KafkaException as error:
        raise BrokerUnavailable(f"no broker returned the offset of that time: {error}") from error


def _drain(consumer: Consumer, waiting: set[tuple[str, int]], timeout_seconds: float) -> Iterator[StoredRecord]:
    give_up = monotonic() + timeout_seconds
    while waiting:
        message = consumer.poll(0.5)
        if message is None:
            if monotonic() > give_up:
                raise BrokerUnavailable(f"the end of {sorted(waiting)} was not reached within {timeout_seconds} s")
            continue
        give_up = monotonic() + timeout_seconds
        if message.error() is None:
            yield stored_record(message)
        elif message.error().code() == KafkaError._PARTITION_EOF:
            waiting.discard((message.topic(), message.partition()))
        else:
            raise failure_of(message)


def partitions_of(client: Consumer | AdminClient, topic: str) -> list[int]:
    """Return the numbers of a topic's partitions. Blocks.

    Raises:
        BrokerUnavailable: no broker answers.
        BrokerRefuses: the topic does not exist or may not be seen; a caller must not treat it as empty.
    """
    give_up = monotonic() + _NEW_TOPIC_SECONDS
    while True:
        try:
            found = client.list_topics(topic, timeout=REQUEST_SECONDS).topics[topic]
        except KafkaException as error:
            raise BrokerUnavailable(f"no broker answered: {error}") from error
        if found.error is None and found.partitions:
            return sorted(found.partitions)
        if found.error is not None and found.error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise RightMissing(f"Kafka does not show us topic {topic}: {_NO_RIGHT}")
        if monotonic() >= give_up:
            said = found.error.str() if found.error else "it has no partitions"
            raise BrokerRefuses(f"Kafka shows no topic {topic}: {said}. Is it of this prefix, and may we read it?")
        sleep(_LOOK_AGAIN_SECONDS)


def assign_whole(consumer: Consumer, topics: Iterable[str], offset: int) -> None:
    """Assign every partition of the topics, from an offset that may be OFFSET_BEGINNING or OFFSET_END. Blocks.

    Raises the same errors as `partitions_of`.
    """
    found = [(topic, number) for topic in topics for number in partitions_of(consumer, topic)]
    consumer.assign([TopicPartition(topic, number, offset) for topic, number in found])


def failure_of(message: Message) -> BrokerUnavailable:
    """Return the error of a message, with the missing right if there is one."""
    error = message.error()
    if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        return RightMissing(f"Kafka does not let us read topic {message.topic()}: {_NO_RIGHT}")
    if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
        return RightMissing(f"Kafka does not let us read as the group of this command ({error.str()}): {_NO_RIGHT}")
    return BrokerUnavailable(str(error))


def headers_of(message: Message) -> tuple[tuple[str, bytes], ...]:
    """Return a message's headers in order; none if a name is not UTF-8, because the client then reads no header."""
    try:  # around the whole call: the client leaves the error pending, and a later statement may raise it
        return tuple((name, value or b"") for name, value in message.headers() or ())
    except (UnicodeDecodeError, SystemError):
        return ()


def stored_record(message: Message) -> StoredRecord:
    """Copy a client's message into our own type."""
    return StoredRecord(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        timestamp_unix_seconds=message.timestamp()[1] / 1000,
        key=message.key(),
        value=message.value(),
        headers=headers_of(message),
    )
