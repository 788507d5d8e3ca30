"""What all tests may ask for: a real Redis, a real Kafka, topics of their own, sample clips, a clock.

Nothing here starts unless a test asks for it, and everything that started is taken down. What a fixture needs is
imported by the fixture: every test file pays for what this file imports (see tests/unit/test_light_start.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from ops.local.kafka_server import KafkaCluster
    from ops.local.redis_server import RedisServer
    from tests.support.prometheus_package import PrometheusPrograms
    from tests.unique_topics import UniqueTopics

_NO_KAFKA = "no real Kafka: "
_SERVERS = frozenset({"redis_server", "kafka", "kafka_jars", "kafka_cluster"})
_ASK_SECONDS = 15.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that asks for a server as an integration test, and begin with the files that take longest.

    Several processes share the files; one that began with the longest at the end would keep the others waiting.
    """
    for item in items:
        if _SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker("integration")
    long_files = {item.path for item in items if _is_in_long_file(item)}
    items.sort(key=lambda item: item.path not in long_files)  # stable: what pytest-randomly shuffled stays so


def _is_in_long_file(item: pytest.Item) -> bool:
    module = item.getparent(pytest.Module)
    return module is not None and any(mark.name == "chaos" for mark in module.own_markers)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Store how the run ended: tests.repeated_failures repeats failures only of a run that was complete."""
    cache = getattr(session.config, "cache", None)
    if cache is not None and not hasattr(session.config, "workerinput"):
        from tests.repeated_failures import STATUS_KEY

        cache.set(STATUS_KEY, int(exitstatus))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say at the end, so that nobody overlooks it, which tests wanted a Kafka and had none."""
    skipped = terminalreporter.stats.get("skipped", [])
    texts = [report.longrepr[2] for report in skipped if isinstance(report.longrepr, tuple)]
    reasons = [text.partition(_NO_KAFKA)[2] for text in texts if _NO_KAFKA in text]
    if reasons:
        terminalreporter.section("TESTS ON A REAL KAFKA DID NOT RUN", red=True, bold=True)
        terminalreporter.line(f"{len(reasons)} did not run: {reasons[0]}", red=True)
        terminalreporter.line("Name a Kafka in KAFKA_BOOTSTRAP, or install Java 17 and Maven.")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The shared Redis 8. A test that kills or restarts one starts its own `RedisServer`."""
    from ops.local.redis_server import RedisServer
    from ops.local.scratch import scratch_dir

    with scratch_dir() as folder, RedisServer(folder / "redis") as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """Address of the shared Redis, emptied before the test."""
    import redis

    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Bootstrap servers of the shared real Kafka: the one in KAFKA_BOOTSTRAP, or a broker of our own.

    A test that hurts a broker asks for `kafka_cluster`.
    """
    named = os.environ.get("KAFKA_BOOTSTRAP")
    if named:
        _require_answer(named)
        yield named
        return
    _require_jars()
    from ops.assets.cache import default_cache_dir
    from ops.local.kafka_server import KafkaCluster
    from ops.local.scratch import scratch_dir

    with scratch_dir() as folder, KafkaCluster(folder / "kafka", default_cache_dir()) as cluster:
        yield cluster.bootstrap_servers


@pytest.fixture(scope="session")
def kafka_jars() -> None:
    """What a Kafka of one's own needs is here: Java, and the jars in the cache."""
    _require_jars()


@pytest.fixture
def kafka_cluster(kafka_jars: None) -> Iterator[KafkaCluster]:
    """A Kafka of three brokers for one test alone: kill, pause and restart them at will."""
    from ops.assets.cache import default_cache_dir
    from ops.local.kafka_server import KafkaCluster
    from ops.local.scratch import scratch_dir

    with scratch_dir() as folder, KafkaCluster(folder / "kafka", default_cache_dir(), brokers=3) as cluster:
        yield cluster


@pytest.fixture
def topics(kafka: str) -> Iterator[UniqueTopics]:
    """Names of topics and groups for one test alone; the topics are deleted afterwards."""
    from tests.unique_topics import UniqueTopics

    unique = UniqueTopics(kafka)
    yield unique
    unique.delete_all()


@pytest.fixture
def silent_logs() -> Iterator[None]:
    """Keep structlog's default from drawing every traceback, which takes seconds."""
    from structlog.testing import capture_logs

    with capture_logs():
        yield


@pytest.fixture(scope="session")
def prometheus_programs() -> PrometheusPrograms:
    """A real Prometheus and its promtool; the test is skipped, with the reason, where none can be had."""
    from ops.assets.cache import default_cache_dir
    from tests.support.prometheus_package import PrometheusUnavailable, find_prometheus

    try:
        return find_prometheus(default_cache_dir())
    except PrometheusUnavailable as error:
        pytest.skip(f"no real Prometheus: {error}")


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of sample clips, fetched where the cache lacks them; not to be written to."""
    from ops.assets.cache import default_cache_dir
    from ops.assets.samples import fetch_samples, samples_dir

    cache_dir = default_cache_dir()
    fetch_samples(cache_dir)
    return samples_dir(cache_dir)


@pytest.fixture
def manual_clock() -> Any:
    """A clock that moves when the test reports it."""
    from tests.fakes import ManualClock

    return ManualClock()


def _require_answer(bootstrap_servers: str) -> None:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    try:
        AdminClient({"bootstrap.servers": bootstrap_servers}).list_topics(timeout=_ASK_SECONDS)
    except KafkaException as error:
        pytest.fail(f"KAFKA_BOOTSTRAP={bootstrap_servers!r} does not answer: {error}", pytrace=False)


def _require_jars() -> None:
    from ops.assets.cache import default_cache_dir
    from ops.local.kafka_jars import KafkaUnavailable, fetch_jars

    try:
        fetch_jars(default_cache_dir())
    except KafkaUnavailable as error:
        _without_kafka(" ".join(str(error).split()))


def _without_kafka(reason: str) -> NoReturn:
    if os.environ.get("VIDSIGNAL_REQUIRE_KAFKA") == "1":
        pytest.fail(f"{_NO_KAFKA}{reason}, and VIDSIGNAL_REQUIRE_KAFKA=1 wants one", pytrace=False)
    pytest.skip(f"{_NO_KAFKA}{reason}")
